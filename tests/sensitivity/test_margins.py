"""The margin of a study: kept by every form of it, no part of a trial, and changed in the open."""

from __future__ import annotations

import json
import math
import pathlib
from typing import Any

import pytest

from sensitivity.command.main import BAD_INPUT
from sensitivity.measures.estimates import stakes
from sensitivity.measures.verdicts import margin_of, verdicts
from sensitivity.results.results import Results
from sensitivity.store.store import Store
from sensitivity.study.planning import trials
from sensitivity.study.study import Study, with_changes
from tests.contracts import report
from tests.sensitivity.command import SPEC as SMALL
from tests.sensitivity.command import run
from trainables.names import InputError

SPEC: dict[str, Any] = {
    "name": "s",
    "tasks": ["autoencoder/digits"],
    "variants": ["sgd", "adam"],
    "design": {"kind": "grid", "points": {"lr": 3}},
    "seeds": 3,
    "epochs": 1,
}
STUDY = Study(**SPEC, margin=0.002)


def filled(store: Store, study: Study) -> None:
    """Give every trial of the study a loss."""
    store.add_study(study.name, study.to_stored(), trials(study), replace=True)
    for place, trial in enumerate(trials(study)):
        store.record(trial.key, initial_loss=1.0, reports=[report(1, "completed", 0.2 + 0.01 * (place % 5))])


def test_every_form_of_a_study_keeps_it(tmp_path: pathlib.Path) -> None:
    (tmp_path / "s.yaml").write_text(f"{STUDY.to_yaml()}")
    for read in (
        Study.from_yaml(STUDY.to_yaml()),
        Study.from_json(STUDY.to_json()),
        Study.from_stored(STUDY.to_stored()),
        Study.load(tmp_path / "s.yaml"),
    ):
        assert read.margin == 0.002
    assert "margin" not in Study(**SPEC).to_yaml()
    assert with_changes(Study(**SPEC), margin=0.1).margin == 0.1


def test_it_is_no_part_of_a_trial() -> None:
    assert [trial.key for trial in trials(STUDY)] == [trial.key for trial in trials(Study(**SPEC))]


@pytest.mark.parametrize("margin", [0, -0.1, math.nan, math.inf, True, "0.1", [0.1], 10**400])
def test_what_is_no_margin_is_refused(margin: Any) -> None:
    with pytest.raises(InputError, match=r"margin must be .* a finite number above 0; got") as raised:
        Study(**SPEC, margin=margin)
    assert "\n" not in str(raised.value)


def test_the_command_refuses_it_in_one_line(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    pathlib.Path("small.yaml").write_text(SMALL)
    assert run(["run", "small.yaml", "--margin", "0"], monkeypatch) == BAD_INPUT
    said = capfd.readouterr().err
    assert said.startswith("Error: margin must be")
    assert said.count("\n") == 1


def test_verdicts_read_it_from_the_store(tmp_path: pathlib.Path) -> None:
    store = Store(tmp_path / "s.sqlite")
    filled(store, STUDY)
    results = Results.from_store(store, "s")
    store.close()
    assert results.spec["margin"] == 0.002
    assert margin_of(results, stakes(results)["autoencoder/digits"], None) == 0.002
    assert set(verdicts(results)["margin"]) == {0.002}


def test_a_margin_that_is_changed_before_there_are_results_replaces_the_other(tmp_path: pathlib.Path) -> None:
    store = Store(tmp_path / "s.sqlite")
    for study in (STUDY, with_changes(STUDY, margin=0.1)):
        store.add_study("s", study.to_stored(), trials(study), replace=True)
    assert json.loads(store.study("s")) == json.loads(with_changes(STUDY, margin=0.1).to_stored())
    store.close()


def test_a_store_of_before_goes_on_and_keeps_every_margin(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    pathlib.Path("small.yaml").write_text(SMALL)
    store = Store("sensitivity.sqlite")
    filled(store, Study.from_yaml(SMALL))
    store.close()
    command = ["run", "small.yaml", "--no-report"]
    assert run(command, monkeypatch) == 0
    assert "margin" not in capfd.readouterr().err
    for margin, was in (("0.1", "none"), ("0.2", "0.1")):
        assert run([*command, "--margin", margin], monkeypatch) == 0
        said = capfd.readouterr().err
        assert f"the margin was changed from {was} to {margin} after results were seen" in said
        assert sum("margin" in line for line in said.splitlines()) == 1
    store = Store("sensitivity.sqlite")
    assert json.loads(store.study("small"))["earlier_margins"] == [None, 0.1]
    results = Results.from_store(store, "small")
    store.close()
    assert (results.spec["margin"], results.spec["earlier_margins"]) == (0.2, [None, 0.1])
    assert Study.from_stored(json.dumps(results.spec)).margin == 0.2
