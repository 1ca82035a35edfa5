"""Refusal of truth values, which Python counts as 1 and 0, in fields that are numbers."""

from __future__ import annotations

from pydantic import BeforeValidator


def not_boolean(value: object) -> object:
    """Return the value unchanged unless it is a boolean.

    Raises: ValueError for True and False.

    >>> not_boolean(3)
    3
    """
    if isinstance(value, bool):
        raise ValueError(f"must be a number, got {str(value).lower()}")
    return value


NOT_BOOLEAN = BeforeValidator(not_boolean)
"""Validator of number fields that refuses booleans."""
