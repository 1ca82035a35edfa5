"""Variants that were run at one setting each: compared by their seeds, since nothing varies."""

from __future__ import annotations

import itertools
import warnings
from typing import TYPE_CHECKING

import numpy as np

from sensitivity.measures.magnitudes import exponent_of
from sensitivity.questions.quantities import constant
from sensitivity.text.quantities import of_quantities, quantity
from sensitivity.text.wording import with_interval

if TYPE_CHECKING:
    from sensitivity.measures import Measured

NOTHING_VARIES = "No hyperparameter varies."
LEVEL = 0.05
"""Family-wise level of the comparisons, by Holm's correction."""


def something_varies(measured: Measured) -> bool:
    """Return True if a variant has a hyperparameter with more than one value."""
    return any(measured.results.varied(variant) for variant in measured.results.spaces)


@of_quantities
def settings_compared(measured: Measured, task: str) -> list[str]:
    """Return sentences on every pair of variants: the lower mean loss and the difference, or "undecided".

    Welch's t interval of the difference of means over seeds, with Holm's correction of p over the pairs.
    Losses are the capped ones; a metric that is maximised is reported in its own sign.
    """
    maximised = measured.results.direction == "max"
    metric, way = (measured.results.metric, "higher") if maximised else ("loss", "lower")
    losses = {
        variant: measured.results.group(task, variant)["loss"].to_numpy(float)
        for place, variant in measured.results.groups
        if place == task
    }
    pairs = list(itertools.combinations(losses, 2))
    if not pairs:
        return []
    if min(map(len, losses.values())) < 2:
        fewest = constant(2, "fewest_seeds")
        return [f"One seed: the variants cannot be told apart; at least {fewest} seeds are needed."]
    sentences, tests = [], []
    for one, other in pairs:
        a, b = losses[one], losses[other]
        if np.ptp(a) == 0 and np.ptp(b) == 0:
            sentences.append(
                f"{one} and {other} have the same {metric} for every seed, so seed noise is unknown and "
                "nothing is decided."
            )
            continue
        exponent = exponent_of(np.concatenate([a, b]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of seeds that agree to the last digits
            from scipy import stats

            test = stats.ttest_ind(np.ldexp(a, -exponent), np.ldexp(b, -exponent), equal_var=False)
        ends = test.confidence_interval(1 - LEVEL)
        with np.errstate(over="ignore"):
            low, high = (float(np.ldexp(end, exponent)) for end in (ends.low, ends.high))
        tests.append((float(test.pvalue), one, other, float(a.mean() - b.mean()), (low, high)))
    worst = 0.0
    for place, (p, one, other, difference, ends) in enumerate(sorted(tests, key=lambda row: row[0])):
        worst = max(worst, min(1.0, p * (len(tests) - place)))
        better, worse = (one, other) if difference < 0 else (other, one)
        low, high = sorted(ends, key=lambda end: end * (1 if difference >= 0 else -1))
        size = with_interval(
            {"value": abs(difference), "low": low * np.sign(difference), "high": high * np.sign(difference)}
        )
        size = quantity(size, "settings", task, better, worse, "difference")
        chance = quantity(f"{worst:.2g}", "settings", task, better, worse, "p")
        if worst < LEVEL:
            sentences.append(
                f"{better} ends {way} than {worse} by {size}, p {chance} (Welch's test over seeds)."
            )
        else:
            words = f"the difference is {size}, p {chance}; more seeds may decide"
            sentences.append(f"{better} and {worse} cannot be told apart: {words}.")
    return sentences
