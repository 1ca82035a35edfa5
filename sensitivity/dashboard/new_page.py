"""The form by which a study is given to the service: a preset or YAML, its plan, then the start."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from dash import html

from sensitivity.dashboard import shell, writing
from sensitivity.readers.view import View

if TYPE_CHECKING:
    from sensitivity.readers.source import Source

EXAMPLE = """name: first
tasks: [mlp/digits]
variants: [sgd, adam]
design: {kind: grid, points: {lr: 5}}
seeds: 3
epochs: 3
"""


def page(source: Source, view: View) -> list[Any]:
    """Return the form; for a reader who may not write, a page that says so."""
    title = html.Div([html.H1("New study")], className="title")
    if not writing.may_write():
        words = (
            "A study is given through the service (sensitivity serve), by a reader whose token may write. "
            "From the command line: sensitivity run study.yaml"
        )
        back = shell.link("All studies", View())
        return [title, shell.notice("Studies cannot be given here", words, kind="refused", action=back)]
    chosen = html.Select(
        [
            html.Option("A study of your own", value="", **{"data-yaml": EXAMPLE}),
            *(
                html.Option(f"{name}: {what}", value=name, **{"data-yaml": text})
                for name, what, text in _presets()
            ),
        ],
        name="preset",
    )
    text = html.Textarea(EXAMPLE, name="spec", rows=18, spellCheck="false", className="code")
    form = html.Form(
        [
            html.Label([html.Span("Begin with"), chosen], className="written"),
            html.Label([html.Span("The study as YAML"), text], className="written"),
            html.Div(
                [
                    html.Button("Plan", type="button", className="does", **{"data-plan": "/api/v1/plan"}),
                    html.Button("Start", type="submit", className="does", disabled=True),
                    html.Span(
                        "Plan first: it says how many trials, and how long they take.", className="what"
                    ),
                ],
                className="row",
            ),
            html.P(className="said", role="status"),
            html.Div(className="planned"),
        ],
        className="change new",
        **{"data-method": "POST", "data-path": "/api/v1/studies", "data-after": writing.LIST},
    )
    return [title, form]


@functools.lru_cache(maxsize=1)
def _presets() -> list[tuple[str, str, str]]:
    from sensitivity.study.presets import PRESETS
    from sensitivity.study.study import Study

    return [(name, preset["description"], Study.preset(name).to_yaml()) for name, preset in PRESETS.items()]
