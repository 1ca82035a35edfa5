"""Which designs a measure accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from sensitivity.results.results import Results

UNEVEN = ("one_at_a_time", "morris", "composed", "explicit")
"""Designs that do not fill their space evenly: what is said of "a random configuration" is said of one of
those listed."""


def refuse_adaptive(results: Results, measure: str, instead: str) -> None:
    """The measure takes configurations for random or fixed; those of an optimizer are neither. Raises:
    InputError."""
    chased = [
        name
        for name in dict.fromkeys(variant for _, variant in results.groups)
        if results.design_of(name) == "adaptive"
    ]
    if chased:
        raise InputError(
            f"{measure} needs a random or fixed design, got 'adaptive' for {', '.join(chased)}; {instead}"
        )


def need_tasks(results: Results, measure: str, instead: str) -> list[str]:
    """The tasks, in the study's order. Raises: InputError for fewer than two."""
    tasks = list(dict.fromkeys(task for task, _ in results.groups))
    if len(tasks) < 2:
        raise InputError(f"{measure} needs at least two tasks, got {len(tasks)}; {instead}")
    return tasks


def check_varied(results: Results, *names: str) -> None:
    """Raises: InputError, with the nearest name, for a hyperparameter that no variant varies."""
    known = list(dict.fromkeys(name for variant in results.spaces for name in results.varied(variant)))
    for name in names:
        if name not in known:
            raise unknown("hyperparameter", name, known)


def joined(*remarks: str) -> str:
    """A note of several remarks, without those that are empty.

    >>> joined("one seed", "", "2 of 4 trials missing")
    'one seed; 2 of 4 trials missing'
    """
    return "; ".join(filter(None, remarks))
