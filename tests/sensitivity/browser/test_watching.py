"""A study is watched in a browser while it runs: a reader filters, brushes, opens a trial, and passes the
link on."""

from __future__ import annotations

import pathlib
import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from sensitivity.readers.view import View
from sensitivity.results.results import Results
from sensitivity.store.store import Store
from tests.browsing import Visit, served
from tests.sensitivity.dashboard.stored import finish, plan

MARKS = "graph => graph.querySelectorAll('.scatterlayer .points path.point').length"
"""How many marks a figure shows."""
RANGE = "graph => graph._fullLayout.xaxis.range"


@pytest.mark.slow
def test_a_reader_watches_a_study_and_passes_on_what_was_found(browser: Any, tmp_path: pathlib.Path) -> None:
    place = tmp_path / "results.sqlite"
    Store(place).close()
    with served(place) as address:
        watch(browser, address, place)


def watch(browser: Any, address: str, place: pathlib.Path) -> None:
    """What the reader does."""
    visit = Visit(browser, address)
    page = visit.open("/")
    page.evaluate("window.reloaded = false")
    page.get_by_text("No study yet").wait_for()

    store, trials = plan(place)
    page.get_by_text("0% of 48 trials").wait_for()
    finish(store, trials[:24])
    page.get_by_text("50% of 48 trials").wait_for()

    page.get_by_role("link", name="watched").click()
    page.get_by_role("heading", name="watched", level=1).wait_for()
    page.get_by_text("24 pending").wait_for()
    drawing = page.get_by_label("figure: lr curves").locator(".js-plotly-plot")
    drawing.locator(".points path").first.wait_for()
    visit.settled()
    drag(page, drawing)
    zoomed = drawing.evaluate(RANGE)
    before = drawing.evaluate(MARKS)
    finish(store, trials[24:])
    page.get_by_text("36 completed, 12 diverged").wait_for()
    page.wait_for_function(
        f"([graph, before]) => ({MARKS})(graph) > before", arg=[drawing.element_handle(), before]
    )
    assert drawing.evaluate(RANGE) == zoomed
    assert page.evaluate("window.reloaded") is False
    page.locator("#live", has_text="up to date").wait_for()

    page.get_by_role("checkbox", name="cm").check()
    page.get_by_text("24 of 48 trials kept").wait_for()
    assert "variant=cm" in page.url
    visit.settled()
    drawing.hover(position={"x": 200, "y": 10})
    assert drawing.locator(".modebar-btn[data-title*=Share]").count() == 0
    drawing.locator('.modebar-btn[data-attr="zoom"][data-val="reset"]').click()
    drawing.locator('.modebar-btn[data-val="select"]').click()
    drag(page, drawing)
    page.wait_for_url(re.compile("range=lr"))
    page.get_by_text("12 of 48 trials kept").wait_for()  # learning rates .01 and .1 of four
    visit.settled()

    point(page, drawing)
    page.locator(".panel").wait_for()
    assert "cm" in page.locator(".panel").inner_text()
    link = page.url
    page.get_by_role("link", name="Open its page").click()
    page.get_by_role("heading", name=re.compile("^Trial"), level=1).wait_for()
    page.get_by_text("sensitivity run trial.yaml").wait_for()
    page.go_back()
    page.locator(".panel").wait_for()
    assert page.url == link
    visit.settled()
    seen = [page.locator(each).inner_text() for each in (".kept", ".panel", ".answer", ".controls")]

    other = Visit(browser, address)
    other.open(link.removeprefix(address))
    other.page.locator(".panel .js-plotly-plot").wait_for()
    assert [
        other.page.locator(each).inner_text() for each in (".kept", ".panel", ".answer", ".controls")
    ] == seen
    other.close()

    page.get_by_role("link", name="Trials", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV of every trial").click()
    stored = Results.from_store(store, "watched").trials
    assert pathlib.Path(download.value.path()).read_text() == stored.to_csv(index=False)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV of these trials").click()
    view = View.read(urlsplit(page.url).path, urlsplit(page.url).query)
    chosen = stored[(stored["variant"] == "cm") & stored["config/lr"].between(*view.ranges[0][1:])]
    assert pathlib.Path(download.value.path()).read_text() == chosen.to_csv(index=False)
    store.close()
    visit.close()


def drag(page: Any, drawing: Any) -> None:
    """Draw a box over the middle of the first panel."""
    drawing.scroll_into_view_if_needed()
    panel = drawing.locator(".draglayer .xy .nsewdrag").bounding_box()
    page.mouse.move(panel["x"] + 0.2 * panel["width"], panel["y"] + 5)
    page.mouse.down()
    page.mouse.move(panel["x"] + 0.5 * panel["width"], panel["y"] + 40, steps=4)
    page.mouse.move(panel["x"] + 0.8 * panel["width"], panel["y"] + panel["height"] - 5, steps=4)
    page.mouse.up()


def point(page: Any, drawing: Any) -> None:
    """Click the first mark that says it is a trial when the mouse is over it."""
    from playwright.sync_api import TimeoutError

    said = drawing.locator(".hoverlayer .hovertext", has_text=re.compile("trial [0-9a-f]{20}"))
    for mark in drawing.locator(".scatterlayer .trace .points path.point").all():
        mark.scroll_into_view_if_needed()
        box = mark.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=3)
        try:
            said.first.wait_for(timeout=2000)
        except TimeoutError:
            continue
        page.mouse.down()
        page.mouse.up()
        return
    raise AssertionError("no mark of the figure is a trial")
