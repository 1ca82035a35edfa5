"""Every page of every awkward study, and its report: nothing goes out, nothing goes wrong, nothing is wider
than a phone."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import pytest

from sensitivity.questions import QUESTIONS
from sensitivity.readers.view import View
from tests.browsing import FITS, NARROW, POLL, WIDE, Visit
from tests.sensitivity.dashboard.cases import AWKWARD, UNREPORTED
from tests.sensitivity.dashboard.stored import HOSTILE, trial_keys

RAN = """document.title === 'owned' || document.querySelector('img[src=x]') !== null || [...document.querySelectorAll('a')].some(
  link => (link.getAttribute('href') ?? link.getAttribute('xlink:href') ?? '').startsWith('https:'))"""
"""Whether the browser did what a name says."""
SAID = """() => [...document.querySelectorAll('.js-plotly-plot')].flatMap(graph => {
  const said = [...graph.querySelectorAll('text')].map(text => text.textContent);
  graph._fullData.forEach((trace, i) => {
    if (trace.type !== 'scatter' || trace.hoverinfo === 'skip' || !trace.x || !trace.x.length) return;
    Plotly.Fx.hover(graph, [{curveNumber: i, pointNumber: 0}], trace.xaxis + trace.yaxis);
    graph.querySelectorAll('.hovertext').forEach(text => said.push('over: ' + text.textContent));
  });
  return said;
})"""
"""What figures say, and what they say of the first point of each trace when the mouse is over it."""


def views(stored: pathlib.Path, name: str) -> list[View]:
    """The pages of a study; its questions that draw most."""
    keys = trial_keys(stored, name)
    study = View(page="study", name=name)
    pages = [
        study.but(tab="effects"),
        study.on("trials"),
        study.on("explore"),
        study.on("space"),
        View(page="compare", study=(name,)),
    ]
    return [*pages, study.on("trial", key=keys[0]), study.but(trial=keys[0])] if keys else [*pages, study]


def turned(pages: list[View], by: int) -> list[View]:
    """Pages from another one on: each kind is the one that is loaded first, in some study."""
    by %= len(pages)
    return pages[by:] + pages[:by]


@pytest.mark.slow
@pytest.mark.parametrize("name", AWKWARD)
def test_every_page_of_an_awkward_study_is_shown(
    browser: Any, address: str, stored: pathlib.Path, name: str
) -> None:
    place, shown = list(AWKWARD).index(name), views(stored, name)
    visit = Visit(browser, address)
    for href, page in visit.walk(view.href for view in turned(shown, place)):
        assert page.locator(".notice.error").count() == 0
        assert not page.evaluate(RAN)
        if name == HOSTILE:
            assert HOSTILE in page.locator("main").inner_text()
        if page.viewport_size["width"] == NARROW:
            assert page.evaluate(FITS), href
        # Every page is seen wide and narrow; every other one is loaded on a phone.
        was_wide = page.viewport_size["width"] == WIDE
        page.set_viewport_size({"width": NARROW if was_wide else WIDE, "height": 844})
        visit.settled()
        if was_wide:
            page.wait_for_function(FITS, polling=POLL)
    visit.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", [each for each in AWKWARD if each not in UNREPORTED])
def test_the_report_of_an_awkward_study_is_shown(
    browser: Any, report: Callable[[str], str], name: str
) -> None:
    visit = Visit(browser, report(name))
    page = visit.open()
    assert page.locator("h1").inner_text() == name
    visit.unfold()
    assert page.locator(".plot .main-svg").count() > 0
    assert not page.evaluate(RAN)
    page.set_viewport_size({"width": NARROW, "height": 844})
    visit.settled()
    assert page.evaluate(FITS)
    visit.close()


@pytest.mark.slow
def test_figures_say_hostile_names_as_they_are(browser: Any, address: str) -> None:
    visit = Visit(browser, address)
    study = View(page="study", name=HOSTILE)
    said = []
    for _, page in visit.walk(study.but(tab=question.key).href for question in QUESTIONS):
        said += page.evaluate(SAID)
        assert not page.evaluate(RAN)
    over = [each for each in said if each.startswith("over: ")]
    shown = " ".join(said)
    assert any("<img src=x" in each for each in over)
    assert any("=cmd()" in each for each in over)
    assert "<img src=x" in shown
    assert "&lt;" not in shown
    assert "=cmd()" in shown
    visit.close()
