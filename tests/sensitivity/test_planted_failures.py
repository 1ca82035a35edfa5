"""A measure, a figure or a sentence that fails costs its own place: the report and the pages are written,
with the reason."""

from __future__ import annotations

import logging
import pathlib
from dataclasses import replace
from functools import cached_property
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pytest

from sensitivity.measures import Measured, estimators
from sensitivity.measures.estimators import ESTIMATORS
from sensitivity.measures.guard import ComputationFailed, guarded_table
from sensitivity.questions import QUESTIONS
from sensitivity.questions.summary import caveats
from sensitivity.reporting import write_report
from sensitivity.reporting.contents import chapters
from sensitivity.reporting.page import page
from sensitivity.results.results import Results
from tests.sensitivity.quantities import without_ids
from tests.sensitivity.tables import noisy, results

TABLES = sorted(name for name, attribute in vars(Measured).items() if isinstance(attribute, guarded_table))
FIGURES = [(question.key, drawing.name) for question in QUESTIONS for drawing in question.figures]
PIECES = [(question.key, place) for question in QUESTIONS for place in range(len(question.pieces))]


def planted(*arguments: Any, **named: Any) -> Any:
    raise RuntimeError("planted")


@pytest.fixture(scope="module")
def study() -> Results:
    return results(noisy(0.05), variants=("adam", "cm"))


@pytest.fixture(scope="module")
def measured(study: Results) -> Measured:
    """Everything measured once; a test takes away what it lets fail, and what was computed of that."""
    complete = Measured(study)
    for name in TABLES:
        complete.table_named(name)
    return complete


def without(measured: Measured, *names: str) -> Measured:
    """The same with all tables but some measured already."""
    fresh = Measured(measured.results)
    vars(fresh).update(
        {name: table for name, table in vars(measured).items() if name in TABLES and name not in names}
    )
    return fresh


def pages(measured: Measured) -> str:
    return without_ids(page(measured, chapters(measured)))


def said_once(text: str, name: str) -> None:
    reason = f"{name} could not be computed (RuntimeError: planted)"
    assert text.count(f"<li>{reason}; whatever needs it is left out.</li>") == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in TABLES if name != "overview"])
