"""The report: complete, self-contained, and safe whatever a study is called."""

from __future__ import annotations

import html
import io
import json
import math
import pathlib
import re
import subprocess
import sys
import types
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from sensitivity import from_table
from sensitivity.figures import colours, effect_shares, learning_curves, lr_curves, performance_sensitivity
from sensitivity.figures.column import COLUMN
from sensitivity.measures import Measured
from sensitivity.questions import QUESTIONS
from sensitivity.questions.summary import caveats, other_caveats, summary
from sensitivity.reporting import write_report
from sensitivity.reporting.contents import Chapter, chapters
from sensitivity.reporting.markdown import _text
from sensitivity.results.results import Results
from tests.sensitivity.quantities import without_ids
from tests.sensitivity.tables import INITIAL, bowl, noisy, results
from trainables.names import InputError

TASK = "autoencoder/digits"


def partly_diverging(configuration: Mapping[str, Any], seed: int) -> float:
    return (
        math.inf
        if configuration["lr"] == 1.0 and configuration["variant"] == "nadam"
        else bowl(configuration, seed) + 0.01 * seed
    )


@pytest.fixture(scope="module")
def measured() -> Measured:
    return Measured(results(partly_diverging, variants=("adam", "nadam")))


def test_the_lr_figure_draws_every_trial_once_with_diverged_ones_at_the_edge(measured: Measured) -> None:
    figure = lr_curves(measured, TASK)
    trials = [trace for trace in figure.data if trace.mode == "markers"]
    assert sum(len(trace.x) for trace in trials) == len(measured.results.trials)
    crosses = [trace for trace in trials if "diverged" in trace.name]
    assert sum(len(trace.x) for trace in crosses) == 6
    assert all(y == INITIAL for trace in crosses for y in trace.y)
    assert (
        {axis.type for axis in figure.select_xaxes()}
        == {axis.type for axis in figure.select_yaxes()}
        == {"log"}
    )
    assert [note.text for note in figure.layout.annotations if note.text in ("adam", "nadam")] == [
        "adam",
        "nadam",
    ]


def test_the_plane_shows_each_variant_with_the_intervals_of_the_measures(measured: Measured) -> None:
    figure = performance_sensitivity(measured, TASK)
    table = measured.lr_sensitivity.set_index("variant")
    for trace in figure.data:
        row = table.loc[trace.name]
        assert trace.x[0] == row["value"]
        assert trace.x[0] + trace.error_x.array[0] == pytest.approx(row["high"])
        assert trace.x[0] - trace.error_x.arrayminus[0] == pytest.approx(row["low"])
        assert trace.marker.color == colours(measured.results.spaces)[trace.name]


def test_effects_have_a_panel_each_and_a_point_for_each_variant(measured: Measured) -> None:
    figure = effect_shares(measured, TASK)
    assert [note.text for note in figure.layout.annotations] == ["lr", "mu", "interactions", "seed noise"]
    assert all(sorted(trace.y) == ["adam", "nadam"] for trace in figure.data)


def test_learning_curves_begin_at_the_initial_loss(measured: Measured) -> None:
    lines = [trace for trace in learning_curves(measured, TASK).data if trace.name]
    assert [trace.name for trace in lines] == ["adam", "nadam"]
    assert all(list(trace.x) == [0, 1, 2] and trace.y[0] == INITIAL for trace in lines)


@pytest.fixture(scope="module")
def written(measured: Measured, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return write_report(measured, tmp_path_factory.mktemp("report") / "out").parent


def figures(measured: Measured) -> list[str]:
    """The figures of all questions that these results can answer."""
    answered = [question for question in QUESTIONS if question.applies(measured, TASK)]
    return [drawing.name for question in answered for drawing in question.drawn(measured, TASK)]


def without_scripts(page: str) -> str:
    return without_ids(re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL))


@pytest.mark.slow
def test_the_page_is_one_file_that_asks_for_nothing(measured: Measured, written: pathlib.Path) -> None:
    page = (written / "report.html").read_text()
    body = without_scripts(page)
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!#)|url\(|@import""", body)
    assert "cdn.plot.ly" not in body
    assert page.count('class="plot"') == len(figures(measured))
    for sentence in summary(measured, TASK):
        assert sentence in (written / "report.md").read_text()
        assert html.escape(sentence).replace("&#x27;", "&#39;") in body


def test_the_page_can_be_found_ones_way_in_and_heard(measured: Measured, written: pathlib.Path) -> None:
    body = without_scripts((written / "report.html").read_text())
    names = re.findall(r'\bid="([^"]+)"', body)
    assert len(names) == len(set(names))
    assert set(re.findall(r'(?:href="#|aria-labelledby=")([^"]+)"', body)) <= set(names)
    assert {question.title for question in QUESTIONS if question.applies(measured, TASK)} <= set(
        re.findall(r"<summary><h4>([^<]+)</h4>", body)
    )
    plots = re.findall(r'<div class="plot"[^>]*role="figure" aria-label="([^"]+)"', body)
    assert len(plots) == len(figures(measured))
    assert all(len(label) > 60 for label in plots)
    assert body.count("<table") == body.count("<caption")
    assert not re.findall(r"<th(?! scope)[ >]", body)


