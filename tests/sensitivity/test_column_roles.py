"""The roles of columns: what is a hyperparameter, what is none and why, what is asked for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sensitivity import from_table
from trainables.names import InputError

RNG = np.random.default_rng(0)
GRID = [(lr, mu, seed) for lr in (0.001, 0.01, 0.1) for mu in (0.0, 0.5, 0.9) for seed in (0, 1)]


def table(**columns: Any) -> pd.DataFrame:
    """Return a grid of lr and mu with two seeds and a loss, and more columns."""
    frame = pd.DataFrame(GRID, columns=["lr", "mu", "seed"])
    return frame.assign(loss=RNG.uniform(1, 2, len(GRID)), **columns)


def hyperparameters(frame: pd.DataFrame, **named: Any) -> tuple[str, ...]:
    return from_table(frame, **named).spaces["table"].names


def note(frame: pd.DataFrame, **named: Any) -> str:
    """Return the sentence on the columns that were left out."""
    notes = from_table(frame, **named).notes
    assert notes[0].startswith("Taken for hyperparameters, as none were named: ")
    return next(text for text in notes if text.startswith("Left out of the hyperparameters: "))


SIZE = len(GRID)
LEFT_OUT = {
    "config_id": ([i // 2 for i in range(SIZE)], "identifiers"),
    "run_id": ([f"{i:x}" for i in range(SIZE)], "identifiers"),
    "uuid": ([f"u{i % 9}" for i in range(SIZE)], "identifiers"),
    "Name": ([f"run {i}" for i in range(SIZE)], "identifiers"),
    "number": (range(SIZE), "row numbers"),
    "Unnamed: 0": (range(SIZE), "row numbers"),
    "_timestamp": ([1700000000 + i for i in range(SIZE)], "results"),
    "created": ([f"2024-05-01T10:{i:02d}" for i in range(SIZE)], "times"),
    "start_time": (RNG.uniform(0, 1, SIZE), "times"),
    "finished": (pd.date_range("2024", periods=SIZE), "times"),
    "fit_seconds": (RNG.uniform(0, 1, SIZE), "times"),
    "tags": (["a", "b"] * (SIZE // 2), "tags"),
    "user_attrs_host": (["a", "b"] * (SIZE // 2), "tags"),
    "tags.mlflow.user": (["a", "b"] * (SIZE // 2), "tags"),
    "git": ([f"c{i % 2}" for i in range(SIZE)], "tags"),
    "checkpoint": ([f"/a/b/{i % 3}" for i in range(SIZE)], "paths"),
    "artifact_uri": ([f"s3://{i % 3}" for i in range(SIZE)], "paths"),
    "weight_decay": ([0.1] * SIZE, "constants"),
    "epochs": ([10] * SIZE, "epochs and budgets"),
    "global_step": (RNG.integers(100, 10_000, SIZE), "epochs and budgets"),
    "train_loss": (RNG.uniform(0, 1, SIZE), "results"),
    "train_acc": (RNG.uniform(0, 1, SIZE), "results"),
    "metrics.train_epoch": (RNG.uniform(0, 1, SIZE), "results"),
    "n_params": (RNG.integers(100, 10_000, SIZE), "measurements of the run"),
    "note": ([None] * SIZE, "empty columns"),
    "sharpness": (RNG.uniform(0, 1, SIZE), "numbers that differ between the seeds of one configuration"),
    "layers": ([[64, 64]] * SIZE, "lists"),
}


@pytest.mark.parametrize("column", LEFT_OUT)
def test_what_is_no_hyperparameter_is_left_out_with_its_reason(column: str) -> None:
    values, reason = LEFT_OUT[column]
    frame = table(**{column: list(values)})
    assert hyperparameters(frame, metric="loss") == ("lr", "mu")
    assert f"{reason} ({column})" in note(frame, metric="loss")
    assert "--hyperparameter takes a column back, --leave-out leaves out one more." in note(
        frame, metric="loss"
    )


def test_numbers_measured_on_a_full_grid_are_left_out() -> None:
    frame = table(sharpness=RNG.uniform(0, 1, SIZE), grad_norm_end=RNG.uniform(0, 1, SIZE))
    reason = "numbers that differ in every row of a full grid (sharpness, grad_norm_end)"
    once = frame[frame["seed"] == 0].drop(columns="seed")
    assert hyperparameters(once) == ("lr", "mu")
    assert reason in note(once)
    assert hyperparameters(once[1:]) == ("lr", "mu", "sharpness", "grad_norm_end")
    twice = once.assign(mu=[0.5, *once["mu"][1:]])  # as many rows as the grid has, one of them another's
    assert hyperparameters(twice) == ("lr", "mu", "sharpness", "grad_norm_end")
    tuned = once.drop(columns=["sharpness", "grad_norm_end"]).assign(dropout=RNG.uniform(0, 1, len(once)))
    assert hyperparameters(tuned) == ("lr", "mu", "dropout")
    assert hyperparameters(once, hyperparameters=["lr", "mu", "sharpness"]) == ("lr", "mu", "sharpness")


def test_lists_are_choices_where_they_come_again() -> None:
    frame = table()
    rows = pd.concat([frame.assign(hidden=[value] * SIZE) for value in ([64], [64, 64])])
    assert hyperparameters(rows, metric="loss", seed="seed") == ("lr", "mu", "hidden")


TAKEN = {
    "accumulate_grad_batches": [1, 2, 4] * 6,
    "label_smoothing": [0.0, 0.1] * 9,
    "error_bound": list(RNG.uniform(0, 1, 9).repeat(2)),
    "kl_weight": [0.1, 1.0, 10.0] * 6,
    "loss": ["hinge", "log"] * 9,
    "reward_scale": [1, 5, 10] * 6,
    "time_steps": [10, 20, 30] * 6,
    "dropout": [0.0, 0.1] * 9,
    "activation": ["relu", "tanh"] * 9,
    "nesterov": [True, False] * 9,
    "model_name": ["small", "large"] * 9,
    "num_layers": [1, 2, 3] * 6,
    "trial_lr": list(RNG.uniform(0, 1, 9).repeat(2)),
}


@pytest.mark.parametrize("column", TAKEN)
def test_what_sounds_like_a_result_and_is_none_is_a_hyperparameter(column: str) -> None:
    frame = table(val_acc=RNG.uniform(0, 1, SIZE))
    frame[column] = TAKEN[column]
    assert column in hyperparameters(frame, metric="val_acc", seed="seed")


def test_without_that_column_nothing_is_left_out() -> None:
    notes = from_table(table()).notes
    assert not [text for text in notes if text.startswith("Left out")]


@pytest.mark.parametrize(
    ("prefix", "other"),
    [("params.", "depth"), ("param.", "x"), ("config.", "x"), ("config/", "x"), ("params_", "x"), ("hparams/", "x"), ("hyperparameter.",
        "x"),
     ("Hyperparameters.", "x"), ("hp.", "x"), ("config/train_loop_config/", "x")],
)  # fmt: skip
def test_prefixes_are_taken_off_and_say_what_the_hyperparameters_are(prefix: str, other: str) -> None:
    frame = table(**{other: [1, 2, 3] * 6}).rename(columns={"lr": f"{prefix}lr", "mu": f"{prefix}mu"})
    assert hyperparameters(frame) == ("lr", "mu")
    assert f"without the prefix of hyperparameters ({other})" in note(frame)
    assert hyperparameters(frame, hyperparameters=["lr", other]) == ("lr", other)


def test_the_path_that_all_names_share_is_taken_off() -> None:
    frame = table().rename(columns={"lr": "config.train.lr", "mu": "config.train.opt.mu"})
    assert hyperparameters(frame) == ("lr", "opt.mu")


def test_roles_are_found_without_case_and_said() -> None:
    frame = table(
        Optimizer=["SGD"] * 8 + ["Adam"] * 10, Dataset=["a", "b"] * 9, State=["finished"] * SIZE, loss2=0
    ).rename(columns={"seed": "Seed", "loss2": "x"})
    results = from_table(frame.drop(columns="x"))
    assert list(results.spaces) == ["SGD", "Adam"]
    assert set(results.trials["task"]) == {"a", "b"}
    assert set(results.trials["status"]) == {"completed"}
    words = "variant Optimizer, task Dataset and status State (--variant, --task and --status name others)."
    assert f"Taken by the names of their columns: {words}" in results.notes


def test_a_hyperparameter_that_is_named_is_no_variant() -> None:
    frame = table(optimizer=["sgd", "adam"] * 9).drop(columns="mu")
    assert hyperparameters(frame.drop(columns="seed"), hyperparameters=["lr", "optimizer"]) == (
        "lr",
        "optimizer",
    )


def test_repetitions_are_the_seed_where_no_column_is() -> None:
    frame = table().rename(columns={"seed": "trial"})
    results = from_table(frame)
    assert results.spaces["table"].names == ("lr", "mu")
    assert list(results.trials["seed"]) == [0, 1] * 9
    assert any("seed trial (--seed names others)" in text for text in results.notes)
    numbered = frame.assign(trial=range(SIZE))
    assert "row numbers (trial)" in note(numbered)


def test_budgets_that_come_with_every_configuration_are_epochs() -> None:
    rows = [
        {"lr": lr, "budget": budget, "loss": lr / budget}
        for lr in np.geomspace(0.001, 1, 9)
        for budget in (11.1, 33.3, 100.0)
    ]
    results = from_table(pd.DataFrame(rows[:-1]))
    assert len(results.trials) == 9
    assert list(results.trials["status"]) == ["completed"] * 8 + ["stopped"]
    assert any("11.1, 33.3, 100" in text for text in results.notes)
    given = from_table(pd.DataFrame(rows), epoch="budget")
    assert given.trials["status"].tolist() == ["completed"] * 9


def test_epochs_that_are_searched_are_a_hyperparameter() -> None:
    frame = pd.DataFrame(
        {"lr": RNG.uniform(0, 1, 20), "epochs": RNG.integers(1, 100, 20), "loss": RNG.uniform(1, 2, 20)}
    )
    assert hyperparameters(frame) == ("lr", "epochs")


def test_levels_with_the_name_of_a_result_are_asked_for() -> None:
    frame = table(precision=[16, 32] * 9)
    rows = pd.concat([frame.assign(precision=value, loss=RNG.uniform(1, 2, SIZE)) for value in (16, 32)])
    with pytest.raises(
        InputError,
        match=r"^is 'precision' of the table a result or a hyperparameter\? .*--leave-out "
        r"precision.*--hyperparameter",
    ):
        from_table(rows, metric="loss", seed="seed")
    assert hyperparameters(rows, metric="loss", hyperparameters=["lr", "mu", "precision"]) == (
        "lr",
        "mu",
        "precision",
    )
    single = frame[frame["precision"] == 16]
    assert hyperparameters(single, metric="loss", ignore=["precision"]) == ("lr", "mu")


def test_a_constant_is_all_there_is() -> None:
    frame = pd.DataFrame(
        {
            "optimizer": ["adam"] * 3 + ["sgd"] * 3,
            "lr": [0.01] * 6,
            "seed": [0, 1, 2] * 2,
            "loss": [1.0, 1.1, 1.2, 2.0, 2.1, 2.2],
        }
    )
    assert from_table(frame).spaces["adam"].names == ("lr",)


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"ignore": ["lrr"]}, "unknown column 'lrr'; did you mean 'lr'?"),
        (
            {"ignore": ["loss"], "metric": "loss"},
            "column 'loss' cannot be left out (ignore=, --leave-out) and have a role",
        ),
        ({"ignore": ["lr", "mu"]}, "no column left to be a hyperparameter"),
        ({"empty": "nan"}, "unknown meaning of an empty metric (empty=, --empty) 'nan'"),
    ],
)
def test_what_cannot_be_said_of_columns(named: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as refused:
        from_table(table(), **named)
    assert message in str(refused.value)


def test_a_name_without_its_prefix_will_do() -> None:
    frame = table().rename(columns={"lr": "params.lr", "mu": "params.mu", "loss": "metrics.loss"})
    results = from_table(frame, metric="loss", hyperparameters=["lr", "mu"])
    assert results.metric == "loss"
    assert results.spaces["table"].names == ("lr", "mu")
    assert math.isfinite(results.trials["loss"].max())


ODD_CELLS = [
    None,
    math.nan,
    pd.NA,
    pd.NaT,
    1,
    -2.5,
    1e300,
    math.inf,
    True,
    "x",
    "",
    "None",
    "nan",
    [1, 2],
    np.array([1.0]),
    (1, 2),
    {"a": 1},
    {1},
    pd.Timestamp("2024", tz="UTC"),
    pd.Timedelta(1),
    2**70,
    np.float32(1),
    b"x",
    1j,
]
ODD_NAMES = ["lr", "loss", "status", "seed", "State", "optimizer", "task", "epoch", "budget", "trial", "duration", "id", "_step",
    "params.lr", "val_acc", "", "Unnamed: 0", "metrics.x", "tags.a", "time", "config.a.b", "initial_loss", "value"]  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
def test_any_table_is_read_or_refused_in_one_line(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 30))
    frame = pd.DataFrame({"x": rng.uniform(0, 1, size)})
    for name in rng.choice(ODD_NAMES, 6, replace=False):
        chosen = [ODD_CELLS[i] for i in rng.integers(0, len(ODD_CELLS), int(rng.integers(1, 4)))]
        values = [chosen[int(rng.integers(len(chosen)))] for _ in range(size)]
        frame[name] = pd.Series(values, dtype=object) if rng.uniform() < 0.5 else rng.uniform(0, 1, size)
    said = ""
    try:
        said = " ".join(from_table(frame, empty="failed").notes)
    except InputError as error:
        said = str(error)
    assert said
    assert "\n" not in said
