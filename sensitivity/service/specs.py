"""Specifications as the service keeps and compares them."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sensitivity.study.margins import EARLIER, MARGIN

if TYPE_CHECKING:
    from sensitivity.study.study import Study

DEFAULTS = {"direction": "min"}
"""What earlier releases left out of a specification."""


def count(study: Study) -> int:
    """Return the number of trials of a study."""
    from sensitivity.study.planning import trials

    if study.adaptive:
        return len(study.tasks) * len(study.variants) * len(study.seeds) * int(study.design["n"])
    return len(trials(study))


def plain(study: Study) -> dict[str, Any]:
    """Return a specification as plain data, defaults left out."""
    fields: dict[str, Any] = json.loads(study.to_json())
    return fields


def stored(study: Study) -> dict[str, Any]:
    """Return a specification as the store keeps it, with every space spelt out."""
    fields: dict[str, Any] = json.loads(study.to_stored())
    return fields


def differences(there: dict[str, Any], submitted: dict[str, Any]) -> list[str]:
    """Return the fields in which two specifications differ, in words; earlier margins do not count.

    >>> differences({"name": "a", "seeds": [0, 1]}, {"name": "a", "seeds": [0], "epochs": 2})
    ['seeds is [0, 1], got [0]', 'epochs is not given, got 2']
    """
    names = [
        name
        for name in {**there, **submitted}
        if there.get(name, DEFAULTS.get(name)) != submitted.get(name, DEFAULTS.get(name)) and name != EARLIER
    ]
    return [f"{name} is {_shown(there, name)}, got {_shown(submitted, name)}" for name in names]


def compared(
    there: Mapping[str, Any] | None, submitted: dict[str, Any], *, active: bool
) -> tuple[list[str], bool]:
    """Return the fields in which a study differs from the one of its name, and True if its margin alone does.

    Another margin changes no trial, so it does not count as a difference once the study has ended.

    Args:
        there: Specification of the study of that name; None where there is none.
        submitted: Specification that was given.
        active: True while the study waits or trains.
    """
    differing = differences(dict(there), submitted) if there is not None else []
    other_margin = there is not None and there.get(MARGIN) != submitted.get(MARGIN)
    if active or not other_margin:
        return differing, False
    return [text for text in differing if not text.startswith(f"{MARGIN} is ")], True


def looks(name: str) -> str:
    """Return the same text for names that a reader, or a file system, does not tell apart.

    >>> looks("Lr") == looks("lr")
    True
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _shown(fields: dict[str, Any], name: str) -> str:
    text = json.dumps(fields[name]) if name in fields else "not given"
    return text if len(text) <= 120 else f"{text[:120]} ..."
