"""The dashboard in a browser, while a study runs: a reader watches, filters, brushes, opens a trial, and passes the link on.

It needs a Chromium (:data:`CHROMIUMS`, or ``CHROMIUM``), which no package brings. ``AXE_CORE`` is the path of ``axe.min.js`` of the npm
package axe-core, where it is not in ``node_modules``.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from sensitivity.dashboard.serving import server
from sensitivity.dashboard.source import Source
from sensitivity.dashboard.view import View
from sensitivity.results import Results
from sensitivity.store import Store
from tests.sensitivity.dashboard.stored import HOSTILE, finish, plan

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
ROOT = pathlib.Path(__file__).parents[3]
MARKS = "graph => graph.querySelectorAll('.scatterlayer .points path.point').length"
"""How many marks a figure shows."""
RANGE = "graph => graph._fullLayout.xaxis.range"
SOON = 60_000
"""Milliseconds that the browser is waited for: a busy machine measures slowly."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window. Skips where there is none."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if found is None:
        pytest.skip(f"needs one of {', '.join(CHROMIUMS)} on the path, or its path in CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


class Visit:
    """A fresh browser on a dashboard, which lets nothing out of this machine and keeps what went wrong."""

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        self.address = address
        self.outside: list[str] = []
        self.errors: list[str] = []
        self.context = browser.new_context(viewport={"width": 1440, "height": 1000}, **options)
        self.context.set_default_timeout(SOON)
        self.context.route("**/*", self._only_here)
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)

    def _only_here(self, route: Any) -> None:
        where = urlsplit(route.request.url)
        if where.scheme in ("data", "blob") or where.hostname == "127.0.0.1":
            route.continue_()
        else:
            self.outside.append(route.request.url)
            route.abort()

    def open(self, path: str) -> Any:
        """Go to a page and wait until nothing of it is being measured."""
        self.page.goto(self.address + path)
        self.settled()
        return self.page

    def settled(self) -> None:
        """Wait until nothing is being measured."""
        self.page.wait_for_selector("main h1")
        self.page.wait_for_function("!document.querySelector('.measuring')")

    def close(self) -> None:
        """End the visit. Nothing went out, and nothing went wrong."""
        self.context.close()
        assert not self.outside
        assert not self.errors


@pytest.fixture
def served(tmp_path: pathlib.Path) -> Iterator[tuple[str, pathlib.Path]]:
    """Address and store of a dashboard; the store is empty."""
    place = tmp_path / "results.sqlite"
    Store(place).close()
    source = Source(str(place))
    opened = server(source)
    thread = threading.Thread(target=opened.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{opened.port}", place
    opened.shutdown()
    thread.join()
    opened.server_close()
    source.close()


@pytest.mark.slow
def test_a_reader_watches_a_study_and_passes_on_what_was_found(browser: Any, served: tuple[str, pathlib.Path]) -> None:
    address, place = served
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
    drawing = page.locator(".card").first.locator(".js-plotly-plot")
    drawing.locator(".points path").first.wait_for()
    visit.settled()
    drag(page, drawing)
    zoomed = drawing.evaluate(RANGE)
    before = drawing.evaluate(MARKS)
    finish(store, trials[24:])
    page.get_by_text("36 completed, 12 diverged").wait_for()
    page.wait_for_function(f"([graph, before]) => ({MARKS})(graph) > before", arg=[drawing.element_handle(), before])
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
    assert [other.page.locator(each).inner_text() for each in (".kept", ".panel", ".answer", ".controls")] == seen
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


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_can_be_read_by_everyone(browser: Any, served: tuple[str, pathlib.Path], theme: str) -> None:
    found = [pathlib.Path(os.environ["AXE_CORE"])] if "AXE_CORE" in os.environ else []
    axe = next((each for each in (*found, ROOT / "node_modules/axe-core/axe.min.js") if each.exists()), None)
    if axe is None:
        pytest.skip("needs axe.min.js of the npm package axe-core: npm install axe-core, or its path in AXE_CORE")
    address, place = served
    store, trials = plan(place)
    finish(store, trials, fail=[trials[0].key])
    store.close()
    visit = Visit(browser, address, color_scheme=theme)
    view = View(page="study", name="watched")
    key = trials[0].key
    views = [view.but(trial=key), view.but(tab="measures"), view.but(variant=("sgd",)), view.on("trials"), view.on("space")]
    for address_ in ("/", "/compare", "/nowhere", *(each.href for each in (*views, view.on("trial", key=key)))):
        page = visit.open(address_)
        page.wait_for_load_state("networkidle")
        page.evaluate(axe.read_text())
        violations = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        assert not [(address_, each["id"], each["nodes"][0]["html"]) for each in violations if each["impact"] in ("serious", "critical")]
        assert page.evaluate("document.documentElement.lang") == "en"
        assert page.evaluate("getComputedStyle(document.body).colorScheme || document.documentElement.dataset.theme || true")
    visit.close()


@pytest.mark.slow
def test_the_keyboard_and_a_phone_are_enough(browser: Any, served: tuple[str, pathlib.Path]) -> None:
    address, place = served
    store, trials = plan(place)
    finish(store, trials)
    store.close()
    visit = Visit(browser, address)
    page = visit.open("/study/watched")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.get_by_role("slider").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url(re.compile("range=lr"))
    page.get_by_role("button", name="Dark").press("Enter")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    visit.open("/study/watched")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.set_viewport_size({"width": 390, "height": 844})
    for path in (
        "/",
        "/study/watched",
        "/study/watched/trials",
        "/study/watched/space",
        "/compare",
        f"/study/watched/trial/{trials[0].key}",
    ):
        visit.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    visit.close()


@pytest.mark.slow
def test_names_full_of_script_are_shown_and_not_run(browser: Any, served: tuple[str, pathlib.Path]) -> None:
    address, place = served
    store, trials = plan(place, HOSTILE, variants=(HOSTILE, "adam"), task=HOSTILE)
    finish(store, trials, fail=[trials[0].key])
    store.close()
    visit = Visit(browser, address)
    view = View(page="study", name=HOSTILE)
    pages = (
        view,
        view.but(tab="effects"),
        view.but(tab="measures"),
        view.on("trials"),
        view.on("space"),
        view.on("trial", key=trials[0].key),
    )
    for href in ("/", "/compare", *(each.href for each in pages)):
        page = visit.open(href)
        assert page.title() != "owned"
        assert page.locator("img[src=x]").count() == 0
        assert href == "/compare" or HOSTILE in page.locator("main").inner_text()
    visit.close()
