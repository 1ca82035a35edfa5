"""The loss assigned to a diverged trial, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from sensitivity.results.results import COUNTED
from sensitivity.study.trial import METRICS

if TYPE_CHECKING:
    from sensitivity.results.results import Results

INITIAL, WORST = "the initial loss", "the worst that ended"
MIXED = "the initial loss where it is known, else the worst that ended"


def cap_of(results: Results, task: str | None = None) -> str:
    """Return the cap of a task's losses, or of all tasks: :data:`INITIAL`, :data:`WORST` or :data:`MIXED`."""
    caps = results.spec.get(COUNTED, INITIAL if results.metric in METRICS else WORST)
    if isinstance(caps, Mapping):
        return str(caps[task]) if task in caps else _common(caps.values())
    return str(caps)


def caps(known: Iterable[tuple[str, bool]]) -> str | dict[str, str]:
    """Return the caps of an import: one for all tasks, or one a task if they differ.

    Args:
        known: for every trial with a result, its task and whether its initial loss is known.

    >>> caps([("a", True), ("a", True)]), caps([("a", True), ("b", False)])
    ('the initial loss', {'a': 'the initial loss', 'b': 'the worst that ended'})
    """
    tasks: dict[str, set[str]] = {}
    for task, is_known in known:
        tasks.setdefault(task, set()).add(INITIAL if is_known else WORST)
    of_task = {task: _common(caps) for task, caps in tasks.items()}
    return of_task if len(set(of_task.values())) > 1 else _common(of_task.values())


def counted_as(results: Results, task: str) -> str:
    """Return the end of the sentence "diverged trials, counted ..."."""
    words = {INITIAL: "at the initial loss", WORST: "as the worst that ended"}
    return words.get(
        cap_of(results, task), "at the initial loss where it is known, else as the worst that ended"
    )


def reference(results: Results, task: str) -> str:
    """Return the loss in words that a configuration must beat to have learned anything."""
    words = {INITIAL: "the initial loss", WORST: "the worst result of the task"}
    return words.get(cap_of(results, task), "the loss that diverged trials count as")


def _common(caps: Iterable[str]) -> str:
    different = set(caps) or {WORST}
    return different.pop() if len(different) == 1 else MIXED
