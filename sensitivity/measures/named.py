"""Measures by name, with arguments as text."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from search_spaces.values import read_value
from trainables.names import InputError, unknown


@functools.lru_cache(maxsize=1)
def measures() -> Mapping[str, Callable[..., Any]]:
    """Return every measure by name: the functions of :mod:`sensitivity.measures` from results to a table."""
    from sensitivity import measures as package

    functions = {name: getattr(package, name) for name in sorted(package.__all__)}
    return MappingProxyType(
        {
            name: function
            for name, function in functions.items()
            if inspect.isfunction(function)
            and next(iter(inspect.signature(function).parameters)) == "results"
        }
    )


def arguments(name: str, measure: Callable[..., Any], pairs: Sequence[str]) -> dict[str, Any]:
    """Return the arguments of a measure as values.

    Args:
        name: Name of the measure, for messages.
        measure: The measure.
        pairs: Arguments, each as NAME=VALUE.

    Raises:
        InputError: for an unknown argument, and for a missing one.

    >>> from sensitivity.measures import excess_loss
    >>> arguments("excess_loss", excess_loss, ["over=lr"])
    {'over': 'lr'}
    """
    known = list(inspect.signature(measure).parameters.values())[1:]
    values = {}
    for pair in pairs:
        argument, separator, value = pair.partition("=")
        if not separator:
            raise InputError(f"--with must be NAME=VALUE, such as over=mu; got {pair!r}")
        if argument not in [one.name for one in known]:
            raise unknown(f"argument of {name}", argument, [one.name for one in known])
        values[argument] = read_value(value)
    for one in known:
        if (
            one.default is one.empty
            and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
            and one.name not in values
        ):
            raise InputError(f"{name} needs --with {one.name}=VALUE")
    return values
