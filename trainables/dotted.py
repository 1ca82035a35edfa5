"""An object by its import path."""

from __future__ import annotations

import functools
import hashlib
import pathlib
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
        raise InputError(
            f"{kind} {path!r} cannot be imported: {type(error).__name__}: {said}{_replaced(module)}"
        ) from error
    for part in name.split("."):
        if not hasattr(found, part):
            public = (
                [each for each in vars(found) if not each.startswith("_")]
                if hasattr(found, "__dict__")
                else []
            )
            if replaced := _replaced(module):
                raise InputError(f"{kind} {path!r} has no {part!r}{replaced}")
            raise unknown(f"name in {module} for {kind} {path!r}:", part, public)
        found = getattr(found, part)
    return found


def _replaced(module: str) -> str:
    """Words for a file of the working directory that is not imported since an installed module has its name; none where there is none."""
    name = module.partition(".")[0]
    found = next(
        (file for file in (pathlib.Path(f"{name}.py"), pathlib.Path(name, "__init__.py")) if file.is_file()),
        None,
    )
    loaded = getattr(sys.modules.get(name), "__file__", None)
    if (
        found is None
        or name not in sys.modules
        or (loaded is not None and pathlib.Path(loaded).resolve() == found.resolve())
    ):
        return ""
    return (
        f"; {str(found)!r} here is not imported, as the installed {name!r} comes first: give it another name"
    )


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
