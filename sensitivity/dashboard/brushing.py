"""What a box in a figure, or a stretch of parallel coordinates, says about hyperparameters."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sensitivity.dashboard.view import View
    from sensitivity.results import Results

STRETCH = re.compile(r"dimensions\[(\d+)\]\.constraintrange")


def boxed(view: View, results: Results, selected: dict[str, Any] | None, axes: dict[str, str]) -> View:
    """The view within a box. Args: selected: ``selectedData`` of a graph. axes: the hyperparameter of each of its x axes."""
    for axis, (low, high) in (selected or {}).get("range", {}).items():
        if axis in axes:
            view = bounded(view, results, axes[axis], (low, high))
    return view


def stretched(view: View, results: Results, restyled: list[Any] | None, names: list[str]) -> View:
    """The view within the stretches that were drawn on parallel coordinates. Args: restyled: ``restyleData``. names: of the dimensions."""
    for path, value in (restyled or [{}])[0].items():
        found = STRETCH.match(path)
        name = names[int(found[1])] if found and int(found[1]) < len(names) else ""
        if name not in known(results):
            continue
        if value is None:
            view = view.anywhere(name)
        else:
            ends = value[0] if isinstance(value[0], list) else value
            view = bounded(view, results, name, (ends[0], ends[1]))
    return view
