"""Truth values, which Python counts as 1 and 0, where a number is asked for."""

from __future__ import annotations

from pydantic import BeforeValidator


def not_boolean(value: object) -> object:
    """Return a value that is not a truth value. Raises: ValueError.

    >>> not_boolean(3)
    3
    """
    if isinstance(value, bool):
        raise ValueError(f"must be a number, got {str(value).lower()}")
    return value


NOT_BOOLEAN = BeforeValidator(not_boolean)
"""Before the validation of a field that is a number."""
