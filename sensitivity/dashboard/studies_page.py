"""Every study of the store, and how far each is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import html

from sensitivity.dashboard import shell, words
from sensitivity.figures.words import counted
from sensitivity.readers.view import View

if TYPE_CHECKING:
    from sensitivity.readers.source import Source


def page(source: Source, view: View) -> list[Any]:
    """Return the page that the dashboard opens with."""
    return [
        html.Div([html.H1("Studies"), html.P(f"in {source.named}", className="what")], className="title"),
        shell.part("studies"),
    ]


def listed(source: Source) -> Any:
    """Return a row a study; what to do where there is none."""
    rows = source.studies()
    if not rows:
        run = html.Pre(
            f"sensitivity run --preset quickstart --store {source.named}", className="command", tabIndex="0"
        )
        return shell.notice(
            "No study yet", "This page fills by itself as soon as one runs. To start one:", action=run
        )
    return html.Ul([_study(row) for row in rows], className="studies")


def _study(row: dict[str, Any]) -> html.Li:
    view = View(page="study", name=row["name"])
    ended = row["trials"] - row["pending"] - row["running"]
    state = "running" if row["running"] else "ended" if ended and not row["pending"] else "waiting"
    share = f"{100 * ended // max(1, row['trials'])}%"
    return html.Li(
        [
            html.H2(shell.link(row["name"], view)),
            html.P(
                [
                    html.Span(state, className=f"state {state}"),
                    f"{share} of {counted(row['trials'], 'trial')}",
                ],
                className="far",
            ),
            words.progress(row),
            html.P(words.counts(row), className="what"),
            html.P(f"created {row['created'][:16].replace('T', ' ')} UTC", className="what"),
        ]
    )
