"""One question has one answer: every measure and every figure is the same from Python, from the service and
on the dashboard."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable, Iterator

import pandas as pd
import pytest

from sensitivity.dashboard import drawing, measure_page
from sensitivity.measures import Measured
from sensitivity.measures.named import measures
from sensitivity.questions import QUESTIONS
from sensitivity.readers.source import Source
from sensitivity.readers.view import View
from sensitivity.results.results import Results
from sensitivity.service.answering import Ask, answer, drawings
from sensitivity.service.measuring import listed
from sensitivity.service.problems import Missing
from sensitivity.store.store import Store
from sensitivity.text.csv_text import csv_text
from tests.contracts import report
from tests.sensitivity.dashboard import stored
from trainables.names import InputError

LONG = 6
"""Epochs of a trial: so many that a measure of the course differs from one of the end."""
TASKS = ("autoencoder/digits", "logistic/digits")
NAMES = [measure.name for measure in listed() if not any(argument.required for argument in measure.arguments)]
FIGURES = list(drawings())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A study of two tasks, in which sgd comes down by epoch 3 and adam by epoch 6."""
    path = tmp_path_factory.mktemp("store") / "s.sqlite"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored, "EPOCHS", LONG)
        _fill(path)
    return path


def _fill(path: pathlib.Path) -> None:
    every = []
    for task in TASKS:
        store, trials = stored.plan(path, variants=("sgd", "adam"), task=task, points={"lr": 3, "mu": 2})
        every += trials
        for trial in trials:
            last = 0.05 + 0.02 * abs(float(trial.configuration["lr"]) - 0.03) + 0.003 * trial.seed
            fast = trial.variant == "sgd"
            losses = [
                1.0 + (last - 1.0) * min(1.0, epoch / (3 if fast else LONG)) for epoch in range(1, LONG + 1)
            ]
            reports = [
                report(epoch, "completed" if epoch == LONG else "running", loss)
                for epoch, loss in enumerate(losses, start=1)
            ]
            store.record(trial.key, initial_loss=1.0, reports=reports)
        spec = json.loads(store.study("watched")) | {"tasks": list(TASKS), "epochs": LONG}
        store.add_study("watched", json.dumps(spec), every, replace=True)
        store.close()


@pytest.fixture(scope="module")
def source(place: pathlib.Path) -> Iterator[Source]:
    source = Source(str(place), patience=120.0)
    yield source
    source.close()


@pytest.fixture(scope="module")
def results(place: pathlib.Path) -> Iterator[Results]:
    store = Store(place, create=False)
    yield Results.from_store(store, "watched")
    store.close()


@pytest.fixture(scope="module")
def measured(results: Results) -> Measured:
    return Measured(results)


def served(source: Source, ask: Ask) -> str:
    """The answer of the service: of measures that come from a source."""
    return source.measured(View(name="watched"), lambda measured: answer(measured, ask), ask)


def test_epochs_to_a_target_are_counted_along_the_course(source: Source) -> None:
    table = json.loads(served(source, Ask("watched", "measure", "epochs_to_target")))
    assert {row["variant"]: row["value"] for row in table["rows"]} == {"sgd": 3, "adam": 6}
    assert len(table["rows"]) == 4


@pytest.mark.parametrize("name", NAMES)
def test_a_measure_is_the_same(name: str, source: Source, measured: Measured) -> None:
    own = _table_or_reason(
        lambda: (
            measured.table_named(name) if name in vars(type(measured)) else measures()[name](measured.results)
        )
    )
    text = _table_or_reason(lambda: served(source, Ask("watched", "measure", name, format="csv")))
    assert text == own


@pytest.mark.parametrize("name", sorted(measure_page.TABLES))
def test_a_table_of_the_dashboard_is_the_same(name: str, source: Source, measured: Measured) -> None:
    for task in TASKS:
        question = next(question for question in QUESTIONS if question.key == measure_page.TABLES[name])
        shown = measure_page.measured_table(source, View(name="watched", task=task), name)
        assert csv_text(shown) == csv_text(question.table(name, measured, task))


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_the_same(name: str, source: Source, measured: Measured) -> None:
    question, draw = drawings()[name]
    for task in TASKS:
        own = (
            draw(measured, task) if question.applies(measured, task) and draw.needs(measured, task) else None
        )
        try:
            text = served(source, Ask("watched", "figure", name, task=task))
        except Missing:
            text = None
        shown = drawing.drawn(source, View(name="watched", task=task), f"{question.key}:{name}")[1].text
        if own is None:
            assert text is None
            assert shown is None
        else:
            assert text is not None
            assert shown is not None
            assert json.loads(text) == json.loads(own.to_json())
            assert json.loads(shown)["data"] == json.loads(own.to_json())["data"]


def _table_or_reason(measure: Callable[[], pd.DataFrame | str]) -> str:
    try:
        table = measure()
    except InputError as refusal:
        return str(refusal)
    return table if isinstance(table, str) else csv_text(table)
