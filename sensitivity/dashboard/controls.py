"""The form beside a study: what is kept, and how it is judged; what each change of it makes of the view."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dash import dcc, html

from sensitivity.dashboard.exploring import SETTINGS, default
from sensitivity.dashboard.words import cell
from sensitivity.readers.filters import choices, hyperparameters, levels, positions, tasks, the_task
from sensitivity.readers.view import View
from sensitivity.results.results import NO_METRICS
from sensitivity.study.trial import METRICS, STATUSES

if TYPE_CHECKING:
    from search_spaces.hyperparameters import Hyperparameter
    from sensitivity.results.results import Results

EXPLORED = tuple(name for names in SETTINGS.values() for name in names)
UNJUDGED = (*NO_METRICS, "grad_norm")
CAPS = {"": "the initial loss", "worst": "the worst that ended"}
SCALES = {"": "as suits the losses", "log": "logarithmic", "linear": "linear"}


def form(results: Results, view: View) -> html.Details:
    """Return the form with every choice of a view."""
    task_names = tasks(results)
    judged = [name for name in results.metrics if name not in UNJUDGED]
    metrics = sorted(
        {*judged, results.metric},
        key=lambda name: (METRICS.index(name) if name in METRICS else len(METRICS), name),
    )
    keep = [
        pick("task", "Task", {name: name for name in task_names}, the_task(results, view))
        if len(task_names) > 1
        else None,
        several("variant", "Variants", _names(results.trials["variant"]), view.variant),
        several("seed", "Seeds", _names(results.trials["seed"]), view.seed),
        several(
            "status",
            "Status",
            [status for status in STATUSES if (results.trials["status"] == status).any()],
            view.status,
        ),
        *(_hyperparameter(name, domains, view) for name, domains in hyperparameters(results).items()),
    ]
    judge = [
        pick("metric", "Metric", {name: name for name in metrics}, view.metric or results.metric),
        pick("cap", "Diverged trials count as", CAPS, view.cap if view.cap in CAPS else ""),
        pick("scale", "Axis of the loss", SCALES, view.scale if view.scale in SCALES else ""),
    ]
    return html.Details(
        [
            html.Summary("Filters and settings"),
            html.Form(
                [
                    html.Div([html.P("Trials to keep (none ticked: all)", className="what"), *keep]),
                    html.Div([html.P("How they are judged", className="what"), *judge]),
                ],
                className="form",
            ),
        ],
        className="controls",
        open=True,
    )


def _names(values: Iterable[Any]) -> list[str]:
    return [str(value) for value in dict.fromkeys(values)]


def pick(name: str, label: str, options: dict[str, str], value: str) -> html.Fieldset:
    """Return a control that takes one of several values."""
    items = [{"label": words, "value": option} for option, words in options.items()]
    return _field(
        label,
        dcc.RadioItems(id={"type": "control", "name": name}, options=items, value=value, className="options"),
    )


def several(name: str, label: str, options: list[str], values: Iterable[str]) -> html.Fieldset:
    """Return a control that takes any of several values; none of them means all."""
    chosen = [value for value in values if value in options]
    return _field(
        label,
        dcc.Checklist(
            id={"type": "control", "name": name}, options=options, value=chosen, className="options"
        ),
    )


def _hyperparameter(name: str, domains: list[Hyperparameter], view: View) -> Any:
    stops = levels(domains)
    if stops is None or len(stops) < 2:
        every = choices(domains)
        return several(
            f"choice:{name}", name, every, [value for choice, value in view.choices if choice == name]
        )
    slider = dcc.RangeSlider(
        id={"type": "range", "name": name},
        min=0,
        max=len(stops) - 1,
        step=1,
        value=positions(stops, view, name),
        marks={0: cell(stops[0]), len(stops) - 1: cell(stops[-1])},
        allow_direct_input=False,
        updatemode="mouseup",
    )
    words = html.Output(in_words(view, name), id={"type": "bounds", "name": name}, className="bounds")
    return html.Fieldset([html.Legend([name, words]), slider], className="field")


def in_words(view: View, name: str) -> str:
    """Return the bounds of a hyperparameter."""
    return next(
        (f"{cell(low)} to {cell(high)}" for range_name, low, high in view.ranges if range_name == name), "all"
    )


def ends(results: Results, view: View, name: str) -> list[int]:
    """Return the positions of the two ends of a slider in a view."""
    return positions(levels(hyperparameters(results)[name]) or [], view, name)


def _field(label: str, control: Any) -> html.Fieldset:
    return html.Fieldset([html.Legend(label), control], className="field")


def changed(view: View, kind: str, name: str, value: Any, results: Results) -> View:
    """Return the view after one control was changed.

    Args:
        view: The view before.
        kind: ``range`` for a slider, whose value is two stops; else ``control``.
        name: Name of the control.
        value: New value of the control.
        results: Results of the study.
    """
    if kind == "range":
        stops = levels(hyperparameters(results)[name]) or []
        low, high = sorted(int(stop) for stop in value)
        if [low, high] == positions(stops, view, name):
            return view
        return (
            view.anywhere(name)
            if (low, high) == (0, len(stops) - 1)
            else view.within(name, stops[low], stops[high])
        )
    if name.startswith("choice:"):
        return view.among(name.removeprefix("choice:"), value or ())
    if name in ("variant", "seed", "status", "study"):
        return view.but(**{name: tuple(value or ())})
    if name in ("metric", "cap", "task"):  # bounds of the metric are of what was judged until now
        view = view.but(outcome=())
    if name == "task":
        view = view.but(only_task="")
    if name == "metric" and value == results.spec.get("metric", "train_loss_end"):
        value = ""
    if name in EXPLORED and value == default(results, name):
        value = ""
    if name == "task" and value == tasks(results)[0]:
        value = ""
    return view.but(**{name: value or ""})
