"""Pages and their parts: what they say of a study, and in every state that a store can be in."""

from __future__ import annotations

import io
import json
import pathlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytest
import yaml

from search_spaces.hyperparameters import Float
from search_spaces.spaces import SearchSpace
from sensitivity.dashboard import drawing, parts, trials_page
from sensitivity.dashboard.pages import page
from sensitivity.figures.words import counted
from sensitivity.questions import QUESTIONS
from sensitivity.readers.cache import Pending
from sensitivity.readers.source import Source
from sensitivity.readers.view import View
from sensitivity.results.results import Results
from sensitivity.store.store import Store
from sensitivity.study.planning import trials as planned_trials
from sensitivity.study.study import Study
from tests.sensitivity.dashboard.cases import AWKWARD, UNREPORTED
from tests.sensitivity.dashboard.stored import HOSTILE, finish, plan
from trainables.names import InputError

STUDY = View(page="study", name="watched")


def components(made: Any) -> Iterator[Any]:
    """A component and everything in it."""
    yield made
    children = made if isinstance(made, (list, tuple)) else getattr(made, "children", None)
    for each in children if isinstance(children, (list, tuple)) else [children]:
        if each is not None:
            yield from components(each)


def text(made: Any) -> str:
    """What a reader reads."""
    return " ".join(each for each in components(made) if isinstance(each, str))


def links(made: Any) -> list[str]:
    return [each.href for each in components(made) if getattr(each, "href", None)]


def part(source: Source, name: str, view: View = STUDY) -> Any:
    children, pending = parts.render(source, view, name, again=True)
    assert not pending
    return children


def test_the_studies_with_how_far_each_is(
    place: pathlib.Path, open_source: Callable[[pathlib.Path], Source]
) -> None:
    store, trials = plan(place, "second", variants=("adam",), task="autoencoder/mnist")
    finish(store, trials[:6], fail=[trials[0].key])
    store.close()
    source = open_source(place)
    said = text(part(source, "studies", View()))
    assert "48 trials" in said
    assert "36 completed, 12 diverged" in said
    assert "1 failed, 18 pending" in said
    assert {"/study/watched", "/study/second"} <= set(links(part(source, "studies", View())))


@pytest.mark.parametrize("question", [each.key for each in QUESTIONS])
def test_every_question_is_answered_or_says_why_not(source: Source, question: str) -> None:
    made = part(source, f"answer:{question}", STUDY.but(tab=question))
    assert next(each for each in QUESTIONS if each.key == question).title in text(made)
    assert len(text(made)) > 80
    assert "This cannot be shown" not in text(made)