def test_a_table_of_the_page_is_downloaded_as_it_was_measured(
    measured: Measured, written: pathlib.Path
) -> None:
    page = (written / "report.html").read_text()
    held = dict(
        re.findall(
            r'data-csv="(\w+)".*?<script type="application/json">(.*?)</script>', page, flags=re.DOTALL
        )
    )
    for name in ("lr_sensitivity", "budget_within", "comparisons"):
        table = pd.read_csv(io.StringIO(json.loads(held[name])), keep_default_na=False)
        expected = getattr(measured, name)
        assert list(table.columns) == list(expected.columns)
        assert list(table["value"]) == list(expected["value"])
    trials = pd.read_csv(io.StringIO(json.loads(held["trials"])))
    assert list(trials["loss"]) == list(measured.results.trials["loss"])


def test_every_measure_lies_beside_the_report(measured: Measured, written: pathlib.Path) -> None:
    for name in ("overview", "variance_shares", "tunability", "expected_best"):
        expected = getattr(measured, name)
        assert list(pd.read_csv(written / "measures" / f"{name}.csv").columns) == list(expected.columns)
        assert len(pd.read_parquet(written / "measures" / f"{name}.parquet")) == len(expected)
    refused = pd.read_csv(written / "measures" / "refused.csv").set_index("measure")["reason"]
    assert "two tasks" in refused["transfer_regret"]


def test_tables_for_latex_have_the_words_of_the_report(written: pathlib.Path) -> None:
    text = (written / "tables.tex").read_text()
    assert text.count("\\toprule") == text.count("\\bottomrule") == text.count("\\begin{table}") > 5
    assert "good range" in text
    assert not re.findall(r"(?<!\\)[%&#_](?=\d)|(?<!\\)_[a-z]", re.sub(r"(?m)^%.*$|\\label\{.*?\}", "", text))


@pytest.mark.slow
def test_a_report_with_pictures(
    measured: Measured, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "kaleido", None)
        with pytest.raises(InputError, match="need kaleido"):
            write_report(measured, tmp_path / "none", png=True)
        assert not (tmp_path / "none").exists()
    kaleido, asked = types.ModuleType("kaleido"), []
    kaleido.write_fig_from_object_sync = lambda drawn, **options: asked.append((drawn, options))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kaleido", kaleido)
    place = write_report(measured, tmp_path, png=True).parent
    shown = re.findall(r"!\[[^]]+\]\((figures/[^)]+\.png)\)", (place / "report.md").read_text())
    ((drawn, options),) = asked
    assert [place / name for name in shown] == [each["path"] for each in drawn]
    assert len(shown) == len(figures(measured))
    assert options["kopts"] == {"mathjax": False}, "which is fetched otherwise"
    place = write_report(measured, tmp_path / "vector", formats=["pdf", "svg"]).parent
    shown = re.findall(r"!\[[^]]+\]\((figures/[^)]+\.svg)\)", (place / "report.md").read_text())
    files = [each["path"] for each in asked[-1][0]]
    vectors = [file for file in files if file.suffix == ".svg"]
    assert [place / name for name in shown] == vectors
    assert sorted(files) == sorted([*vectors, *(file.with_suffix(".pdf") for file in vectors)])
    place = write_report(measured, tmp_path / "column", formats=["svg"], column=True).parent
    for each in asked[-1][0]:
        assert each["opts"]["width"] == each["fig"]["layout"]["width"] == COLUMN
        assert not each["fig"]["layout"].get("title", {}).get("text")
    with pytest.raises(InputError, match="column needs pictures"):
        write_report(measured, tmp_path / "none", column=True)
    with pytest.raises(InputError, match=r"unknown format 'jpg'.*png"):
        write_report(measured, tmp_path / "none", formats=["jpg"])
    assert not (tmp_path / "none").exists()


HOSTILE = "=<script>alert(1)</script><a href='https://example.com'>a</a> ![x](https://example.com/x.png) ```"


@pytest.mark.slow
@pytest.mark.parametrize("imported", [False, True])
def test_names_full_of_html_markdown_and_formulas_are_text(tmp_path: pathlib.Path, imported: bool) -> None:
    table = replace(results(bowl, variants=(HOSTILE,), task=HOSTILE), study=HOSTILE, spec={"name": HOSTILE})
    if imported:
        given = table.trials.rename(columns={"value": HOSTILE, "config/mu": f"config/{HOSTILE}"})
        given = given[["variant", "task", "seed", "config/lr", f"config/{HOSTILE}", HOSTILE]]
        table = from_table(given, metric=HOSTILE, direction="max")
    write_report(table, tmp_path)
    page, words = ((tmp_path / f"report.{kind}").read_text() for kind in ("html", "md"))
    assert "<script>alert" not in page
    assert "<a href='https://example" not in page
    prose, fence, _ = words.partition("````")
    assert fence
    assert not re.search(r"<script|<a |(?<!\\)\[x|(?<!\\)`", prose)
    for name in ("trials.csv", "measures/overview.csv"):
        assert HOSTILE in (tmp_path / name).read_text()
        assert not re.search(r'(?m)(^|,)"?=', (tmp_path / name).read_text())


