"""The search space of every variant: domains, scales, conditions, and what of it was tried."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from dash import html

from search_spaces.validity import is_valid
from sensitivity.dashboard import shell, words
from sensitivity.dashboard.measure_page import graph
from sensitivity.figures.ranges import ranges
from sensitivity.results.results import PREFIX, active_values
from sensitivity.text.wording import listed

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from search_spaces.spaces import SearchSpace
    from sensitivity.readers.source import Source
    from sensitivity.readers.view import View
    from sensitivity.results.results import Results


def page(source: Source, view: View) -> list[Any]:
    """Return the page of a study's spaces."""
    source.results(view)
    return [*shell.heading(view, view.name, "what each variant searched"), shell.part("space")]


def drawn(source: Source, view: View) -> list[Any]:
    """Return each search space as a table and a figure, with the variants that share it."""
    results = source.results(view)
    groups: dict[str, list[str]] = {}
    for variant, space in results.spaces.items():
        if not view.variant or variant in view.variant:
            groups.setdefault(repr(space), []).append(variant)
    children: list[Any] = []
    for place, variants in enumerate(groups.values()):
        space = results.spaces[variants[0]]
        children.append(html.H2(listed(variants)))
        if not len(space):
            children.append(html.P("It has no hyperparameters.", className="what"))
            continue
        design = listed(list(dict.fromkeys(map(results.design_of, variants))))
        shown = [
            html.Div(graph(f"space {place}", partial(_figure, results, space, variants))),
            html.Div(_table(space, listed(variants))),
        ]
        children += [html.P(f"{design} design", className="what"), html.Div(shown, className="halves")]
    return children


def _figure(results: Results, space: SearchSpace, variants: list[str]) -> go.Figure:
    trials = results.trials[results.trials["variant"].isin(variants)]
    names = space.names
    rows = trials[[PREFIX + name for name in names]].drop_duplicates().head(1000).to_numpy(dtype=object)
    # An imported trial that failed may lack a part of its configuration, or lie outside the domains that the
    # others have.
    valid = [
        configuration
        for configuration in (active_values(names, row) for row in rows)
        if is_valid(space, configuration)
    ]
    return ranges(space, space.encode(valid) if valid else None)


def _table(space: SearchSpace, whose: str) -> Any:
    rows = space.table()
    head = list(rows[0])
    return words.table(
        head, [[row[name] for name in head] for row in rows], caption=f"search space of {whose}"
    )
