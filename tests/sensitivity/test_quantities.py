"""Every printed number has the id of its quantity, and equals the cell of the table that the id names."""

from __future__ import annotations

import json
import pathlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

import pytest

from sensitivity.command.terminal import conclude
from sensitivity.dashboard import words
from sensitivity.exchange.from_tables import from_table
from sensitivity.measures import Measured
from sensitivity.measures.stored_tables import with_stored_tables
from sensitivity.measures.verdicts import UNDECIDED
from sensitivity.questions import QUESTIONS
from sensitivity.questions.overview import BRIEF, how_to_read, overview
from sensitivity.questions.quantities import KINDS
from sensitivity.questions.summary import caveats, summary
from sensitivity.reporting.contents import Chapter, chapters
from sensitivity.reporting.markdown import _text, markdown
from sensitivity.reporting.page import page
from sensitivity.reporting.provenance import lead
from sensitivity.results.demo import MEASURES, demo
from sensitivity.service.answering import Ask, answer
from sensitivity.text.quantities import END, MIDDLE, START, Text, names_of, parts_of
from tests.sensitivity.odd_tables import odd_table
from tests.sensitivity.quantities import NUMBER, Printed, Tables, fits, unnamed
from tests.sensitivity.questions.test_decided import made as with_default_settings

TEXTS = {"li", "td", "th", "dd", "p", "caption", "summary", "pre", "figcaption", "h1", "h2", "h3", "h4", "h5"}
"""Elements of a page with sentences, cells, titles and captions."""
NAMES = {"h1", "h2"}
"""Titles that are names which somebody chose: those of studies and tasks."""
TASK = "mlp/digits"


@pytest.fixture(scope="module")
def measured() -> Measured:
    return with_stored_tables(demo(), MEASURES)


@pytest.fixture(scope="module")
def tables(measured: Measured) -> Tables:
    return Tables(measured)


@pytest.fixture(scope="module")
def contents(measured: Measured) -> list[Chapter]:
    return chapters(measured)


@pytest.fixture(scope="module")
def printed(measured: Measured, contents: list[Chapter]) -> list[tuple[str, str, tuple[str, ...]]]:
    """The texts of the report of the demo study, folded ones included."""
    return Printed(page(measured, contents)).texts


def test_no_number_of_a_report_is_without_a_quantity(
    printed: list[tuple[str, str, tuple[str, ...]]],
) -> None:
    assert sum(bool(name) for _, name, _ in printed) > 4_000
    left = [
        text
        for text, name, tags in printed
        if not name and NUMBER.search(text) and TEXTS & {*tags} and not NAMES & {*tags}
    ]
    assert not left


def test_every_quantity_of_a_report_is_the_cell_that_its_id_names(
    printed: list[tuple[str, str, tuple[str, ...]]], tables: Tables
) -> None:
    complaints = [tables.complaint(text.replace("\n", " "), name) for text, name, _ in printed if name]
    assert not list(filter(None, complaints))


def test_a_number_that_is_no_cell_is_the_same_everywhere(
    printed: list[tuple[str, str, tuple[str, ...]]],
) -> None:
    texts = defaultdict(set)
    for text, name, _ in printed:
        if name and names_of(name)[0] in KINDS and name != "count/more":
            texts[name].add(text)
    assert {name: found for name, found in texts.items() if len(found) > 1} == {}


def test_counts_of_a_report_are_those_of_the_study(
    printed: list[tuple[str, str, tuple[str, ...]]], measured: Measured
) -> None:
    counts = {name: text for text, name, _ in printed if name.startswith("count/")}
    results, verdicts = measured.results, measured.verdicts
    task = "mlp%2Fdigits"
    assert counts["count/trials"] == counts["count/ran"] == f"{len(results.all_trials)} trials"
    assert counts["count/trials/completed"] == str((results.all_trials["status"] == "completed").sum())
    assert counts["count/variants"] == counts[f"count/variants/{task}"] == str(len(results.spaces))
    assert counts["count/seeds"] == f"{results.trials['seed'].nunique()} seeds"
    assert counts[f"count/pairs/{task}"] == str(len(verdicts))
    assert counts[f"count/decided/{task}"] == str((verdicts["verdict"] != UNDECIDED).sum())
    assert counts[f"count/epochs/{task}"] == str(results.epochs["epoch"].max())


