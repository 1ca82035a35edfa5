"""Cost of a miss: what a wrong learning rate costs, whatever the range that was searched."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.measures.designs import check_varied, joined, refuse_adaptive
from sensitivity.measures.estimates import Estimate, Stakes, ends, estimates, stakes
from sensitivity.measures.losses import Array, keeping_losses, note
from sensitivity.measures.magnitudes import deviation_of
from sensitivity.measures.tuned_curve import FEWEST, TunedCurve, tuned_curve
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.results.results import Results

FACTORS = (2.0, 3.0, 10.0)
COLUMNS = [
    "task", "variant", "factor", "value", "low", "high",
    "below", "below_low", "below_high", "above", "above_low", "above_high",
    "at", "capped", "n", "note",
]  # fmt: skip
RESOLUTION = 0.1
"""Standard errors of a level below which two losses are not told apart."""
TOLERANCE = 1.1
"""Factor by which levels may be wider apart than the miss: 1, 3, 10 are half a decade apart, by custom."""


def miss_cost(
    results: Results,
    *,
    over: str = "lr",
    factors: Sequence[float] = FACTORS,
    reference: float | Mapping[str, float] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    r"""Return what a hyperparameter that is wrong by a factor costs, as a share of what can be won.

    .. math:: C_w(f) = \frac{\frac12 \big( m(\alpha^* f) + m(\alpha^* / f) \big) - m(\alpha^*)}{\ell_0 - B}

    with m the loss along the hyperparameter, the others tuned at each of its levels, and :math:`\alpha^*` the
    middle (on the scale) of the levels around the lowest that are within one standard error of it. On a scale
    of 1 - x the factor is of 1 - x. A range that is widened, or a curve that is shifted, changes nothing.

    ``below`` and ``above`` are the costs of the two sides, ``value`` their mean, or the worse one where they
    differ by more than a factor of two. Where a miss leads to, or beside, a level at which some trials
    diverged and others did not, few seeds do not tell the mean loss: the value is NaN, ``low`` and ``high``
    are the loss of the trials that trained and the cap, and ``capped`` is the share of trials that diverged.
    So it is where a miss leads there from another middle that the noise allows.
    There is no value where trials diverge at the best level itself, where the levels are wider apart than
    the factor, or where the range ends before it.

    Args:
        results: Results of a study.
        over: A hyperparameter on a logarithmic scale, or on a scale of 1 - x.
        factors: Factors by which it is missed, above 1.
        reference: Loss to reach instead of the best of all variants, for all tasks or by task.
        level: Level of the intervals, between 0 and 1.

    Raises:
        InputError: for an unknown hyperparameter, one on another scale, a factor of at most 1, or an adaptive
            design.
    """
    check_varied(results, over)
    refuse_adaptive(results, "miss_cost", "its trials crowd where the optimizer looked")
    for factor in factors:
        if not (isinstance(factor, int | float) and factor > 1 and math.isfinite(factor)):
            raise InputError(f"factors must be above 1, got {factor!r}")
    results = keeping_losses(results)
    goals, rows = stakes(results, reference=reference), []
    for task, every in estimates(results).items():
        for one in every:
            if over not in one.group.names:
                continue
            scale = results.spaces[one.variant][over].scale
            if scale not in ("log", "log1m"):
                raise InputError(
                    f"{over} of {one.variant} is on a {scale} scale: a factor has no meaning on it"
                )
            curve = tuned_curve(results, one, over)
            rows += [miss_row(one, goals[task], curve, float(factor), level, over=over) for factor in factors]
    return pd.DataFrame(rows, columns=COLUMNS)


def miss_row(
    one: Estimate,
    goal: Stakes,
    curve: TunedCurve | None,
    factor: float,
    level: float = 0.95,
    *,
    over: str = "lr",
) -> dict[str, Any]:
    """Return the row of one variant and one factor by which ``over`` is missed."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS, math.nan)
    row |= {"task": goal.task, "variant": one.variant, "factor": factor, "n": one.group.trials}
    if curve is None or goal.refused or not _fine_enough(curve, factor):
        reason = goal.refused or (
            "one level" if curve is None else f"its levels are a factor of {10**curve.widest:.2g} apart"
        )
        return row | {"note": joined(note(one.group), reason)}
    step, centre = math.log10(factor), curve.middle
    row["at"] = (1 - 10**centre) if curve.backwards else 10**centre
    floor, floor_draws, _, _ = curve.at(centre)
    if math.isnan(floor):
        reason = f"some trials diverge at its best {over}: what a miss adds is not known"
        return row | {"note": joined(note(one.group), reason)}
    remarks, sides = [note(one.group)], {}
    for side, x in (("below", centre - step), ("above", centre + step)):
        side = {"below": "above", "above": "below"}[side] if curve.backwards else side
        if x < curve.x[0] - 1e-6 or x > curve.x[-1] + 1e-6:
            remarks.append(f"the range ends before a miss {side}")
            continue
        sides[side] = _side(curve, x, floor, floor_draws, goal, level)
        value, low, high, capped, _ = sides[side]
        row |= {side: value, f"{side}_low": low, f"{side}_high": high}
        row["capped"] = max(capped, np.nan_to_num(row["capped"]))
        if math.isnan(value):
            remarks.append(f"{side}, some trials diverge: bounds, no interval")
    if len(sides) == 2:
        row |= _together(sides, level)
        if not math.isnan(row["value"]):
            row["low"], row["high"] = _resolved((row["low"], row["high"]), curve, goal)
    return row | {"note": joined(*remarks)}


