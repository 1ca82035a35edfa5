"""Regret: the share of what can be won that a variant loses, untuned, tuned, and at its default setting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sensitivity.measures.default_loss import default_loss
from sensitivity.measures.designs import joined, refuse_adaptive
from sensitivity.measures.estimates import Estimate, Stakes, ends, estimates, stakes
from sensitivity.measures.losses import keeping_losses, note

if TYPE_CHECKING:
    from sensitivity.results.results import Results

COLUMNS = [
    "task", "variant", "value", "low", "high",
    "tuned", "tuned_low", "tuned_high", "untuned", "untuned_low", "untuned_high",
    "default", "default_low", "default_high", "learned", "best", "initial", "source", "n", "note",
]  # fmt: skip
NOT_LEARNED = 0.9
"""Tuned regret above which a variant counts as not having learned, with 95% confidence."""


def regret(
    results: Results, *, reference: float | Mapping[str, float] | None = None, level: float = 0.95
) -> pd.DataFrame:
    r"""Return the share of what can be won that an untuned configuration of each variant loses.

    .. math:: R_w = \frac{\mathbb{E}_{c \sim \pi_w} \mu_w(c) - B}{\ell_0 - B} = R^*_w + S_w, \qquad
        R^*_w = \frac{\min_c \mu_w(c) - B}{\ell_0 - B}, \qquad
        S_w = \frac{\mathbb{E}_c \mu_w(c) - \min_c \mu_w(c)}{\ell_0 - B}

    with the capped mean loss :math:`\mu_w(c)`, the initial loss :math:`\ell_0` and the common best B, which
    is the best of all variants on the task or a reference. 0 is as good as any, 1 no better than untrained.
    :math:`R^*_w` (``tuned``) is how far the variant is behind when tuned, :math:`S_w` (``untuned``) what not
    tuning it costs: the learning-rate sensitivity of Wortsman et al. on a scale that variants share. The mean
    is over the configurations of the design. All best losses are those expected on a rerun
    (:class:`sensitivity.measures.best.Best`).

    ``default`` is what the default setting d loses,

    .. math:: R^d_w = \frac{\mu_w(d) - B}{\ell_0 - B},

    with the mean over its seeds and a 95% interval from draws of Student's t
    (:func:`sensitivity.measures.default_loss.default_loss`). It is trained beside the design
    (``default_setting`` of the study), or is one of its configurations; elsewhere the three columns are NaN,
    and with one seed there is no interval. A default setting beside the design may be better than B, the best
    of the design: its regret is then negative.

    ``learned`` is False where the lower limit of the tuned regret is above 0.9: such a variant is listed and
    never ranked.

    Args:
        results: Results of a study.
        reference: Loss to reach instead of the best of all variants, for all tasks or by task.
        level: Level of the intervals, between 0 and 1.

    Raises:
        InputError: for an adaptive design, whose configurations are no sample of the space.

    Source: Wortsman et al., arXiv:2309.14322, section 2.2; docs/method.md has the derivation.
    """
    refuse_adaptive(results, "regret", "best_loss has the best of an adaptive search")
    results = keeping_losses(results)
    goals = stakes(results, reference=reference)
    rows = [
        _row(results, one, goals[task], level) for task, every in estimates(results).items() for one in every
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(results: Results, one: Estimate, goal: Stakes, level: float) -> dict[str, object]:
    refused = goal.refused
    whole, tuned, untuned, default = ((np.nan,) * 3,) * 4
    if not refused:
        whole = goal.share(one.mean, one.mean_draws, level)
        tuned = tuned_share(one, goal, level)
        with np.errstate(divide="ignore", invalid="ignore"):
            lost = (one.mean_draws - one.best.draws) / goal.units
        untuned = ((value := max(0.0, (one.mean - one.best.value) / goal.unit)), *ends(value, lost, level))
        untuned = (untuned[0], float(np.maximum(0.0, untuned[1])), untuned[2])
        default = default_share(results, one, goal, level)
    return {
        "task": goal.task, "variant": one.variant,
        "value": whole[0], "low": whole[1], "high": whole[2],
        "tuned": tuned[0], "tuned_low": tuned[1], "tuned_high": tuned[2],
        "untuned": untuned[0], "untuned_low": untuned[1], "untuned_high": untuned[2],
        "default": default[0], "default_low": default[1], "default_high": default[2],
        "learned": learned(one, goal), "best": goal.best, "initial": goal.initial, "source": goal.source,
        "n": one.group.trials, "note": joined(note(one.group), refused),
    }  # fmt: skip


def tuned_share(one: Estimate, goal: Stakes, level: float = 0.95) -> tuple[float, float, float]:
    """Return the tuned regret and its interval; the best variant's begins at 0."""
    if one.variant != goal.source:
        value, low, high = goal.share(one.best.value, one.best.draws, level)
        return value, low if value < 0 else max(low, 0.0), high
    with np.errstate(divide="ignore", invalid="ignore"):
        behind = (one.best.draws - goal.lowest) / (goal.initial - goal.lowest)
    return 0.0, *ends(0.0, behind, level)


def default_share(
    results: Results, one: Estimate, goal: Stakes, level: float = 0.95
) -> tuple[float, float, float]:
    """Return the regret of the default setting and its interval; NaN where it was not trained.

    A configuration of the design is not better than the best of the design, and neither is its regret.
    """
    known = default_loss(results, one)
    if known is None:
        return np.nan, np.nan, np.nan
    value, low, high = goal.share(known.mean, known.draws, level)
    if known.is_in_design:
        tuned, _, _ = tuned_share(one, goal, level)
        value = max(value, tuned)
        low = low if tuned < 0 else float(np.maximum(0.0, low))
    return value, low, high


def learned(one: Estimate, goal: Stakes) -> bool:
    """Return False where even the best configuration wins next to nothing of what can be won."""
    if goal.unit <= 0:
        return one.group.learned
    _, low, _ = goal.share(one.best.value, one.best.draws)
    bound = low if np.isfinite(low) else (one.best.observed - goal.best) / goal.unit
    return bool(bound <= NOT_LEARNED)
