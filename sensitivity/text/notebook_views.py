"""HTML views of objects in a notebook: a registry of functions by class name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

VIEWS: dict[str, Callable[[Any], str]] = {}


def notebook_view(shown: object) -> str | None:
    """Return the HTML of an object by the function registered for its class; None if there is none."""
    view = VIEWS.get(type(shown).__name__)
    return view(shown) if view is not None else None
