"""The words that tools write for how a trial ended."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from sensitivity.exchange.columns import Column, is_missing
from sensitivity.exchange.trial import ENDED
from trainables.names import InputError, unknown

WORDS = {
    "completed": ("completed", "complete", "terminated", "success", "succeeded", "successful", "finished",
    "ok", "done", "ended", "donotadvance"),
    "diverged": ("diverged", "nan", "inf", "exploded"),
    "stopped": (
        "stopped", "stop", "pruned", "early_stopped", "killed", "cancelled", "canceled", "user_canceled",
        "sys_canceled", "preempted",
        "interrupted", "abort", "aborted", "capped", "revoked",
    ),
    "failed": (
        "failed", "fail", "failure", "error", "errored", "crashed", "crash", "oom", "out_of_memory",
        "memoryout", "memout", "timeout",
        "timed_out", "node_fail", "boot_fail", "deadline", "invalid", "infeasible", "abandoned",
    ),
    "running": ("running", "paused", "preempting", "stopping", "active", "completing", "suspended",
    "in_progress", "dispatched"),
    "pending": ("pending", "waiting", "queued", "scheduled", "idle", "candidate", "staged",
    "requested", "configuring", "requeued", "created"),
}  # fmt: skip
"""Words of tools by status.

Tools: W&B, MLflow, Optuna, Ray, Keras Tuner, Ax, Vizier, SMAC, DeepCAVE, NNI, Sacred, ClearML and SLURM.
"""
STATUS_OF = {word: status for status, words in WORDS.items() for word in words}
UNFINISHED = ("stopped", "failed", "running", "pending")
ENUMERATIONS = re.compile(r"^(trialstate|trialstatus|runstatus|statustype|status|state)\.")
DETAILS = re.compile(r"^(cancelled|canceled)(_by_.*|\+)$")
"""SLURM: ``CANCELLED by 1000``, ``CANCELLED+``."""


def statuses_of(
    words: Iterable[Any], translations: Mapping[str, str] | None = None, *, column: str = "status"
) -> list[str]:
    """Return the status of every trial by its word.

    A trial without a word gets :data:`sensitivity.exchange.trial.ENDED`.

    Args:
        words: a word a trial; None, NaN or an empty text where there is none.
        translations: statuses by word, as the user says them.
        column: where the words were found, for the message.

    Raises:
        InputError: a word is unknown or a number, or a status that the user gives is none.

    >>> statuses_of(["FINISHED", "TrialState.PRUNED", "CANCELLED by 1000", None, "weird"],
    ...     {"weird": "failed"})
    ['completed', 'stopped', 'stopped', 'ended', 'failed']
    """
    chosen = {str(word).strip().casefold(): status for word, status in (translations or {}).items()}
    for word, status in (translations or {}).items():
        if status not in WORDS:
            raise unknown(f"status for the word {word!r} (statuses=, --status-word)", status, WORDS)
    read = [_word(word) for word in words]
    missing = next((word for word in chosen if word not in {_plain(text) for text in read if text}), None)
    if missing is not None:
        raise unknown(
            f"word in statuses (--status-word), of column {column!r}",
            missing,
            dict.fromkeys(text for text in read if text),
        )
    statuses = {
        text: ENDED if text is None else chosen.get(_plain(text)) or STATUS_OF.get(_normal(text))
        for text in dict.fromkeys(read)
    }
    strange = [text for text, status in statuses.items() if status is None and text is not None]
    if strange:
        listed = ", ".join(map(repr, strange[:5])) + (", ..." if len(strange) > 5 else "")
        raise InputError(
            f"what does {listed} in column {column!r} mean? Give statuses= (--status-word "
            f"{strange[0]}=STATUS, where STATUS is {', '.join(WORDS)}), or status='none' (--status none) if "
            "the column is no status"
        )
    return [str(statuses[text]) for text in read]


FLAGS = {
    "diverged": "diverged", "isdiverged": "diverged", "hasdiverged": "diverged",
    "failed": "failed", "isfailed": "failed", "hasfailed": "failed", "crashed": "failed",
}  # fmt: skip
"""Names of columns that answer yes or no: the word of a yes."""


def is_flag(column: Column) -> bool:
    """Return True for a column that says yes or no to one of :data:`FLAGS`.

    >>> is_flag(Column("diverged", [True, False])), is_flag(Column("diverged", ["x"]))
    (True, False)
    """
    return column.leaf in FLAGS and bool(column.values) and all(cell in (0, 1) for cell in column.values)


def says_how_trials_ended(column: Column) -> bool:
    """Return True for a column of statuses whatever its name: a flag, or words that are all known.

    >>> says_how_trials_ended(Column("outcome", ["ok", "OOM", "ok"]))
    True
    >>> says_how_trials_ended(Column("scheduler", ["stop", "cosine", "stop"]))
    False
    """
    if column.group == "hyperparameters":
        return False
    known = {STATUS_OF.get(_normal(value)) for value in column.values} if column.is_text else {None}
    return is_flag(column) or (None not in known and ("completed" in known or len(known) > 1))


def words_in(column: Column) -> list[Any]:
    """Return the words of a column of statuses: its cells, or the word of every flag that says yes.

    >>> words_in(Column("diverged", [True, False, None]))
    ['diverged', None, None]
    """
    if not is_flag(column):
        return list(column.cells)
    return [FLAGS[column.leaf] if not is_missing(cell) and cell else None for cell in column.cells]


def status_in(cell: Any) -> str | None:
    """Return the status that the text of a result says, None for any other cell.

    >>> status_in("diverged"), status_in("OOM"), status_in("0.5"), status_in(0.5)
    ('diverged', 'failed', None, None)
    """
    return STATUS_OF.get(_normal(cell)) if isinstance(cell, str) else None


def _word(cell: Any) -> str | None:
    """Return a cell as text; a whole number without its point."""
    if is_missing(cell):
        return None
    text = str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
    return text if text.strip() else None


def _plain(text: str) -> str:
    return text.strip().casefold()


def _normal(text: str) -> str:
    joined = re.sub(r"[\s-]+", "_", ENUMERATIONS.sub("", _plain(text)))
    return "cancelled" if DETAILS.match(joined) else joined
