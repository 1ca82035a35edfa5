"""The page to explore trials: its controls, its figures by what is chosen, and the filters as chips."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable

import pytest

from sensitivity.dashboard import drawing
from sensitivity.dashboard.explore_page import LABELS
from sensitivity.dashboard.exploring import SETTINGS, chosen, options
from sensitivity.dashboard.pages import page
from sensitivity.readers.source import Source
from sensitivity.readers.view import View
from tests.sensitivity.dashboard.cases import AWKWARD
from tests.sensitivity.dashboard.test_pages import components, links, part, text

VIEW = View(page="explore", name="watched")


def figure(source: Source, view: View, name: str) -> dict[str, dict[str, dict[str, object]]]:
    made: dict[str, dict[str, dict[str, object]]] = json.loads(
        drawing.drawn(source, view, f"explore:{name}")[1].text or ""
    )
    return made


def test_every_setting_of_a_figure_has_a_control_with_its_value(source: Source) -> None:
    view = VIEW.but(x="config/mu", colour="variant")
    controls = {
        made.id["name"]: made.value
        for made in components(page(source, view))
        if isinstance(getattr(made, "id", None), dict) and made.id["type"] == "control"
    }
    expected = {
        "x": "config/mu",
        "y": "loss",
        "colour": "variant",
        "curve_colour": "config/lr",
        "along": "trials",
    }
    assert {name: controls[name] for name in expected} == expected
    assert set(expected) == set(LABELS) == {name for names in SETTINGS.values() for name in names}


def test_the_figure_is_of_what_the_address_chooses(source: Source) -> None:
    layout = figure(source, VIEW, "trial_scatter")["layout"]
    assert layout["xaxis"]["type"] == layout["yaxis"]["type"] == "log"
    read = View.read("/study/watched/explore", "?x=config%2Fmu&y=config%2Flr&colour=variant")
    layout = figure(source, read, "trial_scatter")["layout"]
    assert layout["yaxis"]["type"] == "log"
    assert "0.99" in str(layout["xaxis"]["ticktext"])
    assert figure(source, VIEW.but(along="time"), "best_so_far")["layout"]["xaxis"]["type"] == "date"


def test_a_choice_draws_its_figure_anew_and_no_other(source: Source) -> None:
    for name, settings in SETTINGS.items():
        before = drawing.drawn(source, VIEW, f"explore:{name}")[0]
        for setting in LABELS:
            other = VIEW.but(**{setting: list(options(source.results(VIEW), setting))[-1]})
            assert (drawing.drawn(source, other, f"explore:{name}")[0] != before) == (setting in settings)


def test_what_a_study_does_not_have_is_the_default(source: Source) -> None:
    results = source.results(VIEW)
    odd = VIEW.but(x="config/none", y="variant", colour="config/none", along="never")
    assert [chosen(results, odd, name) for name in ("x", "y", "colour", "along")] == [
        "config/lr",
        "loss",
        "",
        "trials",
    ]
    assert figure(source, odd, "trial_scatter")["layout"]["xaxis"]["type"] == "log"


def test_the_axis_of_the_loss_is_chosen_for_the_loss_only(source: Source) -> None:
    linear = VIEW.but(scale="linear")
    assert figure(source, linear, "trial_scatter")["layout"]["yaxis"]["type"] == "linear"
    over = linear.but(x="config/mu", y="config/lr")
    assert figure(source, over, "trial_scatter")["layout"]["yaxis"]["type"] == "log"


def test_each_filter_is_a_chip_that_removes_it(source: Source) -> None:
    view = VIEW.within("lr", 0.001, 0.1).reaching(0.1, 0.5).but(variant=("cm",), status=("completed",))
    view = view.among("mu", ["0.5", "0.99"]).but(only_task="autoencoder/digits")
    for made in (part(source, "explored", view), part(source, "trials", view.on("trials"))):
        said = text(made)
        count = len(source.filtered_results(view).all_trials)
        assert f"{count} of 48 trials kept" in said
        for words in (
            "task autoencoder/digits",
            "variant cm",
            "status completed",
            "lr 0.001 to 0.1",
            "mu 0.5 and 0.99",
            "loss 0.1 to 0.5",
        ):
            assert words in said
    removed = [View.read(*link.split("?")) for link in links(part(source, "explored", view)) if "?" in link]
    assert view.anywhere("lr") in removed
    assert view.but(outcome=()) in removed
    assert view.but(variant=()) in removed
    assert view.among("mu", ()) in removed
    assert view.but(only_task="") in removed


@pytest.mark.slow
@pytest.mark.parametrize("name", AWKWARD)
def test_the_page_of_an_awkward_study(
    tmp_path: pathlib.Path, open_source: Callable[[pathlib.Path], Source], name: str
) -> None:
    AWKWARD[name](tmp_path / "s.sqlite", name)
    source, view = open_source(tmp_path / "s.sqlite"), VIEW.but(name=name)
    said = text([page(source, view), part(source, "explored", view)])
    assert "This cannot be shown" not in said
    for columns in ({}, {"x": "loss", "y": "config/lr"}):
        for figure_name in SETTINGS:
            made = drawing.drawn(source, view.but(**columns), f"explore:{figure_name}")[1].text or ""
            assert "NaN" not in made.replace("isNaN", "")
