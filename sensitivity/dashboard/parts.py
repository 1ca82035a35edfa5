"""The parts of a page, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sensitivity.dashboard import (
    actions,
    annotation,
    compare_page,
    explore_page,
    measure_page,
    pages,
    shell,
    space_page,
    studies_page,
    study_page,
    trial_page,
    trials_page,
)
from sensitivity.measures.guard import Guard
from sensitivity.readers.cache import Pending
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.readers.source import Source
    from sensitivity.readers.view import View

PARTS: dict[str, Callable[[Source, View], Any]] = {
    "studies": studies_page.listed,
    "annotation": annotation.of_study,
    "state": actions.state,
    "waiting": actions.waiting,
    "bar": study_page.bar,
    "overview": study_page.overview_table,
    "panel": trial_page.panel,
    "trial": trial_page.whole,
    "trials": trials_page.rows,
    "explored": explore_page.counted_trials,
    "measure": measure_page.shown,
    "space": space_page.drawn,
    "compare": compare_page.compared,
}


def render(source: Source, view: View, name: str, *, again: bool = False) -> tuple[Any, bool]:
    """Return the content of a part, and True if the part is still being measured.

    Args:
        source: The store.
        view: The view.
        name: Name of the part.
        again: True if the page has requested the part before. Sentences need most measures, figures one or
            two, so sentences begin when figures have begun.
    """
    kind, _, of = name.partition(":")
    try:
        if kind == "answer":
            return study_page.answer(source, view, of, begin=again), False
        if kind == "tables":
            return study_page.tables(view, of), False
        return PARTS[kind](source, view), False
    except Pending:
        return shell.MEASURING, True
    except InputError as error:
        return pages.failed(error), False
    except Exception as error:  # the other parts of the page stay
        return pages.failed(Guard().fail(f"part {name}", error)), False
