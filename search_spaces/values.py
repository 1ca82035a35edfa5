"""The values that a hyperparameter can take: numbers, strings and bools, read from and written to plain data."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from trainables.names import InputError, unknown

Scalar = float | int | str | bool
"""What a categorical choice or an ordinal level can be; an ordinal level is no bool."""
NONE = "None"
"""The choice that Python's None is."""
BRACKETS = {"(": tuple, "[": list, "{": dict}
"""First characters of the texts that :func:`choice_of` reads as a tuple, a list or a mapping."""


def read_value(value: Any) -> Any:
    """The number that a string reads as (``1e-4``, ``inf``), any other value as it is.

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
    """Return a choice of any kind as a scalar: None as the text ``None``; a tuple, list or mapping, or its Python text, as JSON.

    >>> choice_of(None), choice_of((0.9, 0.999)), choice_of("(0.9, 0.999)"), choice_of([64, None]), choice_of("adam"), choice_of(64)
    ('None', '[0.9, 0.999]', '[0.9, 0.999]', '[64, null]', 'adam', 64)
    """
    value = python_value(value)
    if value is None:
        return NONE
    if isinstance(value, str):
        value = _bracketed(value)
    return value if isinstance(value, (str, bool, int, float)) else json.dumps(value, default=_jsonable)


def _bracketed(text: str) -> Any:
    """Return the tuple, list or mapping that a text writes in Python's way, any other text as it is."""
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
    """The value as JSON can hold it: infinities as strings, NumPy's numbers as Python's. The inverse of :func:`read_value`."""
    value = python_value(value)
    if isinstance(value, (bool, str)) or value is None:
        return value
    if isinstance(value, Integral):
        return int(value)
    number = float(value)
    return number if math.isfinite(number) else str(number)


def number_of(name: str, value: object) -> float:
    """A number that is not nan, as a float."""
    if isinstance(value, bool) or not isinstance(value, Real) or math.isnan(value):
        raise InputError(f"{name} must be a number, got {value!r}")
    return float(value)


def finite_number(name: str, value: object) -> float:
    """A finite number."""
    number = number_of(name, value)
    if not math.isfinite(number):
        raise InputError(f"{name} must be finite, got {value!r}")
    return number + 0.0  # -0.0 and 0.0 are one value, and write alike


def whole_number(name: str, value: object) -> int:
    """A whole number, given as an int or a float."""
    number = number_of(name, value)
    if not number.is_integer():
        raise InputError(f"{name} must be a whole number, got {value!r}")
    return int(value) if isinstance(value, Integral) else int(number)


def whole(name: str, value: object, *, at_least: int) -> int:
    """A whole number that is large enough. Raises: InputError."""
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < at_least:
        raise InputError(f"{name} must be a whole number of at least {at_least}, got {value!r}")
    return int(value)


def distinct_values(name: str, values: object) -> tuple[Scalar, ...]:
    """Levels or choices as plain values, each once."""
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
    """Python's own value of a NumPy scalar, whose bools are no bools to Python."""
    return value.item() if getattr(value, "ndim", None) == 0 else value


def position_of(value: object, values: Sequence[Scalar]) -> int:
    """Where the value is, -1 when nowhere; True and 1 are two values, 1 and 1.0 are one."""
    value = python_value(value)
    for position, each in enumerate(values):
        if isinstance(each, bool) == isinstance(value, bool) and each == value:
            return position
    return -1


def pick(name: str, value: object, values: Sequence[Scalar]) -> Scalar:
    """The one of the values that equals the value. Raises: InputError with the nearest when none does."""
    position = position_of(value, values)
    if position >= 0:
        return values[position]
    if isinstance(value, str) and any(isinstance(each, str) for each in values):
        raise unknown(f"value of {name}", value, values)
    raise InputError(f"{name} must be one of {listed(values)}, got {value!r}")


def listed(values: Sequence[Scalar]) -> str:
    """Values as an error message lists them."""
    return ", ".join(map(repr, values))
