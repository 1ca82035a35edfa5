"""Names of roles of parameters, and of settings that differ by role, such as ``lr.head``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trainables.names import unknown

ROLES = ("embedding", "first", "matrices", "filters", "head", "norm")
"""``embedding``: tables of embeddings, and other parameters of three or more dimensions that are no filters.
``first``: filters of a model's first layer, if that is a convolution. ``matrices`` and ``filters``: weights
of the other hidden layers. ``head``: weights of the last layer. ``norm``: scales, shifts and biases, that is,
everything of fewer than two dimensions."""


def split_role(name: str) -> tuple[str, str]:
    """Return the setting and the role of a name such as ``lr.head``; the role is empty for all parameters.

    >>> split_role("lr.head"), split_role("weight_decay")
    (('lr', 'head'), ('weight_decay', ''))
    """
    setting, dot, role = name.partition(".")
    return (setting, role) if dot else (name, "")


def check_role(name: str, variant: str, accepted: Iterable[str]) -> None:
    """Check a name such as ``lr.head``.

    Raises:
        InputError: for an unknown role, and for a setting that the variant does not take.
    """
    setting, role = split_role(name)
    if role not in ROLES:
        raise unknown(f"role in {name!r}", role, ROLES)
    if setting not in accepted:
        raise unknown(f"hyperparameter of {variant}", setting, sorted(accepted))


def split_settings(configuration: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the settings of all parameters, and those of a role, by role.

    >>> split_settings({"lr": 0.1, "lr.head": 0.01})
    ({'lr': 0.1}, {'head': {'lr': 0.01}})
    """
    common: dict[str, Any] = {}
    by_roles: dict[str, dict[str, Any]] = {}
    for name, value in configuration.items():
        setting, role = split_role(name)
        (by_roles.setdefault(role, {}) if role else common)[setting] = value
    return common, by_roles
