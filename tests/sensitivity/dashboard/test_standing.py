"""The list and the pages of studies that a service was given, and the notes of each."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import pytest

from sensitivity.dashboard import words
from sensitivity.dashboard.pages import page
from sensitivity.readers.source import Source, Submitted
from sensitivity.readers.view import View
from sensitivity.store.annotations import annotate
from tests.sensitivity.dashboard.stored import plan
from tests.sensitivity.dashboard.test_pages import components, links, part, text

ROW = {"trials": 4, "pending": 4, "running": 0}


@pytest.mark.parametrize(
    ("row", "submitted", "said"),
    [
        (ROW, None, "waiting"),
        ({**ROW, "pending": 0}, None, "ended"),
        (ROW, Submitted("a", "queued", 4, ("b", "c")), "waiting for b and c"),
        (None, Submitted("a", "queued", 4), "waiting to start"),
        (None, Submitted("a", "running", 4), "starting"),
        ({**ROW, "pending": 3}, Submitted("a", "running", 4), "running"),
        (ROW, Submitted("a", "cancelled", 4), "stopped"),
        (ROW, Submitted("a", "failed", 4, error="no data"), "failed no data"),
    ],
)
def test_a_state_says_what_is_waited_for(row: Any, submitted: Submitted | None, said: str) -> None:
    assert " ".join(text(words.state(row, submitted)).split()) == said


def test_a_study_is_listed_before_the_store_has_it(source: Source) -> None:
    source.submitted = lambda: {"next": Submitted("next", "queued", 7, ("watched",))}
    listed = part(source, "studies", View())
    assert {"/study/next", "/study/watched"} <= set(links(listed))
    assert "for watched" in text(listed)
    assert "7 trials" in text(listed)
    shown = page(source, View(page="study", name="next"))
    assert "This cannot be shown" not in text(shown)
    assert "It has 7 trials." in text(part(source, "waiting", View(page="study", name="next")))
    before = source.page_token(View())
    source.submitted = dict
    assert source.page_token(View()) != before


def test_notes_are_shown_as_they_are_and_filter_the_list(
    place: pathlib.Path, open_source: Callable[[pathlib.Path], Source]
) -> None:
    store, trials = plan(place, "second")
    annotate(store, "second", note="<b>one</b>\ntwo", tags=["paper", "adam"], star=True)
    annotate(store, "second", trials[0].key, note="odd")
    store.close()
    source = open_source(place)
    assert "<b>one</b>" in text(part(source, "studies", View()))
    for view, names in (
        (View(tag=("paper",)), {"/study/second"}),
        (View(tag=("paper", "none")), set()),
        (View(star="yes"), {"/study/second"}),
        (View(), {"/study/second", "/study/watched"}),
    ):
        found = {link for link in links(part(source, "studies", view)) if link.startswith("/study/")}
        assert found == names, view
        assert View.read(view.path, view.query) == view
    study = text(part(source, "annotation", View(page="study", name="second")))
    assert "<b>one</b>\ntwo" in study
    assert "odd" in study
    trial = View(page="trial", name="second", key=trials[0].key)
    assert "odd" in text(part(source, "trial", trial))


def test_nothing_is_offered_to_change_without_a_service(source: Source) -> None:
    for view in (View(), View(page="study", name="watched"), View(page="new")):
        made = page(source, view)
        assert not any(getattr(each, "data-method", None) for each in components(made)), view
    assert "Studies cannot be given here" in text(page(source, View(page="new")))
