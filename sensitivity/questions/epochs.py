"""Need for more epochs: the share of the late improvement, and late changes of the order of the variants."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.figures import learning_curves
from sensitivity.figures.words import counted
from sensitivity.questions.quantities import cell, count, several, share
from sensitivity.questions.question import Drawing, Question, of_task, rows, tables
from sensitivity.results.capping import INITIAL, cap_of
from sensitivity.results.results import PREFIX, records
from sensitivity.text.quantities import of_quantities
from sensitivity.text.wording import known, listed

if TYPE_CHECKING:
    from sensitivity.measures import Measured
    from sensitivity.results.results import Results

LATE = 0.25
"""The last part of the epochs, whose share of the improvement is reported."""
FROM_THE_START = "train_loss_end"
"""Metric whose value before the first epoch is the initial loss."""
TOO_FEW = "Too few epochs to see whether more are needed."
NOTHING_IMPROVED = "No best configuration improved, so whether more epochs are needed is unknown."


def curves(measured: Measured, task: str) -> pd.DataFrame:
    """Return the metric by epoch of each variant's best configuration.

    Columns: task, variant, epoch, value, low, high, n. ``value`` is the mean over the seeds, ``low`` and
    ``high`` their range. Epoch 0 is the initial loss where the metric is that of the same data.
    """
    tables = []
    for variant, table in _best_curves(measured, task).items():
        ends = {
            "value": table.mean(axis=1),
            "low": table.min(axis=1),
            "high": table.max(axis=1),
            "n": table.notna().sum(axis=1),
        }
        part = pd.DataFrame(ends).rename_axis("epoch").reset_index()
        part.insert(0, "variant", variant)
        part.insert(0, "task", task)
        tables.append(part)
    columns = ["task", "variant", "epoch", "value", "low", "high", "n"]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def late_gains(measured: Measured, task: str) -> pd.DataFrame:
    r"""Return the share of a best configuration's whole improvement in the last quarter of the epochs.

    .. math:: \frac{\ell(\lfloor 3 T / 4 \rfloor) - \ell(T)}{\ell(0) - \ell(T)}

    with T the epochs and the mean of the seeds; ``low`` and ``high`` are the range of the seeds. Epoch 1
    stands for epoch 0 where the metric has no value before training. NaN where nothing improved. ``late`` is
    the number of those last epochs, of ``epochs``.
    """
    gains = []
    for variant, table in _best_curves(measured, task).items():
        last = table.index.max()
        before = table.index[table.index <= math.floor((1 - LATE) * last)].max()
        row: dict[str, Any] = {
            "task": task,
            "variant": variant,
            "value": math.nan,
            "low": math.nan,
            "high": math.nan,
        }
        row |= {"n": table.shape[1], "epochs": last, "late": last - before if known(before) else 0}
        if known(before) and before < last:
            start, middle, end = (table.loc[epoch] for epoch in (table.index.min(), before, last))
            with np.errstate(divide="ignore", invalid="ignore"):
                shares = ((middle - end) / (start - end)).replace([np.inf, -np.inf], np.nan).dropna()
                whole = (middle.mean() - end.mean()) / (start.mean() - end.mean())
            if len(shares) and np.isfinite(whole):
                row |= {"value": float(whole), "low": float(shares.min()), "high": float(shares.max())}
        gains.append(row)
    return pd.DataFrame(gains, columns=["task", "variant", "value", "low", "high", "n", "epochs", "late"])


@of_quantities
def last_epochs(measured: Measured, task: str) -> list[str]:
    """Return the most that the last epochs brought any variant's best configuration."""
    table = rows(late_gains(measured, task), task)
    if len(table) < 2:
        return []
    most = max(table, key=lambda row: float(row["value"]))
    late = count(int(most["late"]), "late_epochs", task)
    span = f"The last {late} epochs" if most["late"] > 1 else "The last epoch"
    size = cell(f"{most['value']:.0%}", "late_gains", most, "value")
    return [f"{span} brought at most {size} of the improvement: of {most['variant']}."]


