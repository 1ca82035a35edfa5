"""Values of hyperparameters (numbers, strings and bools), read from and written to plain data."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from trainables.names import InputError, unknown

Scalar = float | int | str | bool
"""Type of a categorical choice or an ordinal level; an ordinal level is never a bool."""
NONE = "None"
"""Choice that stands for Python's None."""
BRACKETS = {"(": tuple, "[": list, "{": dict}
"""First characters of the texts that :func:`choice_of` reads as a tuple, a list or a mapping."""


def read_value(value: Any) -> Any:
    """Read a string as a number where it is one (``1e-4``, ``inf``); return any other value unchanged.

    >>> read_value("1e-4"), read_value("inf"), read_value("8"), read_value("adam")
    (0.0001, inf, 8, 'adam')
    """
    if not isinstance(value, str):
        return value
    for number in (int, float):
        try:
            return number(value)
        except ValueError:
            continue
    return value


def choice_of(value: Any) -> Any:
    """Return a choice of any type as a scalar.

    None becomes the text ``None``; a tuple, list or mapping, or its Python text, becomes JSON.

    >>> choice_of(None), choice_of((0.9, 0.999)), choice_of("(0.9, 0.999)"), choice_of([64, None])
    ('None', '[0.9, 0.999]', '[0.9, 0.999]', '[64, null]')
    >>> choice_of("adam"), choice_of(64)
    ('adam', 64)
    """
    value = python_value(value)
    if value is None:
        return NONE
    if isinstance(value, str):
        value = _bracketed(value)
    return value if isinstance(value, (str, bool, int, float)) else json.dumps(value, default=_jsonable)


def _bracketed(text: str) -> Any:
    """Return the tuple, list or mapping that a text writes in Python's syntax; any other text unchanged."""
    kind = BRACKETS.get(text[:1])
    if kind is None:
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return value if isinstance(value, kind) else text


def _jsonable(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else repr(value)


def write_value(value: Any) -> Any:
    """Return a value as JSON can store it: infinities as strings, NumPy scalars as Python scalars.

    Inverse of :func:`read_value`.
    """
    value = python_value(value)
    if isinstance(value, (bool, str)) or value is None:
        return value
    if isinstance(value, Integral):
        return int(value)
    number = float(value)
    return number if math.isfinite(number) else str(number)


def number_of(name: str, value: object) -> float:
    """Return a number as a float.

    Args:
        name: name of the argument, for the error message.
        value: the number; infinities are accepted.

    Raises:
        InputError: the value is not a number, or is a bool or NaN.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or math.isnan(value):
        raise InputError(f"{name} must be a number, got {value!r}")
    return float(value)


def finite_number(name: str, value: object) -> float:
    """Return a finite number as a float; -0.0 becomes 0.0.

    Args:
        name: name of the argument, for the error message.
        value: the number.

    Raises:
        InputError: the value is not a finite number.
    """
    number = number_of(name, value)
    if not math.isfinite(number):
        raise InputError(f"{name} must be finite, got {value!r}")
    return number + 0.0  # -0.0 == 0.0, but their texts differ


def whole_number(name: str, value: object) -> int:
    """Return a whole number, passed as an int or a float, as an int.

    Args:
        name: name of the argument, for the error message.
        value: the number, such as 3 or 3.0.

    Raises:
        InputError: the value is not a whole number.
    """
    number = number_of(name, value)
    if not number.is_integer():
        raise InputError(f"{name} must be a whole number, got {value!r}")
    return int(value) if isinstance(value, Integral) else int(number)


def whole(name: str, value: object, *, at_least: int) -> int:
    """Return an integer that is at least a lower bound.

    Args:
        name: name of the argument, for the error message.
        value: the integer; floats such as 3.0 are refused.
        at_least: smallest valid value.

    Raises:
        InputError: the value is not an integer, or is below ``at_least``.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < at_least:
        raise InputError(f"{name} must be a whole number of at least {at_least}, got {value!r}")
    return int(value)


def distinct_values(name: str, values: object) -> tuple[Scalar, ...]:
    """Return levels or choices as Python scalars.

    Args:
        name: name of the list, for the error message.
        values: at least one number, string or bool.

    Raises:
        InputError: ``values`` is not a list or is empty, contains a value twice, or contains a number
            written as a string.
    """
    if isinstance(values, (str, Mapping)) or not isinstance(values, Iterable):
        raise InputError(f"{name} must be a list, got {values!r}")
    plain: list[Scalar] = []
    for value in map(python_value, values):
        if isinstance(value, str):
            if not isinstance(read_value(value), str):
                raise InputError(
                    f"{name} must not hold numbers as strings, got {value!r}; use {read_value(value)!r}"
                )
            plain.append(str(value))
        elif isinstance(value, bool):
            plain.append(value)
        else:
            number = number_of(f"each of the {name}", value)
            plain.append(int(value) if isinstance(value, Integral) else number)
        if position_of(plain[-1], plain) < len(plain) - 1:
            raise InputError(f"{name} must differ, got {value!r} twice")
    if not plain:
        raise InputError(f"{name} must hold at least one value, got none")
    return tuple(plain)


def python_value(value: Any) -> Any:
    """Convert a NumPy scalar to Python's type (``np.bool_`` is not a bool); return other values unchanged."""
    return value.item() if getattr(value, "ndim", None) == 0 else value


def position_of(value: object, values: Sequence[Scalar]) -> int:
    """Return the index of a value in a sequence, -1 if absent.

    True and 1 count as different values, 1 and 1.0 as equal ones.
    """
    value = python_value(value)
    for position, candidate in enumerate(values):
        if isinstance(candidate, bool) == isinstance(value, bool) and candidate == value:
            return position
    return -1


def pick(name: str, value: object, values: Sequence[Scalar]) -> Scalar:
    """Return the element of a sequence that equals a value.

    Args:
        name: name of the hyperparameter, for the error message.
        value: the value to look up.
        values: valid values.

    Raises:
        InputError: no element equals the value; the message names the nearest string.
    """
    position = position_of(value, values)
    if position >= 0:
        return values[position]
    if isinstance(value, str) and any(isinstance(candidate, str) for candidate in values):
        raise unknown(f"value of {name}", value, values)
    raise InputError(f"{name} must be one of {listed(values)}, got {value!r}")


def listed(values: Sequence[Scalar]) -> str:
    """Join the reprs of values by commas, for error messages."""
    return ", ".join(map(repr, values))
