"""Results from any table: which columns are what, what diverged, and what is said of a table that is none."""

from __future__ import annotations

import math
import pathlib
from typing import Any

import numpy as np
import pandas as pd
import pytest

from search_spaces.hyperparameters import Categorical, Float
from search_spaces.spaces import SearchSpace
from sensitivity import from_optuna, from_table, to_optuna
from sensitivity.measures import Measured
from sensitivity.questions.summary import caveats, summary
from sensitivity.reporting import write_report
from tests.sensitivity.quantities import without_ids
from tests.sensitivity.tables import bowl, noisy
from tests.sensitivity.tables import results as made_up
from trainables.names import InputError


def sweep(**changes: Any) -> pd.DataFrame:
    """Two optimizers, a grid of learning rates, two seeds; the largest rate diverges. Named as a stranger
    would."""
    rows = [
        {"opt": opt, "learning rate": lr, "momentum": mu, "fold": seed, "val": math.nan if lr == 1 else lr + mu / 100}
        for opt in ("sgd", "adam") for lr in (1e-3, 1e-2, 1e-1, 1.0) for mu in (0.0, 0.9, 0.99) for seed in (0, 1)
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(**changes)


NAMED = {
    "hyperparameters": ["learning rate", "momentum"],
    "metric": "val",
    "direction": "min",
    "variant": "opt",
    "seed": "fold",
}


@pytest.mark.slow
def test_columns_become_the_tables_that_measures_and_the_report_read(tmp_path: pathlib.Path) -> None:
    results = from_table(sweep(), **NAMED, study="a sweep")
    expected = made_up(bowl)
    assert [name for name in results.trials if not name.startswith("config/")] == [
        name for name in expected.trials if not name.startswith("config/")
    ]
    assert {"key", "epoch", "val", "seconds"} == set(results.epochs.columns)
    assert results.designs == {"sgd": "grid", "adam": "grid"}
    assert str(results.spaces["sgd"]) == "lr: 0.001 to 1.0, log\nmomentum: 0.0 to 0.99, log1m"
    diverged = results.trials[results.trials["status"] == "diverged"]
    assert set(diverged["config/lr"]) == {1.0}
    assert set(diverged["loss"]) == {results.trials["value"].max()}
    page = without_ids(write_report(results, tmp_path / "report").read_text())
    assert "Diverged trials, counted as the worst that ended: sgd 6 of 24 and adam 6 of 24." in page
    assert "Learning curves" not in page
    assert any("lr log 0.001 to 1; momentum log1m 0 to 0.99" in each for each in caveats(Measured(results)))


def test_files_give_the_same_as_the_frame(tmp_path: pathlib.Path) -> None:
    frame = sweep()
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    frame.to_parquet(tmp_path / "t.parquet")
    expected = from_table(frame, **NAMED, study="t").trials
    for name in ("t.csv", "t.tsv", "t.parquet"):
        found = from_table(tmp_path / name, **NAMED, empty="diverged")
        assert found.study == "t"
        pd.testing.assert_frame_equal(found.trials, expected)


def test_our_own_tables_are_read_back(tmp_path: pathlib.Path) -> None:
    truth = made_up(
        noisy(0.01),
        status=lambda configuration, seed: (
            "failed" if seed == 1 and configuration["lr"] > 0.9 else "completed"
        ),
    )
    truth.save(tmp_path)
    for file in ("trials.csv", "trials.parquet"):
        found = from_table(tmp_path / file, spaces=truth.spaces)
        columns = ["task", "variant", "seed", "status", "initial_loss", "config/lr", "config/mu", "loss"]
        pd.testing.assert_frame_equal(found.trials[columns], truth.trials[columns], check_dtype=False)
        pd.testing.assert_frame_equal(Measured(found).excess_loss, Measured(truth).excess_loss)


def test_an_initial_loss_caps_what_diverged_and_what_got_worse() -> None:
    frame = pd.DataFrame({"lr": [0.01, 0.1, 1.0], "loss": [0.2, 3.0, math.inf], "start": [0.5, 0.6, 0.5]})
    assert list(from_table(frame[["lr", "loss"]], initial_loss=1).trials["loss"]) == [0.2, 1.0, 1.0]
    results = from_table(frame, initial_loss="start", hyperparameters=["lr"])
    assert list(results.trials["loss"]) == [0.2, 0.6, 0.5]
    assert "Diverged trials, counted at the initial loss: table 1 of 3." in summary(
        Measured(results), "table"
    )
    accuracy = pd.DataFrame({"lr": [0.01, 0.1, 1.0], "accuracy": [0.9, 0.05, -math.inf]})
    results = from_table(accuracy, metric="accuracy", direction="max", initial_loss=0.1)
    assert list(results.trials["loss"]) == [-0.9, -0.1, -0.1]


def test_a_status_column_tells_failures_from_divergence() -> None:
    words = ["COMPLETE", "TrialState.FAIL", "nan", "PRUNED", "RUNNING", "Crashed"]
    frame = pd.DataFrame(
        {
            "lr": np.geomspace(1e-3, 1, 6),
            "loss": [0.1, math.nan, math.nan, 0.2, math.nan, 0.3],
            "state": words,
        }
    )
    table = from_table(frame).trials
    assert list(table["status"]) == ["completed", "failed", "diverged", "stopped", "running", "failed"]
    assert list(table["loss"].fillna(-1)) == [0.1, -1, 0.1, -1, -1, -1]


def test_an_empty_cell_is_a_hyperparameter_that_a_row_has_not() -> None:
    frame = pd.DataFrame(
        {
            "rule": ["sgd", "adam", "adam", "sgd"],
            "lr": [0.1, 0.1, 0.2, 0.2],
            "nu": [None, 0.9, 0.99, None],
            "loss": [4, 3, 2, 1],
        }
    )
    together = from_table(frame)
    assert dict(together.spaces["table"]["nu"].when) == {"rule": ("adam",)}
    assert "Conditions were inferred from which values are there: nu when rule is 'adam'." in together.notes
    assert not Measured(together).overview.empty
    apart = from_table(frame, variant="rule")
    assert {name: space.names for name, space in apart.spaces.items()} == {
        "sgd": ("lr",),
        "adam": ("lr", "nu"),
    }


def test_choices_of_several_types_survive_a_file(tmp_path: pathlib.Path) -> None:
    space = SearchSpace(Categorical("c", (True, "cm", 1)))
    truth = made_up(
        lambda configuration, seed: 0.5, space=space, configurations=[{"c": each} for each in (True, "cm", 1)]
    )
    truth.save(tmp_path)
    for file in ("trials.csv", "trials.parquet"):
        assert list(from_table(tmp_path / file, spaces=space).trials["config/c"]) == list(
            truth.trials["config/c"]
        )


def test_a_choice_called_none_is_a_choice(tmp_path: pathlib.Path) -> None:
    (tmp_path / "t.csv").write_text("schedule,loss\nNone,1\ncosine,2\n")
    assert from_table(tmp_path / "t.csv").spaces["t"]["schedule"] == Categorical(
        "schedule", ("None", "cosine")
    )


def test_without_a_seed_a_configuration_that_comes_again_is_another_seed() -> None:
    frame = pd.DataFrame({"lr": [0.1, 0.1, 0.2, 0.2], "loss": [1.0, 1.1, math.nan, math.nan]})
    results = from_table(frame)
    assert list(results.trials["seed"]) == [0, 1, 0, 1]
    assert any("another seed" in each for each in results.notes)


def test_a_row_for_every_epoch_is_a_curve() -> None:
    rows = [
        {"lr": lr, "seed": seed, "step": step, "loss": 1 / step + lr}
        for lr in (0.1, 0.2, 0.3) for seed in (0, 1) for step in (1, 2, 3) if (lr, seed, step) != (0.3, 1, 3)
    ]  # fmt: skip
    results = from_table(pd.DataFrame(rows).sample(frac=1, random_state=0), epoch="step")
    assert sorted(results.trials["status"]) == ["completed"] * 5 + ["stopped"]
    assert len(results.epochs) == 17
    assert results.trials["value"].min() == pytest.approx(1 / 3 + 0.1)


def test_labels_are_no_hyperparameters() -> None:
    results = from_table(
        sweep(run=[f"run-{i}" for i in range(48)]), metric="val", direction="min", variant="opt", seed="fold"
    )
    assert results.spaces["sgd"].names == ("lr", "momentum")
    assert any("Left out of the hyperparameters: identifiers (run)" in note for note in results.notes)


def test_given_spaces_are_held_to() -> None:
    space = SearchSpace(Float("learning rate", 1e-4, 1.0, "log"), Float("momentum", 0, 0.999, "log1m"))
    results = from_table(sweep(), **NAMED, spaces=space)
    assert results.spaces == {"sgd": space, "adam": space}
    assert not any("inferred" in each for each in results.notes)
    with pytest.raises(
        InputError, match=r"^row 19 of the table: learning rate must be between 0.0001 and 0.5, got 1.0$"
    ):
        from_table(
            sweep(),
            **NAMED,
            spaces=SearchSpace(
                Float("learning rate", 1e-4, 0.5, "log"), Float("momentum", 0, 0.999, "log1m")
            ),
        )


HOSTILE = (
    "<script>alert(1)</script>",
    "a|b",
    "[red]x[/red]",
    "config/lr",
    "ünïcode 学习率",
    "value",
    "loss",
    "key",
    "status",
    "x" * 300,
    "a\nb",
    " ",
)


@pytest.mark.slow
def test_hostile_names_do_no_harm(tmp_path: pathlib.Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {name: rng.uniform(0, 1, 12) for name in HOSTILE}
        | {"</p>": rng.uniform(0, 1, 12), "who": ["<b>", "'; DROP"] * 6}
    )
    results = from_table(
        frame, hyperparameters=HOSTILE, metric="</p>", direction="min", variant="who", study="../<i>"
    )
    assert {space.names for space in results.spaces.values()} == {
        tuple("lr" if name == "config/lr" else name for name in HOSTILE)
    }
    assert "<script>alert" not in write_report(results, tmp_path / "report").read_text()
    study = to_optuna(results, variant="<b>")
    assert {space.names for space in from_optuna(study).spaces.values()} == {results.spaces["<b>"].names}


SMALL = "lr,loss,seed\n0.1,1,0\n0.2,2,0\n"
# fmt: off
BAD = [
    pytest.param("t.csv", "", {}, "cannot read the table", id="an empty file"),
    pytest.param("t.csv", "lr,loss\n", {}, "is empty: it has 2 columns and no rows", id="no rows"),
    pytest.param("t.csv", SMALL, {"metric": "los"}, "unknown column 'los'; did you mean 'loss'?", id="a metric that is not "
"there"),
    pytest.param("t.csv", SMALL, {"hyperparameters": ["lrr"]}, "unknown column 'lrr'; did you", id="no such "
"hyperparameter"),
    pytest.param("t.csv", SMALL, {"scales": {"mu": "log"}}, "unknown hyperparameter in scales 'mu'", id="a scale of "
"nothing"),
    pytest.param("t.csv", SMALL, {"hyperparameters": ["lr", "seed"], "seed": "seed"}, "'seed' cannot be a "
"hyperparameter and",
        id="two roles"),
    pytest.param("t.csv", SMALL, {"hyperparameters": []}, "names no column", id="no hyperparameter"),
    pytest.param("t.csv", SMALL, {"direction": "up"}, "unknown direction 'up'", id="a direction that is none"),
    pytest.param("t.csv", SMALL, {"design": "saltelli"}, "unknown design 'saltelli'", id="a design that needs an "
"order"),
    pytest.param("t.csv", SMALL.replace("loss", "score"), {}, "is 'score' of ", id="a direction that no name "
"states"),
    pytest.param("t.csv", SMALL.replace("loss", "size"), {}, "name the column of the metric (metric=, "
"--metric): ", id="no metric named"),
    pytest.param("t.csv", SMALL.replace("2,0", "bad,0"), {}, "'loss' must hold numbers, got 'bad' in row 2", id="a metric that is "
"text"),
    pytest.param("t.csv", SMALL.replace("0.2", "oops"), {}, "lr holds numbers and text (0.1, 'oops')", id="text in a "
"hyperparameter"),
    pytest.param("t.csv", SMALL.replace("2,0", "2,x"), {}, "column 'seed' must hold numbers, got 'x' in row 2", id="text as "
"seed"),
    pytest.param("t.csv", SMALL.replace("2,0", "2,0.5"), {}, "column 'seed' must hold whole numbers, got "
"0.5 in row 2", id="half a seed"),
    pytest.param("t.csv", SMALL.replace("0.2", "0.1"), {}, "row 1 and row 2 are the same trial", id="a trial "
"twice"),
    pytest.param("t.csv", "lr,loss\n.1,1\n.1,1\n", {}, "rows 1 and 2 are the same trial twice", id="a copied "
"row"),
    pytest.param("t.csv", "lr,lr,loss\n1,2,3\n", {}, "has the column 'lr' twice", id="a column twice"),
    pytest.param("t.csv", "lr,loss\n1,2\n1,2,3\n", {}, "cannot read the table", id="a long row"),
    pytest.param("t.csv", "loss,seed\n1,2\n", {}, "no column left to be a hyperparameter", id="nothing but a "
"metric"),
    pytest.param("t.csv", "opt,lr,loss\n,1,2\n", {"variant": "opt"}, "'opt' must name something in every "
"row, got nothing in row 1",
        id="no name"),
    pytest.param("t.csv", "lr,loss,status\n1,2,odd\n", {},
        "what does 'odd' in column 'status' mean? Give statuses= (--status-word odd=STATUS", id="a status that is "
"none"),
    pytest.param("t.csv", "lr,key\n1,2\n", {"metric": "key", "direction": "min"}, "a metric cannot be "
"called 'key'",
        id="a metric called key"),
    pytest.param("t.csv", "lr,e,loss\n1,1,2\n1,1,3\n", {"epoch": "e"}, "row 1 has the same trial and the "
"same e", id="an epoch twice"),
    pytest.param("t.csv", b"lr,loss\n\xff\xfe,1\n", {}, "cannot read the table", id="no text"),
    pytest.param("t.csv", b"\x00\x01PNG", {}, "", id="a picture"),
    pytest.param("t.parquet", b"lr,loss", {}, "cannot read the table", id="no Parquet"),
    pytest.param("t.xls", SMALL, {}, "a table ends with .csv, .tsv, .json, .jsonl, .ndjson, .parquet, .pq, "
".xlsx, .xlsm (or .gz)",
        id="another format"),
    pytest.param("t.csv", "lr,loss\n0,1\n1,2\n", {}, "a hyperparameter called 'lr' must hold numbers above 0", id="a learning rate of "
"0"),
    pytest.param("t.csv", "config/a,params_a,loss\n0,1,2\n", {}, "two columns are the same hyperparameter", id="a name "
"twice"),
    pytest.param(None, "", {}, "No such file", id="no file"),
]
# fmt: on


@pytest.mark.parametrize(("file", "content", "named", "message"), BAD)
def test_a_malformed_table_is_one_clear_line(
    tmp_path: pathlib.Path, file: str | None, content: str | bytes, named: dict[str, Any], message: str
) -> None:
    path = tmp_path / (file or "absent.csv")
    if file:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as error:
        from_table(path, **named)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_frame_with_a_column_twice_is_refused_as_is_no_frame() -> None:
    with pytest.raises(InputError, match=r"must be a DataFrame or the path of a file, got \[1\]"):
        from_table([1])  # type: ignore[arg-type]
    with pytest.raises(InputError, match="has the column 'a' twice"):
        from_table(pd.DataFrame([[1, 2]], columns=["a", "a"]))


@pytest.mark.slow
def test_ten_thousand_rows_take_seconds() -> None:
    import time

    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "lr": 10 ** rng.uniform(-4, 0, 10_000),
            "mu": rng.uniform(0, 1, 10_000),
            "loss": rng.normal(1, 0.1, 10_000),
        }
    )
    began = time.perf_counter()
    from_table(frame)
    assert time.perf_counter() - began < 10
