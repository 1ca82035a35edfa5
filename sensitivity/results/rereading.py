"""Results read again: judged by another metric, or as they were after a share of their epochs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sensitivity.results.capping import INITIAL, WORST, cap_of
from sensitivity.results.results import COUNTED, NO_METRICS, PREFIX
from sensitivity.study.metric_names import direction_in
from sensitivity.study.trial import METRICS
from trainables.names import InputError, unknown
from trainables.outcomes import capped_losses

if TYPE_CHECKING:
    from sensitivity.results.results import Results
    from sensitivity.study.metric_names import Direction

OF_TRIALS = frozenset(
    {
        "key", "task", "variant", "seed", "epochs", "status", "initial_loss", "epochs_done", "seconds",
        "started", "finished", "value", "loss", "error",
    }
)  # fmt: skip
"""Columns of :attr:`sensitivity.results.results.Results.trials` that every table of trials has."""


def metrics_of(results: Results) -> list[str]:
    """Return the metrics by which trials can be judged: numbers in the stored epochs, or beside the trials.

    The metric that judges the results is the first.
    """
    epochs, trials = results.epochs, results.trials
    reported = [str(name) for name in epochs.columns if name not in NO_METRICS and _measured(epochs[name])]
    beside = [
        str(name)
        for name in trials.columns
        if name not in OF_TRIALS and not str(name).startswith(PREFIX) and _measured(trials[name])
    ]
    return list(dict.fromkeys([results.metric, *reported, *beside]))


def judged_by(results: Results, metric: str, *, direction: Direction | None = None) -> Results:
    """Return the same trials judged by another metric, as it was at their last epoch.

    A diverged trial stays diverged, and a trial whose metric has become infinite or NaN counts as one. A
    trial that never reported the metric has no loss. The cap is the initial loss for the losses of
    :data:`sensitivity.study.trial.METRICS`, where the results have it, else the worst value of the task.

    Args:
        results: Results of a study.
        metric: Column of the stored epochs, or of the trials.
        direction: ``min`` or ``max``; None for the study's of its own metric, and of another metric for the
            one that its name states (:func:`sensitivity.study.metric_names.direction_in`).

    Raises:
        InputError: for an unknown metric or direction; for a metric whose name states no direction.
    """
    if direction not in (None, "min", "max"):
        raise unknown("direction", direction, ("min", "max"))
    known = metrics_of(results)
    if metric not in known:
        raise unknown("metric", metric, known)
    if metric == results.metric and direction in (None, results.direction):
        return results
    way = direction or (results.direction if metric == results.metric else direction_in(metric))
    if way is None:
        raise InputError(
            f"is {metric!r} better when it is lower or higher? Its name does not say; give direction='min' "
            "or 'max' (--with direction=min)"
        )
    trials, epochs = results.usable, results.epochs
    if metric in epochs.columns:
        table = _numbers(epochs, metric)
        value = trials["key"].map(table.drop_duplicates("key", keep="last").set_index("key")["number"])
        ever = trials["key"].isin(table.loc[table["number"].notna(), "key"])
    else:
        value = pd.to_numeric(trials[metric], errors="coerce")
        ever = value.notna()
    diverged = (trials["status"] == "diverged") | (ever & ~np.isfinite(value))
    capped = _capped(results) if {metric, results.metric} <= set(METRICS) else frozenset()
    again = _outcomes(trials, value, diverged, maximised=way == "max", capped=capped)
    again["loss"] = again["loss"].where(ever | diverged)
    counted = {task: INITIAL if task in capped else WORST for task in set(trials["task"])}
    return replace(
        results, trials=again, metric=metric, direction=way, spec={**results.spec, COUNTED: counted}
    )


def after_share(results: Results, share: float) -> Results:
    """Return the usable trials as they were after a share of their epochs, rounded up to a whole epoch.

    A trial that had diverged by then, which is at its last stored epoch or before, is at the cap; one that
    diverged later has the metric that it had. Where the cap is no initial loss, it is the worst value of the
    task at that time. Trials without a stored epoch by then are left out.

    Args:
        results: Results of a study, with stored epochs.
        share: Share of the epochs of each trial, above 0 and at most 1.
    """
    trials, epochs = results.usable.reset_index(drop=True), results.epochs
    until = pd.Series(np.maximum(1.0, np.ceil(share * trials["epochs"].to_numpy(float) - 1e-9)), trials.index)
    if (until >= trials["epochs"]).all():
        return results
    table = _numbers(epochs, results.metric)
    ended = trials["key"].map(table.groupby("key")["epoch"].max())
    limit = table["key"].map(pd.Series(until.to_numpy(), trials["key"]))
    last = table[table["epoch"] <= limit].drop_duplicates("key", keep="last").set_index("key")
    value, reached = trials["key"].map(last["number"]), trials["key"].map(last["epoch"])
    over = (trials["status"] == "diverged") & ~(ended > until)
    known = over | reached.notna()
    again = _outcomes(
        trials,
        value,
        over | ~np.isfinite(value),
        maximised=results.direction == "max",
        capped=_capped(results),
    ).assign(epochs=until.astype(int), epochs_done=reached.fillna(0).astype(int))
    return replace(results, trials=again[known].reset_index(drop=True))


def _measured(column: pd.Series[float]) -> bool:
    """Return True for numbers, of which one at least is known."""
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    return bool(numeric and column.notna().any())


def _numbers(epochs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return key, epoch and ``number``, the metric, in rising order of the epochs."""
    table = epochs[["key", "epoch"]].assign(number=pd.to_numeric(epochs[metric], errors="coerce"))
    return table.sort_values("epoch", kind="stable")


def _capped(results: Results) -> frozenset[str]:
    """Return the tasks whose losses are capped by the initial loss."""
    return frozenset(task for task, _ in results.groups if cap_of(results, task) == INITIAL)


def _outcomes(
    trials: pd.DataFrame,
    value: pd.Series[float],
    diverged: pd.Series[bool],
    *,
    maximised: bool,
    capped: frozenset[str],
) -> pd.DataFrame:
    """Return trials with other values, and the losses and statuses that follow from them.

    Args:
        trials: Trials with a result.
        value: Metric of each trial.
        diverged: True for each trial that counts as diverged.
        maximised: True if more is better.
        capped: Tasks whose cap is the initial loss; on other tasks it is the worst value of the task.
    """
    value = value.astype(float).where(~diverged & np.isfinite(value))
    outcome = -value if maximised else value
    worst = outcome.groupby(trials["task"]).transform("max").fillna(0.0)
    cap = trials["initial_loss"].astype(float).where(trials["task"].isin(capped), worst)
    return trials.assign(
        status=np.where(diverged, "diverged", "completed"),
        value=value,
        initial_loss=cap,
        loss=capped_losses(outcome, cap.fillna(np.inf)),
    )
