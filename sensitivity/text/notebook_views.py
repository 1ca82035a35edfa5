"""HTML of objects in a notebook: the functions that make it, by name of class; the package's front registers
them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

VIEWS: dict[str, Callable[[Any], str]] = {}


def notebook_view(shown: object) -> str | None:
    """Return the HTML of an object by the function that is registered for its class; None makes a notebook
    print its text."""
    view = VIEWS.get(type(shown).__name__)
    return view(shown) if view is not None else None
