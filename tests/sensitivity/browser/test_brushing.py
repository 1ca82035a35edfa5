"""A box that is drawn in the browser keeps the trials inside it: in tables, figures and counts."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest

from sensitivity.readers.filters import narrowed
from sensitivity.readers.view import View
from sensitivity.results.results import Results
from sensitivity.store.store import Store
from tests.browsing import FITS, NARROW, Visit, served
from tests.sensitivity.dashboard.stored import finish, plan

STUDY = View(page="explore", name="watched")
INSIDE = """([graph, panel, [left, right, top, bottom]]) => {
  const number = panel.slice(1);
  const [x, y] = [graph._fullLayout[`xaxis${number}`], graph._fullLayout[`yaxis${number}`]];
  const data = (axis, share) => axis.type === "log" ? 10 ** axis.p2l(share * axis._length) : axis.p2l(share * axis._length);
  return {x: [data(x, left), data(x, right)], y: [data(y, bottom), data(y, top)]};
}"""
"""A box of shares of a panel, in the figure's coordinates."""
KEYS = """graph => graph._fullData.filter(trace => trace.mode === "markers" && trace.customdata)
  .flatMap(trace => [...trace.customdata])"""
SETTLED = "graph => graph.querySelectorAll('.scatterlayer .points path.point').length > 0"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A store with the study ``watched``: all 48 trials have ended."""
    found = tmp_path_factory.mktemp("brushed") / "results.sqlite"
    store, trials = plan(found)
    finish(store, trials)
    store.close()
    return found


@pytest.fixture(scope="module")
def results(place: pathlib.Path) -> Results:
    """The results of the study."""
    store = Store(place)
    found = Results.from_store(store, "watched")
    store.close()
    return found


@pytest.fixture(scope="module")
def dashboard(place: pathlib.Path) -> Iterator[str]:
    """The address of a dashboard over :func:`place`."""
    with served(place) as address:
        yield address


def scatter(page: Any) -> Any:
    """The figure of the trials over two columns."""
    found = page.get_by_label("figure: trial scatter").locator(".js-plotly-plot")
    found.locator(".points path").first.wait_for()
    page.wait_for_function(SETTLED, arg=found.element_handle())
    return found


def draw_box(page: Any, graph: Any, panel: str, shares: tuple[float, float, float, float]) -> Any:
    """Draw a box over shares of a panel (left, right, top, bottom): its bounds in the figure's coordinates."""
    graph.scroll_into_view_if_needed()
    bounds = graph.evaluate(
        f"(graph, [panel, shares]) => ({INSIDE})([graph, panel, shares])", [panel, shares]
    )
    area = graph.locator(f".draglayer .{panel}{panel.replace('x', 'y')} .nsewdrag").bounding_box()
    left, right, top, bottom = shares
    page.mouse.move(area["x"] + left * area["width"], area["y"] + top * area["height"])
    page.mouse.down()
    page.mouse.move(area["x"] + right * area["width"], area["y"] + bottom * area["height"], steps=6)
    page.mouse.up()
    return bounds


def inside(trials: pd.DataFrame, x: Any, y: Any, bounds: Any) -> set[str]:
    """The keys of the trials of a table whose coordinates are within bounds."""
    (a, b), (c, d) = bounds["x"], bounds["y"]
    return set(trials["key"][(a <= x) & (x <= b) & (c <= y) & (y <= d)])


@pytest.mark.slow
@pytest.mark.parametrize("variant", [(), ("cm",)], ids=["all variants", "one variant"])
def test_a_box_over_lr_and_loss_keeps_the_trials_of_the_table_in_it(
    browser: Any, dashboard: str, results: Results, variant: tuple[str, ...]
) -> None:
    visit = Visit(browser, dashboard)
    page = visit.open(STUDY.but(variant=variant).href)
    graph = scatter(page)
    table = results.trials[results.trials["variant"].isin(variant or results.spaces)]
    bounds = draw_box(page, graph, "x", (0.2, 0.75, 0.3, 0.93))
    expected = inside(table, table["config/lr"], table["loss"], bounds)
    assert 0 < len(expected) < len(table)
    page.wait_for_url(re.compile("outcome="))
    page.locator(".kept", has_text=f"{len(expected)} of 48 trials kept").wait_for()
    view = View.read(urlsplit(page.url).path, urlsplit(page.url).query)
    assert set(narrowed(results, view).trials["key"]) == expected
    assert view.ranges[0][1:] == pytest.approx(bounds["x"], rel=0.02)
    visit.settled()
    page.wait_for_function(
        f"([graph, count]) => ({KEYS})(graph).length === count", arg=[graph.element_handle(), len(expected)]
    )
    assert set(graph.evaluate(KEYS)) == expected

    page.get_by_role("link", name="Trials", exact=True).click()
    page.locator("table").wait_for()
    visit.settled()
    shown = {link.get_attribute("href") for link in page.locator("tbody a").all()}
    assert {urlsplit(link).path.rpartition("/")[2] for link in shown} == expected
    page.get_by_role("link", name=re.compile("^loss .* to ")).click()
    page.wait_for_url(lambda address: "outcome=" not in address)
    left = table[table["config/lr"].between(*view.ranges[0][1:])]
    page.locator(".kept", has_text=f"{len(left)} of 48 trials kept").wait_for()
    visit.close()


@pytest.mark.slow
def test_a_box_in_the_panel_of_a_variant_keeps_its_trials_on_the_scales_of_the_figure(
    browser: Any, dashboard: str, results: Results
) -> None:
    visit = Visit(browser, dashboard)
    page = visit.open(STUDY.but(y="config/mu").href)
    graph = scatter(page)
    bounds = draw_box(page, graph, "x2", (0.25, 0.97, 0.03, 0.6))
    table = results.trials[results.trials["variant"] == "cm"]
    places = -np.log10(1 - table["config/mu"])
    expected = inside(table, table["config/lr"], places, bounds)
    assert 0 < len(expected) < len(table)
    page.wait_for_url(re.compile("variant=cm"))
    page.locator(".kept", has_text=f"{len(expected)} of 48 trials kept").wait_for()
    view = View.read(urlsplit(page.url).path, urlsplit(page.url).query)
    assert set(narrowed(results, view).trials["key"]) == expected
    page.get_by_role("link", name="Clear the filters").click()
    page.locator(".kept", has_text=re.compile("^48 trials$")).wait_for()
    visit.close()


@pytest.mark.slow
def test_the_axes_and_colours_that_a_reader_picks_are_in_the_address(browser: Any, dashboard: str) -> None:
    visit = Visit(browser, dashboard, width=NARROW)
    page = visit.open(STUDY.href)
    for legend, choice, setting in (
        ("Horizontal axis", "mu", "x=config%2Fmu"),
        ("Vertical axis", "lr", "y=config%2Flr"),
        ("Colour of the learning curves", "mu", "curve_colour=config%2Fmu"),
        ("Best so far, along", "time", "along=time"),
    ):
        field = page.locator("fieldset", has=page.locator("legend", has_text=re.compile(f"^{legend}$")))
        field.get_by_label(choice, exact=True).check()
        page.wait_for_url(re.compile(re.escape(setting)))
    visit.settled()
    assert page.evaluate(FITS)
    link = page.url
    other = Visit(browser, dashboard)
    shown = scatter(other.open(link.removeprefix(dashboard)))
    assert shown.evaluate("graph => graph._fullLayout.yaxis.type") == "log"
    assert shown.evaluate("graph => graph._fullLayout.xaxis.title.text") == "mu"
    other.close()
    visit.close()
