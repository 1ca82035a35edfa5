"""Trials and reports as rows of the store."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sensitivity.store.tables import MEASURED, NOT_MEASURED
from sensitivity.study.trial import DONE

if TYPE_CHECKING:
    import pandas as pd

    from sensitivity.study.trial import Trial


def now() -> str:
    """The time as the store keeps it."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def trial_row(trial: Trial) -> dict[str, Any]:
    """A trial that has not begun. Its configuration is JSON, in which inf is spelt as Python's json does
    (Infinity)."""
    return {
        **vars(trial),
        "configuration": json.dumps(dict(trial.configuration), sort_keys=True),
        "status": "pending",
    }


def epoch_row(report: Mapping[str, Any]) -> dict[str, Any]:
    """An epoch: a column for what the loop measures, JSON for the rest. Not a number is null."""
    known = {name: _null(report.get(name, math.nan)) for name in MEASURED}
    more = {name: float(each) for name, each in report.items() if name not in (*MEASURED, *NOT_MEASURED)}
    return {
        "key": report["key"],
        "epoch": report["epoch"],
        **known,
        "measures": json.dumps(more) if more else None,
    }


def trial_changes(reports: Iterable[Mapping[str, Any]], at: str) -> list[dict[str, Any]]:
    """What reports, in their order, make of their trials: one row a trial, which a report after its result
    does not change.

    Args: at: the time of the reports.
    """
    found: dict[str, dict[str, Any]] = {}
    for report in reports:
        key, status = report["key"], report["status"]
        before = found.get(key, {"new_status": None, "new_initial_loss": None, "new_started": None})
        if before["new_status"] in DONE:
            continue
        loss = before["new_initial_loss"]
        found[key] = {
            "of": key,
            "new_status": status,
            "new_initial_loss": _null(report.get("initial_loss", math.nan)) if loss is None else loss,
            "new_error": _text(report["error"]) if status == "failed" else None,
            "new_started": before["new_started"] or (at if "epoch" in report else None),
            "new_finished": None if status == "running" else at,
        }
    return [found[key] for key in sorted(found)]


def _null(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _text(value: str) -> str:
    """What every database can hold: PostgreSQL refuses NUL, and no encoding has half a surrogate pair."""
    return value.replace("\0", "\N{SYMBOL FOR NULL}").encode(errors="replace").decode()


def with_measures(table: pd.DataFrame) -> pd.DataFrame:
    """Replace the JSON of epochs by a column for each of the other measured quantities."""
    import pandas as pd

    table = table.astype(dict.fromkeys(MEASURED, float))
    measures = table.pop("measures")
    if measures.notna().any():
        table = pd.concat(
            [table, pd.DataFrame(read_measures(measures), index=table.index, dtype=float)], axis=1
        )
    return table


def read_measures(texts: Iterable[Any]) -> list[dict[str, float]]:
    """Return what epochs measured besides, by name; all are read as one JSON text, which takes a quarter of
    the time.

    >>> read_measures(['{"a": 0.5}', None, '{"a": Infinity, "b": 1}'])
    [{'a': 0.5}, {}, {'a': inf, 'b': 1}]
    """
    found: list[dict[str, float]] = json.loads(
        f"[{','.join(text if isinstance(text, str) else '{}' for text in texts)}]"
    )
    return found
