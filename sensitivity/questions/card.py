"""The verdict of a study on one task, as numbers and as the sentences that a reader sees first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sensitivity.measures.estimates import estimates
from sensitivity.measures.levels import printed_level
from sensitivity.measures.verdicts import FACTOR, UNDECIDED
from sensitivity.questions.decided import default_of, good_range, recommended
from sensitivity.questions.question import of_task, rows
from sensitivity.questions.summary import summary
from sensitivity.results.results import records

if TYPE_CHECKING:
    from sensitivity.measures import Measured


def card(measured: Measured, task: str) -> dict[str, Any]:
    """Return the verdict on a task.

    Returns:
        ``task``, ``metric``, ``direction``; ``variant`` and ``configuration`` to use, with its measured
        mean (``value``) and ``seeds``; ``good_range``, the ``first`` and the ``last`` learning rate that
        lose at most a tenth of what can be won, and whether the range that was tried ends there
        (``at_least``); ``miss``, what a learning rate wrong by a factor of 3 costs
        that variant, as a share of what can be won, with its interval, and the share of trials that diverge
        there (``capped``; where some do and others do not, ``low`` and ``high`` are bounds and there is no
        value); ``default``, what the default setting of that variant loses, as such a share, with its
        interval; ``level``, how often these intervals hold the truth
        (:func:`sensitivity.measures.levels.printed_level`); ``pairs`` and how many of them are ``decided``;
        and ``sentences``. What is not known is None.
    """
    named = measured.attempt("verdict", lambda: recommended(measured, task), "")
    found: dict[str, Any] = {
        "task": task,
        "metric": measured.results.metric,
        "direction": measured.results.direction,
        "variant": None,
        "configuration": None,
        "value": None,
        "seeds": None,
        "good_range": None,
        "miss": None,
        "default": None,
        "level": measured.attempt("verdict", lambda: printed_level(measured.results, task), None),
        **_pairs(measured, task),
    }
    if named:
        one = next(one for one in estimates(measured.results)[task] if one.variant == named)
        sign = -1 if measured.results.direction == "max" else 1
        found |= {
            "variant": named,
            "configuration": dict(one.group.configurations[one.best.place]),
            "value": sign * float(one.best.observed),
            "seeds": int(np.isfinite(one.group.loss[one.best.place]).sum()),
            "good_range": measured.attempt("verdict", lambda: good_range(measured, task, named), None),
            "miss": measured.attempt("verdict", lambda: _miss(measured, task, named), None),
            "default": measured.attempt("verdict", lambda: default_of(measured, task, named), None),
        }
    return found | {"sentences": summary(measured, task)}


def _miss(measured: Measured, task: str, variant: str) -> dict[str, float] | None:
    costs = (
        row
        for row in records(of_task(measured.miss_cost, task))
        if row["variant"] == variant and row["factor"] == FACTOR
    )
    row = next(costs, None)
    names = ("factor", "value", "low", "high", "capped")
    return None if row is None else {name: float(row[name]) for name in names}


def _pairs(measured: Measured, task: str) -> dict[str, int]:
    table = measured.attempt("verdict", lambda: rows(measured.verdicts, task), list[dict[str, Any]]())
    return {"pairs": len(table), "decided": sum(row["verdict"] != UNDECIDED for row in table)}
