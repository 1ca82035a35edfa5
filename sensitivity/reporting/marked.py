"""Texts with quantities as HTML: ``data-quantity`` is the id of the quantity that an element prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sensitivity.text.quantities import only_quantity, parts_with_code, quantity_id

if TYPE_CHECKING:
    from markupsafe import Markup

LONG = 36
"""Characters beyond which a cell breaks lines."""


def content(text: str) -> Markup:
    """Return a text as HTML: each quantity is a span, each command between backticks is code.

    An id needs no escape: its names are quoted.
    """
    from markupsafe import Markup, escape

    pieces = []
    for part, name, is_code in parts_with_code(text):
        piece = str(escape(part))
        if name:
            piece = f'<span data-quantity="{name}">{piece}</span>'
        pieces.append(f"<code>{piece}</code>" if is_code else piece)
    return Markup("".join(pieces))


def numbered(text: str, *names: object) -> Markup:
    """Return the attribute of an element whose text has a number that is no cell: empty without a number.

    Args:
        text: The text of the element.
        names: Names in the id.
    """
    from markupsafe import Markup

    has_number = any(character.isdigit() for character in text)
    return Markup(f' data-quantity="{quantity_id(*names)}"' if has_number else "")


def item(text: str, tag: str) -> Markup:
    """Return a text as an element, which has the id itself if the whole text is one quantity."""
    from markupsafe import Markup, escape

    name = only_quantity(text)
    if name and "`" not in text:
        return Markup(f'<{tag} data-quantity="{name}">{escape(str(text))}</{tag}>')
    return Markup(f"<{tag}>{content(text)}</{tag}>")


def cell(text: object, is_first: bool = False, short: bool = False) -> Markup:
    """Return a text as a cell of a table, which has the id itself if the whole text is one quantity.

    Args:
        text: The text.
        is_first: True for the first cell of a row, which names the row.
        short: True for a cell that breaks before an interval and after a comma.
    """
    from markupsafe import Markup, escape

    words = text if isinstance(text, str) else str(text)
    name = only_quantity(words)
    of = f' data-quantity="{name}"' if name else ""
    inner = str(escape(str(words)) if name or not hasattr(words, "parts") else content(words))
    if is_first:
        return Markup(f'<th scope="row"{of}>{inner}</th>')
    if short:
        inner = inner.replace(" (", "\n(").replace(", ", ",\n")
    long = ' class="long"' if len(words) > LONG else ""
    return Markup(f"<td{long}{of}>{inner}</td>")
