"""The loss of a variant's default setting: its mean over seeds, with draws of the true mean."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from search_spaces.declared_defaults import declared_default
from sensitivity.measures.losses import Array, Losses, scaled
from sensitivity.measures.magnitudes import exponent_of
from sensitivity.measures.moderation import pooled_freedom
from sensitivity.measures.surface import deviations
from sensitivity.study.trial import DONE

if TYPE_CHECKING:
    from sensitivity.measures.estimates import Estimate
    from sensitivity.results.results import Results

STREAM = 13
"""First seed of the draws of the noise of a default setting."""


@dataclass(frozen=True)
class DefaultLoss:
    """Mean loss of the default setting of one variant on one task.

    Attributes:
        mean: Mean of the capped loss over its seeds.
        draws: Draws of the true mean, ``[draws]``; NaN where the noise between seeds is not known.
        degrees: Degrees of freedom of its standard error.
        is_in_design: True if the design has the default setting.
    """

    mean: float
    draws: Array
    degrees: float
    is_in_design: bool


def default_loss(results: Results, one: Estimate) -> DefaultLoss | None:
    r"""Return the mean loss of the default setting of a variant; None where it was not trained.

    .. math:: \bar\ell_d + \frac{\tilde s_d}{\sqrt{S}} \, t_\nu

    are the draws, with S seeds of the default setting and Student's t. :math:`\tilde s_d` is the standard
    deviation between its seeds, moderated by those of the design's configurations (all pooled, where they are
    equally noisy); where some seeds of the default setting diverge and others do not, it is its own
    (:func:`sensitivity.measures.surface.deviations`). The default setting is that of the space, if it
    declares one (:func:`search_spaces.declared_defaults.declared_default`): trained beside the design, or one
    of its configurations.

    Args:
        results: Results of a study.
        one: Estimate of the variant from these results.
    """
    known = _with_default(results, one.group)
    if known is None:
        return None
    group, place = known
    counts = np.isfinite(group.loss).sum(axis=1)
    mean = float(group.mean[place])
    draws, degrees = np.full(len(one.known.noise), math.nan), 1.0
    if counts.max() > 1:
        exponent = exponent_of(group.loss)
        deviation, freedom = deviations(scaled(group))
        error = float(np.ldexp(deviation[place], exponent)) / math.sqrt(counts[place])
        degrees = float(max(1, min(freedom[place], pooled_freedom(group.loss))))
        noise = np.random.default_rng((STREAM, one.seed)).standard_t(degrees, len(draws))
        lowest = 0.0 if np.nanmin(group.loss) >= 0 else -np.inf
        draws = np.clip(mean + error * noise, lowest, max(group.initial, mean))
    return DefaultLoss(mean, draws, degrees, place < len(one.group.loss))


def _with_default(results: Results, group: Losses) -> tuple[Losses, int] | None:
    """Return the losses of a design and of the default setting, and the place of the latter among them."""
    setting = declared_default(results.spaces[group.variant])
    if setting is None:
        return None
    varied = {name: value for name, value in setting.items() if name in group.names}
    if varied in group.configurations:
        return group, group.configurations.index(varied)
    trials = results.defaults
    trials = trials[
        (trials["task"] == group.task) & (trials["variant"] == group.variant) & trials["status"].isin(DONE)
    ]
    if trials.empty:
        return None
    loss = trials["loss"].to_numpy(float)
    rows = np.full((len(group.loss) + 1, max(group.loss.shape[1], len(loss))), math.nan)
    rows[:-1, : group.loss.shape[1]] = group.loss
    rows[-1, : len(loss)] = loss
    place = np.nan_to_num(results.units(trials.iloc[:1], group.variant), nan=0.5)
    return replace(group, loss=rows, units=np.vstack([group.units, place])), len(group.loss)
