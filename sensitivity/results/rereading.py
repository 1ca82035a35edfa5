"""Results read again: judged by another metric, or as they were after a share of their epochs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sensitivity.results.capping import INITIAL, WORST, cap_of
from sensitivity.results.results import COUNTED, NO_METRICS, PREFIX
from sensitivity.study.metric_names import direction_in
from sensitivity.study.trial import DONE, METRICS
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
    epochs, maximised = results.epochs, way == "max"
    capped = _capped(results) if {metric, results.metric} <= set(METRICS) else frozenset()

    def judged(trials: pd.DataFrame, worst: pd.Series[float] | None) -> pd.DataFrame:
        if trials.empty:
            return trials
        if metric in epochs.columns:
            table = _numbers(epochs, metric)
            last = table.drop_duplicates("key", keep="last").set_index("key")["number"]
            value = trials["key"].map(last).astype(float)
            ever = trials["key"].isin(table.loc[table["number"].notna(), "key"])
        else:
            value = pd.to_numeric(trials[metric], errors="coerce")
            ever = value.notna()
        diverged = (trials["status"] == "diverged") | (ever & ~np.isfinite(value))
        again = _outcomes(trials, value, diverged, maximised=maximised, capped=capped, worst=worst)
        again["loss"] = again["loss"].where(ever | diverged)
        return again

    trials = judged(results.usable, None)
    defaults = judged(_usable_defaults(results), _worst(trials, maximised=maximised))
    counted = {task: INITIAL if task in capped else WORST for task in set(trials["task"])}
    return replace(
        results,
        trials=trials,
        defaults=defaults,
        metric=metric,
        direction=way,
        spec={**results.spec, COUNTED: counted},
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
    table, maximised = _numbers(results.epochs, results.metric), results.direction == "max"
    trials = results.usable.reset_index(drop=True)
    if (_until(trials, share) >= trials["epochs"]).all():
        return results
    cut = _after(trials, table, share, maximised=maximised, capped=_capped(results))
    defaults = _usable_defaults(results).reset_index(drop=True)
    worst = _worst(cut, maximised=maximised)
    return replace(
        results,
        trials=cut,
        defaults=_after(defaults, table, share, maximised=maximised, capped=_capped(results), worst=worst),
    )


def _until(trials: pd.DataFrame, share: float) -> pd.Series[float]:
    """Return the last epoch that counts of each trial."""
    return pd.Series(np.maximum(1.0, np.ceil(share * trials["epochs"].to_numpy(float) - 1e-9)), trials.index)


def _after(
    trials: pd.DataFrame,
    table: pd.DataFrame,
    share: float,
    *,
    maximised: bool,
    capped: frozenset[str],
    worst: pd.Series[float] | None = None,
) -> pd.DataFrame:
    """Return trials as they were after a share of their epochs, without those that had no epoch by then.

    Args:
        trials: Trials with a result.
        table: Epochs, as :func:`_numbers` returns them.
        share: Share of the epochs.
        maximised: True if more is better.
        capped: Tasks whose cap is the initial loss.
        worst: Caps of the other tasks; if None, the worst value of each.
    """
    if trials.empty:
        return trials
    until = _until(trials, share)
    ended = trials["key"].map(table.groupby("key")["epoch"].max())
    limit = table["key"].map(pd.Series(until.to_numpy(), trials["key"]))
    last = table[table["epoch"] <= limit].drop_duplicates("key", keep="last").set_index("key")
    value, reached = (trials["key"].map(last[name]).astype(float) for name in ("number", "epoch"))
    over = (trials["status"] == "diverged") & ~(ended > until)
    diverged = over | ~np.isfinite(value)
    again = _outcomes(trials, value, diverged, maximised=maximised, capped=capped, worst=worst).assign(
        epochs=until.astype(int), epochs_done=reached.fillna(0).astype(int)
    )
    return again[over | reached.notna()].reset_index(drop=True)


def _usable_defaults(results: Results) -> pd.DataFrame:
    """Return the trials of default settings beside the designs that have a result."""
    return results.defaults[results.defaults["status"].isin(DONE)]


def _worst(trials: pd.DataFrame, *, maximised: bool) -> pd.Series[float]:
    """Return the worst value of each task, as a loss."""
    outcome = -trials["value"] if maximised else trials["value"]
    return outcome.groupby(trials["task"]).max()


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
    worst: pd.Series[float] | None = None,
) -> pd.DataFrame:
    """Return trials with other values, and the losses and statuses that follow from them.

    Args:
        trials: Trials with a result.
        value: Metric of each trial.
        diverged: True for each trial that counts as diverged.
        maximised: True if more is better.
        capped: Tasks whose cap is the initial loss; on other tasks it is the worst value of the task.
        worst: That value of each task, from other trials; None for that of these.
    """
    value = value.astype(float).where(~diverged & np.isfinite(value))
    outcome = -value if maximised else value
    worst = outcome.groupby(trials["task"]).max() if worst is None else worst
    largest = trials["task"].map(worst).fillna(0.0).astype(float)
    cap = trials["initial_loss"].astype(float).where(trials["task"].isin(capped), largest)
    return trials.assign(
        status=np.where(diverged, "diverged", "completed"),
        value=value,
        initial_loss=cap,
        loss=capped_losses(outcome, cap.fillna(np.inf)),
    )
