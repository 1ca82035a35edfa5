"""A browser without a window for tests and pictures: visits that let nothing out of this machine and keep
what went wrong.

It needs a Chromium (:data:`CHROMIUMS`, or its path in ``CHROMIUM``), which no package of Python brings.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from sensitivity.dashboard.serving import server
from sensitivity.readers.source import Source

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
WIDE, NARROW = 1440, 390
"""Pixels of a desk's screen and of a phone's."""
SOON = 60_000
"""Milliseconds that the browser is waited for: a busy machine measures slowly."""
SETTLED = "!document.querySelector('.measuring, ._dash-loading')"
POLL = 50
"""Milliseconds between two looks at a page that is waited for: a look at each frame draws sixty a second."""
DRAWN = """[...document.querySelectorAll('.plot')].every(
  plot => plot.closest('details:not([open])') || plot.querySelector('.main-svg'))"""
"""Whether every figure of a report is there that is in no folded part."""
UNFOLD = "document.querySelectorAll('details.question').forEach(part => { part.open = true; })"
"""Open the folded parts of a report."""
FITS = "window.innerWidth >= document.documentElement.scrollWidth"
"""Whether a page is no wider than its window."""
AXE = pathlib.Path(sys.prefix) / "axe/node_modules/axe-core/axe.min.js"
"""Where ``.ci/axe`` puts axe-core."""
SERIOUS = """axe.run(document, {resultTypes: ['violations']}).then(({violations}) => violations
  .filter(({impact}) => impact === 'serious' || impact === 'critical').map(({id, nodes}) => `${id}: ${nodes[0].html}`))"""
"""What axe-core finds on a page that is serious or critical."""
ARRIVALS = """() => {
  if (window.arrivals !== undefined) return;
  const {arrive} = window.dash_clientside.dashboard;
  window.arrivals = 0;
  window.dash_clientside.dashboard.arrive = (...shown) => { window.arrivals += 1; return arrive(...shown); };
}"""
"""Count the pages that the server has answered and that have taken the place of the page before."""
FOLLOW = """href => {
  const before = window.arrivals;
  history.pushState({}, "", href);
  window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
  return before;
}"""
"""Go to an address as a link of the dashboard does, without loading the page."""


def chromium() -> str | None:
    """The path of a Chromium, None where there is none."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUMS)), None)


@contextlib.contextmanager
def opened(path: str) -> Iterator[Any]:
    """Chromium, which finds no host but this machine."""
    from playwright.sync_api import sync_playwright

    flags = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


@contextlib.contextmanager
def served(place: pathlib.Path) -> Iterator[str]:
    """The address of a dashboard over a store."""
    source = Source(str(place))
    listening = server(source)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.port}"
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()
        source.close()


class Visit:
    """A fresh browser on a dashboard or on a page in a file.

    Args: address: of the dashboard, or of the file. Whatever else is asked for is kept in ``outside``, and
        :func:`opened` finds no other host; what the page says is wrong is in ``errors``. options: of
        Playwright's context, such as ``color_scheme``.
    """

    def __init__(
        self, browser: Any, address: str, *, width: int = WIDE, height: int = 1000, **options: Any
    ) -> None:
        self.address = address
        self.outside: list[str] = []
        self.errors: list[str] = []
        options = {"reduced_motion": "reduce", **options}  # nothing turns sixty times a second while waiting
        self.context = browser.new_context(viewport={"width": width, "height": height}, **options)
        self.context.set_default_timeout(SOON)
        self.context.on("request", self._only_here)  # a route would refuse it, and switch the cache off
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on(
            "console", lambda message: self.errors.append(message.text) if message.type == "error" else None
        )
        self.page.on("websocket", lambda socket: self.outside.append(socket.url))

    def _only_here(self, request: Any) -> None:
        here = request.url.partition("#")[0].startswith(self.address)
        if not here and urlsplit(request.url).scheme not in ("data", "blob"):
            self.outside.append(request.url)

    def open(self, path: str = "") -> Any:
        """Go to a page and wait until nothing of it is being measured, or drawn."""
        self.page.goto(self.address + path)
        self.settled()
        return self.page

    def follow(self, path: str) -> Any:
        """Go from a page of the dashboard to another as a link does, and wait as :meth:`open` does.

        The server's answer for the address is waited for first: of the page before, nothing is left then.
        """
        assert self.page.url != self.address + path
        self.page.evaluate(ARRIVALS)
        before = self.page.evaluate(FOLLOW, path)
        assert self.page.url == self.address + path
        self.page.wait_for_function("before => window.arrivals > before", arg=before, polling=POLL)
        self.settled()
        return self.page

    def walk(self, paths: Iterable[str]) -> Iterator[tuple[str, Any]]:
        """Open the first page, follow links to the others: the path and the page of each."""
        for place, path in enumerate(paths):
            yield path, self.follow(path) if place else self.open(path)

    def settled(self) -> None:
        """Wait until nothing is being measured, or drawn."""
        self.page.wait_for_selector("main h1")
        self.page.wait_for_function(SETTLED, polling=POLL)
        self.page.wait_for_function(DRAWN, polling=POLL)

    def unfold(self) -> None:
        """Open the folded parts of a report and wait until they are drawn."""
        self.page.evaluate(UNFOLD)
        self.settled()

    def check(self) -> None:
        """Nothing went out, and nothing went wrong, since the last check."""
        outside, self.outside = self.outside, []
        errors, self.errors = self.errors, []
        assert not outside, outside
        assert not errors, errors

    def close(self) -> None:
        """End the visit. Nothing went out, and nothing went wrong."""
        self.context.close()
        self.check()


def violations(page: Any, axe: str, toggle: str) -> list[str]:
    """What is serious or critical, in the theme that is shown and in the other.

    Args:
        axe: The script of axe-core.
        toggle: Selector of the button that changes the theme.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    found = page.evaluate(SERIOUS)
    before = page.evaluate("document.documentElement.dataset.theme")
    page.locator(toggle).click()
    page.locator(f"html[data-theme]:not([data-theme='{before}'])").wait_for()
    return [*found, *page.evaluate(SERIOUS)]


class ServiceVisit(Visit):
    """A visit of a service, whose content policy keeps Playwright from looking at a page by itself."""

    def settled(self) -> None:
        """Wait until nothing is being measured, or drawn."""
        self.page.wait_for_selector("main h1")
        deadline = time.monotonic() + SOON / 1000
        while not (self.page.evaluate(SETTLED) and self.page.evaluate(DRAWN)):
            assert time.monotonic() < deadline, "waited in vain"
            self.page.wait_for_timeout(POLL)
