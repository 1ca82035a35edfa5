"""Numbers, intervals and lists as words."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

DASH = "–"
"""The text of an unknown number."""
ROUNDING = 1e-14
"""Relative size of rounding errors."""
MOST = 8
"""Maximal number of variants that a sentence names; the table has the rest."""


def number(value: object) -> str:
    """Return a number with four significant digits, a dash for NaN, and the text of any other value.

    >>> number(0.0012345), number(2), number(True), number("sgd"), number(float("nan"))
    ('0.001234', '2', 'True', 'sgd', '–')
    """
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return str(value)
    return DASH if math.isnan(value) else f"{value:z.4g}"


def listed(words: Sequence[str]) -> str:
    """Join words by commas and a final "and".

    >>> listed(["adam", "nadam", "sgd"])
    'adam, nadam and sgd'
    """
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def several(words: Iterable[str], most: int = MOST, *, more: Callable[[int], str] = str) -> str:
    """Join words as :func:`listed` does; beyond ``most`` words, say how many more are in the table.

    Args:
        words: The words.
        most: Most of them that are named.
        more: Function that returns the number of the others as text.

    >>> several(["adam 3", "nadam 4", "sgd 5"], 2)
    'adam 3, nadam 4 and 1 more (in the table)'
    """
    shown = list(words)
    return listed(
        shown if len(shown) <= most else [*shown[:most], f"{more(len(shown) - most)} more (in the table)"]
    )


def setting(configuration: Mapping[str, object]) -> str:
    """Return a configuration as text.

    >>> setting({"lr": 0.001, "p": 2})
    'lr 0.001, p 2'
    """
    return ", ".join(f"{name} {number(value)}" for name, value in configuration.items())


def with_interval(row: Mapping[str, Any] | pd.Series, name: str = "", *, form: str = ".3g") -> str:
    """Return a value and its interval as text; the default is three significant digits.

    An interval of zero width carries no information (one seed of a fixed design), and is left out. A number
    below the rounding error of the largest of the three is printed as 0.

    Args:
        row: has ``NAME``, ``NAME_low`` and ``NAME_high``, or ``value``, ``low`` and ``high`` if ``name`` is
            empty.
        name: the prefix of the columns.
        form: format specification of the numbers.

    >>> with_interval({"loss": 0.04978, "loss_low": 0.02421, "loss_high": 0.06913}, "loss")
    '0.0498 (0.0242 to 0.0691)'
    >>> with_interval({"value": 0.25, "low": 0.1, "high": 0.4}, form=".0%")
    '25% (10% to 40%)'
    >>> with_interval({"value": float("nan"), "low": 0, "high": 1})
    '–'
    >>> with_interval({"value": 0.5, "low": 0.5, "high": 0.5})
    '0.5'
    >>> with_interval({"value": 0.573, "low": 1.1e-16, "high": 1.15})
    '0.573 (0 to 1.15)'
    >>> with_interval({"value": 0.01, "low": -0.002, "high": 0.02}, form=".0%")
    '1% (0% to 2%)'
    """
    names = (name, f"{name}_low", f"{name}_high") if name else ("value", "low", "high")
    value, low, high = (row[column] for column in names)
    if not known(value):
        return DASH
    largest = max(abs(number) for number in (value, low, high) if known(number))
    value, low, high = (
        0.0 if known(number) and abs(number) < ROUNDING * largest else number for number in (value, low, high)
    )
    wide = known(low) and known(high) and not math.isclose(low, high, abs_tol=1e-12)
    ends = f" ({low:z{form}} to {high:z{form}})" if wide else ""
    return f"{value:z{form}}{ends}"


def known(value: Any) -> bool:
    """Return True if a cell of a table is a finite number."""
    return isinstance(value, numbers.Real) and math.isfinite(value)


def percent(share: float) -> str:
    """Return a share in per cent.

    >>> percent(0.254)
    '25%'
    """
    return f"{share:z.0%}"
