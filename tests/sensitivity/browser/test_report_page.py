"""The report in a browser: folded parts are drawn when they are opened, found by links, and printed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browsing import POLL, Visit

UNDRAWN = """[...document.querySelectorAll('details.question .plot')].filter(
  plot => !plot.querySelector('.main-svg')).length"""
"""Number of figures of folded parts that are not drawn."""


@pytest.mark.slow
def test_folded_parts_are_drawn_when_a_link_or_the_printer_opens_them(
    browser: Any, report: Callable[[str], str]
) -> None:
    visit = Visit(browser, report("all diverged"))
    page = visit.open()
    folded = page.locator("main details.question")
    assert page.evaluate(UNDRAWN) == page.locator("main details.question .plot").count() > 0
    assert not [
        place for place in range(folded.count()) if folded.nth(place).get_attribute("open") is not None
    ]
    opened = page.locator("main details.question", has=page.locator(".plot")).first
    if not page.locator("nav details").evaluate("each => each.open"):
        page.locator("nav summary").click()
    page.locator(f"nav a[href='#{opened.get_attribute('id')}']").click()
    assert opened.get_attribute("open") is not None
    visit.settled()
    assert opened.locator(".plot .main-svg").count() > 0
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.wait_for_function(f"{UNDRAWN} === 0", polling=POLL)
    assert page.locator("main details.question:not([open])").count() == 0
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("main details.question:not([open])").count() == folded.count() - 1
    visit.close()
    visit = Visit(browser, report("all diverged"))
    page = visit.open("#made")
    assert page.locator("#made").get_attribute("open") is not None
    visit.close()
