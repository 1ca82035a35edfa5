"""Two lines for any script: the values that a study suggests, and the reports that it keeps.

Only the standard library is imported.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from sensitivity.running.channel import EPOCH, MOST_STEPS, is_step, numbers_in, script
from trainables.names import InputError

RANKS = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK")
"""Environment variables of the number of a process among those that train one model together."""


class Suggested(SimpleNamespace):
    """Values by name: attributes, as of ``argparse``, and the items of a mapping."""

    def __getitem__(self, name: str) -> Any:
        return vars(self)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(vars(self))

    def keys(self) -> list[str]:
        """Return the names, so that ``**cfg`` passes the values on."""
        return list(vars(self))

    def __repr__(self) -> str:
        return f"Suggested({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


def suggested(**defaults: Any) -> Suggested:
    """Return the values of this trial: the defaults, where the script was started by hand.

    In a study (``sensitivity sweep``), a name that is a hyperparameter of the study has the trial's value,
    and ``seed`` the trial's seed; every other name keeps its default.

    Args:
        defaults: values by name; ``**vars(parser.parse_args())`` passes those of ``argparse``.

    >>> cfg = suggested(lr=3e-4, weight_decay=0.1)
    >>> cfg.lr, cfg["weight_decay"]
    (0.0003, 0.1)
    """
    channel = script()
    if channel is None:
        return Suggested(**defaults)
    channel.use(list(defaults))
    values = channel.values()
    return Suggested(**{name: values.get(name, default) for name, default in defaults.items()})


def report(*, step: int | None = None, **metrics: Any) -> None:
    """Report numbers to the study; nothing happens where the script was started by hand.

    The report is in the store when the call returns. Of several processes that train one model, the first
    reports.

    Args:
        step: place of the report in the trial, in the unit in which the study counts its budget (epochs,
            steps, thousands of tokens, seconds); the reports are numbered from 1 without it.
        metrics: numbers by name, tensors and arrays of one number too; the study's ``metric`` is among them.

    Raises: InputError for a step that is no whole number from 0 to 2**31 - 1, or for no number at all.

    >>> report(loss=0.5, step=100)
    """
    if step is not None and not is_step(step):
        raise InputError(
            f"step must be a whole number from 0 to {MOST_STEPS - 1}, got {step!r}; count larger budgets in "
            "thousands or millions"
        )
    numbers = numbers_in(metrics)
    if not numbers:
        raise InputError(f"report needs a number, such as report(loss=0.5); got {metrics!r}")
    if (channel := script()) is not None and is_first():
        channel.send(numbers if step is None else {**numbers, EPOCH: int(step)})


def report_all(metrics: Mapping[str, Any], step: int | None = None) -> None:
    """Report the numbers of a mapping, if it has any; its names may be any text, such as ``val/loss``."""
    if numbers_in(metrics):
        report(step=step, **{str(name): value for name, value in metrics.items()})


def is_first() -> bool:
    """Return True in the first of the processes that train one model, and where there is one process."""
    return all(os.environ.get(name, "0") == "0" for name in RANKS)