@pytest.mark.slow
def test_chapters_that_several_processes_draw_are_those_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    one = results(bowl)
    trials = pd.concat(
        [one.trials, one.trials.assign(task="other", key=one.trials["key"] + "-other")], ignore_index=True
    )
    two = replace(one, trials=trials)
    alone, together = Measured(two), Measured(two)
    for measured in (alone, together):
        measured.failures["danger_zone"] = "danger_zone could not be computed"
    found = [_content(chapter) for chapter in chapters(together, in_parallel=True)]
    assert found == [_content(chapter) for chapter in chapters(alone)]
    assert [name for name, *_ in found] == ["task-1", "task-2", "all-tasks"]
    assert together.failures == alone.failures


def _content(chapter: Chapter) -> tuple[Any, ...]:
    parts = [
        (
            part.sentences,
            [json.loads(figure.to_json()) for _, figure in part.figures],
            {name: table.to_csv() for name, table in part.tables.items()},
        )
        for part in chapter.parts
    ]
    return chapter.name, chapter.title, chapter.summary, chapter.unanswered, parts


def test_nothing_to_report_is_said_and_nothing_is_written(tmp_path: pathlib.Path) -> None:
    unfinished = results(bowl, status=lambda configuration, seed: "pending")
    with pytest.raises(InputError, match="has no finished trial"):
        write_report(unfinished, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "table",
    [
        pytest.param(results(lambda configuration, seed: math.inf), id="all diverged"),
        pytest.param(results(lambda configuration, seed: 0.5), id="constant"),
        pytest.param(results(bowl, seeds=(0,)), id="one seed"),
        pytest.param(results(bowl, configurations=[{"lr": 0.1, "mu": 0.9}], seeds=(0,)), id="one trial"),
        pytest.param(
            results(bowl, status=lambda c, seed: "failed" if seed else "completed"), id="half failed"
        ),
        pytest.param(results(noisy(0.1), design="random"), id="random design"),
    ],
)
def test_awkward_studies_have_a_report_without_nan(table: Results, tmp_path: pathlib.Path) -> None:
    write_report(table, tmp_path)
    for text in (
        (tmp_path / "report.md").read_text(),
        without_scripts((tmp_path / "report.html").read_text()),
    ):
        assert not re.search(r"\b(nan|NaN|None|inf)\b", text)


@pytest.mark.slow
def test_why_trials_failed_is_told_by_reason(tmp_path: pathlib.Path) -> None:
    table = results(bowl, status=lambda c, seed: "failed" if seed else "completed")
    failed = table.trials["status"] == "failed"
    reasons = ["worker lost 4 times: <gone>"] + ["SystemExit: 3 (mine.py:7)"] * (int(failed.sum()) - 1)
    table.trials.loc[failed, "error"] = reasons
    write_report(table, tmp_path)
    said = f"{len(reasons) - 1} × SystemExit: 3 (mine.py:7); 1 × worker lost 4 times: "
    assert f"failed trials, by reason: {said}" in (tmp_path / "report.md").read_text()
    assert f"<dd>{said}&lt;gone&gt;</dd>" in without_scripts((tmp_path / "report.html").read_text())


def test_caveats_name_what_bites() -> None:
    table = results(
        lambda configuration, seed: 0.1 / configuration["lr"] ** 0.1, seeds=(0,), design="adaptive"
    )
    said = " ".join(caveats(Measured(table)))
    for words in ("One seed", "chosen by an optimizer", "does best at the highest learning rate tried (1,"):
        assert words in said


def test_a_caveat_follows_the_sentence_that_it_limits_and_is_said_once(tmp_path: pathlib.Path) -> None:
    """Failed trials beside diverged ones, the end of a range beside the setting that lies there."""
    measured = Measured(
        results(
            lambda configuration, seed: 0.1 / configuration["lr"] ** 0.1,
            status=lambda c, seed: "failed" if seed and c["lr"] < 2e-3 else "completed",
        )
    )
    task = next(iter(measured.results.groups))[0]
    sentences = summary(measured, task)
    starts = ("Use ", "learning rates from", "highest", "diverged", "trials failed")
    places = [next((i for i, text in enumerate(sentences) if start in text), -1) for start in starts]
    assert places == sorted(places)
    assert -1 not in places
    said = other_caveats(measured, sentences)
    assert not {*sentences} & {*said}
    assert sorted([*said, *({*caveats(measured)} & {*sentences})]) == sorted(caveats(measured))
    write_report(measured, tmp_path)
    for sentence in caveats(measured):
        assert (tmp_path / "report.md").read_text().count(_text(sentence)) == 1


def test_the_report_needs_neither_torch_nor_ray() -> None:
    code = "import sys, sensitivity.reporting.contents; print({'torch', 'ray'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
