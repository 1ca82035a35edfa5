"""Pages that everyone can read: axe-core finds nothing serious in light or dark, and keyboard and phone are
enough.

``.ci/axe`` fetches axe-core; ``AXE_CORE`` is the path of another ``axe.min.js``.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sensitivity.questions import QUESTIONS
from sensitivity.readers.view import View
from tests.browsing import FITS, NARROW, Visit, violations
from tests.sensitivity.dashboard.stored import HOSTILE, trial_keys

STUDY = View(page="study", name=HOSTILE)
PAGES = {
    "studies": View(),
    **{question.key: STUDY.but(tab=question.key) for question in QUESTIONS},
    "one measure": STUDY.but(tab="measures"),
    "nothing is left": STUDY.but(variant=("sgd",)),
    "trials": STUDY.on("trials"),
    "explore": STUDY.on("explore").reaching(0, 1),
    "space": STUDY.on("space"),
    "compare": View(page="compare"),
    "an empty study": STUDY.but(name="no trial is planned"),
    "no study": STUDY.but(name="nowhere"),
}


@pytest.fixture(scope="module")
def visit(browser: Any, address: str) -> Iterator[Visit]:
    """One visit for every page: its first page is loaded, the others are followed to."""
    found = Visit(browser, address)
    yield found
    found.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", [*PAGES, "trial", "a trial beside"])
def test_a_page_can_be_read_by_everyone(visit: Visit, stored: pathlib.Path, axe: str, name: str) -> None:
    key = trial_keys(stored, HOSTILE)[0]
    view = {**PAGES, "trial": STUDY.on("trial", key=key), "a trial beside": STUDY.but(trial=key)}[name]
    page = visit.open(view.href) if visit.page.url == "about:blank" else visit.follow(view.href)
    assert not violations(page, axe, "#toggle")
    assert page.evaluate("document.documentElement.lang") == "en"
    visit.check()


@pytest.mark.slow
def test_the_report_can_be_read_by_everyone(browser: Any, report: Callable[[str], str], axe: str) -> None:
    visit = Visit(browser, report("one variant, one seed"))
    page = visit.open()
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert not violations(page, axe, "#theme")
    visit.close()


@pytest.mark.slow
def test_the_keyboard_and_a_phone_are_enough(browser: Any, address: str) -> None:
    visit = Visit(browser, address)
    study = View(page="study", name="one variant, one seed")
    page = visit.open(study.href)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.get_by_role("slider").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**range=lr*")
    page.get_by_role("button", name="Dark").press("Enter")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    page.set_viewport_size({"width": NARROW, "height": 844})
    visit.open(study.but(tab="epochs").href)
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.locator(".controls").get_attribute("open") is None
    tabs, current = (page.locator(each).bounding_box() for each in (".tabs", ".tabs .current"))
    assert tabs["x"] <= current["x"] <= tabs["x"] + tabs["width"]
    visit.open("/")
    assert page.evaluate(FITS)
    visit.close()
