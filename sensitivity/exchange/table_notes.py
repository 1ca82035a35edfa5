"""Notes on the columns of a table: the role of each, and the columns left out."""

from __future__ import annotations

from collections.abc import Collection

from sensitivity.exchange.column_roles import Roles
from sensitivity.text.wording import listed

MOST = 12
"""Columns of one reason that are named."""


def role_notes(roles: Roles, metric: str, are_named: bool, exported: Collection[str] = ()) -> list[str]:
    """Return sentences on the roles of a table's columns, with the options that change them.

    Args:
        roles: of the columns.
        metric: column of the metric.
        are_named: the user names the hyperparameters.
        exported: columns of the package's tables, which are not spoken of.
    """
    notes = []
    if not are_named and roles.hyperparameters:
        names = [
            column if column == name else f"{name} ({column})"
            for column, name in roles.hyperparameters.items()
        ]
        notes.append(
            f"Taken for hyperparameters, as none were named: {_some(names)} (--hyperparameter, once for "
            "each, names others)."
        )
    other = {
        role: column for role in roles.inferred for column in [roles.named[role]] if column.casefold() != role
    }
    if other:
        options = [f"--{role.replace('_', '-')}" for role in other if role != "seconds"]
        change = f" ({listed(options)} {'name' if len(options) > 1 else 'names'} others)" if options else ""
        words = [f"{role.replace('_', ' ')} {column}" for role, column in other.items()]
        notes.append(f"Taken by the names of their columns: {listed(words)}{change}.")
    reasons: dict[str, list[str]] = {}
    for column, reason in roles.left_out.items():
        if column not in exported and column != metric:
            reasons.setdefault(reason, []).append(column)
    if reasons:
        parts = "; ".join(f"{reason} ({_some(columns)})" for reason, columns in reasons.items())
        notes.append(
            f"Left out of the hyperparameters: {parts}. --hyperparameter takes a column back, --leave-out "
            "leaves out one more."
        )
    return notes


def _some(names: list[str]) -> str:
    return (
        ", ".join(names)
        if len(names) <= MOST
        else f"{', '.join(names[: MOST - 1])} and {len(names) - MOST + 1} more"
    )
