"""The claims of "Optimizing CNNs", each as a measured statement with a verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.paper.contrasts import Finding, Undecided
from sensitivity.paper.evidence import (
    NORMS,
    best_rate_of_norm,
    maximum_norm_sensitivity,
    nag_over_cm,
    norms_over_momentum,
    other_levels_over_usual,
    rate_with_over_without_momentum,
    ratio_of_settings,
    second_over_first_order,
    spread_of_mu_over_nu,
    tolerated_rates,
    uncorrected_nu,
)
from sensitivity.paper.trials import NORM_RATES, pooled
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.results.results import Results

SUPPORTED, CONTRADICTED, UNDECIDED = VERDICTS = "supported", "contradicted", "undecided"
MARGIN = 0.95
"""Ratio of losses above which a gain is too small to matter (less than 5%)."""
STEP = math.sqrt(2)
"""Factor within which learning rates count as equal.

The paper's rates are a factor of 2 apart, and this is half of it on the logarithm."""
COLUMNS = ["name", "claim", "where", "measured", "task", "value", "low", "high", "n", "p", "verdict", "note"]


@dataclass(frozen=True)
class Claim:
    """A claim of the paper, and the measurement that decides it.

    Attributes:
        name: Short name.
        quote: Words of the paper.
        where: Section of the paper.
        measured: Description of the measurement.
        side: Ends of the interval in which the claim puts the measured value.
        find: Function that measures the value in the trials of one task.
    """

    name: str
    quote: str
    where: str
    measured: str
    side: tuple[float, float]
    find: Callable[[pd.DataFrame], Finding]

    def verdict(self, finding: Finding) -> str:
        """Return the verdict: supported, contradicted or undecided.

        A claim is supported where the interval lies wholly on the claim's side, and contradicted where it
        lies wholly outside. A best learning rate at the end of the rates tried may lie beyond it, so it
        supports nothing.
        """
        low, high = self.side
        if finding.low > low and finding.high < high:
            return UNDECIDED if AT_THE_END in finding.note else SUPPORTED
        return CONTRADICTED if finding.high < low or finding.low > high else UNDECIDED


AT_THE_END = "best at the "


def claims(results: Results | Sequence[Results]) -> pd.DataFrame:
    """Return every claim on every task that can decide it.

    The columns include ``value`` with its 95% interval, trials, p-value (for a test) and verdict. A claim
    that no task can decide has one row with the reason (``note``). Studies of one task are pooled: Table 1's
    momentum beside Table 2's norms. Every interval has its own level of 95%: of twenty claims whose truth
    lies at the edge, one is misjudged.

    Args:
        results: Results of one study or of several.

    Raises:
        InputError: for losses that are not above 0, and for studies of one task of different sizes.
    """
    trials = pooled(results)
    rows: list[dict[str, Any]] = []
    for claim in CLAIMS:
        claim_rows = [_row(claim, str(task), part) for task, part in trials.groupby("task", sort=False)]
        decided = [row for row in claim_rows if np.isfinite(row["value"])]
        rows += decided or claim_rows[:1] or [_row(claim, "", trials)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(claim: Claim, task: str, trials: pd.DataFrame) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": claim.name,
        "claim": claim.quote,
        "where": claim.where,
        "measured": claim.measured,
        "task": task,
    }
    try:
        if trials.empty:
            raise Undecided("no finished trial")
        finding = claim.find(trials)
    except (Undecided, InputError) as reason:
        nothing = dict.fromkeys(("value", "low", "high", "p"), math.nan)
        return row | nothing | {"n": 0, "verdict": UNDECIDED, "note": str(reason)}
    numbers = {name: getattr(finding, name) for name in ("value", "low", "high", "n", "p")}
    return row | numbers | {"verdict": claim.verdict(finding), "note": finding.note}


def _norm_claims(p: float) -> tuple[Claim, Claim]:
    rate, name = NORM_RATES[p], NORMS[p]
    return (
        Claim(
            f"{name} prefers {rate:g}",
            f"each of the three tested norm variants prefers a different initial learning rate: {name} "
            f"{rate:g}",
            "4.3",
            f"best learning rate of {name} without momentum, everything else tuned; claimed: {rate:g}, "
            "within a factor of the square root of 2",
            (rate / STEP, rate * STEP),
            partial(best_rate_of_norm, p=p),
        ),
        Claim(
            f"momentum keeps the rate of {name}",
            f"the preferred learning rate stays the same ({name})",
            "4.4",
            f"best learning rate of {name} with momentum over that without; claimed: 1, within a factor of "
            "the square root of 2",
            (1 / STEP, STEP),
            partial(rate_with_over_without_momentum, p=p),
        ),
    )