def test_each_measure(
    measured: Measured, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = guarded_table(planted)
    broken.__set_name__(Measured, name)
    monkeypatch.setattr(Measured, name, broken)
    fresh = without(measured, name, "overview", "sensitivity")
    cheap = tuple(
        replace(
            question,
            figures=tuple(
                replace(drawing, draw=_drawing(drawing.name, fails=False)) for drawing in question.figures
            ),
        )
        for question in QUESTIONS
    )
    monkeypatch.setattr("sensitivity.reporting.contents.QUESTIONS", cheap)
    with caplog.at_level(logging.CRITICAL, "sensitivity"):
        assert "planted" in fresh.table_named(name).attrs["refused"]
        text = pages(fresh)
    assert set(fresh.failures) == {name}
    assert 'class="plot"' in text
    said_once(text, name)


@pytest.mark.slow
def test_the_whole_report_of_a_measure_that_fails(
    study: Results, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensitivity.measures.measured.danger_zone", planted)
    monkeypatch.setattr("sensitivity.measures.excess.best_loss", planted)
    write_report(study, tmp_path)
    for file in ("report.html", "report.md"):
        text = (tmp_path / file).read_text(encoding="utf-8")
        for name in ("danger_zone", "best_loss"):
            assert (
                text.replace("\\", "").count(
                    f"{name} could not be computed (RuntimeError: planted); whatever"
                )
                == 1
            )
    refused = pd.read_csv(tmp_path / "measures" / "refused.csv").set_index("measure")
    assert "planted" in refused.loc["danger_zone", "reason"]
    assert (tmp_path / "measures" / "lr_curve.csv").exists()
    assert "tab:task-1-overview" in (tmp_path / "tables.tex").read_text(encoding="utf-8")


@pytest.mark.parametrize(("key", "name"), FIGURES)
def test_each_figure(measured: Measured, key: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    question = next(question for question in QUESTIONS if question.key == key)
    figures = tuple(
        replace(drawing, draw=_drawing(drawing.name, fails=drawing.name == name))
        for drawing in question.figures
    )
    fresh, task = without(measured), measured.results.groups[0][0]
    if not question.applies(fresh, task):
        return
    drawn = [drawing.name for drawing in question.drawn(fresh, task)]
    monkeypatch.setattr("sensitivity.reporting.contents.QUESTIONS", (replace(question, figures=figures),))
    text = pages(fresh)
    assert text.count('class="plot"') == len([other for other in drawn if other != name])
    assert set(fresh.failures) == ({f"figure {name}"} if name in drawn else set())
    if name in drawn:
        said_once(text, f"figure {name}")


def _drawing(name: str, *, fails: bool) -> Any:
    """A figure that costs nothing, or one that fails."""

    def draw(measured: Measured, task: str) -> go.Figure:
        if fails:
            raise RuntimeError("planted")
        return go.Figure(layout={"title": {"text": name, "subtitle": {"text": ""}}})

    draw.__name__ = name
    return draw


@pytest.mark.parametrize(("key", "place"), PIECES)
def test_each_piece_of_an_answer(
    measured: Measured, key: str, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = next(question for question in QUESTIONS if question.key == key)
    fresh, task = without(measured), measured.results.groups[0][0]
    whole = [piece(fresh, task) if question.applies(fresh, task) else [] for piece in question.pieces]
    broken = replace(
        question,
        pieces=tuple(
            _drawing("broken", fails=True) if i == place else piece for i, piece in enumerate(question.pieces)
        ),
    )
    if not question.applies(fresh, task):
        return
    assert broken.sentences(fresh, task) == [
        sentence for i, piece in enumerate(whole) if i != place for sentence in piece
    ]
    reason = f"sentences on {key} (broken) could not be computed (RuntimeError: planted)"
    assert caveats(fresh)[-1] == f"{reason}; whatever needs it is left out."


@pytest.mark.parametrize("key", [question.key for question in QUESTIONS])
def test_each_reason_against_a_question_and_each_table(
    measured: Measured, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    question, task = (
        next(question for question in QUESTIONS if question.key == key),
        measured.results.groups[0][0],
    )
    fresh = without(measured)
    broken = replace(question, why_not=planted, tables=tuple((name, planted) for name, _ in question.tables))
    assert (
        broken.reason_against(fresh, task) == f"question {key} could not be computed (RuntimeError: planted)."
    )
    for name, _ in question.tables:
        table = broken.table(name, fresh, task)
        assert table.empty
        assert "planted" in table.attrs["refused"]


@pytest.mark.parametrize("name", list(ESTIMATORS))
def test_each_estimator(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    small = results(noisy(0.05), variants=("adam",))
    others = estimators(small)
    monkeypatch.setitem(ESTIMATORS, name, planted)
    table = estimators(small)
    row = table[table["estimator"] == name].iloc[0]
    assert row["note"] == f"{name} could not be computed (RuntimeError: planted)"
    pd.testing.assert_series_equal(
        table[table["estimator"] != name]["value"].reset_index(drop=True),
        others[others["estimator"] != name]["value"].reset_index(drop=True),
    )


def test_a_failure_is_raised_to_whatever_needs_it_and_logged_once(
    study: Results, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Measured):
        @guarded_table
        def best_loss(self) -> pd.DataFrame:
            raise ZeroDivisionError("division by zero")

    assert issubclass(guarded_table, cached_property)
    measured = Broken(study)
    for _ in range(2):
        with pytest.raises(ComputationFailed, match="best_loss could not be computed"):
            _ = measured.best_loss
    assert len(caplog.records) == 1
    assert not measured.overview.empty
