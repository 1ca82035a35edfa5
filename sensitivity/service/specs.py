"""Specifications as the service keeps and compares them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sensitivity.study.margins import EARLIER, MARGIN

if TYPE_CHECKING:
    from sensitivity.study.study import Study


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
    """Return the fields in which two specifications differ, in words; margins that one had before do not
    count.

    >>> differences({"name": "a", "seeds": [0, 1]}, {"name": "a", "seeds": [0], "epochs": 2})
    ['seeds is [0, 1], got [0]', 'epochs is not given, got 2']
    """
    names = [
        name for name in {**there, **submitted} if there.get(name) != submitted.get(name) and name != EARLIER
    ]
    return [f"{name} is {_shown(there, name)}, got {_shown(submitted, name)}" for name in names]


def without_margin(fields: dict[str, Any]) -> dict[str, Any]:
    """Return a specification without its margin, which changes no trial."""
    return {name: value for name, value in fields.items() if name != MARGIN}


def _shown(fields: dict[str, Any], name: str) -> str:
    text = json.dumps(fields[name]) if name in fields else "not given"
    return text if len(text) <= 120 else f"{text[:120]} ..."
