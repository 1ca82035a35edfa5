"""Conflicts of a study that is given with the studies that are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sensitivity.service import specs
from sensitivity.service.problems import Conflict

if TYPE_CHECKING:
    from sensitivity.service.run_folders import State
    from sensitivity.study.study import Study

ACTIVE: tuple[State, ...] = ("queued", "running")


def check_name(name: str, others: Iterable[str], newer: Mapping[str, str]) -> None:
    """Check that a reader can tell the name of a study from other names, and that it can be changed here.

    Args:
        name: Name of the study.
        others: Names of the studies that are there.
        newer: Reasons against changing the studies of a newer release, by name.
    Raises: Conflict.
    """
    for other in others:
        if other != name and specs.looks(other) == specs.looks(name):
            raise Conflict(
                f"study {name!r} differs from study {other!r} only in case or in Unicode form; "
                "choose another name"
            )
    if name in newer:
        raise Conflict(f"study {name!r} cannot go on: {newer[name]}")


def check_same(
    study: Study,
    there: Mapping[str, Any] | None,
    stored: Mapping[str, Any] | None,
    state: State | None,
    *,
    extend: bool,
) -> bool:
    """Check that a study is the one of its name; return True if its margin alone differs.

    Args:
        study: Study that is given.
        there: Specification as it was given before; None where it was not.
        stored: Specification in the store; None where it is not there.
        state: State of the study of that name; None for a study that the service does not run.
        extend: True for the study that is there, with more seeds.
    Raises: Conflict for another study, and for more seeds of a study that trains.
    """
    if extend and state == "running":
        raise Conflict(f"study {study.name!r} is running; extend it when it has ended, or cancel it first")
    if extend and there is None:  # made from what the store has
        return False
    compared = (there, specs.plain(study)) if there is not None else (stored, specs.stored(study))
    differing, other_margin = specs.compared(*compared, active=state in ACTIVE)
    differing = [text for text in differing if not (extend and text.startswith("seeds is "))]
    if differing:
        raise Conflict(f"study {study.name!r} is there already and differs: {'; '.join(differing)}")
    return other_margin
