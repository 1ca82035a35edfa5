"""Trials and reports as rows of the store."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from sensitivity.store.tables import EPOCHS, MEASURED, NOT_MEASURED, STUDIES, STUDY_TRIALS, TRIALS
from sensitivity.study.margins import with_earlier_margins
from sensitivity.study.trial import DONE

if TYPE_CHECKING:
    import pandas as pd

    from sensitivity.study.trial import Trial

CHANGE_TRIALS = (
    TRIALS.update()
    .where(TRIALS.c.key == sql.bindparam("of"), *(TRIALS.c.status != status for status in DONE))
    .values(
        status=sql.bindparam("new_status"),
        initial_loss=sql.func.coalesce(
            sql.bindparam("new_initial_loss", type_=sql.Double), TRIALS.c.initial_loss
        ),
        error=sql.bindparam("new_error"),
        started=sql.func.coalesce(TRIALS.c.started, sql.bindparam("new_started", type_=sql.String)),
        finished=sql.bindparam("new_finished"),
    )
)
"""Apply the rows of :func:`trial_changes` to the trials that have no result yet."""


def now() -> str:
    """Return the current time in the store's format."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def has_results(connection: sql.Connection, study: str) -> bool:
    """Return True if a trial of a study has a result; False too for a study that the store lacks."""
    done = sql.select(TRIALS.c.key).join(STUDY_TRIALS, STUDY_TRIALS.c.key == TRIALS.c.key)
    done = done.where(STUDY_TRIALS.c.study == study, TRIALS.c.status.in_(DONE)).limit(1)
    return connection.execute(done).first() is not None


def with_margins(connection: sql.Connection, study: str, spec: str) -> str:
    """Return a specification that replaces that of a study, with the margins that the study had before."""
    before = connection.execute(sql.select(STUDIES.c.spec).where(STUDIES.c.name == study)).scalar_one()
    return with_earlier_margins(before, spec, seen=has_results(connection, study))


def trial_row(trial: Trial) -> dict[str, Any]:
    """Return the row of a pending trial.

    The configuration is JSON; infinity is written as Python's json does (Infinity).
    """
    return {
        **vars(trial),
        "configuration": json.dumps(dict(trial.configuration), sort_keys=True),
        "status": "pending",
    }


def epoch_row(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of an epoch: a column for each standard quantity, JSON for the rest; NaN is null."""
    known = {name: _null(report.get(name, math.nan)) for name in MEASURED}
    more = {name: float(value) for name, value in report.items() if name not in (*MEASURED, *NOT_MEASURED)}
    return {
        "key": report["key"],
        "epoch": report["epoch"],
        **known,
        "measures": json.dumps(more) if more else None,
    }


def trial_changes(reports: Iterable[Mapping[str, Any]], at: str) -> list[dict[str, Any]]:
    """Return the changes that reports make to their trials, one row a trial.

    A report after a trial's result changes nothing.

    Args:
        reports: reports in their order.
        at: the time of the reports.
    """
    changes: dict[str, dict[str, Any]] = {}
    for report in reports:
        key, status = report["key"], report["status"]
        before = changes.get(key, {"new_status": None, "new_initial_loss": None, "new_started": None})
        if before["new_status"] in DONE:
            continue
        loss = before["new_initial_loss"]
        changes[key] = {
            "of": key,
            "new_status": status,
            "new_initial_loss": _null(report.get("initial_loss", math.nan)) if loss is None else loss,
            "new_error": _text(report["error"]) if status == "failed" else None,
            "new_started": before["new_started"] or (at if "epoch" in report else None),
            "new_finished": None if status == "running" else at,
        }
    return [changes[key] for key in sorted(changes)]


def _null(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _text(value: str) -> str:
    """Return the text with NUL, which PostgreSQL refuses, and lone surrogates replaced."""
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
    """Return the additional measured quantities of epochs, by name.

    All texts are parsed as one JSON array, which takes a quarter of the time.

    >>> read_measures(['{"a": 0.5}', None, '{"a": Infinity, "b": 1}'])
    [{'a': 0.5}, {}, {'a': inf, 'b': 1}]
    """
    measures: list[dict[str, float]] = json.loads(
        f"[{','.join(text if isinstance(text, str) else '{}' for text in texts)}]"
    )
    return measures


def trials_with_gaps(connection: sql.Connection, keys: Sequence[str]) -> set[str]:
    """Return the keys of trials that lack an epoch before their last."""
    last = sql.func.max(EPOCHS.c.epoch)
    chosen = (
        sql.select(EPOCHS.c.key)
        .where(EPOCHS.c.key.in_(keys))
        .group_by(EPOCHS.c.key)
        .having(sql.func.count() != last)
    )
    return set(connection.execute(chosen).scalars())
