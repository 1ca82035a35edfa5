"""An object by its import path."""

from __future__ import annotations

import functools
import hashlib
import sys
from importlib import import_module
from typing import Any

from trainables.names import InputError, unknown

GIVEN: dict[str, Any] = {}
"""What this process was given by value under an import path that it may not be able to import."""


def imported(path: str, kind: str) -> Any:
    """What an import path names.

    Args: path: ``package.module:name``; without a colon the last dot divides module and name. kind: what it should be, for the message.
    Raises: InputError, in one line, when the module cannot be imported or has no such name.

    >>> imported("math:tau", "number")
    6.283185307179586
    """
    if path in GIVEN:
        return GIVEN[path]
    module, _, name = path.partition(":") if ":" in path else path.rpartition(".")
    if not module or not name:
        raise InputError(f"{kind} {path!r} is not an import path; write package.module:name")
    try:
        found: Any = import_module(module)
    except (Exception, SystemExit) as error:  # a user's module may raise anything
        said = " ".join(str(error).split())
        raise InputError(f"{kind} {path!r} cannot be imported: {type(error).__name__}: {said}") from error
    for part in name.split("."):
        if not hasattr(found, part):
            public = [each for each in vars(found) if not each.startswith("_")] if hasattr(found, "__dict__") else []
            raise unknown(f"name in {module} for {kind} {path!r}:", part, public)
        found = getattr(found, part)
    return found


def given_name(thing: Any) -> str:
    """The import path of a callable; where that does not lead back to it, with a few digits that tell it from others of the name.

    >>> import math
    >>> given_name(math.sin)
    'math:sin'
    """
    from trainables.sources import identity

    target = thing
    while isinstance(target, functools.partial):
        target = target.func
    named = target if hasattr(target, "__qualname__") else type(target)
    path = f"{named.__module__}:{named.__qualname__}"
    found: Any = sys.modules.get(named.__module__)
    for part in named.__qualname__.split("."):
        found = getattr(found, part, None)
    return path if found is thing else f"{path}#{hashlib.sha256(identity(thing).encode()).hexdigest()[:6]}"
