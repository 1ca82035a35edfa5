"""The figures in which a reader explores trials, by what the view chooses."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from sensitivity.figures.columns import METRIC, VARIANT, first_column, hyperparameter_columns
from sensitivity.figures.history import TIME, TRIALS, best_so_far
from sensitivity.figures.scatter import trial_scatter
from sensitivity.figures.trial_curves import trial_curves
from sensitivity.questions import Drawing, Question
from sensitivity.results.results import PREFIX

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from sensitivity.measures import Measured
    from sensitivity.readers.view import View
    from sensitivity.results.results import Results

KEY = "explore"
"""Key of the figures in the names of their places, as that of a question."""
SETTINGS = {
    "trial_scatter": ("x", "y", "colour"),
    "trial_curves": ("curve_colour",),
    "best_so_far": ("along",),
}
"""Settings of a view that each figure depends on, in the order of its arguments."""
WORDS = {
    "trial_scatter": "Each point is a trial. Draw a box to keep the trials in it; a click opens a trial.",
    "trial_curves": "Each line is a trial. A click on a line opens its trial.",
    "best_so_far": "The line of a variant falls where one of its trials is better than all before it.",
}


def options(results: Results, name: str) -> dict[str, str]:
    """Return the values of a setting with their words.

    Args:
        results: Of the study.
        name: Name of the setting.
    """
    columns = {column: column.removeprefix(PREFIX) for column in hyperparameter_columns(results)}
    metric = {METRIC: f"{results.metric} (metric)"}
    if name == "along":
        return {TRIALS: "trials that have ended", TIME: "time"}
    if name == "colour":
        return {"": "automatic", VARIANT: "variant"} | metric | columns
    return columns | metric


def default(results: Results, name: str) -> str:
    """Return the value that a setting has if none is chosen."""
    return {
        "x": first_column(results),
        "y": METRIC,
        "curve_colour": first_column(results),
        "along": TRIALS,
    }.get(name, "")


def chosen(results: Results, view: View, name: str) -> str:
    """Return the value of a setting: the default for one that these results do not have."""
    value = str(getattr(view, name))
    return value if value in options(results, name) else default(results, name)


def exploring(view: View) -> Question:
    """Return the figures of a view, in the form of a question."""

    def following(draw: Callable[..., go.Figure]) -> Drawing:
        @functools.wraps(draw)
        def figure(measured: Measured, task: str) -> go.Figure:
            settings = (chosen(measured.results, view, name) for name in SETTINGS[draw.__name__])
            return draw(measured, task, *settings)

        return Drawing(figure, WORDS[draw.__name__], "trials")

    return Question(KEY, "Explore", (), tuple(map(following, (trial_scatter, trial_curves, best_so_far))), ())


def settings_of(view: View, figure: str) -> tuple[str, ...]:
    """Return what a view chooses for a figure; empty for a figure without settings."""
    return tuple(str(getattr(view, name)) for name in SETTINGS.get(figure, ()))
