"""What a reader who may write can do with a study: annotate, extend, stop, rename, delete it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import html

from sensitivity.dashboard import annotation, shell, words, writing
from sensitivity.figures.words import counted

if TYPE_CHECKING:
    from sensitivity.readers.source import Source, Submitted
    from sensitivity.readers.view import View

ELSEWHERE = "elsewhere"
"""State of a study of the store that was not given to the service."""
IDLE = ("completed", "failed", "cancelled", ELSEWHERE)
MORE_SEEDS = (1, 2, 3, 5, 10)


def actions(view: View, *, notes: bool = True) -> Any:
    """Return the forms of a study, for who may write; the style sheet shows those that its state allows.

    Args:
        view: The view.
        notes: False for a study that the store does not have yet, and that can have no note.
    """
    if not writing.may_write():
        return None
    name = view.name
    number = html.Select(
        [html.Option(str(count), value=str(count), selected=count == 2) for count in MORE_SEEDS],
        name="seeds",
        **{"data-kind": "number"},
    )
    more = [
        html.P("Its variants are trained with more seeds; what is there stays.", className="what"),
        html.Label([html.Span("More seeds"), number], className="written"),
        writing.button("Extend"),
    ]
    go_on = [
        html.P("It trains the trials that are missing.", className="what"),
        writing.button("Go on"),
    ]
    stop = [
        html.P("What it has reported stays, and it can go on later.", className="what"),
        writing.button("Stop the study"),
    ]
    new_name = [writing.field("New name", "name"), writing.button("Rename")]
    delete = [
        html.P(
            "The study, its notes, its log and the trials that no other study has are deleted. They do not "
            "come back.",
            className="what",
        ),
        writing.field(f"To confirm, write its name: {name}", "confirm"),
        writing.button("Delete for ever", destroys=True),
    ]
    path = writing.address(name)
    forms = [
        _action("Extend", ("queued", *IDLE), writing.form(more, "POST", f"{path}/extend")),
        _action(
            "Go on", ("failed", "cancelled"), writing.form(go_on, "POST", f"{path}/extend", body={"seeds": 0})
        ),
        _action("Stop", ("queued", "running"), writing.form(stop, "POST", f"{path}/cancel")),
        _action("Rename", IDLE, writing.form(new_name, "POST", f"{path}/rename", after="/study/{name}")),
        _action("Delete", IDLE, writing.form(delete, "DELETE", path, after=writing.LIST)),
    ]
    editor = annotation.editor(f"{path}/annotation") if notes else None
    return html.Section([editor, *forms], className="actions", **{"aria-label": "changes of the study"})


def _action(title: str, states: tuple[str, ...], form: html.Form) -> html.Details:
    allowed = " ".join(f"in-{state}" for state in states)
    return html.Details([html.Summary(title), form], className=f"action {allowed}")


def state(source: Source, view: View) -> Any:
    """Return the state of a study in the service, with its log; nothing of a study that it does not run."""
    submitted = source.submitted().get(view.name)
    if submitted is None:
        return html.Span(hidden=True, **{"data-state": ELSEWHERE})
    row = next((row for row in source.studies() if row["name"] == view.name), None)
    log = [] if submitted.state == "queued" else [" · ", _log(submitted)]
    standing = [*words.state(row, submitted), *log]
    return html.P(standing, className="standing", **{"data-state": submitted.state})


def _log(submitted: Submitted) -> Any:
    return html.A("Log", href=writing.address(submitted.name, "log"), target="_blank")


def waiting_page(view: View, heading: list[Any]) -> list[Any]:
    """Return the page of a study that the store does not have yet.

    Args:
        view: The view.
        heading: Heading of the page.
    """
    return [*heading, shell.part("waiting"), actions(view, notes=False)]


def waiting(source: Source, view: View) -> list[Any]:
    """Return how far a study is that the store does not have yet; the page is loaded again once it has."""
    submitted = source.submitted().get(view.name)
    if submitted is None or any(row["name"] == view.name for row in source.studies()):
        return [html.Span(hidden=True, **{"data-reload": "yes"})]
    size = f"It has {counted(submitted.trials, 'trial')}."
    hope = " Results appear here as soon as it trains." if submitted.state in ("queued", "running") else ""
    return [state(source, view), html.P(size + hope, className="what")]
