"""Selection by one metric and report by another: what a configuration chosen by it is worth."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from sensitivity.measures.best import common_noise
from sensitivity.measures.designs import joined
from sensitivity.measures.estimates import Estimate, ends, estimates
from sensitivity.measures.losses import Array, Losses, keeping_losses, losses, note
from sensitivity.results.repeats import between
from sensitivity.results.rereading import judged_by, metrics_of
from sensitivity.text.wording import listed
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.results.results import Results

SELECTING = ("val_{}", "validation_{}", "train_{}_end", "train_{}")
"""Metrics that may choose what a test metric reports, the first of them that is known."""
COLUMNS = [
    "task", "variant", "value", "low", "high", "best", "gap", "gap_low", "gap_high", "configuration", "n",
    "note",
]  # fmt: skip


def selected_on(
    results: Results, select: str, *, direction: Literal["min", "max"] | None = None, level: float = 0.95
) -> pd.DataFrame:
    r"""Return what the configuration that one metric chooses is worth by the metric of the study.

    .. math:: s = \arg\min_c \overline{q_c}, \qquad \text{value} = \overline{\ell_s}, \qquad
        \text{gap} = \max(0, \overline{\ell_s} - \hat m)

    with q the metric that selects (a training or validation loss, say) and :math:`\ell` the loss of the
    study, both as means over the seeds and capped, and :math:`\hat m` (``best``) the loss that the best
    configuration by the study's own metric is expected to have on a rerun
    (:class:`sensitivity.measures.best.Best`). A gap of 0 loses nothing by the selection.

    No configuration is truly better than the best one, so a value below ``best`` is luck, and the gap is
    then 0. ``gap_low`` and ``gap_high`` are percentiles of :math:`\max(0, \mu_s - m)` over draws of the
    true losses, in which the noise of both is the same: none is below 0. Noise that both metrics of a trial
    share makes the value a little too small, as luck in q is then luck in the loss. With one seed there is
    no interval.

    Args:
        results: Results of a study, with stored epochs.
        select: Metric that selects: a column of the stored epochs, at the last epoch of each trial, or a
            column of the trials.
        direction: ``min`` or ``max``; None for the one that the name of the metric states.
        level: Level of the intervals, between 0 and 1.

    Raises:
        InputError: for an unknown metric, with the nearest name; for a metric whose name states no direction.

    Source: Cawley & Talbot, "On Over-fitting in Model Selection and Subsequent Selection Bias in Performance
    Evaluation", JMLR 11 (2010).
    """
    results = keeping_losses(results)
    chooser = judged_by(results, select, direction=direction)
    rows = [
        _row(one, losses(chooser, task, one.variant), select, level)
        for task, every in estimates(results).items()
        for one in every
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def selection(results: Results, *, level: float = 0.95) -> pd.DataFrame:
    """Return what configurations chosen without the test metric are worth by it.

    The metric of the study selects and the test metric of the same kind reports; where the study is judged by
    a test metric, that of :data:`SELECTING` selects. The table is that of :func:`selected_on`, with the
    columns ``select`` and ``report``; ``value`` and the interval are in units of the reported metric (one
    that is maximised counts with the opposite sign).

    Args:
        results: Results of a study, with stored epochs.
        level: Level of the intervals, between 0 and 1.

    Raises:
        InputError: if the trials have no such two metrics.

    Source: as :func:`selected_on`.
    """
    known = metrics_of(results)
    judging = results.metric
    kind = judging.partition("_")[2].removesuffix("_end")
    report = judging if judging.startswith("test_") else f"test_{kind}"
    candidates = [form.format(kind) for form in SELECTING] if report == judging else [judging]
    select = next((name for name in candidates if name in known), "")
    if not kind or report not in known or not select:
        raise InputError(
            f"selection needs a metric of the test data and another that chooses, got {listed(known)}"
        )
    judged = judged_by(results, report)
    cells = judged.trials.groupby(["task", "variant"])["loss"]
    measured = judged.trials[np.asarray(cells.transform("count") > 0)]
    table = selected_on(replace(judged, trials=measured), select, level=level)
    return table.assign(select=select, report=report)


def _row(one: Estimate, selecting: Losses, select: str, level: float) -> dict[str, Any]:
    group, best, nan = one.group, one.best, float("nan")
    row: dict[str, Any] = {"task": group.task, "variant": one.variant, "best": best.value, "n": group.trials}
    mean = _means(selecting.loss)
    if not np.isfinite(mean).any():
        empty = dict.fromkeys(("value", "low", "high", "gap", "gap_low", "gap_high"), nan)
        reason = f"{select} is not known of any trial"
        return row | empty | {"configuration": None, "note": joined(note(group), reason)}
    place = int(np.argmin(mean))
    value, drawn, gaps = float(group.mean[place]), *_draws(one, place)
    gap = max(0.0, value - best.value)
    low, high = ends(value, drawn, level)
    gap_low, gap_high = ends(gap, gaps, level)
    return row | {
        "value": value, "low": low, "high": high, "gap": gap, "gap_low": gap_low, "gap_high": gap_high,
        "configuration": group.configurations[place],
        "note": joined(note(group), *_limits(selecting, mean, select)),
    }  # fmt: skip


def _means(loss: Array) -> Array:
    """Return the mean over the seeds of each configuration, infinite where there is none."""
    finite = np.isfinite(loss)
    count = finite.sum(axis=1)
    total = np.where(finite, loss, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.inf)


def _draws(one: Estimate, place: int) -> tuple[Array, Array]:
    """Return draws of the true loss of a configuration, and of its distance from the best, ``[draws]`` each.

    They are NaN where the noise is not known.
    """
    known, group = one.known, one.group
    if not known.repeated:
        none = np.full(len(known.truth), np.nan)
        return none, none
    lowest = 0.0 if np.nanmin(group.loss) >= 0 else -np.inf
    truth = known.observed[place] - known.noise[:, place]
    drawn = np.clip(truth + common_noise(group, known), lowest, group.initial)
    return drawn, np.maximum(0.0, np.clip(truth, lowest, group.initial) - one.best.draws)


def _limits(selecting: Losses, mean: Array, select: str) -> list[str]:
    """Return the limits of a selection: configurations without the metric, ties, and nothing learned."""
    unknown, tied = int((~np.isfinite(mean)).sum()), int((mean == mean.min()).sum())
    remarks = [f"{select} is not known of {unknown} of {len(mean)} configurations"] if unknown else []
    if tied > 1:
        remarks.append(f"{tied} configurations are equal by {select}: the first of them")
    counts = np.isfinite(selecting.loss).sum(axis=1)[np.isfinite(mean)]
    if counts.min() < counts.max():
        remarks.append(f"{select} of {between(int(counts.min()), int(counts.max()))}")
    return remarks
