"""Search spaces as text: a line or a table row per hyperparameter, and YAML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from search_spaces.conditions import either
from search_spaces.hyperparameters import Float, Hyperparameter, Integer, Ordinal
from trainables.names import InputError


def domain(hyperparameter: Hyperparameter) -> str:
    """Describe the domain of a hyperparameter: bounds and step, levels or choices.

    >>> domain(Integer("width", 16, 64, step=16)), domain(Ordinal("p", (1, 2, float("inf"))))
    ('16 to 64 by 16', '1, 2, inf')
    """
    if isinstance(hyperparameter, (Float, Integer)):
        if hyperparameter.low == hyperparameter.high:
            return f"{hyperparameter.low}"
        step = "" if hyperparameter.step is None else f" by {hyperparameter.step}"
        zero = "0 or " if isinstance(hyperparameter, Float) and hyperparameter.zero is not None else ""
        return f"{zero}{hyperparameter.low} to {hyperparameter.high}{step}"
    if isinstance(hyperparameter, Ordinal):
        return ", ".join(map(str, hyperparameter.levels))
    return " | ".join(map(str, hyperparameter.choices))


def condition(when: Mapping[str, Any]) -> str:
    """Describe conditions in words; an empty string if there are none.

    >>> from search_spaces.conditions import Conditions
    >>> condition(Conditions("nu", {"adaptive": ("mean", "sum"), "p": 2}))
    "adaptive is 'mean' or 'sum' and p is 2"
    """
    return " and ".join(f"{parent} is {either(values)}" for parent, values in when.items())


def row(hyperparameter: Hyperparameter) -> dict[str, Any]:
    """Return a hyperparameter as a table row: name, domain, scale, default and condition, all text."""
    return {
        "hyperparameter": hyperparameter.name,
        "domain": domain(hyperparameter),
        "scale": hyperparameter.scale,
        "default": "" if hyperparameter.default is None else str(hyperparameter.default),
        "condition": condition(hyperparameter.when),
    }


def line(hyperparameter: Hyperparameter) -> str:
    """Return a hyperparameter as one line of text: name, domain, scale, default and condition."""
    default = "" if hyperparameter.default is None else f", default {hyperparameter.default}"
    when = f", when {condition(hyperparameter.when)}" if hyperparameter.when else ""
    return f"{hyperparameter.name}: {domain(hyperparameter)}, {hyperparameter.scale}{default}{when}"


def to_yaml(data: Iterable[Mapping[str, Any]]) -> str:
    """Write the plain data of a space as YAML."""
    import yaml

    return yaml.safe_dump(list(data), sort_keys=False, default_flow_style=None, allow_unicode=True, width=120)


def from_yaml(text: str) -> Any:
    """Parse YAML; an empty text is an empty list.

    Raises:
        InputError: the text is not YAML; the message gives line and column.
    """
    import yaml

    try:
        return yaml.safe_load(text) or []
    except yaml.YAMLError as error:
        raise InputError("not YAML: " + " ".join(str(error).split())) from None
