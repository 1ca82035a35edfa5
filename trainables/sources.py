"""Identity of a callable as text that is the same in every process: the basis of the fingerprints of users'
tasks.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import re
import textwrap
from typing import Any

VERSIONED = ("trainables", "torch", "torchvision", "numpy", "builtins")
"""Packages whose callables are identified by name, without their source: a task's ``version`` marks a change
of ours."""


def identity(thing: Any) -> str:
    """Return a callable as its name with a hash of its source, a partial as its parts, and anything else as
    its repr.

    Numbers, strings and functions that a closure has captured are part of it; of anything else that it holds
    only the type is seen: give such values as arguments of :func:`functools.partial`, or raise the task's
    version.

    >>> from trainables.losses import mse
    >>> identity(functools.partial(mse, y=3))
    'partial(trainables.losses.mse, y=3)'
    """
    if isinstance(thing, functools.partial):
        arguments = [identity(argument) for argument in thing.args] + [
            f"{key}={identity(argument)}" for key, argument in sorted(thing.keywords.items())
        ]
        return f"partial({', '.join([identity(thing.func), *arguments])})"
    if not callable(thing):
        return re.sub(r" at 0x[0-9a-f]+", "", repr(thing))
    target = thing if hasattr(thing, "__qualname__") else type(thing)
    module = str(getattr(target, "__module__", ""))
    state = "" if target is thing else re.sub(r" at 0x[0-9a-f]+", "", repr(thing))
    if module.split(".")[0] in VERSIONED:
        return f"{module}.{target.__qualname__}{state and f'={state}'}"
    content = _source(target) + _captured(target) + state
    return f"{target.__qualname__}#{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def _captured(target: Any) -> str:
    """Return the variables that a function captures from its enclosing scope, as text."""
    captured = []
    for name, cell in zip(
        getattr(getattr(target, "__code__", None), "co_freevars", ()),
        getattr(target, "__closure__", None) or (),
        strict=False,
    ):
        try:
            value = cell.cell_contents
        except ValueError:  # not bound yet
            continue
        simple = value is None or isinstance(value, (bool, int, float, str, tuple))
        captured.append(
            f"{name}={value!r}"
            if simple
            else f"{name}:{getattr(value, '__qualname__', type(value).__qualname__)}"
        )
    return "".join(captured)


def title(thing: Any) -> str:
    """Return the name of a callable, without the arguments of a partial."""
    while isinstance(thing, functools.partial):
        thing = thing.args[0] if thing.args and callable(thing.args[0]) else thing.func
    return str(getattr(thing, "__name__", type(thing).__name__))


def _source(target: Any) -> str:
    """Return the source, or an empty text if Python has none (an interactive session, compiled code)."""
    try:
        return textwrap.dedent(inspect.getsource(target))
    except (OSError, TypeError):
        return ""
