"""An object by its import path."""

from __future__ import annotations

import functools
import hashlib
import pathlib
import sys
from importlib import import_module
from typing import Any

from trainables.names import InputError, unknown

SHIPPED: dict[str, Any] = {}
"""Objects that this process received by value, by their import path, which may not be importable here."""


def imported(path: str, kind: str) -> Any:
    """Return the object that an import path names.

    Args:
        path: ``package.module:name``; without a colon the last dot divides module and name.
        kind: the object's role, for error messages.

    Raises:
        InputError: in one line, when the module cannot be imported or has no such name.

    >>> imported("math:tau", "number")
    6.283185307179586
    """
    if path in SHIPPED:
        return SHIPPED[path]
    module, _, name = path.partition(":") if ":" in path else path.rpartition(".")
    if not module or not name:
        raise InputError(f"{kind} {path!r} is not an import path; write package.module:name")
    try:
        value: Any = import_module(module)
    except (Exception, SystemExit) as error:  # a user's module may raise anything
        message = " ".join(str(error).split())
        raise InputError(
            f"{kind} {path!r} cannot be imported: {type(error).__name__}: {message}{_replaced(module)}"
        ) from error
    for part in name.split("."):
        if not hasattr(value, part):
            public = (
                [attribute for attribute in vars(value) if not attribute.startswith("_")]
                if hasattr(value, "__dict__")
                else []
            )
            if replaced := _replaced(module):
                raise InputError(f"{kind} {path!r} has no {part!r}{replaced}")
            raise unknown(f"name in {module} for {kind} {path!r}:", part, public)
        value = getattr(value, part)
    return value


def _replaced(module: str) -> str:
    """Return a note on a file of the working directory that an installed module of the same name hides, or an
    empty text.
    """
    name = module.partition(".")[0]
    file = next(
        (file for file in (pathlib.Path(f"{name}.py"), pathlib.Path(name, "__init__.py")) if file.is_file()),
        None,
    )
    loaded = getattr(sys.modules.get(name), "__file__", None)
    if (
        file is None
        or name not in sys.modules
        or (loaded is not None and pathlib.Path(loaded).resolve() == file.resolve())
    ):
        return ""
    return (
        f"; {str(file)!r} here is not imported, as the installed {name!r} comes first: give it another name"
    )


def import_name(thing: Any) -> str:
    """Return the import path of a callable, with a hash of its source if the path does not lead back to it.

    >>> import math
    >>> import_name(math.sin)
    'math:sin'
    """
    from trainables.sources import identity

    target = thing
    while isinstance(target, functools.partial):
        target = target.func
    named = target if hasattr(target, "__qualname__") else type(target)
    path = f"{named.__module__}:{named.__qualname__}"
    value: Any = sys.modules.get(named.__module__)
    for part in named.__qualname__.split("."):
        value = getattr(value, part, None)
    return path if value is thing else f"{path}#{hashlib.sha256(identity(thing).encode()).hexdigest()[:6]}"