def _fine_enough(curve: TunedCurve, factor: float) -> bool:
    return curve.widest <= TOLERANCE * math.log10(factor) + 1e-9


def _resolved(ends_found: tuple[float, float], curve: TunedCurve, goal: Stakes) -> tuple[float, float]:
    """Return the ends of an interval, which holds 0 where it is nearer than a loss can be told.

    On a plateau the surface is flat, and so is every draw of it: the interval would shrink to a cost of
    almost 0 and leave 0 itself out. Nor is it below 0 as a whole, which no cost is.
    """
    low, high = ends_found
    nearest = RESOLUTION * float(np.median(curve.errors)) / goal.unit
    return (0.0 if 0 < low < nearest else low), (0.0 if high < 0 else high)


Side = tuple[float, float, float, float, Any]


def _side(curve: TunedCurve, x: float, floor: float, floor_draws: Any, goal: Stakes, level: float) -> Side:
    value, draws, bounds, capped = curve.at(x)
    doubt = 0.0 if math.isnan(value) else curve.doubt(x - curve.middle)
    if doubt:
        value, capped = math.nan, doubt
        bounds, draws = np.array([bounds[0], curve.initial]), np.full(len(draws), np.nan)
    if math.isnan(value):
        low, high = (bounds - floor) / goal.unit
        return math.nan, max(0.0, float(low)), min(1.0, float(high)), capped, draws
    above, drawn = _corrected(curve, x, value - floor, draws - floor_draws)
    cost = above / goal.unit
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = drawn / (goal.initial - goal.draws)
    return cost, *_resolved(ends(cost, drawn, level), curve, goal), capped, drawn


def _corrected(curve: TunedCurve, x: float, cost: float, drawn: Array) -> tuple[float, Array]:
    """Return the cost at a place and draws of it, less the optimism of the floor, which widens the draws."""
    optimism, half = curve.optimism(x - curve.middle)
    deviation = math.hypot(optimism, half)
    wide = deviation / 1.96 * np.random.default_rng(29).standard_normal(len(drawn))
    return cost - optimism, drawn - optimism + wide


def miss_draws(
    one: Estimate, goal: Stakes, curve: TunedCurve | None, factor: float
) -> tuple[float, Array] | None:
    """Return the mean cost of a miss to both sides in units of the loss, and draws of it, for comparisons.

    The interval of :func:`miss_row` is of a miss from the middle that was found. Two studies of the same
    variant find two, which cost differently; so these draws are of the whole estimate: of what simulated
    studies find, each from a middle of its own, and at least as wide as those of a miss from this middle. The
    value has no correction, which would scatter more than what it corrects.

    Returns:
        The cost, and draws that are NaN where nothing tells the noise; None where there is no value: the
        range ends before the miss, or trials diverge there.
    """
    if curve is None or not _fine_enough(curve, factor):
        return None
    step, centre = math.log10(factor), curve.middle
    if centre - step < curve.x[0] - 1e-6 or centre + step > curve.x[-1] + 1e-6:
        return None
    floor, floor_draws, _, _ = curve.at(centre)
    (below, below_draws), (above, above_draws) = (curve.at(x)[:2] for x in (centre - step, centre + step))
    value = (below + above) / 2 - floor
    if math.isnan(value) or curve.doubt(step) or curve.doubt(-step):
        return None
    drawn = (below_draws + above_draws) / 2 - floor_draws
    if not one.known.repeated and not deviation_of(drawn) > 1e-9 * abs(goal.unit):  # but for rounding
        return value, np.full(len(drawn), math.nan)
    costs = curve.costs(step)
    if len(costs) < FEWEST:
        return value, drawn
    found = np.random.default_rng((41, one.seed)).choice(costs, len(drawn))
    deviation = deviation_of(found)
    wider = max(1.0, deviation_of(drawn) / deviation) if deviation > 0 else 1.0
    return value, value - wider * (found - found.mean())


def _lopsided(one: tuple[float, Array], other: tuple[float, Array]) -> bool:
    """Return True where one side costs more than twice the other, and the difference is no noise."""
    better, worse = sorted((one, other), key=lambda cost: cost[0])
    if worse[0] <= 2 * max(better[0], 0.0):
        return False
    with np.errstate(invalid="ignore"):
        difference = worse[1] - better[1]
    return not np.isfinite(difference).all() or float(np.quantile(difference, 0.025)) > 0


def _together(sides: Mapping[str, Side], level: float) -> dict[str, float]:
    """Return the mean of two sides, or the worse where it is more than twice the other."""
    one, other = sides["below"], sides["above"]
    if math.isnan(one[0]) or math.isnan(other[0]):
        worse = one if math.isnan(one[0]) else other
        return {"value": math.nan, "low": (one[1] + other[1]) / 2, "high": worse[2]}
    if _lopsided((one[0], one[4]), (other[0], other[4])):
        worse = max(one, other, key=lambda side: side[0])
        return {"value": worse[0], "low": worse[1], "high": worse[2]}
    value = (one[0] + other[0]) / 2
    with np.errstate(invalid="ignore"):
        low, high = ends(value, (one[4] + other[4]) / 2, level)
    return {"value": value, "low": low, "high": high}
