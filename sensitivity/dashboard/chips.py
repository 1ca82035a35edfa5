"""The filters of a view in words, each with a link that removes it."""

from __future__ import annotations

import html as html_text
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dash import dcc, html

from sensitivity.dashboard.words import cell
from sensitivity.figures.words import Outcome
from sensitivity.text.wording import several

if TYPE_CHECKING:
    from sensitivity.readers.view import View
    from sensitivity.results.results import Results


def filters_in_words(results: Results, view: View) -> Iterator[tuple[str, View]]:
    """Yield each filter of a view in words, and the view without it."""
    if view.only_task:
        yield f"task {view.only_task}", view.but(only_task="")
    for name, values in (("variant", view.variant), ("seed", view.seed), ("status", view.status)):
        if values:
            yield f"{name} {several(values)}", view.but(**{name: ()})
    for name, low, high in view.ranges:
        yield f"{name} {cell(low)} to {cell(high)}", view.anywhere(name)
    for name in dict.fromkeys(name for name, _ in view.choices):
        values = tuple(value for choice, value in view.choices if choice == name)
        yield f"{name} {several(values)}", view.among(name, ())
    metric = html_text.unescape(Outcome.of(results).name)
    for low, high in view.outcome:
        yield f"{metric} {cell(low)} to {cell(high)}", view.but(outcome=())


def chips(results: Results, view: View) -> html.Ul:
    """Return the filters of a view as links that remove them."""
    return html.Ul(
        [
            html.Li(
                dcc.Link(
                    [words, html.Span(" ×", **{"aria-hidden": "true"})],
                    href=without.href,
                    title="remove this filter",
                )
            )
            for words, without in filters_in_words(results, view)
        ],
        className="chips",
        **{"aria-label": "filters; a click removes one"},
    )
