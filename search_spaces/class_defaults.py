"""Domains of an optimizer class's hyperparameters, in decades around the defaults of the class."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from trainables.names import InputError
from trainables.variants import variant

LARGE = 0.1
"""Default lr from which a range has more decades below than above: such rates are factors, as of Prodigy."""


def class_defaults(name: str) -> dict[str, float]:
    """Return the defaults of lr, mu, nu and weight decay that an optimizer class or factory declares.

    Args:
        name: name of a variant; a variant that is no class of an optimizer declares none.

    Raises:
        InputError: for an unknown variant.

    >>> class_defaults("torch.optim.RMSprop")
    {'lr': 0.01, 'mu': 0, 'nu': 0.99, 'weight_decay': 0}
    """
    chosen = variant(name)
    keywords: Mapping[str, Any] = getattr(chosen, "keywords", {})
    places: dict[str, tuple[str, int | None]] = {
        "lr": ("lr", None),
        **getattr(chosen, "decays", {}),
        "weight_decay": ("weight_decay", None),
    }
    defaults = {}
    for hyperparameter, (keyword, position) in places.items():
        value = keywords.get(keyword)
        if position is not None and isinstance(value, (tuple, list)) and position < len(value):
            value = value[position]
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            defaults[hyperparameter] = value
    return defaults


def class_domain(hyperparameter: str, default: float, low: float, high: float) -> dict[str, float]:
    """Return the lowest, highest and default value of a hyperparameter, by the default of a class.

    Args:
        hyperparameter: lr: three decades, one of them below the default, or two for defaults from
            :data:`LARGE`; mu or nu: the usual range, extended where it does not hold the default.
        default: of the class.
        low: of the usual range.
        high: of the usual range.

    >>> class_domain("lr", 1e-4, 1e-4, 0.1)
    {'low': 1e-05, 'high': 0.01, 'default': 0.0001}
    >>> class_domain("mu", 0.999, 0.5, 0.99)
    {'low': 0.5, 'high': 0.9999, 'default': 0.999}
    """
    if hyperparameter == "lr":
        below, above = (100, 10) if default >= LARGE else (10, 100)
        return {"low": _rounded(default / below), "high": _rounded(default * above), "default": default}
    return {
        "low": 0.0 if default < low else low,
        "high": _rounded(1 - (1 - default) / 10) if default > high else high,
        "default": default,
    }


def default_outside(name: str, domains: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Return the hyperparameters whose default in the class of a variant lies outside of their domain.

    Args:
        name: name of a variant; one that cannot be imported here has no such hyperparameter.
        domains: domains by name, with low and high; others are skipped, and so are defaults of 0, which mean
            that a term is left out.
    """
    if ":" not in name and not name.startswith("torch.optim."):
        return []
    try:
        defaults = class_defaults(name)
    except InputError:
        return []
    found = []
    for hyperparameter, default in defaults.items():
        low, high = (getattr(domains.get(hyperparameter), end, None) for end in ("low", "high"))
        if default and low is not None and high is not None and not low <= default <= high:
            found.append((hyperparameter, float(default)))
    return found


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
