"""Numbers and lists as words."""

from __future__ import annotations

import numbers
from collections.abc import Sequence


def number(value: object) -> str:
    """Four significant digits of a number; anything else as it is.

    >>> number(0.0012345), number(2), number(True), number("sgd")
    ('0.001234', '2', 'True', 'sgd')
    """
    return f"{value:.4g}" if isinstance(value, numbers.Real) and not isinstance(value, bool) else str(value)


def listed(words: Sequence[str]) -> str:
    """Words with commas and an and.

    >>> listed(["adam", "nadam", "sgd"])
    'adam, nadam and sgd'
    """
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
