"""The contrast in the trials of one task that decides each claim of "Optimizing CNNs"."""

from __future__ import annotations

import math

import pandas as pd

from sensitivity.paper.contrasts import (
    Finding,
    Undecided,
    best_rates,
    difference,
    diverged,
    need,
    paired,
    ratio,
    remarked,
    spread,
    worst,
)
from sensitivity.paper.trials import at_paper_rates, cells

NORMS = {1.0: "L1", 2.0: "L2", math.inf: "Linf"}


def momentum_alone(trials: pd.DataFrame) -> pd.DataFrame:
    return trials[(trials["momentum"] != "none") & (trials["adaptive"] == "none")]


def norms_of_first_order(trials: pd.DataFrame, *, momentum: bool = False) -> pd.DataFrame:
    """Return trials of decaying means of first order, alone or with the paper's momentum for norms."""
    combined = (
        (trials["momentum"] != "none")
        & (trials["momentum_gradient"] == "unscaled")
        & (trials["momentum_accumulation"] == "mean")
    )
    chosen = (trials["adaptive"] == "mean") & (trials["order"] == "first")
    return trials[chosen & (combined if momentum else trials["momentum"] == "none")]


def tolerated_rates(trials: pd.DataFrame) -> Finding:
    """Return the divergence rate of SGD less that of momentum, over the learning rates of both."""
    sgd = need(trials[(trials["momentum"] == "none") & (trials["adaptive"] == "none")], "sgd")
    momentum = momentum_alone(trials)
    momentum = need(momentum[momentum["momentum_accumulation"] == "mean"], "momentum as a decaying mean")
    shared = set(sgd["lr"]) & set(momentum["lr"])
    if not shared:
        raise Undecided("no learning rate was run both with and without momentum")
    return diverged(sgd[sgd["lr"].isin(shared)], momentum[momentum["lr"].isin(shared)])


def nag_over_cm(trials: pd.DataFrame) -> Finding:
    """Return the loss with NAG over that with CM, at the paper's or the largest learning rate."""
    usual, note = at_paper_rates(momentum_alone(trials))
    nag, cm = paired(usual, "momentum", "nag", "cm")
    largest = nag["lr"].max()
    note = f"not run at the paper's learning rate: at the largest, {largest:g}" if note else ""
    return remarked(ratio(nag[nag["lr"] == largest], cm[cm["lr"] == largest]), note)


def ratio_of_settings(trials: pd.DataFrame, setting: str, one: str, other: str, null: float = 1.0) -> Finding:
    """Return the loss with one value of a setting over that with another, at the paper's learning rates."""
    usual, note = at_paper_rates(trials)
    return remarked(ratio(*paired(usual, setting, one, other), null=null), note)


def uncorrected_nu(trials: pd.DataFrame) -> Finding:
    """Return the loss at nu .999 over the geometric mean of that at .9 and the initial loss."""
    usual, note = at_paper_rates(norms_of_first_order(trials))
    usual = usual[usual["nu_schedule"] == "constant"]
    high, usual_nu = paired(usual, "nu", 0.999, 0.9)
    halfway = usual_nu.assign(
        loss=(usual_nu["loss"] + usual_nu["initial_loss"]) / 2
    )  # the mean of logarithms is a geometric mean
    return remarked(ratio(high, halfway), note)


def best_rate_of_norm(trials: pd.DataFrame, p: float) -> Finding:
    """Return the best learning rate of a norm without momentum."""
    alone = need(norms_of_first_order(trials), "norms without momentum")
    alone = need(alone[alone["p"] == p], f"the {NORMS[p]} norm without momentum")
    return best_rates(alone, pd.Series("alone", index=alone.index))["alone"]


def rate_with_over_without_momentum(trials: pd.DataFrame, p: float) -> Finding:
    """Return the best learning rate of a norm with momentum over that without."""
    alone = best_rate_of_norm(trials, p)
    combined = need(norms_of_first_order(trials, momentum=True), "norms with momentum")
    combined = need(combined[combined["p"] == p], f"the {NORMS[p]} norm with momentum")
    both = best_rates(combined, pd.Series("combined", index=combined.index))["combined"]
    return difference(both.mapped(math.log), alone.mapped(math.log)).mapped(math.exp)


def spread_of_mu_over_nu(trials: pd.DataFrame) -> Finding:
    """Return the excess of the variation of the loss along mu over that along nu."""
    usual, note = at_paper_rates(need(norms_of_first_order(trials, momentum=True), "norms with momentum"))
    return remarked(spread(usual, "mu", "nu"), note)


def other_levels_over_usual(trials: pd.DataFrame, decay: str) -> Finding:
    """Return the loss at the best other level of a decay over that at .9."""
    usual, note = at_paper_rates(trials[trials[decay].notna()])
    levels = sorted(set(usual[decay]) - {0.9})
    ratios = []
    for level in levels:
        try:
            ratios.append(ratio(*paired(usual, decay, level, 0.9)))
        except Undecided as reason:
            why = reason
    if not ratios:
        raise Undecided(f"{decay} has one level only, or none" if not levels else str(why))
    return remarked(worst(ratios, largest=False), note)


def maximum_norm_sensitivity(trials: pd.DataFrame) -> Finding:
    """Return the sensitivity of the maximum norm over that of the more sensitive other norm."""
    norms = pd.concat([norms_of_first_order(trials), norms_of_first_order(trials, momentum=True)])
    norms = need(norms[norms["nu_schedule"] == "bias_corrected"], "norms with bias correction")
    # Every norm has its own learning rates, so configurations are matched without them.
    norms = norms.assign(match=cells(norms, "lr", "p"))
    sides = {
        p: need(norms[norms["p"] == p], f"the {name} norm with bias correction") for p, name in NORMS.items()
    }
    common = set.intersection(*(set(side["match"]) for side in sides.values()))
    if not common:
        raise Undecided("no setting was run with all three norms")
    matched = {p: side[side["match"].isin(common)] for p, side in sides.items()}
    return worst([ratio(matched[math.inf], matched[p], of="sensitivity") for p in (1.0, 2.0)], largest=False)


def norms_over_momentum(trials: pd.DataFrame) -> Finding:
    """Return the best loss of the worst norm over that of momentum alone."""
    momentum = need(momentum_alone(trials), "momentum alone")
    norms = need(norms_of_first_order(trials), "norms without momentum")
    ratios = [
        ratio(norms[norms["p"] == p], momentum, of="best_loss") for p in NORMS if (norms["p"] == p).any()
    ]
    missing = [name for p, name in NORMS.items() if not (norms["p"] == p).any()]
    return remarked(worst(ratios, largest=True), f"no trials of {' and '.join(missing)}" if missing else "")


def second_over_first_order(trials: pd.DataFrame) -> Finding:
    """Return the best loss of second order over that of norms of first order."""
    second, first = (
        need(trials[trials["order"] == order], f"{order}-order norms") for order in ("second", "first")
    )
    return ratio(second, first, of="best_loss")
