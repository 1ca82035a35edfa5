"""Routes, parameters, bodies and answers of commit 4aa37a2 are in today's OpenAPI document."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import httpx

from tests import surface

EARLIER = pathlib.Path(__file__).parents[1] / "earlier" / "routes.json"
"""The routes of commit 4aa37a2, made by ``tests/surface.py``."""


def missing(before: Any, now: Any, place: str = "") -> Iterator[str]:
    """Yield the places where today's description lacks something; types and choices may become more."""
    if isinstance(before, dict):
        for name, inner in before.items():
            if not isinstance(now, dict) or name not in now:
                yield f"{place} {name}"
            else:
                yield from missing(inner, now[name], f"{place} {name}")
    elif isinstance(before, list):
        yield from (f"{place} {choice}" for choice in before if choice not in now)
    elif before != now:
        yield f"{place}: {before} is {now}"


def test_every_earlier_route_is_there(reader: httpx.Client) -> None:
    before = json.loads(EARLIER.read_text(encoding="utf-8"))
    now = surface.routes(reader.get("/openapi.json").json())
    assert len(before) > 15
    assert list(missing(before, now)) == []


def test_no_new_parameter_must_be_given(reader: httpx.Client) -> None:
    before = json.loads(EARLIER.read_text(encoding="utf-8"))
    now = surface.routes(reader.get("/openapi.json").json())
    assert [
        f"{route} {name}"
        for route in before
        for name, parameter in now[route]["parameters"].items()
        if parameter["required"] and name not in before[route]["parameters"]
    ] == []


def test_what_is_lost_is_found() -> None:
    """The comparison sees a lost route, parameter, field and choice."""
    before = {"GET /a": {"parameters": {"query b": {"required": False, "": ["string", '"x"']}}}, "GET /c": {}}
    now = {"GET /a": {"parameters": {"query b": {"required": True, "": ["string"]}}}}
    assert list(missing(before, now)) == [
        " GET /a parameters query b required: False is True",
        ' GET /a parameters query b  "x"',
        " GET /c",
    ]