def test_the_api_the_terminal_and_markdown_print_the_same_values(
    measured: Measured,
    contents: list[Chapter],
    tables: Tables,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (found,) = json.loads(answer(measured, Ask("quickstart", "verdict")))["tasks"]
    sentences = summary(measured, TASK)
    assert found["sentences"] == sentences
    cells = {name: text for sentence in sentences for text, name in parts_of(sentence) if name}
    variant, place = found["variant"], f"mlp%2Fdigits/{found['variant']}"
    assert fits(cells[f"overview/{place}/observed/metric"], [found["value"]])
    assert cells[f"overview/{place}/seeds"] == str(found["seeds"])
    for name, value in found["configuration"].items():
        assert fits(cells[f"overview/{place}/configuration/{name}"], [value])
    for end in ("first", "last"):
        assert float(cells[f"valley/{place}/{end}"]) == float(f"{found['good_range'][end]:.2g}")
    for name, of in ((f"miss_cost/{place}/3.0/value", "miss"), (f"regret/{place}/default", "default")):
        assert fits(cells[name], [found[of][end] for end in ("value", "low", "high")])
    for name, value in found["default"]["configuration"].items():
        assert fits(cells[f"setting/default/{variant}/{name}"], [value])

    written, shown = markdown(measured, contents, {}), overview(measured, TASK)
    conclude(measured, tmp_path, False)
    output = capsys.readouterr().out
    for sentence in sentences:
        assert f"- {sentence}\n" in output
        assert f"- {_text(sentence)}\n" in written
    for column in shown.columns:
        for cell in shown[column]:
            assert not unnamed(cell)
            assert f"| {_text(cell)} |" in written
            assert column not in BRIEF or cell in output
            for text, name in parts_of(cell):
                assert not name or not tables.complaint(text, name)
    for text in (output, written, json.dumps(found)):
        assert not {START, MIDDLE, END} & {*text}


def sentences_of(measured: Measured) -> Iterator[str]:
    """Every sentence and every cell of the first table that a report of a study may print."""
    for task in dict.fromkeys(task for task, _ in measured.results.groups):
        yield from summary(measured, task)
        yield how_to_read(measured, task)
        for column in overview(measured, task).items():
            yield from column[1]
        for question in QUESTIONS:
            reason = question.reason_against(measured, task)
            yield from [reason] if reason else question.sentences(measured, task)
    yield from caveats(measured)


ODD = [*range(12), *(pytest.param(number, marks=pytest.mark.slow) for number in range(12, 100))]


def odd_study(number: int) -> Measured:
    """A table of the awkward catalogue; every second one has a metric that is maximised."""
    table, _ = odd_table(number)
    if number % 2:
        renamed = table.rename(columns={"loss": "score"})
        return Measured(from_table(renamed, metric="score", direction="max", empty="diverged"))
    return Measured(from_table(table, direction="min", empty="diverged"))


@pytest.mark.parametrize("number", ODD)
def test_every_number_of_an_odd_table_has_a_quantity_and_is_its_cell(number: int) -> None:
    measured = odd_study(number)
    tables = Tables(measured)
    for sentence in sentences_of(measured):
        assert not unnamed(sentence), sentence
        complaints = [tables.complaint(text, name) for text, name in parts_of(sentence) if name]
        assert not list(filter(None, complaints)), sentence
    assert not measured.failures


def test_a_text_is_the_same_after_a_process_has_sent_it() -> None:
    import pickle

    text = Text(f"adam {START}regret/a{MIDDLE}25%{END} of it")
    sent = pickle.loads(pickle.dumps(text))
    assert (sent, sent.parts) == (text, text.parts)
    assert sent == "adam 25% of it"


def test_trials_of_default_settings_count_in_every_sentence_on_the_run() -> None:
    """The first line, the course of the run and the caveats count the same trials."""
    made = with_default_settings(0.3, 0.31, 0.32)
    defaults = made.defaults.assign(status=["failed", "completed", "completed"])
    measured = Measured(replace(made, defaults=defaults))
    total = len(measured.results.all_trials)
    assert f"{total} trials ({total - 1} completed, 1 failed)" in lead(measured.results)
    assert any(text.startswith(f"1 of {total} trials failed") for text in caveats(measured))


def test_the_dashboard_prints_the_sentences_with_their_ids(measured: Measured) -> None:
    for sentence in [*summary(measured, TASK), how_to_read(measured, TASK)]:
        shown = words.with_quantities(sentence)
        spans = [part for part in shown if not isinstance(part, str)]
        assert "".join(getattr(part, "children", part) for part in shown) == sentence
        assert [getattr(span, "data-quantity") for span in spans] == [
            name for _, name in parts_of(sentence) if name
        ]
    frame = words.frame(overview(measured, TASK), caption="variants").to_plotly_json()
    assert "regret/mlp%2Fdigits/nadam/tuned" in json.dumps(frame, default=lambda part: part.to_plotly_json())
