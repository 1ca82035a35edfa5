"""A store, a study file and a report of commit 4aa37a2 are read by today's code, with the same numbers."""

from __future__ import annotations

import json
import math
import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from sensitivity import Results, Store, Study
from sensitivity.study.planning import trials
from tests.sensitivity.command import run

EARLIER = pathlib.Path(__file__).parent / "earlier"
"""Files of commit 4aa37a2; its README says how each was made."""
SENTENCES = ("caveats",)
"""Measures that are sentences; their wording may change."""
UNEXPLAINED = "unexplained (noise and misfit)"
"""Today's name of the share that no effect of a forest explains."""

BY_THE_BEST = (
    "best_loss", "budget_area", "budget_within", "compare", "comparisons", "differences", "excess_differences",
    "excess_loss", "lr_sensitivity", "overview", "robust_share", "tuned_lr_sensitivity", "tunability",
)  # fmt: skip
"""Measures that contain the best loss: it is the smallest mean less its optimism now, no cross-fitted one."""
BY_THE_NOISE = ("delta", "estimators", "factorial", "main_effects", "pawn", "seed_noise", "variance_shares")
"""Measures that contain the share of seed noise or shares of the variance: unbiased now, with other intervals."""


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A copy of the earlier files, as working directory."""
    monkeypatch.chdir(shutil.copytree(EARLIER, tmp_path / "earlier"))
    return tmp_path / "earlier"


def printed(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return what a command that succeeds prints as JSON."""
    capsys.readouterr()
    assert run([*arguments, "--json"], monkeypatch) == 0
    return json.loads(capsys.readouterr().out)


def alike(before: Any, now: Any) -> bool:
    """True if two values are the same, numbers to six digits."""
    if isinstance(before, float) and isinstance(now, (int, float)):
        return math.isclose(before, now, rel_tol=1e-6, abs_tol=1e-9) or (
            math.isnan(before) and math.isnan(now)
        )
    if isinstance(before, dict) and isinstance(now, dict):
        return all(name in now and alike(value, now[name]) for name, value in before.items())
    if isinstance(before, list) and isinstance(now, list):
        return len(before) == len(now) and all(map(alike, before, now))
    return bool(before == now)


def forms(measure: str, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the forms in which today's table of a measure may have a row of the earlier table.

    Measures whose definition changed, as CHANGELOG.md says, have the same rows with other numbers, which their
    own tests hold. ``main_effects`` and ``variance_shares`` name the remainder otherwise.
    """
    if measure in (*BY_THE_BEST, *BY_THE_NOISE):
        row = {name: value for name, value in row.items() if isinstance(value, str) and name != "note"}
    yield row
    if measure == "variance_shares" and row["effect"] == "higher order":
        yield {**row, "effect": UNEXPLAINED}
    if measure == "main_effects" and row["effect"] == "interactions":
        yield {**row, "effect": UNEXPLAINED}


def lost_rows(measure: str, before: list[dict[str, Any]], now: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of an earlier table that today's table lacks.

    A single hyperparameter has no interactions: their row in ``main_effects``, all of it 0, is gone.
    """
    rows = [row for row in before if not (row.get("effect") == "interactions" and row["high"] == 0)]
    return [
        row for row in rows if not any(alike(form, other) for form in forms(measure, row) for other in now)
    ]


def test_the_study_file_has_the_trials_that_it_had(folder: pathlib.Path) -> None:
    table = pd.read_csv("trials.csv")
    planned = trials(Study.load("study.yaml"))
    store = Store("store.db")
    assert [trial.key for trial in planned] == list(store.trials("earlier")["key"])
    store.close()
    assert sorted(trial.key for trial in planned) == sorted(table["key"])
    assert {trial.key: trial.configuration["lr"] for trial in planned} == pytest.approx(
        dict(zip(table["key"], table["config/lr"], strict=True))
    )


def test_the_store_has_the_results_that_it_had(folder: pathlib.Path) -> None:
    store = Store("store.db")
    results = Results.from_store(store, "earlier")
    store.close()
    before = pd.read_parquet("trials.parquet")
    now = results.trials.set_index("key").loc[before["key"]].reset_index()
    pd.testing.assert_frame_equal(before, now[before.columns], check_dtype=False)
    assert set(before["status"]) == {"completed", "diverged"}
    assert len(results.epochs) == before["epochs_done"].sum()
    assert results.runs[0]["workers"] == 2


def test_running_the_study_again_trains_nothing(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["run", "study.yaml", "--store", "store.db", "--no-report"], monkeypatch) == 0
    assert "26 trials, 26 in the store, 0 to run" in capsys.readouterr().err
    listed = printed(["studies", "--store", "store.db"], monkeypatch, capsys)
    assert [study["name"] for study in listed] == ["earlier"]
    rows = printed(["trials", "--store", "store.db", "--status", "diverged"], monkeypatch, capsys)
    assert len(rows) == 9


@pytest.mark.slow
def test_every_measure_has_the_numbers_that_it_had(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = {}
    for measure, before in json.loads((folder / "measures.json").read_text()).items():
        if measure in SENTENCES:
            continue
        command = ["measure", measure, "--store", "store.db"]
        if isinstance(before, dict):
            assert run(command, monkeypatch) == 2, measure
            reason = before["refused"].partition(";")[0]
            assert reason in capsys.readouterr().err
        elif rows := lost_rows(measure, before, printed(command, monkeypatch, capsys)):
            lost[measure] = rows
    assert lost == {}


@pytest.mark.slow
def test_the_report_has_the_tables_that_it_had(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    printed(["report", "--store", "store.db", "--out", "report"], monkeypatch, capsys)
    before, now = pd.read_csv("trials.csv"), pd.read_csv("report/trials.csv")
    pd.testing.assert_frame_equal(before, now[before.columns])
    lost = {}
    for path in sorted(pathlib.Path("measures").glob("*.csv")):
        tables = [pd.read_csv(file).to_dict("records") for file in (path, "report" / path)]
        if path.stem == "refused":
            tables = [[{"measure": row["measure"]} for row in table] for table in tables]
        if rows := lost_rows(path.stem, *tables):
            lost[path.stem] = rows
    assert lost == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["trials.csv", "trials.parquet"])
def test_an_earlier_table_is_imported_with_the_numbers_that_it_had(
    name: str, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = json.loads((folder / "import.json").read_text())
    now = printed(["import", name, "--out", "report"], monkeypatch, capsys)
    assert lost_rows("overview", before["overview"], now["overview"]) == []
    assert [row["n"] for row in before["overview"]] == [row["n"] for row in now["overview"]]