_EACH_NORM = [_norm_claims(p) for p in NORMS]
CLAIMS: tuple[Claim, ...] = (
    Claim(
        "momentum tolerates larger rates",
        "vanilla SGD diverged with rates higher than 1; momentum is robust to larger learning rates",
        "4.2",
        "share of trials that diverged, SGD minus momentum (a decaying mean), over the learning rates that "
        "both ran; claimed: above 0",
        (0.0, math.inf),
        tolerated_rates,
    ),
    Claim(
        "NAG is worse than CM",
        "NAG generally performed noticeably worse when using the larger learning rates",
        "4.2",
        "loss of NAG over that of CM, same configurations and seeds, without norm, at the paper's learning "
        "rate of 2; claimed: above 1",
        (1.0, math.inf),
        nag_over_cm,
    ),
    Claim(
        "correcting mu does not help",
        "zero-initialization bias correction seems not to help in general (and sometimes even to hurt)",
        "4.5",
        "loss with bias correction of mu over that without, same configurations and seeds, at the paper's "
        f"learning rate; claimed: above {MARGIN:g}, so any gain is smaller than {1 - MARGIN:.0%}",
        (MARGIN, math.inf),
        lambda trials: ratio_of_settings(trials, "mu_schedule", "bias_corrected", "constant", MARGIN),
    ),
    Claim(
        "correcting nu matters above .9",
        "when nu is larger than .9, the variants that use no schedule significantly underperform",
        "4.3",
        "loss without bias correction of nu over that with it, same configurations and seeds, nu above .9, "
        "at the paper's learning rates; claimed: above 1",
        (1.0, math.inf),
        lambda trials: ratio_of_settings(
            trials[trials["nu"] > 0.9 + 1e-9], "nu_schedule", "constant", "bias_corrected"
        ),
    ),
    Claim(
        "nu .999 uncorrected fails",
        "either completely diverging or simply failing to reach anything resembling a good solution",
        "4.3",
        "loss at nu .999 over the geometric mean of the loss at nu .9 and the initial loss, without bias "
        "correction, at the paper's learning rates; claimed: above 1, so less than half the way is gone on "
        "the logarithm",
        (1.0, math.inf),
        uncorrected_nu,
    ),
    *(rate for rate, _ in _EACH_NORM),
    *(keeps for _, keeps in _EACH_NORM),
    Claim(
        "more robust to nu than to mu",
        "the algorithms seem more robust to variations in nu than mu",
        "4.5",
        "standard deviation of the logarithm of the loss along mu beyond that along nu (the root of the "
        "difference of the variances, with its sign), of norms with momentum, at the paper's learning rates; "
        "claimed: above 0",
        (0.0, math.inf),
        spread_of_mu_over_nu,
    ),
    *(
        Claim(
            f"{decay} is best around .9",
            "the best values for both parameters seem to be around .9 for this task",
            "4.5",
            f"loss at the other level of {decay} (at the best of several) over that at .9, same "
            f"configurations and seeds, {words}at the paper's learning rates; claimed: above 1",
            (1.0, math.inf),
            find,
        )
        for decay, words, find in (
            ("mu", "", lambda trials: other_levels_over_usual(trials, "mu")),
            (
                "nu",
                "with bias correction, ",
                lambda trials: other_levels_over_usual(
                    trials[trials["nu_schedule"] == "bias_corrected"], "nu"
                ),
            ),
        )
    ),
    Claim(
        "Linf is most sensitive",
        "the max-norm variants of AdaGrad are at best very sensitive to hyperparameters",
        "4.5",
        "mean over the configurations of the loss over the best loss, of Linf over that of the more "
        "sensitive of L1 and L2, with bias correction, where all three ran; claimed: above 1",
        (1.0, math.inf),
        maximum_norm_sensitivity,
    ),
    Claim(
        "norms beat momentum",
        "they all perform significantly better than even NAG",
        "4.3, 5",
        "best loss of the norm that does worst, without momentum, over the best of momentum alone; claimed: "
        "below 1",
        (-math.inf, 1.0),
        norms_over_momentum,
    ),
    Claim(
        "EGD underperforms",
        "even the best optimizer using EGD vastly underperformed compared to optimizers that only use "
        "first-order information",
        "4.3",
        "best loss of second order over the best of norms of first order; claimed: above 1",
        (1.0, math.inf),
        second_over_first_order,
    ),
)
