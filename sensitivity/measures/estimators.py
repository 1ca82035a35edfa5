"""Estimators of importance side by side: the rank of each hyperparameter, and disagreements."""

from __future__ import annotations

import dataclasses
import itertools
import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.measures.design_indices import morris, sobol
from sensitivity.measures.factorial import factorial
from sensitivity.measures.given_data import delta, pawn
from sensitivity.measures.guard import reason_of
from sensitivity.measures.losses import keeping_losses
from sensitivity.measures.shapley import shapley
from sensitivity.measures.top_importance import top_importance
from sensitivity.measures.variance_shares import variance_shares
from sensitivity.results.results import records
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.results.results import Results

ESTIMATORS: dict[str, Callable[[Results], pd.DataFrame]] = {
    "variance_shares": partial(variance_shares, pairs=False, totals=False),
    "factorial": factorial,
    "sobol": sobol,
    "morris": morris,
    "pawn": pawn,
    "delta": delta,
    "top_importance": top_importance,
    "shapley sensitivity": partial(shapley, game="sensitivity"),
    "shapley tunability": partial(shapley, game="tunability"),
}
"""Functions that :func:`estimators` calls, each with its default seed."""
_log = logging.getLogger("sensitivity")
COLUMNS = ["task", "variant", "effect", "estimator", "value", "low", "high", "n", "rank", "disagrees", "note"]


def estimators(results: Results, *, names: tuple[str, ...] = tuple(ESTIMATORS)) -> pd.DataFrame:
    """Return every estimator that a design allows, one row a hyperparameter and estimator.

    Values of different estimators are in different units and answer different questions (see their
    docstrings), so they are compared by ``rank``: 1 is the most important, equal values share the mean rank.
    ``disagrees`` names the estimators that order this hyperparameter and another the other way round, where
    both intervals separate the two, so that chance does not explain it. An estimator that refuses the design,
    or fails, has a row without effect, and the reason in its note.

    Args:
        results: Results of a study.
        names: Names of :data:`ESTIMATORS`.

    Raises:
        InputError: for an unknown name.
    """
    from trainables.names import unknown

    for name in names:
        if name not in ESTIMATORS:
            raise unknown("estimator", name, ESTIMATORS)
    rows: list[dict[str, Any]] = []
    for task, variant in results.groups:
        part = _only(results, task, variant)
        varied = results.varied(variant)
        tables: dict[str, list[dict[str, Any]]] = {}
        for name in names:
            table = _table_or_reason(name, part)
            if isinstance(table, str):
                keys = {
                    "task": task,
                    "variant": variant,
                    "effect": "",
                    "estimator": name,
                    "note": table,
                    "disagrees": "",
                }
                rows.append({**keys, **dict.fromkeys(("value", "low", "high", "n", "rank"), np.nan)})
                continue
            ranked = table[table["effect"].isin(varied) & table["order"].isin(("main", "top"))]
            ranked = ranked.assign(estimator=name, rank=ranked["value"].rank(ascending=False), disagrees="")
            tables[name] = records(ranked)
        _compare(tables)
        rows += [{column: row[column] for column in COLUMNS} for name in tables for row in tables[name]]
    return pd.DataFrame(rows, columns=COLUMNS)


def _table_or_reason(name: str, results: Results) -> pd.DataFrame | str:
    """Return the table of an estimator, or the reason why there is none."""
    try:
        return ESTIMATORS[name](results)
    except InputError as refusal:
        return str(refusal)
    except Exception as error:  # the other estimators do not depend on this one
        reason = reason_of(name, error)
        _log.warning("%s", reason, exc_info=error)
        return reason


def _only(results: Results, task: str, variant: str) -> Results:
    """Return the results of one variant on one task."""
    trials = results.trials
    part = trials[(trials["task"] == task) & (trials["variant"] == variant)]
    return keeping_losses(dataclasses.replace(results, trials=part))


def _compare(tables: dict[str, list[dict[str, Any]]]) -> None:
    """Note in the rows the estimators that order two hyperparameters the other way round."""
    for (one, these), (other, those) in itertools.combinations(tables.items(), 2):
        place = {row["effect"]: row for row in those}
        for a, b in itertools.combinations(these, 2):
            c, d = place.get(a["effect"]), place.get(b["effect"])
            if c is not None and d is not None and _before(a, b) * _before(c, d) < 0:
                for row, name in ((a, other), (b, other), (c, one), (d, one)):
                    known = [name for name in row["disagrees"].split(", ") if name]
                    row["disagrees"] = ", ".join(dict.fromkeys([*known, name]))


def _before(a: dict[str, Any], b: dict[str, Any]) -> int:
    """Return 1 where the interval of a is above that of b, -1 where it is below, else 0."""
    return int(a["low"] > b["high"]) - int(b["low"] > a["high"])
