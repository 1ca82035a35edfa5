"""The demo study: it is a finished run of the preset, small, and read as any store is."""

from __future__ import annotations

import pathlib

import pandas as pd
import pytest
import yaml

import sensitivity
from sensitivity.measures import Measured
from sensitivity.measures.stored_tables import from_bytes, is_current, save_tables, with_stored_tables
from sensitivity.results.demo import FOLDER, MEASURES, STUDY, copy_demo, demo
from sensitivity.results.loading import load
from sensitivity.results.results import Results
from sensitivity.store.parquet import FILED, rows_of
from sensitivity.store.store import Store
from sensitivity.store.tables import ANNOTATIONS
from sensitivity.study.planning import trials
from sensitivity.study.study import Study
from trainables.names import InputError

MOST_BYTES = 1_000_000


@pytest.fixture(scope="module")
def results() -> Results:
    return demo()


def test_it_is_small_and_says_where_it_comes_from() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < MOST_BYTES
    made = (FOLDER / "MADE.md").read_text(encoding="utf-8")
    assert all(
        f"- {word}: " in made for word in ("Study", "Run", "Machine", "Versions", "Commit", "Written by")
    )
    assert "sensitivity run --preset quickstart" in made
    assert Study.load(FOLDER / "study.yaml") == Study.preset(STUDY)


def test_its_tables_are_those_of_a_store() -> None:
    """A change of the store's tables needs the rows anew: ``python -m tests.demo_study``."""
    for table in FILED:
        rows = rows_of(FOLDER, table)
        assert (table is ANNOTATIONS) != bool(rows), table.name
        assert all(set(row) == set(table.c.keys()) for row in rows), table.name


def test_it_is_a_whole_run_of_the_preset(results: Results) -> None:
    planned = trials(Study.preset(STUDY))
    every = results.all_trials
    assert set(every["key"]) == {trial.key for trial in planned}
    assert len(every) == len(planned)
    assert set(every["status"]) <= {"completed", "diverged"}
    assert every["loss"].notna().all()
    assert not results.defaults.empty
    assert len(results.epochs) == 3 * len(planned)
    assert results.runs[0]["hosts"] == ["localhost"]


def test_a_store_that_it_is_copied_to_has_the_same_results(results: Results, tmp_path: pathlib.Path) -> None:
    for _ in range(2):
        copy_demo(tmp_path / "s.sqlite")
    copied = load(tmp_path / "s.sqlite", STUDY)
    pd.testing.assert_frame_equal(copied.trials, results.trials)
    pd.testing.assert_frame_equal(copied.epochs, results.epochs)
    assert copied.spaces == results.spaces


def test_another_study_of_the_name_stays(tmp_path: pathlib.Path) -> None:
    other = Study(
        name=STUDY, tasks=["mlp/digits"], variants=["sgd"], design={"kind": "grid", "points": 2}, epochs=1
    )
    store = Store(tmp_path / "s.sqlite")
    store.add_study(STUDY, other.to_stored(), trials(other))
    store.close()
    with pytest.raises(InputError, match="'quickstart' is another one"):
        copy_demo(tmp_path / "s.sqlite")
    assert len(load(tmp_path / "s.sqlite", STUDY).trials) == 2


def test_no_folder_for_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(**options: str) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("sensitivity.store.parquet.tempfile.TemporaryDirectory", none)
    with pytest.raises(InputError, match=r"no folder for temporary files: No usable .*; set TMPDIR"):
        demo()


def test_it_is_public() -> None:
    assert sensitivity.demo is demo
    assert yaml.safe_load((FOLDER / "study.yaml").read_text(encoding="utf-8"))["name"] == STUDY


@pytest.mark.slow
def test_its_measures_are_those_that_the_code_computes(results: Results) -> None:
    """Tables of earlier code are not used, so there is nothing to hold them to."""
    if not is_current(MEASURES):
        pytest.skip("sensitivity/measures has changed since: python -m tests.demo_study")
    computed = Measured(results)
    for path in MEASURES.glob("*.parquet"):
        pd.testing.assert_frame_equal(from_bytes(path.read_bytes()), computed.table_named(path.stem))


def test_stored_tables_are_used_only_by_the_code_that_measured_them(
    results: Results, tmp_path: pathlib.Path
) -> None:
    measured = Measured(results)
    for name in MEASURES.glob("*.parquet"):
        vars(measured)[name.stem] = from_bytes(name.read_bytes())
    save_tables(measured, tmp_path)
    assert vars(with_stored_tables(results, tmp_path))["best_loss"].equals(measured.best_loss)
    refused = vars(with_stored_tables(results, tmp_path))["transfer_regret"]
    assert "at least two tasks" in refused.attrs["refused"]
    (tmp_path / "digest.txt").write_text("of earlier code")
    assert "best_loss" not in vars(with_stored_tables(results, tmp_path))
    assert "best_loss" not in vars(with_stored_tables(results, tmp_path / "nowhere"))