@of_quantities
def sentences(measured: Measured, task: str) -> list[str]:
    """Return the share of the last quarter of the epochs, and late changes of the best, in sentences."""
    table = late_gains(measured, task)
    gains = [f"{row['variant']} {share('late_gains', row)}" for row in rows(table, task)]
    if not gains:
        return [NOTHING_IMPROVED if (table["late"] > 0).any() else TOO_FEW]
    late = table["late"].max()
    of = count(table["epochs"].max(), "epochs", task)
    last_ones = f"the last {count(late, 'late_epochs', task)}" if late > 1 else "the last"
    which = f"{last_ones} of {of} epochs"
    text = [
        f"Share of the improvement of the best configuration from {which} (range of the seeds): "
        f"{several(gains)}."
    ]
    table = curves(measured, task)
    last = table["epoch"].max()
    ends = {epoch: _leader(table, epoch, measured.results) for epoch in (last // 2, last)}
    if table["variant"].nunique() > 1 and last // 2 >= 1 and all(ends.values()):
        half, end = ends[last // 2], ends[last]
        same = (
            f"was best at the end, too: {end}"
            if half == end
            else f"was not the best at the end: {half} at half, {end} at the end"
        )
        middle = count(last // 2, "half_of_epochs", task)
        text.append(f"The variant that was best after half of the epochs ({middle}) {same}.")
    return text


@of_quantities
def decided_earlier(measured: Measured, task: str) -> list[str]:
    """Return what the study would have decided after a share of its epochs, in a sentence."""
    table = records(of_task(measured.verdicts_by_epoch, task))
    end = [row for row in table if row["share"] == 1]
    shorter = {row["epochs"]: row for row in table if end and row["epochs"] < end[0]["epochs"]}
    if not shorter:
        return []
    words = [
        _decided(row) + (f" ({row['reversed']} the other way round)" if row["reversed"] else "")
        for row in shorter.values()
    ]
    return [f"Decided pairs of variants: {listed([*words, _decided(end[0])])}."]


def _decided(row: dict[str, Any]) -> str:
    decided = cell(f"{row['decided']:.0f}", "verdicts_by_epoch", row, "decided")
    return f"{decided} after {cell(counted(int(row['epochs']), 'epoch'), 'verdicts_by_epoch', row, 'epochs')}"


def _leader(table: pd.DataFrame, epoch: int, results: Results) -> str:
    at = table[(table["epoch"] == epoch) & table["value"].notna()]
    if at.empty:
        return ""
    place = at["value"].argmin() if results.direction == "min" else at["value"].argmax()
    return str(at["variant"].iloc[int(place)])


def _best_curves(measured: Measured, task: str) -> dict[str, pd.DataFrame]:
    """Return the metric of each variant's best configuration, a row an epoch and a column a trial."""
    results, best = measured.results, measured.best_loss
    best_curves = {}
    for row in records(best[best["task"] == task]):
        trials = results.group(task, row["variant"])
        chosen = np.logical_and.reduce(
            [trials[f"{PREFIX}{name}"] == value for name, value in row["configuration"].items()] or [True]
        )
        trials = trials[chosen]
        table = results.epochs[results.epochs["key"].isin(trials["key"])].pivot(
            index="epoch", columns="key", values=results.metric
        )
        table = table.where(np.isfinite(table))
        if results.metric == FROM_THE_START and cap_of(results, task) == INITIAL and not table.empty:
            table.loc[0] = trials.set_index("key")["initial_loss"]
        if not table.empty:
            best_curves[row["variant"]] = table.sort_index()
    return best_curves


def _some_finite(measured: Measured, task: str) -> bool:
    return bool(rows(late_gains(measured, task), task))


def _why_not(measured: Measured, task: str) -> str:
    most = measured.results.epochs["epoch"].max()
    return (
        ""
        if known(most) and most > 1
        else "It takes a result after every epoch to see, and there is one only."
    )


EPOCHS = Question(
    "epochs",
    "Are more epochs needed?",
    (last_epochs, sentences, decided_earlier),
    (
        Drawing(
            learning_curves,
            "Whether the ranking would change with more epochs: curves that still fall steeply, or cross, "
            "say so.",
            "learning_curves",
            _some_finite,
        ),
    ),
    (("learning_curves", curves), ("late_gains", late_gains), *tables("verdicts_by_epoch")),
    _why_not,
)
