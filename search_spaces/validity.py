"""Validity of configurations in a space, as a bool instead of an exception."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainables.names import InputError

if TYPE_CHECKING:
    from search_spaces.spaces import SearchSpace


def is_valid(space: SearchSpace, configuration: Mapping[str, Any]) -> bool:
    """Return True if a space accepts a configuration."""
    try:
        space.check(configuration)
    except InputError:
        return False
    return True
