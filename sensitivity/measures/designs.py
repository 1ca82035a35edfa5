"""Checks of the designs and tasks that a measure accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from sensitivity.results.results import Results

UNEVEN = ("one_at_a_time", "morris", "composed", "explicit")
"""Designs that do not fill their space evenly: a "random configuration" is one of the listed ones."""


def refuse_adaptive(results: Results, measure: str, instead: str) -> None:
    """Refuse configurations that an optimizer chose: they are neither random nor fixed.

    Raises:
        InputError: if the design of a variant is adaptive.
    """
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
    """Return the tasks, in the study's order.

    Raises:
        InputError: for fewer than two tasks.
    """
    tasks = list(dict.fromkeys(task for task, _ in results.groups))
    if len(tasks) < 2:
        raise InputError(f"{measure} needs at least two tasks, got {len(tasks)}; {instead}")
    return tasks


def check_varied(results: Results, *names: str) -> None:
    """Check that some variant varies the hyperparameter.

    Raises:
        InputError: if no variant varies it, with the nearest name.
    """
    known = list(dict.fromkeys(name for variant in results.spaces for name in results.varied(variant)))
    for name in names:
        if name not in known:
            raise unknown("hyperparameter", name, known)


def joined(*remarks: str) -> str:
    """Join remarks to a note, without the empty ones.

    >>> joined("one seed", "", "2 of 4 trials missing")
    'one seed; 2 of 4 trials missing'
    """
    return "; ".join(filter(None, remarks))