@pytest.mark.parametrize(
    "name", [f"{question.key}:{each.name}" for question in QUESTIONS for each in question.figures]
)
def test_every_figure_is_drawn_once_while_nothing_changes(
    source: Source, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, figure = drawing.drawn(source, STUDY, name)
    if figure.text is not None:
        layout = json.loads(figure.text)["layout"]
        assert layout["uirevision"]
        assert figure.title
        assert "text" not in layout.get("title", {})
    again = drawing.drawn(source, STUDY.but(trial="any"), name)
    assert again[0] == key
    assert again[1] is figure
    assert drawing.drawn(source, STUDY.but(variant=("adam",)), name)[0] != key


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_the_axis_of_the_loss_is_the_one_that_was_chosen(source: Source, scale: str) -> None:
    figure = json.loads(drawing.drawn(source, STUDY.but(scale=scale), "sensitive:lr_curves")[1].text or "")
    assert figure["layout"]["yaxis"]["type"] == scale


def test_what_takes_long_is_pending_and_asked_for_again(place: pathlib.Path) -> None:
    source = Source(str(place), patience=0.0)
    try:
        with pytest.raises(Pending):
            drawing.drawn(source, STUDY, "sensitive:lr_curves")
        _, pending = parts.render(source, STUDY, "answer:sensitive")
        assert pending
    finally:
        source.close()


def test_a_page_that_hears_of_a_change_reads_what_changed(
    tmp_path: pathlib.Path, open_source: Callable[[pathlib.Path], Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, trials = plan(tmp_path / "s.sqlite")
    source = open_source(tmp_path / "s.sqlite")
    clock = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    for ended in (0, 5, 11, 48):
        finish(store, trials[:ended])
        clock[0] += 2
        token = source.token()
        assert source.results(STUDY).trials["status"].ne("pending").sum() == ended
        assert source.token() == token
    store.close()


def test_the_trial_table_sorts_pages_and_links(source: Source) -> None:
    view = STUDY.on("trials")
    whole = source.results(view).trials
    assert list(trials_page.in_order(whole, "-loss")["loss"]) == sorted(whole["loss"], reverse=True)
    assert list(trials_page.in_order(whole, "no such column")["key"]) == list(whole["key"])
    made = part(source, "trials", view.but(sort="loss"))
    assert "48 trials" in text(made)
    assert f"/study/watched/trial/{whole['key'][0]}?sort=loss" in links(made)
    beyond = part(source, "trials", view.but(number=99))  # the last page
    assert sum(f"/study/watched/trial/{key}" in links(beyond) for key in whole["key"]) == len(whole)
    kept = part(source, "trials", view.but(variant=("cm",), status=("diverged",)))
    assert "6 of 48 trials kept" in text(kept)


@pytest.mark.parametrize(("rows", "pages"), [(24, 2), (47, 2), (48, 1)])
def test_the_last_page_of_the_trial_table_has_trials(
    source: Source, monkeypatch: pytest.MonkeyPatch, rows: int, pages: int
) -> None:
    """Also where as many trials as fill a page are left for it."""
    monkeypatch.setattr(trials_page, "PER_PAGE", rows)
    last = part(source, "trials", STUDY.on("trials").but(number=99))
    assert sum("/trial/" in link for link in links(last)) == 48 - rows * (pages - 1)
    assert (f"page {pages} of {pages}" in text(last)) == (pages > 1)


@pytest.mark.parametrize("view", [STUDY, STUDY.but(variant=("cm",)), STUDY.within("lr", 0.01, 0.1)])
def test_the_csv_is_what_the_store_holds(source: Source, place: pathlib.Path, view: View) -> None:
    store = Store(place)
    stored = Results.from_store(store, "watched")
    store.close()
    read = pd.read_csv(
        io.StringIO(trials_page.csv(source, view, "trials")), parse_dates=["started", "finished"]
    )
    chosen = stored.trials
    if view.variant:
        chosen = chosen[chosen["variant"] == "cm"]
    if view.ranges:
        chosen = chosen[chosen["config/lr"].between(0.01, 0.1)]
    assert read["error"].isna().all()
    pd.testing.assert_frame_equal(
        read.drop(columns="error"), chosen.drop(columns="error").reset_index(drop=True), check_dtype=False
    )
    epochs = pd.read_csv(io.StringIO(trials_page.csv(source, view, "epochs")))
    expected = stored.epochs[stored.epochs["key"].isin(chosen["key"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(epochs, expected, check_dtype=False)


def test_a_trial_says_what_it_was_and_how_to_run_it_again(source: Source) -> None:
    row = source.results(STUDY).trials.iloc[5]
    made = part(source, "trial", STUDY.on("trial", key=row["key"]))
    assert row["key"] in text(made)
    command = next(each for each in text(made).split("\n\n") if "sensitivity run" in each)
    study = Study(**yaml.safe_load(command.split("'END'\n")[1].split("END\n")[0]))
    chosen = {name.removeprefix("config/"): row[name] for name in row.index if name.startswith("config/")}
    assert study.resolved.design(row["variant"]).configurations(study.space(row["variant"])) == [chosen]
    assert (study.variants, study.seeds, study.epochs) == ((row["variant"],), (row["seed"],), row["epochs"])


def test_the_error_of_a_failed_trial_is_shown(
    tmp_path: pathlib.Path, open_source: Callable[[pathlib.Path], Source]
) -> None:
    store, trials = plan(tmp_path / "s.sqlite")
    finish(store, trials, fail=[trials[3].key])
    store.close()
    source = open_source(tmp_path / "s.sqlite")
    assert "out of memory" in text(part(source, "panel", STUDY.but(trial=trials[3].key)))


def test_the_space_and_the_comparison(source: Source) -> None:
    assert "adam and cm" in text(part(source, "space", STUDY.on("space")))
    assert "log1m" in text(part(source, "space", STUDY.on("space")))
    compared = text(part(source, "compare", View(page="compare", measure="divergence_rate")))
    assert "adam" in compared
    assert "0.25 (" in compared
    assert "Unknown study" in text(page(source, View(page="compare", study=("nonsense",))))


@pytest.mark.slow
@pytest.mark.parametrize("name", AWKWARD)
def test_every_page_of_an_awkward_study(
    tmp_path: pathlib.Path, open_source: Callable[[pathlib.Path], Source], name: str
) -> None:
    AWKWARD[name](tmp_path / "s.sqlite", name)
    source, study = open_source(tmp_path / "s.sqlite"), STUDY.but(name=name)
    trials = source.results(study).trials
    views = [View(), study, study.on("trials"), study.on("space"), View(page="compare")]
    views += [study.on("trial", key=key) for key in trials["key"][:1]]
    said = [page(source, view) for view in views]
    said += [
        part(source, each, study) for each in ("studies", "bar", "trials", "space", "compare", "measure")
    ]
    for question in QUESTIONS:
        said.append(part(source, f"answer:{question.key}", study))
        for each in question.figures:
            figure = drawing.drawn(source, study, f"{question.key}:{each.name}")[1].text or ""
            assert not re.search(r"[^\w]NaN\b", figure)
    words = text(said)
    assert "This cannot be shown" not in words
    assert counted(len(trials), "trial") in words
    assert bool(re.search("No trial (yet|has)", words)) == (name in UNREPORTED)


@pytest.mark.parametrize(
    ("view", "words"),
    [
        pytest.param(STUDY.but(name="wached"), "did you mean 'watched'", id="an unknown study"),
        pytest.param(STUDY.on("trial", key="0" * 20), "Unknown trial", id="an unknown trial"),
        pytest.param(STUDY.but(metric="accuracy"), "Unknown metric", id="an unknown metric"),
        pytest.param(View.read("/what", ""), "no such page", id="an unknown page"),
    ],
)
def test_an_address_of_nothing_says_so_and_leads_back(source: Source, view: View, words: str) -> None:
    made = page(source, view)
    assert words in text(made)
    assert "/" in links(made)


def test_a_filter_that_leaves_nothing_says_so_and_is_cleared(source: Source) -> None:
    for name in ("bar", "trials"):
        made = part(source, name, STUDY.but(variant=("sgd",)))
        assert "No trial is left" in text(made)
        assert "/study/watched" in links(made)


def test_a_measure_that_refuses_says_why(source: Source) -> None:
    made = part(source, "measure", STUDY.but(tab="measures", measure="transfer_regret"))
    assert "Not measured" in text(made)
    assert "task" in text(made)


def planted(*arguments: Any, **named: Any) -> Any:
    raise RuntimeError("planted")


@pytest.mark.parametrize(
    ("name", "view", "drawn", "stays"),
    [
        ("measure", STUDY.but(tab="measures", measure="lr_sensitivity"), "measure_page.intervals", "variant"),
        ("compare", View(page="compare"), "compare_page.intervals", "Side by side"),
        ("space", STUDY.on("space"), "space_page.ranges", "search space of"),
    ],
)
def test_a_figure_of_a_page_that_fails_costs_its_own_place(
    source: Source, monkeypatch: pytest.MonkeyPatch, name: str, view: View, drawn: str, stays: str
) -> None:
    assert "could not be computed" not in text(part(source, name, view))
    monkeypatch.setattr(f"sensitivity.dashboard.{drawn}", planted)
    said = text(part(source, name, view))
    assert "could not be computed (RuntimeError: planted)" in said
    assert stays in said


def test_a_part_or_a_figure_of_a_question_that_fails_says_why(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(parts.PARTS, "bar", planted)
    assert "part bar could not be computed (RuntimeError: planted)" in text(part(source, "bar"))
    monkeypatch.setattr(drawing, "scaled", planted)
    with pytest.raises(InputError, match=r"figure lr_curves could not be computed \(RuntimeError: planted\)"):
        drawing.drawn(source, STUDY, "sensitive:lr_curves")


def test_an_empty_store_says_how_to_start(
    tmp_path: pathlib.Path, open_source: Callable[[pathlib.Path], Source]
) -> None:
    Store(tmp_path / "s.sqlite").close()
    source = open_source(tmp_path / "s.sqlite")
    assert "sensitivity run --preset quickstart" in text(part(source, "studies", View()))
    assert "No study yet" in text(page(source, View(page="compare")))


def test_a_store_that_goes_away_is_said(source: Source, place: pathlib.Path) -> None:
    assert "48 trials" in text(part(source, "bar"))
    place.unlink()
    assert "the file was deleted" in text(part(source, "bar"))
    assert "the file was deleted" in text(page(source, STUDY))


def test_names_full_of_html_are_text(
    tmp_path: pathlib.Path, open_source: Callable[[pathlib.Path], Source]
) -> None:
    store, trials = plan(tmp_path / "s.sqlite", HOSTILE, variants=(HOSTILE, "adam"), task=HOSTILE)
    finish(store, trials, fail=[trials[0].key])
    store.close()
    source, view = open_source(tmp_path / "s.sqlite"), View(page="study", name=HOSTILE)
    assert HOSTILE in text(page(source, view))
    assert View.read(view.path, view.query) == view
    figures = [
        drawing.drawn(source, view, name)[1].text or ""
        for name in ("sensitive:lr_curves", "sensitive:slices")
    ]
    figures += [
        each.data
        for each in components(part(source, "compare", View(page="compare")))
        if hasattr(each, "data")
    ]
    for figure in figures:
        assert "<script" not in figure.replace("\\u003c", "<")
        assert "<img" not in figure.replace("\\u003c", "<")


def test_a_trial_of_a_default_setting_has_its_page_and_its_row(
    tmp_path: pathlib.Path, open_source: Callable[[pathlib.Path], Source]
) -> None:
    space = SearchSpace(Float("lr", 1e-3, 1.0, "log", 0.2))
    study = Study(
        name="s",
        tasks=["mlp/synthetic"],
        variants=["sgd"],
        spaces={"sgd": space},
        design={"kind": "grid", "points": 4},
        epochs=3,
        default_setting=True,
    )
    planned, store = planned_trials(study), Store(tmp_path / "s.sqlite")
    store.add_study("s", study.to_stored(), planned)
    finish(store, planned)
    store.close()
    source = open_source(tmp_path / "s.sqlite")
    (trial,) = [trial for trial in planned if trial.configuration == {"lr": 0.2}]
    shown = part(source, "trial", View("trial", name="s", key=trial.key))
    assert "lr: 0.2" in text(shown)
    assert text(page(source, View("trial", name="s", key=trial.key)))
    listed = part(source, "trials", View("trials", name="s"))
    assert f"/study/s/trial/{trial.key}" in links(listed)
    assert "5 trials" in text(listed)
    assert trial.key in trials_page.csv(source, View("trials", name="s"), "epochs")
    narrowed = View("trials", name="s", ranges=(("lr", 0.5, 1.0),))
    assert f"/study/s/trial/{trial.key}" not in " ".join(links(part(source, "trials", narrowed)))
    assert "5 trials 4 completed, 1 diverged" in text(part(source, "bar", View("study", name="s")))
