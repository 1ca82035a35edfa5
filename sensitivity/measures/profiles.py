"""Performance profiles: the share of tasks on which a variant is nearly the fastest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sensitivity.measures.designs import need_tasks
from sensitivity.measures.losses import Array
from sensitivity.results.results import PREFIX
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from sensitivity.results.results import Results

LARGEST = 4.0
"""Ratio up to which profiles are drawn and integrated."""
SLACK = 0.05
"""Share of the improvement over the initial loss that the default target lies above the best loss."""
ONE_TASK = "add trials of another task, or read best_loss, which is about one"


def epochs_to_target(results: Results, targets: Mapping[str, float] | None = None) -> pd.DataFrame:
    """Return the fewest epochs after which a configuration of a variant reaches the target of a task.

    There is one row a task and variant: ``value`` is the median over the seeds of that configuration, in
    epochs, ``low`` and ``high`` its fastest and its slowest seed. Where no configuration reaches the target,
    ``reached`` is False, and value, low and high are the epochs of the study. ``target`` is in the metric.

    Args:
        results: Results of a study.
        targets: Metric by task; the default target is the best final value of any variant and 5% of its
            distance from the initial loss.

    Raises:
        InputError: for an unknown task.

    Source: the external tuning rules of AlgoPerf (Dahl et al., arXiv:2306.07179), with a median over seeds.
    """
    tasks = list(dict.fromkeys(task for task, _ in results.groups))
    for name in targets or {}:
        if name not in tasks:
            raise unknown("task", name, tasks)
    sign = -1.0 if results.direction == "max" else 1.0
    usable = results.usable
    limits = {}
    for task in tasks:
        trials = usable[usable["task"] == task]
        top = float(trials["loss"].min())
        limits[task] = (
            sign * targets[task]
            if targets and task in targets
            else top + SLACK * (float(trials["initial_loss"].mean()) - top)
        )
    curves = results.epochs[["key", "epoch"]].assign(
        metric=results.epochs[results.metric]
    )  # the name of the metric may be that of a column of trials
    table = usable[["key", "task"]].merge(curves, on="key", how="left")
    hit = sign * table["metric"] <= table["task"].map(limits).astype(float) + 1e-12
    firsts = table[hit].groupby("key")["epoch"].min()
    trials = usable.assign(first=usable["key"].map(firsts).fillna(np.inf))
    configuration = [name for name in trials.columns if str(name).startswith(PREFIX)]
    rows = []
    for task, variant in results.groups:
        group = trials[(trials["task"] == task) & (trials["variant"] == variant)]
        numbers = (
            group.groupby(configuration, dropna=False, sort=False).ngroup()
            if configuration
            else pd.Series(0, index=group.index)
        )
        seeds = group["first"].groupby(numbers)
        middle = seeds.median()
        fastest = int(middle.to_numpy().argmin())
        reached = bool(np.isfinite(middle.iloc[fastest]))
        most = float(group["epochs"].max())
        ends = (
            tuple(epochs.iloc[fastest] for epochs in (middle, seeds.min(), seeds.max()))
            if reached
            else (most, most, most)
        )
        value, low, high = (min(float(end), most) for end in ends)
        note = "" if reached else "no configuration reached the target"
        keys = {
            "task": task,
            "variant": variant,
            "value": value,
            "low": low,
            "high": high,
            "n": len(group),
            "note": note,
        }
        rows.append(keys | {"reached": reached, "target": sign * limits[task]})
    return pd.DataFrame(
        rows, columns=["task", "variant", "value", "low", "high", "n", "note", "reached", "target"]
    )


def performance_profiles(
    results: Results,
    targets: Mapping[str, float] | None = None,
    *,
    ratios: Sequence[float] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    r"""Return the share of tasks on which a variant needs at most tau times the epochs of the fastest.

    .. math:: \rho_w(\tau) = \frac{1}{|E|} \#\{ e : t_{w,e} \le \tau \min_{w'} t_{w',e} \}

    with t of :func:`epochs_to_target`; a missed target is infinitely slow. The interval is Wilson's, over
    tasks (``n``).

    Args:
        results: Results of a study.
        targets: Metric by task, as for :func:`epochs_to_target`.
        ratios: Values of tau; None for 31 from 1 to :data:`LARGEST`.
        level: Level of the interval, between 0 and 1.

    Raises:
        InputError: for fewer than two tasks, or ratios below 1.

    Source: Dolan & Moré, "Benchmarking optimization software with performance profiles", Mathematical
    Programming 91 (2002).
    """
    from scipy.stats import binomtest

    at = np.linspace(1, LARGEST, 31) if ratios is None else np.asarray(ratios, dtype=float)
    if not (at >= 1).all():
        raise InputError(f"ratios must be at least 1, got {list(ratios or [])}")
    rows = []
    for variant, ratio in _ratios(results, targets).items():
        for tau in at:
            near = int((ratio <= tau + 1e-12).sum())
            ends = binomtest(near, len(ratio)).proportion_ci(level, method="wilson")
            keys = {
                "variant": variant,
                "ratio": float(tau),
                "value": near / len(ratio),
                "low": float(ends.low),
                "high": float(ends.high),
            }
            rows.append(keys | {"n": len(ratio), "note": ""})
    return pd.DataFrame(rows, columns=["variant", "ratio", "value", "low", "high", "n", "note"])


def profile_score(
    results: Results,
    targets: Mapping[str, float] | None = None,
    *,
    largest: float = LARGEST,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Return the area under a performance profile.

    1 is fastest on every task, 0 is never within ``largest`` times of the fastest:

    .. math:: B_w = \frac{1}{r - 1} \int_1^r \rho_w(\tau) \, d\tau
        = \frac{1}{|E|} \sum_e \frac{\max(0, r - r_{w,e})}{r - 1}

    The interval is a bootstrap over tasks.

    Args:
        results: Results of a study.
        targets: Metric by task, as for :func:`epochs_to_target`.
        largest: Largest ratio r, above 1.
        draws: Number of bootstrap draws.
        seed: Seed of the bootstrap.

    Raises:
        InputError: as :func:`performance_profiles`.

    Source: AlgoPerf (Dahl et al., arXiv:2306.07179).
    """
    if not largest > 1:
        raise InputError(f"largest must be above 1, got {largest!r}")
    rng = np.random.default_rng(seed)
    rows = []
    for variant, ratio in _ratios(results, targets).items():
        part = np.maximum(0.0, largest - np.minimum(ratio, largest)) / (largest - 1)
        low, high = np.quantile(
            part[rng.integers(len(part), size=(draws, len(part)))].mean(axis=1), [0.025, 0.975]
        )
        keys = {
            "variant": variant,
            "value": float(part.mean()),
            "low": float(low),
            "high": float(high),
            "n": len(part),
        }
        rows.append(keys | {"note": "fewer than five tasks" if len(part) < 5 else ""})
    return pd.DataFrame(rows, columns=["variant", "value", "low", "high", "n", "note"])


def _ratios(results: Results, targets: Mapping[str, float] | None) -> dict[str, Array]:
    """Return the epochs over those of the fastest, by variant, on each task that some variant has.

    The ratio is infinite where the variant missed the target.
    """
    tasks = need_tasks(results, "performance_profiles", ONE_TASK)
    table = epochs_to_target(results, targets)
    times = table["value"].where(table["reached"], np.inf)
    wide = (
        times.to_frame("time")
        .assign(task=table["task"], variant=table["variant"])
        .pivot(index="task", columns="variant", values="time")
    )
    matrix = wide.reindex(index=tasks).fillna(np.inf)
    fastest = matrix.min(axis=1).to_numpy()[:, None]
    values = matrix.to_numpy()
    ratio = np.where(np.isfinite(values), values / np.where(np.isfinite(fastest), fastest, 1.0), np.inf)
    return {
        variant: ratio[:, list(matrix.columns).index(variant)] for variant in dict.fromkeys(table["variant"])
    }
