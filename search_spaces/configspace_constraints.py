"""Conversions between constraints and ConfigSpace's forbidden clauses.

A relation that must hold becomes the opposite relation, forbidden. Where ConfigSpace holds ``1 - mu``
(:mod:`search_spaces.configspace_spaces`), relations turn round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from search_spaces.constraints import RELATIONS, Constraint, Forbid, Require
from search_spaces.hyperparameters import Hyperparameter
from search_spaces.values import python_value
from trainables.names import InputError

if TYPE_CHECKING:
    from search_spaces.spaces import SearchSpace

FORBIDDEN = {
    "<": "GreaterThanEquals",
    "<=": "GreaterThan",
    ">": "LessThanEquals",
    ">=": "LessThan",
    "!=": "Equals",
}
"""What ConfigSpace forbids, by the relation that must hold."""
REQUIRED = {words: relation for relation, words in FORBIDDEN.items()}
MOST_LISTED = 1000
"""Most values of a discrete hyperparameter that are compared with a number one by one."""
TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "!=": "!="}


def to_clause(package: Any, constraint: Constraint, space: SearchSpace, native: Mapping[str, Any]) -> Any:
    """Convert a constraint to a forbidden clause; None if it forbids nothing.

    Args:
        package: ConfigSpace.
        constraint: of the space.
        space: the space.
        native: ConfigSpace's hyperparameters, by name in the space.

    Raises:
        InputError: it relates ``1 - mu`` to what is on another scale, or a continuous hyperparameter to a
            number.
    """
    if isinstance(constraint, Forbid):
        parts = [
            package.ForbiddenInClause(native[name], [_coordinate(space[name], value) for value in values])
            for name, values in constraint.combination.items()
        ]
        return parts[0] if len(parts) == 1 else package.ForbiddenAndConjunction(*parts)
    left, relation, right = constraint.parts
    turns = {_turns(space[name]) for name in constraint.names}
    if len(turns) > 1:
        raise InputError(
            f"'{constraint}' cannot be carried over: one is on a log1m scale, which ConfigSpace lacks, the "
            "other is not"
        )
    count = space[left].cardinality
    if not isinstance(right, str):
        # ConfigSpace 1.2 compares the number with a place in the unit interval.
        if count is None or count > MOST_LISTED:
            raise InputError(f"'{constraint}' cannot be carried over; narrow the range of {left}")
        values = [value for value in space[left].grid(count) if not RELATIONS[relation](value, right)]
        return package.ForbiddenInClause(native[left], values) if values else None
    words = FORBIDDEN[TURNED[relation] if turns == {True} else relation]
    return getattr(package, f"Forbidden{words}Relation")(native[left], native[right])


def from_clause(clause: Any, space: SearchSpace, names: Mapping[str, str]) -> Constraint:
    """Convert a forbidden clause of ConfigSpace to a constraint.

    Args:
        clause: the clause.
        space: hyperparameters that were converted before.
        names: names in the space by names in ConfigSpace.

    Raises:
        InputError: the clause is of another kind.
    """
    kind = type(clause).__name__
    if kind.endswith("Relation"):
        left, right = (names[side.name] for side in (clause.left, clause.right))
        required = REQUIRED[kind.removeprefix("Forbidden").removesuffix("Relation")]
        return Require(f"{left} {TURNED[required] if _turns(space[left]) else required} {right}")
    if kind == "ForbiddenAndConjunction":
        parts = [from_clause(part, space, names) for part in clause.components]
        if all(isinstance(part, Forbid) for part in parts):
            return Forbid({name: values for part in parts for name, values in part.combination.items()})  # type: ignore[union-attr]
    name = names.get(getattr(getattr(clause, "hyperparameter", None), "name", ""), "")
    back: Callable[[Any], Any] = lambda value: _coordinate(space[name], python_value(value))  # noqa: E731
    if kind in ("ForbiddenEqualsClause", "ForbiddenInClause"):
        values = [clause.value] if kind == "ForbiddenEqualsClause" else clause.values
        return Forbid({name: [space[name].check(back(value)) for value in values]})
    if kind.endswith("Clause"):
        required = REQUIRED[kind.removeprefix("Forbidden").removesuffix("Clause")]
        turned = TURNED[required] if _turns(space[name]) else required
        return Require(f"{name} {turned} {back(clause.value)!r}")
    raise InputError(f"a forbidden combination cannot be carried over, got {clause}")


def _turns(hyperparameter: Hyperparameter) -> bool:
    """Return True for a hyperparameter that ConfigSpace holds as one minus its value."""
    return hyperparameter.scale == "log1m" and hyperparameter.cardinality is None


def _coordinate(hyperparameter: Hyperparameter, value: Any) -> Any:
    """Return a value in ConfigSpace's coordinate, or back: both are one minus the other."""
    return 1 - value if _turns(hyperparameter) else value
