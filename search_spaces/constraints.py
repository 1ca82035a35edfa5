"""Constraints between hyperparameters: relations that must hold, and combinations that are forbidden."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from search_spaces.conditions import Conditions
from search_spaces.values import position_of, read_value
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from search_spaces.hyperparameters import Hyperparameter

RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le, ">=": operator.ge, "!=": operator.ne, "<": operator.lt, ">": operator.gt,
}  # fmt: skip
"""Relations of two hyperparameters, or of one and a number."""


@dataclass(frozen=True)
class Require:
    """A relation that every configuration fulfils: two hyperparameters, or one and a number.

    It says nothing about a configuration in which one of them is inactive.

    Args:
        relation: ``name < name`` or ``name < number``, with ``<``, ``<=``, ``>``, ``>=`` or ``!=``.

    Raises:
        InputError: the text is no such relation.

    >>> Require("mu < nu").allows({"mu": 0.9, "nu": 0.99}), Require("mu < nu").allows({"mu": 0.9, "nu": 0.5})
    (True, False)
    """

    relation: str
    kind: ClassVar[str] = "require"

    def __post_init__(self) -> None:
        parts = (
            [part.strip() for part in re.split("(<=|>=|!=|<|>)", self.relation)]
            if isinstance(self.relation, str)
            else []
        )
        if len(parts) != 3 or not all(parts) or isinstance(read_value(parts[0]), (int, float)):
            raise InputError(
                f"require must be a relation such as 'mu < nu' or 'mu <= 0.95', got {self.relation!r}"
            )
        object.__setattr__(self, "relation", " ".join(parts))

    def __str__(self) -> str:
        return self.relation

    @property
    def parts(self) -> tuple[str, str, Any]:
        """Name of the first hyperparameter, the sign, and a name or a number."""
        left, sign, right = re.split(" (<=|>=|!=|<|>) ", self.relation)
        return left, sign, read_value(right)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the hyperparameters in the relation."""
        left, _, right = self.parts
        return (left, right) if isinstance(right, str) else (left,)

    def check(self, domains: Mapping[str, Hyperparameter]) -> Require:
        """Return the constraint, checked against the hyperparameters of a space.

        Raises:
            InputError: a name is unknown, or its values are no numbers.
        """
        for name in self.names:
            _check_name(self, name, domains)
            if not isinstance(domains[name].grid(2)[0], (int, float)) or domains[name].kind == "categorical":
                raise InputError(
                    f"'{self}' must relate numbers, and {name} has none; use forbid for its values"
                )
        return self

    def allows(self, configuration: Mapping[str, Any]) -> bool:
        """Return True if a configuration fulfils the relation."""
        if any(name not in configuration for name in self.names):
            return True
        left, sign, right = self.parts
        other = configuration[right] if isinstance(right, str) else right
        return bool(RELATIONS[sign](configuration[left], other))

    def renamed(self, names: Mapping[str, str]) -> Require:
        """Return the constraint with other names, by old name."""
        left, sign, right = self.parts
        other = names.get(right, right) if isinstance(right, str) else right
        return Require(f"{names.get(left, left)} {sign} {other}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON and YAML; inverse of :func:`constraint_from_dict`."""
        return {self.kind: self.relation}


@dataclass(frozen=True)
class Forbid:
    """A combination of values that no configuration has.

    It says nothing about a configuration in which one of its hyperparameters is inactive.

    Args:
        combination: one value, or several, of each of at least one hyperparameter.

    Raises:
        InputError: the combination is empty, or no mapping of names to values.

    >>> Forbid({"rule": "sgd", "nesterov": True}).allows({"rule": "sgd", "nesterov": False})
    True
    """

    combination: Any = field()
    kind: ClassVar[str] = "forbid"

    def __post_init__(self) -> None:
        example = "{rule: sgd, nesterov: true}"
        if not isinstance(self.combination, Mapping) or not self.combination:
            raise InputError(f"forbid must be a mapping such as {example}, got {self.combination!r}")
        values = Conditions("a forbidden combination", self.combination)
        object.__setattr__(self, "combination", values)

    def __str__(self) -> str:
        return "not " + " with ".join(
            f"{name} {' or '.join(map(str, values))}" for name, values in self.combination.items()
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the hyperparameters in the combination."""
        return tuple(self.combination)

    def check(self, domains: Mapping[str, Hyperparameter]) -> Forbid:
        """Return the constraint with values in the types of a space's hyperparameters.

        Raises:
            InputError: a name is unknown, or a value is outside its domain.
        """
        values: dict[str, list[Any]] = {}
        for name, forbidden in self.combination.items():
            _check_name(self, name, domains)
            values[name] = [domains[name].check(value) for value in forbidden]
        return Forbid(values)

    def allows(self, configuration: Mapping[str, Any]) -> bool:
        """Return True if a configuration does not have the combination."""
        return not all(
            name in configuration and position_of(configuration[name], values) >= 0
            for name, values in self.combination.items()
        )

    def renamed(self, names: Mapping[str, str]) -> Forbid:
        """Return the constraint with other names, by old name."""
        return Forbid({names.get(name, name): values for name, values in self.combination.items()})

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON and YAML; inverse of :func:`constraint_from_dict`."""
        return {self.kind: self.combination.to_dict()}


Constraint = Require | Forbid


def constraint_from_dict(data: Mapping[str, Any]) -> Constraint:
    """Read a constraint from plain data: ``{require: "mu < nu"}`` or ``{forbid: {rule: sgd, p: 1}}``.

    Raises:
        InputError: the data have another field, or are no constraint.
    """
    kind = next(kind for kind in (Require.kind, Forbid.kind) if kind in data)
    for name in data:
        if name != kind:
            raise unknown(f"field beside {kind}", name, (kind,))
    if kind == Require.kind:
        return Require(data[kind])
    combination = data[kind]
    if isinstance(combination, Mapping):
        combination = {
            name: [read_value(value) for value in values] if isinstance(values, list) else read_value(values)
            for name, values in combination.items()
        }
    return Forbid(combination)


def is_constraint(data: object) -> bool:
    """Return True for plain data of a constraint."""
    return isinstance(data, Mapping) and bool({Require.kind, Forbid.kind} & set(data))


def allows(constraints: Iterable[Constraint], configuration: Mapping[str, Any]) -> bool:
    """Return True if a configuration fulfils every constraint."""
    return all(constraint.allows(configuration) for constraint in constraints)


def checked_constraints(
    constraints: Sequence[Constraint], domains: Mapping[str, Hyperparameter]
) -> tuple[Constraint, ...]:
    """Return the constraints of a space, without duplicates.

    Args:
        constraints: in order.
        domains: hyperparameters of the space, by name.

    Raises:
        InputError: a constraint names an unknown hyperparameter or a value outside its domain, or relates
            what is no number.
    """
    return tuple(dict.fromkeys(constraint.check(domains) for constraint in constraints))


def of_names(constraints: Iterable[Constraint], names: Sequence[str]) -> list[Constraint]:
    """Return the constraints of a space that is restricted to some names.

    Raises:
        InputError: a constraint needs a hyperparameter that would be left out.
    """
    remaining: list[Constraint] = []
    for constraint in constraints:
        missing = [name for name in constraint.names if name not in names]
        if missing and len(missing) < len(constraint.names):
            raise InputError(f"'{constraint}' needs {missing[0]}, so it cannot be left out; fix it first")
        remaining += [] if missing else [constraint]
    return remaining


def _check_name(constraint: Constraint, name: str, domains: Mapping[str, Hyperparameter]) -> None:
    if name not in domains:
        raise unknown(f"hyperparameter in '{constraint}'", name, list(domains))
