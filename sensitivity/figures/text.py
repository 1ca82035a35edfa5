"""Names in figures as text: Plotly reads some HTML in its words, and a name may be made of any."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

if TYPE_CHECKING:
    from sensitivity.results import Results


def as_text(figure: go.Figure, results: Results) -> go.Figure:
    """The figure with every name that holds HTML escaped wherever it stands.

    Names are those of the study, tasks, variants, hyperparameters, choices, trials and metric.
    """
    hostile = sorted((name for name in _names(results) if set("<>&") & set(name)), key=len, reverse=True)
    if not hostile:
        return figure
    pattern = re.compile("|".join(map(re.escape, hostile)))

    def escaped(value: Any) -> Any:
        if isinstance(value, str):
            return pattern.sub(lambda found: html.escape(found[0], quote=False), value)
        if isinstance(value, dict):
            return {key: escaped(each) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [escaped(each) for each in value]
        if getattr(getattr(value, "dtype", None), "kind", None) in ("O", "U", "T"):
            return [escaped(each) for each in value.tolist()]
        return value

    return go.Figure(escaped(figure.to_plotly_json()), skip_invalid=True)


def _names(results: Results) -> set[str]:
    found = {results.study, results.metric, *results.spaces, *results.trials["task"], *results.trials["key"]}
    for space in results.spaces.values():
        for each in space:
            found |= {each.name, *(str(value) for value in (getattr(each, "levels", None) or getattr(each, "choices", None) or ()))}
    return {str(name) for name in found}
