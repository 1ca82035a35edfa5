"""Settings and states of members as those of the rows of one optimizer, and back."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import torch
from torch import Tensor

from trainables.layouts import Layout, flat
from trainables.row_numbers import RowNumber, Rows

COUNT = "step"
"""Entry of a state that counts steps, which are the same for all rows."""
EVERY, RATES, RATE = LEVELS = (frozenset({"*"}), frozenset({"lr", "weight_decay"}), frozenset({"lr"}))
"""Settings that are numbers by row: every float, or as many as a class can compute with; others are equal."""
EXACT: dict[str, frozenset[str]] = {"torch.optim.radam.RAdam": RATES}
"""Levels of classes in which another setting decides, at some step, between two formulas."""
PLAIN = (bool, int, float, str, type(None))


class RowsDifferError(TypeError):
    """An optimizer cannot compute with numbers by row; it takes its steps row after row from then on."""


def joined_state(
    states: Sequence[Sequence[dict[str, Any]]], params: Sequence[Sequence[Tensor]]
) -> dict[str, Any]:
    """Return the optimizer states of members as the state of their rows.

    Args:
        states: state of each parameter of each member.
        params: parameters of each member.

    Raises:
        RowsDifferError: an entry is neither a tensor of its parameter's shape nor a number.
    """
    joined: dict[str, Any] = {}
    for name in states[0][0]:
        values = [[state[name] for state in member] for member in states]
        along = all(
            getattr(value, "shape", None) == param.shape
            for member, own_params in zip(values, params, strict=True)
            for value, param in zip(member, own_params, strict=True)
        )
        firsts = [member[0] for member in values]
        if along:
            joined[name] = torch.stack([flat(member) for member in values]).as_subclass(Rows)
        elif all(isinstance(value, Tensor) and value.ndim == 0 for value in firsts):
            joined[name] = (
                firsts[0].clone() if name == COUNT else torch.stack(firsts)[:, None].as_subclass(Rows)
            )
        elif all(isinstance(value, PLAIN) for value in firsts):
            joined[name] = by_row(name, firsts, EVERY)
        else:
            raise RowsDifferError(
                f"the state {name} of an optimizer is neither a tensor of its parameter nor a number"
            )
    return joined


def pieces_of(value: Any, k: int, layout: Layout, shape: torch.Size) -> list[Any]:
    """Return an entry of the state of the rows as the entries of the parameters of a member.

    Args:
        value: entry of the state of the rows.
        k: row of the member.
        layout: of the row.
        shape: of the rows.
    """
    count = len(layout.shapes)
    if isinstance(value, RowNumber):
        return [value.values[k]] * count
    if not isinstance(value, Tensor):
        return [value] * count
    plain = value.as_subclass(Tensor)
    if plain.shape == shape:
        return list(layout.views(plain[k]))
    return [(plain[k, 0] if plain.ndim else plain).clone() for _ in range(count)]


def by_row(name: str, values: Sequence[Any], level: frozenset[str]) -> Any:
    """Return a setting of members as one for the rows: floats, also in tuples, become numbers by row.

    Raises:
        RowsDifferError: members differ in a setting that is no number by row.
    """
    first = values[0]
    if level is EVERY or name in level:
        if isinstance(first, (tuple, list)):
            return tuple(by_row(name, [value[i] for value in values], level) for i in range(len(first)))
        if any(isinstance(value, float) for value in values) or (
            name == "lr" and not isinstance(first, Tensor)
        ):
            return RowNumber([float(value) for value in values])
    if any(value is not first and value != first for value in values):
        raise RowsDifferError(f"members differ in {name}")
    return first


def shared_settings(optimizer: torch.optim.Optimizer, level: frozenset[str]) -> tuple[Hashable, ...]:
    settings = [
        (name, _shape(name, value) if level is EVERY or name in level else repr(value))
        for name, value in optimizer.param_groups[0].items()
        if name != "params"
    ]
    attributes = [(name, value) for name, value in vars(optimizer).items() if isinstance(value, PLAIN)]
    return class_name(optimizer), repr(settings), repr(sorted(attributes))


def _shape(name: str, value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_shape(name, part) for part in value]
    return ("number", value != 0) if isinstance(value, float) or name == "lr" else value


def class_name(optimizer: torch.optim.Optimizer | type[torch.optim.Optimizer]) -> str:
    """Return the dotted name of an optimizer's class."""
    chosen = optimizer if isinstance(optimizer, type) else type(optimizer)
    return f"{chosen.__module__}.{chosen.__qualname__}"
