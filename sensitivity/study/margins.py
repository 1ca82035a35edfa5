"""The margin of a study: the difference of its metric that counts as none, and its earlier margins."""

from __future__ import annotations

import json
import sys
from typing import Any

from trainables.names import InputError

MARGIN, EARLIER = "margin", "earlier_margins"
"""Keys of a stored specification: the margin, and the margins that it had when results were seen already."""


def check_margin(margin: Any) -> None:
    """Check that a margin is a finite number above 0.

    Raises:
        InputError: with the value and what is allowed.
    """
    is_number = isinstance(margin, int | float) and not isinstance(margin, bool)
    if not (is_number and 0 < margin <= sys.float_info.max):
        raise InputError(
            f"margin must be a difference of the metric, in its unit: a finite number above 0; got {margin!r}"
        )


def with_earlier_margins(before: str, after: str, *, seen: bool) -> str:
    """Return a specification with the margins that the study had before.

    Args:
        before: Specification that the store has, as JSON.
        after: Specification that replaces it, as JSON.
        seen: True if the study has results, so that a margin which is replaced is kept.

    >>> with_earlier_margins('{"margin": 0.1}', '{"margin": 0.2}', seen=True)
    '{"margin": 0.2, "earlier_margins": [0.1]}'
    >>> with_earlier_margins('{}', '{"margin": 0.2}', seen=False)
    '{"margin": 0.2}'
    """
    old, new = json.loads(before), json.loads(after)
    earlier = list(old.get(EARLIER, ()))
    if seen and old.get(MARGIN) != new.get(MARGIN):
        earlier.append(old.get(MARGIN))
    return json.dumps({**new, EARLIER: earlier}) if earlier else after


def margin_change(before: str, margin: float | None) -> str:
    """Return the note of a margin that is not the stored one, for a study with results; empty if it is.

    Args:
        before: Specification that the store has, as JSON.
        margin: Margin of the study that is run now.

    >>> margin_change('{"margin": 0.1}', 0.2)
    'the margin was changed from 0.1 to 0.2 after results were seen; the store keeps both'
    >>> margin_change('{}', None)
    ''
    """
    old = json.loads(before).get(MARGIN)
    if old == margin:
        return ""
    change = " to ".join("none" if value is None else f"{value:g}" for value in (old, margin))
    return f"the margin was changed from {change} after results were seen; the store keeps both"


def earlier_margins(stored: str) -> dict[str, list[float | None]]:
    """Return the entry of the margins that a stored study had before, empty if there were none.

    >>> earlier_margins('{"margin": 0.2, "earlier_margins": [null]}'), earlier_margins('{"margin": 0.2}')
    ({'earlier_margins': [None]}, {})
    """
    fields = json.loads(stored)
    return {EARLIER: fields[EARLIER]} if fields.get(EARLIER) else {}
