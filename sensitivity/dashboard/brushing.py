"""What a box in a figure, or a stretch of parallel coordinates, says about hyperparameters."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from sensitivity.dashboard.view import View
    from sensitivity.results import Results

STRETCH = re.compile(r"dimensions\[(\d+)\]\.constraintrange")


def axes(figure: go.Figure, results: Results) -> dict[str, str]:
    """The hyperparameter of each x axis of a figure, as its title says it, or the title of its panel; of each dimension likewise."""
    names = {html.escape(name, quote=False): name for space in results.spaces.values() for name in space.names} | {"learning rate": "lr"}
    found = {}
    panels = list(figure.layout.annotations)
    places = [name.removeprefix("xaxis") for name in figure.to_plotly_json()["layout"] if name.startswith("xaxis")]
    said = [str(figure.layout[f"xaxis{place}"].title.text or "") for place in places]
    for place, title in zip(places, said, strict=True):
        panel = str(panels[int(place or 1) - 1].text) if len(panels) >= len(places) else ""
        name = names.get(title) or names.get(panel) or names.get(next((each for each in said if each), ""))
        if name:
            found[f"x{place}"] = name
    for trace in figure.data:
        if trace.type == "parcoords":
            found |= {str(i): names[str(each.label)] for i, each in enumerate(trace.dimensions) if str(each.label) in names}
    return found


def boxed(view: View, results: Results, selected: dict[str, Any] | None, of: dict[str, str]) -> View:
    """The view within a box. Args: selected: ``selectedData`` of a graph. of: its :func:`axes`."""
    for axis, ends in (selected or {}).get("range", {}).items():
        if axis in of:
            view = view.within(of[axis], *sorted(ends))
    return view


def stretched(view: View, results: Results, restyled: list[Any] | None, of: dict[str, str]) -> View:
    """The view within the stretches that were drawn on parallel coordinates. Args: restyled: ``restyleData``. of: its :func:`axes`."""
    for path, value in (restyled or [{}])[0].items():
        found = STRETCH.match(path)
        name = of.get(found[1], "") if found else ""
        if not name:
            continue
        if value is None:
            view = view.anywhere(name)
        else:
            view = view.within(name, *sorted(value[0] if isinstance(value[0], list) else value))
    return view
