"""One trial: what it was, how it went, and how to run it again."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go
import yaml
from dash import html

from sensitivity.dashboard import annotation, shell, words, writing
from sensitivity.dashboard.measure_page import graph
from sensitivity.results.results import IMPORTED, PREFIX, records
from sensitivity.store.queries import only_key
from sensitivity.study.trial import METRICS
from sensitivity.text.wording import number
from trainables.names import unknown

if TYPE_CHECKING:
    from sensitivity.readers.source import Source
    from sensitivity.readers.view import View
    from sensitivity.results.results import Results

CARRIED = ("spaces", "batch_size", "limit", "metric", "direction", "precision", "trainable")
"""Of a study's specification, what a trial that is run again needs too."""


def page(source: Source, view: View) -> list[Any]:
    """Return the page of a trial."""
    key = _row(source.results(view), view.key)["key"]
    path = writing.address(view.name, "trials", key, "annotation")
    back = shell.link(f"All trials of {view.name}", view.on("trials", key=""))
    return [
        *shell.heading(view, f"Trial {view.key[:8]}", f"of {view.name}"),
        html.Div(annotation.editor(path), className="actions") if writing.may_write() else None,
        shell.part("trial"),
        html.P(back),
    ]


def panel(source: Source, view: View) -> Any:
    """Return the selected trial beside the figures."""
    if not view.trial:
        return None
    whole = shell.link("Open its page", view.on("trial", key=view.trial, trial=""))
    close = shell.link("Close", view.but(trial=""))
    return html.Section(
        [
            html.H2(f"Trial {view.trial[:8]}"),
            html.P([whole, " · ", close]),
            *_about(source, view, view.trial, html.H3),
        ],
        className="panel",
    )


def whole(source: Source, view: View) -> list[Any]:
    """Return everything about the trial of a page."""
    return _about(source, view, view.key, html.H2)


def _about(source: Source, view: View, key: str, heading: Callable[[str], Any]) -> list[Any]:
    results = source.results(view)
    row = _row(results, key)
    configuration = {
        name: row[PREFIX + name]
        for name in results.spaces[row["variant"]].names
        if not _missing(row[PREFIX + name])
    }
    facts = {
        "status": words.status(row["status"]),
        results.metric: words.cell(row["value"]) or "no value",
        "counts as": words.cell(row["loss"]) or "nothing",
        "variant": row["variant"],
        "task": row["task"],
        "seed": str(row["seed"]),
        "epochs": f"{row['epochs_done']} of {row['epochs']}" if row["epochs"] else str(row["epochs_done"]),
        "seconds": words.cell(row["seconds"]),
        "started": _moment(row["started"]),
        "finished": _moment(row["finished"]),
        "key": html.Code(row["key"]),
    }
    about = [
        words.pairs({name: value for name, value in facts.items() if value}),
        heading("Configuration"),
        words.pairs({name: number(value) for name, value in configuration.items()}),
    ]
    children: list[Any] = [
        annotation.of_trial(source, view.name, row["key"]),
        html.Div(
            [html.Div(about), html.Div(_curve(source.curve(row["key"]), results.metric, row, heading))],
            className="pair",
        ),
    ]
    if isinstance(row["error"], str) and row["error"]:
        children += [heading("Error"), html.Pre(row["error"], className="log", tabIndex="0")]
    children += [heading("Run it again")]
    if IMPORTED in results.spec:
        return [
            *children,
            html.P(
                "These results were imported, so there is nothing here that could train it again.",
                className="what",
            ),
        ]
    return [*children, html.Pre(rerun(results, row, configuration), className="command", tabIndex="0")]


def _row(results: Results, key: str) -> dict[str, Any]:
    """Return the trial with this key, or the one that alone begins with it."""
    trials = results.all_trials
    found = only_key(trials["key"], key) if key else None
    if found is None:
        raise unknown("trial", key, list(trials["key"]))
    return records(trials[trials["key"] == found])[0]


def _moment(value: Any) -> str:
    return "" if pd.isna(value) else f"{pd.Timestamp(value):%Y-%m-%d %H:%M:%S} UTC"


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _drawn(epochs: pd.DataFrame, names: list[str], key: str) -> go.Figure:
    """Return the metrics of a trial by epoch as a figure."""
    figure = go.Figure(
        [go.Scatter(x=epochs["epoch"], y=epochs[name], name=name, mode="lines+markers") for name in names]
    )
    figure.update_xaxes(title_text="epoch", tickformat="d", dtick=1 if epochs["epoch"].max() <= 12 else None)
    positive = bool((epochs[names].fillna(1.0) > 0).all(axis=None))
    figure.update_yaxes(type="log" if positive else "linear", title_text="value")
    legend = {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0}
    figure.update_layout(
        height=320, margin={"l": 10, "r": 10, "t": 10, "b": 80}, legend=legend, uirevision=key
    )
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
    return figure


def _curve(
    epochs: pd.DataFrame, metric: str, row: dict[str, Any], heading: Callable[[str], Any]
) -> list[Any]:
    """Return every metric by epoch, that of the study first."""
    names = [
        name
        for name in dict.fromkeys((metric, *METRICS))
        if name in epochs.columns and epochs[name].notna().any()
    ]
    head = heading("Learning curve")
    if not names:
        return [head, html.P("It has reported no epoch yet.", className="what")]
    shown = words.frame(epochs[["epoch", *names]], caption="every epoch of the trial")
    return [
        head,
        *graph("curve", partial(_drawn, epochs, names, str(row["key"]))),
        html.Details([html.Summary("Every epoch as a table"), shown]),
    ]


def rerun(results: Results, row: dict[str, Any], configuration: dict[str, Any]) -> str:
    """Return the command that trains the trial again, into a store of its own."""
    study: dict[str, Any] = {
        "name": f"trial {row['key'][:8]}",
        "tasks": [row["task"]],
        "variants": [row["variant"]],
        "design": {
            "kind": "explicit",
            "rows": [{name: _plain(value) for name, value in configuration.items()}],
        },
        "seeds": [int(row["seed"])],
        "default_setting": False,
    }
    study |= {name: results.spec[name] for name in CARRIED if name in results.spec}
    if row["epochs"]:
        study["epochs"] = int(row["epochs"])
    if study.get("trainable"):
        del study["tasks"]
    if "spaces" in study:
        study["spaces"] = {name: value for name, value in study["spaces"].items() if name == row["variant"]}
    text = yaml.safe_dump(study, sort_keys=False, default_flow_style=None, width=100)
    return f"cat > trial.yaml <<'END'\n{text}END\nsensitivity run trial.yaml --store again.sqlite"


def _plain(value: Any) -> Any:
    """Return a value of a table as plain data: NumPy's numbers are Python's."""
    return value.item() if hasattr(value, "item") else value
