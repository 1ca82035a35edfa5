"""Tables in the shape of what tools write, read without an option: as a person would read them, or one
question."""

from __future__ import annotations

import json
import math
import pathlib
from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest

from sensitivity import from_table
from sensitivity.results.results import Results
from trainables.names import InputError

LRS = (0.001, 0.01, 0.1)


def write(place: pathlib.Path, rows: Sequence[dict[str, Any]]) -> pathlib.Path:
    """Write rows as CSV with every cell as ``str`` has it, None as an empty cell."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [",".join(names)]
    for row in rows:
        cells = ["" if row.get(name) is None else str(row[name]) for name in names]
        lines.append(",".join(f'"{cell}"' if "," in cell or "{" in cell else cell for cell in cells))
    place.write_text("\n".join(lines) + "\n")
    return place


def names_of(results: Results) -> dict[str, tuple[str, ...]]:
    return {variant: space.names for variant, space in results.spaces.items()}


def statuses(results: Results) -> list[str]:
    return list(results.trials["status"])


def wandb(place: pathlib.Path) -> pathlib.Path:
    """Write the runs table of Weights & Biases as its page exports it."""
    rows = []
    states = {2: ("crashed", None), 5: ("finished", "NaN"), 8: ("killed", None), 11: ("running", None)}
    for i, (optimizer, lr, seed) in enumerate(
        (o, lr, s) for o in ("adam", "sgd") for lr in LRS for s in (0, 1)
    ):
        state, loss = states.get(i, ("finished", 0.3 + lr + seed / 100))
        rows.append(
            {
                "Name": f"sunny-sweep-{i}", "State": state, "Notes": "-", "User": "ada", "Tags": "",
                "Created": f"2024-05-01T10:{i:02d}:00.000Z",
                "Runtime": 100 + i, "Sweep": "sweep-1", "batch_size": 64, "learning_rate": lr, "model.depth": 2 + i % 2,
                "optimizer": optimizer,
                "seed": seed, "_runtime": 100.5 + i, "_step": 390, "_timestamp": 1714557600.5 + i, "_wandb.runtime": 100 + i, "epoch": 10,
                "train_loss": None if loss is None else 0.1 + i / 50, "val_loss": loss,
            }
        )  # fmt: skip
    return write(place, rows)


def test_the_runs_table_of_wandb(tmp_path: pathlib.Path) -> None:
    results = from_table(wandb(tmp_path / "wandb.csv"))
    assert names_of(results) == {"adam": ("lr", "model.depth"), "sgd": ("lr", "model.depth")}
    assert (results.metric, results.direction) == ("val_loss", "min")
    expected = ["completed"] * 12
    expected[2], expected[5], expected[8], expected[11] = "failed", "diverged", "stopped", "running"
    assert statuses(results) == expected
    assert list(results.trials["seed"]) == [0, 1] * 6
    assert list(results.trials["seconds"][:2]) == [100, 101]
    taken, roles, left = results.notes[:3]
    assert taken.startswith(
        "Taken for hyperparameters, as none were named: learning_rate, model.depth (--hyperparameter"
    )
    assert "variant optimizer" in roles
    assert "--variant" in roles
    for words in (
        "identifiers (Name)",
        "times (Created",
        "constants (batch_size)",
        "results (",
        "--leave-out",
    ):
        assert words in left
    assert "Lower val_loss is better, by its name (--direction max if not)." in results.notes


def test_a_summary_of_wandb_as_its_interface_returns_it(tmp_path: pathlib.Path) -> None:
    rows = [
        {
            "": i,
            "summary": f"{{'val_acc': {'nan' if lr == 0.1 else 0.9 - lr}, '_runtime': {10 + i}, "
            f"'_timestamp': 1700000{i}, '_step': 5}}",
            "config": f"{{'lr': {lr}, 'model': {{'width': {width}}}, 'epochs': 5}}",
            "name": f"run-{i}",
        }
        for i, (lr, width) in enumerate((lr, width) for lr in LRS for width in (8, 16))
    ]
    results = from_table(write(tmp_path / "project.csv", rows))
    assert names_of(results) == {"project": ("lr", "model.width")}
    assert (results.metric, results.direction) == ("val_acc", "max")
    assert statuses(results) == ["completed"] * 4 + ["diverged"] * 2
    assert "Higher val_acc is better, by its name (--direction min if not)." in results.notes


def mlflow() -> pd.DataFrame:
    """Return what ``mlflow.search_runs`` returns."""
    rows = []
    for i, (lr, momentum) in enumerate((lr, m) for lr in LRS for m in (0.0, 0.9)):
        status = {3: "FAILED", 4: "KILLED", 5: "RUNNING"}.get(i, "FINISHED")
        rows.append(
            {
                "run_id": f"{i:032x}", "experiment_id": "0", "status": status, "artifact_uri": f"file:///tmp/mlruns/0/{i:032x}/artifacts",
                "start_time": pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(minutes=i),
                "end_time": pd.NaT if status == "RUNNING" else pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(minutes=i + 5),
                "metrics.val_accuracy": math.nan if i > 2 else 0.9 - lr, "metrics.train_accuracy": math.nan if i > 2 else 0.95 - lr,
                "metrics.epoch": 10.0, "params.lr": str(lr), "params.momentum": str(momentum), "params.batch_size": "128",
                "tags.mlflow.user": "ada", "tags.mlflow.runName": f"bold-fish-{i}", "tags.mlflow.source.name": "train.py",
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize("as_file", [True, False])
def test_the_runs_of_mlflow(tmp_path: pathlib.Path, *, as_file: bool) -> None:
    mlflow().to_csv(tmp_path / "table.csv")
    results = from_table(tmp_path / "table.csv" if as_file else mlflow())
    assert names_of(results) == {"table": ("lr", "momentum")}
    assert (results.metric, results.direction) == ("val_accuracy", "max")
    assert statuses(results) == ["completed"] * 3 + ["failed", "stopped", "running"]
    assert results.trials["config/lr"].tolist() == [0.001, 0.001, 0.01, 0.01, 0.1, 0.1]


def test_a_finished_run_without_the_metric_has_no_result(tmp_path: pathlib.Path) -> None:
    frame = mlflow()
    frame.loc[1, "metrics.val_accuracy"] = math.nan
    frame.to_csv(tmp_path / "runs.csv", index=False)
    results = from_table(tmp_path / "runs.csv")
    assert statuses(results)[:3] == ["completed", "failed", "completed"]
    assert any(
        "No metrics.val_accuracy in 1 of 6 trials" in note and "--empty diverged" in note
        for note in results.notes
    )
    assert statuses(from_table(tmp_path / "runs.csv", empty="diverged"))[:3] == [
        "completed",
        "diverged",
        "completed",
    ]
    assert statuses(from_table(frame))[:3] == ["completed", "diverged", "completed"]


def optuna(values: Sequence[str] = ("value",)) -> list[dict[str, Any]]:
    """Return the rows that ``Study.trials_dataframe().to_csv()`` writes."""
    rows = []
    for i in range(9):
        state = {4: "PRUNED", 6: "FAIL"}.get(i, "COMPLETE")
        rows.append(
            {
                "": i, "number": i, **dict.fromkeys(values, None if state == "FAIL" else 0.1 + i / 7),
                "datetime_start": f"2024-02-01 10:00:{i:02d}.123456", "datetime_complete": f"2024-02-01 "
f"10:01:{i:02d}.654321",
                "duration": f"0 days 00:01:0{i}.530865", "params_lr": 10 ** (-1 - i / 4), "params_layers": 1 + i % 3,
                "params_optimizer": ("adam", "sgd")[i % 2], "user_attrs_host": f"node{i}", "system_attrs_fixed_params": None,
                "state": state,
            }
        )  # fmt: skip
    return rows


def test_the_trials_of_optuna_are_one_question(tmp_path: pathlib.Path) -> None:
    place = write(tmp_path / "trials.csv", optuna())
    with pytest.raises(
        InputError,
        match=r"^is 'value' of .* better when it is lower or higher\? .*\(--direction min, --direction max\)$",
    ):
        from_table(place)
    results = from_table(place, direction="max")
    assert names_of(results) == {"adam": ("lr", "layers"), "sgd": ("lr", "layers")}
    assert (results.metric, results.direction) == ("value", "max")
    assert statuses(results) == ["completed"] * 4 + [
        "stopped",
        "completed",
        "failed",
        "completed",
        "completed",
    ]
    assert results.trials["seconds"].iloc[2] == pytest.approx(62.530865)
    whole = from_table(place, direction="max", hyperparameters=["lr", "optimizer"])
    assert names_of(whole) == {"trials": ("lr", "optimizer")}


def test_a_trial_of_optuna_that_runs_leaves_those_that_ended(tmp_path: pathlib.Path) -> None:
    """``ask()`` alone gives a trial without parameters."""
    odd = [
        {"": 9 + place, "number": 9 + place, "state": state}
        for place, state in enumerate(("RUNNING", "WAITING"))
    ]
    place = write(tmp_path / "trials.csv", [*optuna(), *odd])
    results = from_table(place, direction="max")
    assert names_of(results) == {"adam": ("lr", "layers"), "sgd": ("lr", "layers")}
    assert "Left out, having no params_optimizer: 2 of 11 rows (running and pending)." in results.notes
    assert len(results.trials) == 9


def test_several_objectives_of_optuna_are_one_question(tmp_path: pathlib.Path) -> None:
    place = write(tmp_path / "trials.csv", optuna(("values_0", "values_1")))
    with pytest.raises(
        InputError,
        match=r"name the column of the metric \(metric=, --metric\): .* results values_0, values_1; and its direction, if its "
        r"name does not say it \(direction=, --direction min, --direction max\)$",
    ):
        from_table(place)
    with pytest.raises(InputError, match=r"results values_0, values_1$"):
        from_table(place, direction="min")
    assert from_table(place, metric="values_1", direction="min").metric == "1"


def test_a_flat_table_of_deepcave(tmp_path: pathlib.Path) -> None:
    """Hyperband with eta 3: 9 configurations at budget 11.1, 3 of them at 33.3, one at 100, and one that
    began at 100."""
    rungs = [(i, 11.111) for i in range(9)] + [(i, 33.333) for i in (2, 4, 6)] + [(4, 100.0), (9, 100.0)]
    rows = [
        {
            "config_id": i, "lr": 10 ** (-i / 4 - 1), "depth": 1 + i % 3, "budget": budget, "seed": 0, "cost": 1 / budget + i / 100,
            "start_time": 10.0 * place, "end_time": 10.0 * place + 9, "status": "SUCCESS",
        }
        for place, (i, budget) in enumerate(rungs)
    ]  # fmt: skip
    results = from_table(write(tmp_path / "run.csv", rows))
    assert names_of(results) == {"run": ("lr", "depth")}
    assert (results.metric, results.direction, len(results.trials)) == ("cost", "min", 10)
    assert dict(zip(results.trials["config/lr"], results.trials["status"], strict=True)) == {
        10 ** (-i / 4 - 1): "completed" if i in (4, 9) else "stopped" for i in range(10)
    }
    assert any(
        "epochs 1 to 3: 11.111, 33.333, 100. A trial is whole at the largest." in note
        for note in results.notes
    )
    assert any("identifiers (config_id)" in note for note in results.notes)


def test_a_flat_table_of_keras_tuner_is_one_question(tmp_path: pathlib.Path) -> None:
    rows = [
        {
            "trial_id": f"{i:02d}", "units": 32 * (1 + i % 4), "activation": ("relu", "tanh")[i % 2], "learning_rate": 10 ** (-1 - i / 5),
            "score": None if i == 7 else 0.5 + i / 100, "status": "INVALID" if i == 7 else "COMPLETED",
        }
        for i in range(10)
    ]  # fmt: skip
    place = write(tmp_path / "tuner.csv", rows)
    with pytest.raises(InputError, match=r"^is 'score' of "):
        from_table(place)
    results = from_table(place, direction="max")
    assert names_of(results) == {"tuner": ("units", "activation", "lr")}
    assert statuses(results) == ["completed"] * 7 + ["failed"] + ["completed"] * 2


def algoperf() -> list[dict[str, Any]]:
    """Return a row for every tuning trial of two workloads, the score of which is the time to the target."""
    return [
        {
            "workload": workload, "trial": trial, "hyperparameter.learning_rate": lr, "hyperparameter.one_minus_beta1": 0.1,
            "hyperparameter.weight_decay": (0.01, 0.1)[trial % 2], "score": "inf" if lr > 0.01 else 1000 + 10 * trial + base,
            "total_duration": 2000.5 + trial, "accumulated_submission_time": 1000.5 + trial, "global_step": 4000 + 17 * trial,
            "preemption_count": 0, "validation/loss": 0.2 + lr + base / 1e4, "validation/num_examples": 5000,
        }
        for base, workload in ((0, "mnist"), (500, "fastmri"))
        for trial, lr in enumerate((0.001, 0.003, 0.01, 0.03, 0.1), 1)
    ]  # fmt: skip


def test_the_trials_of_algoperf(tmp_path: pathlib.Path) -> None:
    place = write(tmp_path / "trials.csv", algoperf())
    results = from_table(place)
    assert names_of(results) == {"trials": ("lr", "weight_decay")}
    assert (results.metric, results.direction) == ("validation/loss", "min")
    assert set(results.trials["task"]) == {"mnist", "fastmri"}
    assert set(results.trials["seed"]) == {0}
    scored = from_table(place, metric="score", direction="min")
    assert statuses(scored) == ["completed", "completed", "completed", "diverged", "diverged"] * 2
    only = write(
        tmp_path / "score.csv",
        [{name: cell for name, cell in row.items() if "validation" not in name} for row in algoperf()],
    )
    with pytest.raises(InputError, match=r"^is 'score' of .*--direction min"):
        from_table(only)


def test_a_flat_table_of_deepobs(tmp_path: pathlib.Path) -> None:
    rows = [
        {
            "testproblem": problem, "optimizer": optimizer, "num_epochs": 10, "batch_size": 128, "lr": lr, "random_seed": seed,
            "final_train_accuracy": 0.9, "final_test_accuracy": 0.8 - abs(math.log10(lr) + 2) / 10 + seed / 1000,
        }
        for problem in ("mnist_mlp", "cifar10_3c3d") for optimizer in ("SGD", "Momentum") for lr in LRS for seed in (42, 43, 44)
    ]  # fmt: skip
    results = from_table(write(tmp_path / "deepobs.csv", rows))
    assert names_of(results) == {"SGD": ("lr",), "Momentum": ("lr",)}
    assert (results.metric, results.direction) == ("final_test_accuracy", "max")
    assert set(results.trials["task"]) == {"mnist_mlp", "cifar10_3c3d"}
    assert set(results.trials["seed"]) == {42, 43, 44}
    assert results.designs == {"SGD": "grid", "Momentum": "grid"}


def test_a_sweep_of_scikit_learn(tmp_path: pathlib.Path) -> None:
    rows = [
        {
            "mean_fit_time": 0.1 + i / 1000, "std_fit_time": 0.01, "param_C": c, "param_kernel": kernel,
            "params": f"{{'C': {c}, 'kernel': '{kernel}'}}",
            "split0_test_score": 0.8 + i / 100, "mean_test_score": 0.8 + i / 100, "std_test_score": 0.01, "rank_test_score": 6 - i,
        }
        for i, (c, kernel) in enumerate((c, kernel) for c in (0.1, 1, 10) for kernel in ("rbf", "linear"))
    ]  # fmt: skip
    with pytest.raises(
        InputError, match=r"name the column of the metric .* results split0_test_score, mean_test_score"
    ):
        from_table(write(tmp_path / "cv.csv", rows))
    results = from_table(tmp_path / "cv.csv", metric="mean_test_score", direction="max")
    assert names_of(results) == {"cv": ("C", "kernel")}


def test_records_of_json_with_nested_entries(tmp_path: pathlib.Path) -> None:
    rows = [
        {"params": {"lr": lr, "bn": bn}, "loss": float("nan") if lr == 0.1 else lr, "id": i} for i, (lr, bn) in enumerate((lr,
            bn) for lr in LRS for bn in (True, False))
    ]  # fmt: skip
    (tmp_path / "t.json").write_text(json.dumps(rows))
    results = from_table(tmp_path / "t.json")
    assert names_of(results) == {"t": ("lr", "bn")}
    assert statuses(results) == ["completed"] * 4 + ["diverged"] * 2
