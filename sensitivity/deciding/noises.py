"""Noise of the mean losses of variants: from a pilot, or as it is given."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sensitivity.measures.estimates import Estimate
from sensitivity.measures.losses import Array, Losses


@dataclass(frozen=True)
class Noise:
    """Noise of the mean loss of one variant on one task.

    Attributes:
        variant: Name of the variant.
        variance: Variance of the mean with one unit (a seed of a fixed design, a configuration of a drawn
            one); with n units it is 1/n of that.
        degrees: Degrees of freedom of that variance; infinite where it is given.
        per_unit: Degrees of freedom that each unit after the first adds in the study that is planned.
        common: True if the variance is common to all variants, and estimated from them together.
    """

    variant: str
    variance: float
    degrees: float
    per_unit: float
    common: bool = False

    def freedom(self, units: int) -> float:
        """Return the degrees of freedom of the variance in a study with so many units."""
        return max(1.0, self.per_unit * (units - 1))


def of_seeds(one: Estimate, configurations: int, variants: int) -> Noise | None:
    r"""Return the noise between seeds of a fixed design; None where no configuration has two seeds.

    .. math:: v = \frac{\overline{s_c^2}}{K} + \frac{(F^2 - 1) \, \overline{s_c^2}}{K_0}, \qquad
        \nu = \frac{(\sum_c s_c^2)^2}{\sum_c s_c^4 / (\nu_c + 2)}

    with the variances :math:`s_c^2` between the seeds of :math:`K_0` configurations of the pilot, the factor
    F for noise that configurations share (:attr:`sensitivity.measures.estimates.Estimate.inflation`) and K
    configurations of the study. The degrees of freedom are Satterthwaite's, without bias: fewer where few
    configurations make most of the noise.

    Args:
        one: Estimate of a variant from the pilot.
        configurations: Number of configurations of the study.
        variants: Number of variants of the study.

    Source: Satterthwaite, "An Approximate Distribution of Estimates of Variance Components", Biometrics
    Bulletin 2 (1946).
    """
    variance, freedom = _between_seeds(one.group)
    if not len(freedom):
        return None
    within, most = float(variance.mean()), float(freedom.sum())
    squares = float((variance**2 / (freedom + 2)).sum())
    degrees = min(most, max(1.0, float(variance.sum()) ** 2 / squares)) if squares > 0 else most
    if math.isinf(one.freedom):
        per_unit = degrees / most * configurations
        return Noise(one.variant, within / configurations, degrees, per_unit)
    shared = (one.inflation**2 - 1) * within / len(one.group.loss)
    return Noise(
        one.variant, within / configurations + shared, min(one.freedom, degrees), variants - 1.0, common=True
    )


def of_configurations(one: Estimate, seeds: int) -> Noise | None:
    """Return the noise between the configurations of a design that draws them; None with less than two.

    The seeds' part of the variance is that of the study, where the pilot has seeds that tell it.

    Args:
        one: Estimate of a variant from the pilot.
        seeds: Number of seeds of the study.
    """
    count = len(one.group.loss)
    if count < 2:
        return None
    between = float(one.group.mean.var(ddof=1))
    variance, freedom = _between_seeds(one.group)
    if len(freedom):
        within = float(variance.mean())
        trials = np.isfinite(one.group.loss).sum(axis=1)
        between = max(0.0, between - within * float(np.mean(1 / trials))) + within / seeds
    return Noise(one.variant, between, count - 1.0, 1.0)


def _between_seeds(group: Losses) -> tuple[Array, Array]:
    """Return variance and degrees of freedom of every configuration with two or more seeds."""
    freedom = np.isfinite(group.loss).sum(axis=1) - 1
    several = freedom > 0
    if not several.any():
        return np.empty(0), np.empty(0)
    return np.nanvar(group.loss[several], axis=1, ddof=1), freedom[several].astype(float)
