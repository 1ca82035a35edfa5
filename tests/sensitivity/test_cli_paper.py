"""``sensitivity paper``: what it prints and writes, and what it says to bad input."""

from __future__ import annotations

import json
import pathlib

import pytest

from sensitivity.store.store import Store
from sensitivity.study.planning import trials
from sensitivity.study.study import Study
from tests.contracts import report
from tests.sensitivity.command import run
from tests.sensitivity.paper_studies import as_claimed, noisy


@pytest.fixture
def stored(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Table 1 in a store, and a store with another study."""
    monkeypatch.chdir(tmp_path)
    loss = noisy(as_claimed, 0.01)
    other = Study(
        name="small",
        tasks=["autoencoder/digits"],
        variants=["sgd"],
        design={"kind": "grid", "points": 2},
        epochs=1,
    )
    for study, place in ((Study.preset("paper-table-1"), "sensitivity.sqlite"), (other, "other.sqlite")):
        planned, store = trials(study), Store(place)
        store.add_study(study.name, study.to_json(), planned)
        for each in planned:
            value = loss({"variant": each.variant, **each.configuration}, each.seed)
            store.record(each.key, initial_loss=1.0, reports=[report(each.epochs, "completed", value)])
        store.close()
    return tmp_path


@pytest.mark.slow
def test_the_command_prints_and_writes(
    stored: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["paper"], monkeypatch) == 0
    said = capfd.readouterr().out
    assert "report: runs/paper/paper.html" in said
    assert [line.split()[0] for line in said.splitlines() if "NAG is worse than CM" in line] == ["supported"]
    assert {each.name for each in (stored / "runs" / "paper").iterdir()} == {
        "paper.html", "paper.md", "claims.csv", "cells.csv", "agreement.csv", "shares.csv", "moves.csv", "carried.csv",
        "unsaid.csv",
    }  # fmt: skip
    page = (stored / "runs/paper/paper.html").read_text()
    assert "Figure 1. Momentum" in page
    assert "Figure 2." not in page
    assert "src=" not in page.partition("<body>")[2]
    assert run(["paper", "--study", "paper-table-1", "--out", "there", "--json"], monkeypatch) == 0
    read = json.loads(capfd.readouterr().out)
    assert {each["name"]: each["verdict"] for each in read["claims"]}[
        "correcting mu does not help"
    ] == "supported"
    assert [each["cells"] for each in read["agreement"]] == [8, 10, 24, 6, 6]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["paper", "--store", "other.sqlite"], "run one with `sensitivity run --preset paper-table-1`"),
        (["paper", "--store", "absent.sqlite"], "no store at"),
        (["paper", "--study", "paper-table-11"], "did you mean 'paper-table-1'?"),
        (["paper", "--out", "other.sqlite"], "is not a writable folder"),
    ],
)
def test_bad_input_is_one_line(
    stored: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    assert run(arguments, monkeypatch) == 2
    said = capfd.readouterr().err
    assert message in said
    assert said.count("\n") == 1
