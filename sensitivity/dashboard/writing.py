"""Forms that change something, where the reader may write: a script of the page sends them to the API.

Every change goes through the API of the service, with its access and its checks; the dashboard itself
changes nothing. ``assets/writing.js`` reads the attributes that are set here.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from dash import html
from flask import has_request_context, request

ACCESS = "sensitivity.access"
"""Key of a WSGI request under which a service says what its reader may do: ``read`` or ``write``."""
API = "/api/v1"
HERE, LIST = "", "/"
"""Where a form leads after a change: the same page with fresh content, or the list of studies."""


def may_write() -> bool:
    """Return True if the reader of this request may change something; never without a service."""
    return has_request_context() and bool(request.environ.get(ACCESS) == "write")


def address(*parts: str) -> str:
    """Return the path of the API to a study, or to something of it.

    >>> address("a/b", "annotation")
    '/api/v1/studies/a%2Fb/annotation'
    """
    return "/".join((API, "studies", *(quote(part, safe="") for part in parts)))


def form(
    children: list[Any], method: str, path: str, *, after: str = HERE, body: Any = None, **more: Any
) -> html.Form:
    """Return a form that sends its fields to the API as JSON.

    Args:
        children: Fields and buttons.
        method: Method of the request.
        path: Path of the API.
        after: Path of the page that is opened after the change; ``{name}`` is the field of that name.
        body: Values that are sent besides the fields.
        more: Attributes of the form.
    """
    attributes = {"data-method": method, "data-path": path, "data-after": after}
    if body is not None:
        attributes["data-body"] = json.dumps(body)
    said = html.P(className="said", role="status")
    return html.Form([*children, said], **{"className": "change", **attributes, **more})


def field(words: str, name: str, *, rows: int = 1, kind: str = "text", hint: str = "") -> html.Label:
    """Return a labelled text field; one of one line is sent with the return key.

    Args:
        words: Label.
        name: Name under which the value is sent.
        rows: Lines of the field.
        kind: ``text``, or ``list`` for values between commas.
        hint: Example in the empty field.
    """
    text = html.Textarea(name=name, rows=rows, placeholder=hint, **{"data-kind": kind})
    return html.Label([html.Span(words), text], className="written")


def button(words: str, *, destroys: bool = False, **more: Any) -> html.Button:
    """Return the button that sends a form.

    Args:
        words: Text of the button.
        destroys: True where something is lost.
        more: Attributes of the button.
    """
    return html.Button(words, type="submit", className="destroys" if destroys else "does", **more)
