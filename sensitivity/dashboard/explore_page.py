"""Every trial of a study by what the reader chooses: over any two columns, by epoch, and in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import html

from sensitivity.dashboard import controls, shell
from sensitivity.dashboard.drawing import CONFIG, PLAIN, card
from sensitivity.dashboard.exploring import SETTINGS, chosen, exploring, options
from sensitivity.dashboard.trials_page import kept_words, nothing

if TYPE_CHECKING:
    from sensitivity.readers.source import Source
    from sensitivity.readers.view import View
    from sensitivity.results.results import Results

LABELS = {
    "x": "Horizontal axis",
    "y": "Vertical axis",
    "colour": "Colour",
    "curve_colour": "Colour of the learning curves",
    "along": "Best so far, along",
}
SELECTABLE = ("trial_scatter",)
"""Figures in which a box keeps the trials in it."""


def page(source: Source, view: View) -> list[Any]:
    """Return the form, and each figure below what is chosen for it."""
    results = source.results(view)
    question = exploring(view)
    figures = [
        html.Section(
            [
                picks(results, view, drawing.name),
                card(question, drawing, CONFIG if drawing.name in SELECTABLE else PLAIN),
            ],
            className="explored",
        )
        for drawing in question.figures
    ]
    middle = html.Div([shell.part("explored"), *figures], className="content")
    side = html.Aside(shell.part("panel"), className="side", **{"aria-label": "selected trial"})
    return [
        *shell.heading(view, view.name, "every trial, by what you choose"),
        html.Div([controls.form(results, view), middle, side], className="beside"),
    ]


def picks(results: Results, view: View, figure: str) -> html.Form:
    """Return the controls of a figure."""
    return html.Form(
        [
            controls.pick(name, LABELS[name], options(results, name), chosen(results, view, name))
            for name in SETTINGS[figure]
        ],
        className="form across",
    )


def counted_trials(source: Source, view: View) -> list[Any]:
    """Return the number of kept trials with the filters; the reason if there is nothing to draw."""
    results, whole = source.filtered_results(view), source.results(view)
    elements: list[Any] = [kept_words(results, whole, view)]
    if results.all_trials.empty:
        return [*elements, nothing(whole, view)]
    if results.usable.empty:
        every = shell.link("All trials", view.on("trials"))
        return [
            *elements,
            shell.notice("No trial has a result", "There is nothing to draw yet.", action=every),
        ]
    return elements
