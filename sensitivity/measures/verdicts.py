"""Verdicts: what a study decides about each pair of variants, and what would decide the rest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from sensitivity.measures.default_loss import default_loss
from sensitivity.measures.designs import joined, refuse_adaptive
from sensitivity.measures.differences import Difference, Quantity, differences, rank_sets
from sensitivity.measures.estimates import Estimate, Stakes, ends, estimates, stakes
from sensitivity.measures.losses import keeping_losses
from sensitivity.measures.miss import miss_draws
from sensitivity.measures.regret import learned
from sensitivity.measures.tuned_curve import tuned_curve
from sensitivity.results.results import records
from sensitivity.study.margins import check_margin
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from sensitivity.results.results import Results

BETTER_BY_MARGIN, BETTER = "better by more than the margin", "better"
NEGLIGIBLE, EQUIVALENT, UNDECIDED = "better but negligible", "equivalent", "undecided"
QUANTITIES = ("regret", "tuned", "untuned", "miss", "default")
"""Quantities that verdicts are about: mean loss, best loss, their difference, the cost of a factor-3 miss,
and the loss of the default setting."""
SECONDARY = ("tuned", "untuned", "miss", "regret", "default")
"""Order in which quantities that are not primary are tested."""
FACTOR = 3.0
MARGIN = 0.05
"""Share of what can be won that counts as no difference, where the study names no margin."""
POWER, QUANTILE, QUANTILE_OF_TWO = 0.8, 0.8416, 1.2816
"""Chance of a decision, and its normal quantiles: of one test, and of two that may fail alike."""
MOST = 1e6
"""Largest ratio of an error to a gap whose square is counted in units."""
COLUMNS = [
    "task", "by", "primary", "a", "b", "value", "low", "high", "share", "share_low", "share_high",
    "p", "verdict", "better", "margin", "seeds", "configurations", "n", "note",
]  # fmt: skip
RANK_COLUMNS = ["task", "by", "variant", "value", "low", "high", "first", "last", "n", "note"]
SPAN = 0.02
"""Decades by which two ranges may differ and still count as equal."""


def verdicts(
    results: Results,
    *,
    by: str | None = None,
    margin: float | None = None,
    reference: float | Mapping[str, float] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    r"""Return a verdict for each pair of variants on each task.

    *better by more than the margin*: the interval of the difference lies beyond the margin; *better*: the
    difference is told from 0; *better but negligible*: told from 0, and within the margin; *equivalent*: the
    interval lies within the margin; else *undecided*. The primary measure is the regret of an untuned
    configuration, or the cost of a factor-3 miss where variants were searched over ranges of unequal width,
    of which means say nothing. All pairs of a task share one error rate, claims of equivalence included
    (:func:`sensitivity.measures.differences.differences`). The other measures are tested in the same way, and
    say something only of pairs that the primary measure decides, in the fixed order of :data:`SECONDARY`: a
    pair that the primary or an earlier measure leaves undecided is undecided by all later ones, and the note
    says which measure it was. Such a row has its value, its interval and its p-value all the same. The error
    rate is that of each measure. By ``default`` only variants are compared whose default setting was trained.

    ``value``, ``low`` and ``high`` are in units of the loss, ``a`` minus ``b`` (a metric that is maximised
    counts with the opposite sign); ``share`` is of what can be won. ``seeds`` is the number of seeds that
    would decide an undecided pair with a chance of 80%, if the true difference is the observed one;
    ``configurations`` is the number of each variant's, where the design draws them. Variants that did not
    learn are left out.

    Args:
        results: Results of a study.
        by: One of :data:`QUANTITIES`; None for the primary one.
        margin: Difference in units of the loss that counts as none; None for the study's, or 0.05 of what can
            be won where the metric is a loss with a known initial loss. Without a margin no pair is
            equivalent.
        reference: Loss to reach instead of the best of all variants, for all tasks or by task.
        level: Level of all intervals of a task together, between 0 and 1.

    Raises:
        InputError: for an unknown quantity, a negative margin, a level outside 0 to 1, or an adaptive design.

    Sources: Schuirmann, "A Comparison of the Two One-Sided Tests Procedure", J. Pharmacokinetics 15 (1987);
    Goeman, Solari & Stijnen, "Three-Sided Hypothesis Testing", Statistics in Medicine 29 (2010); Maurer,
    Hothorn & Lehmacher, "Multiple comparisons in drug clinical trials and preclinical assays: a-priori
    ordered hypotheses" (1995), for the fixed order.
    """
    if by is not None and by not in QUANTITIES:
        raise unknown("quantity to compare by", by, QUANTITIES)
    if margin is not None:
        check_margin(margin)
    if not 0 < level < 1:
        raise InputError(f"level must be between 0 and 1, got {level!r}")
    refuse_adaptive(
        results,
        "verdicts",
        "an optimizer's trials crowd where it looked, so their mean says nothing of the space: "
        'run design="random" or "grid", or compare best losses with compare(of="best_loss")',
    )
    results = keeping_losses(results)
    goals, rows = stakes(results, reference=reference), []
    for task, every in estimates(results).items():
        primary = primary_of(results, every)
        rows += _of_task(results, every, goals[task], by or primary, primary, margin, level)
    return pd.DataFrame(rows, columns=COLUMNS)


def primary_of(results: Results, every: list[Estimate]) -> str:
    """Return the measure that decides: ``regret``, or ``miss`` where ranges differ in width."""
    ranges = [one.group.lr_range for one in every if "lr" in one.group.names and min(one.group.lr_range) > 0]
    spans = [math.log10(high / low) for low, high in ranges]
    alike = len(spans) in (0, len(every)) and (not spans or max(spans) - min(spans) <= SPAN)
    return "regret" if alike else "miss"


def ranks(
    results: Results,
    *,
    by: str | None = None,
    reference: float | Mapping[str, float] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return the estimate of each variant and the ranks that it can have, from the smallest value.

    The interval of an estimate is for that variant alone.

    Args:
        results: Results of a study.
        by: One of :data:`QUANTITIES`; None for the primary one.
        reference: Loss to reach instead of the best of all variants, for all tasks or by task.
        level: Level of all ranks of a task together, between 0 and 1.

    Raises:
        InputError: as :func:`verdicts`.
    """
    results = keeping_losses(results)
    table = verdicts(results, by=by, reference=reference, level=level)
    goals, rows = stakes(results, reference=reference), []
    for task, every in estimates(results).items():
        name = by or primary_of(results, every)
        found = quantities(results, every, goals[task], name)
        part = table[table["task"] == task]
        pairs = [
            Difference(row["a"], row["b"], row["value"], row["low"], row["high"], 0.0, 0.0, row["p"])
            for row in records(part)
        ]
        sets = rank_sets([one.variant for one in found], pairs, level)
        trials = {one.variant: one.group.trials for one in every}
        for one in sorted(found, key=lambda one: one.value):
            first, last = sets[one.variant]
            low, high = ends(one.value, one.value + one.errors, level)
            keys = {"task": task, "by": name, "variant": one.variant}
            about = {"n": trials[one.variant], "note": ""}
            rows.append(
                keys | {"value": one.value, "low": low, "high": high, "first": first, "last": last} | about
            )
    return pd.DataFrame(rows, columns=RANK_COLUMNS)


def quantities(results: Results, every: list[Estimate], goal: Stakes, measure: str) -> list[Quantity]:
    """Return the quantity of each variant that learned and has one, in units of the loss."""
    found = []
    for one in every:
        if not learned(one, goal):
            continue
        best, mean = one.best, one.mean
        degrees = one.degrees
        if measure == "regret":
            value, draws = mean, one.mean_draws
        elif measure == "tuned":
            value, draws = best.value, best.draws
        elif measure == "untuned":
            value, draws = mean - best.value, one.mean_draws - best.draws
        elif measure == "default":
            known = default_loss(results, one)
            if known is None:
                continue
            value, draws, degrees = known.mean, known.draws, known.degrees
        else:
            cost = (
                miss_draws(one, goal, tuned_curve(results, one, "lr"), FACTOR)
                if "lr" in one.group.names
                else None
            )
            if cost is None:
                continue
            value, draws = cost
        found.append(Quantity(one.variant, value, draws - draws.mean(), degrees))
    return found


def leader(results: Results, every: list[Estimate], goal: Stakes, level: float = 0.95) -> str:
    """Return the variant to use: of those that are not told from the best when tuned, and of these not from
    the one that loses least untuned, the one with the best tuned loss; the empty text where none learned.

    Where ranges differ in width, means say nothing of the space, and the tuned loss alone decides.
    """
    seeds = min((one.group.loss.shape[1] for one in every), default=0)
    tied = {one.variant for one in every}
    for measure in ("tuned", *(("regret",) if primary_of(results, every) == "regret" else ())):
        found = [one for one in quantities(results, every, goal, measure) if one.variant in tied]
        sets = rank_sets([one.variant for one in found], differences(found, seeds=seeds, level=level), level)
        tied = {variant for variant, (first, _) in sets.items() if first == 1}
    chosen = [one for one in every if one.variant in tied]
    return min(chosen, key=lambda one: one.best.value).variant if chosen else ""


def margin_of(results: Results, goal: Stakes, margin: float | None) -> float:
    """Return the margin in units of the loss; NaN where nothing says what a small difference is."""
    if margin is not None:
        return float(margin)
    stated = results.spec.get("margin")
    if stated is not None:
        return float(stated)
    return MARGIN * goal.unit if goal.meaningful and not goal.refused else math.nan


def _of_task(
    results: Results,
    every: list[Estimate],
    goal: Stakes,
    measure: str,
    primary: str,
    margin: float | None,
    level: float,
) -> list[dict[str, Any]]:
    seeds = min((one.group.loss.shape[1] for one in every), default=0)
    drawn = [len(one.group.loss) for one in every if not one.group.fixed]
    limit = margin_of(results, goal, margin)
    fixed = measure == "default" or all(one.group.fixed for one in every)  # only seeds are random
    trials = {one.variant: one.group.trials for one in every}

    def pairs(by: str) -> list[Difference]:
        found = quantities(results, every, goal, by)
        units = seeds if by == "default" or not drawn else min(drawn)
        return differences(found, seeds=units, level=level)

    # An earlier measure without a value for a pair does not decide the pair either.
    decided = {
        by: {(pair.a, pair.b) for pair in pairs(by) if verdict_of(pair, limit, level) != UNDECIDED}
        for by in before(measure, primary)
    }
    rows = []
    for pair in pairs(measure):
        closed = next((by for by, names in decided.items() if (pair.a, pair.b) not in names), "")
        row = _row(pair, goal, limit, seeds if fixed else max(drawn), level, fixed=fixed)
        if closed:
            name = "the primary measure" if closed == primary else f"{closed}, which comes first,"
            reason = f"{name} does not decide this pair"
            row |= {"verdict": UNDECIDED, "better": "", "note": joined(row["note"], reason)}
        about = {"by": measure, "primary": measure == primary, "n": trials[pair.a] + trials[pair.b]}
        rows.append(row | about)
    return rows


def before(measure: str, primary: str) -> list[str]:
    """Return the quantities that must decide a pair before a quantity may, in their order.

    >>> before("regret", "regret"), before("untuned", "regret"), before("default", "miss")
    ([], ['regret', 'tuned'], ['miss', 'tuned', 'untuned', 'regret'])
    """
    order = [primary, *(by for by in SECONDARY if by != primary)]
    return order[: order.index(measure)]


def _row(
    pair: Difference, goal: Stakes, limit: float, units: int, level: float, *, fixed: bool
) -> dict[str, Any]:
    verdict = verdict_of(pair, limit, level)
    unit = goal.unit if not goal.refused else math.nan
    better = "" if verdict in (EQUIVALENT, UNDECIDED) else pair.a if pair.value < 0 else pair.b
    remark = "one seed: the noise is not known" if math.isnan(pair.error) else ""
    needed = units_to_decide(pair, limit, units) if verdict == UNDECIDED else math.nan
    return {
        "task": goal.task, "a": pair.a, "b": pair.b,
        "value": pair.value, "low": pair.low, "high": pair.high,
        "share": pair.value / unit, "share_low": pair.low / unit, "share_high": pair.high / unit,
        "p": pair.p, "verdict": verdict, "better": better, "margin": limit,
        "seeds": needed if fixed else math.nan,
        "configurations": math.nan if fixed else needed,
        "note": remark,
    }  # fmt: skip


def verdict_of(pair: Difference, limit: float, level: float = 0.95) -> str:
    """Return the verdict on a pair."""
    apart = pair.p <= 1 - level
    within = max(abs(pair.low), abs(pair.high)) < limit  # False for NaN
    if within:
        return NEGLIGIBLE if apart else EQUIVALENT
    if min(abs(pair.low), abs(pair.high)) > limit and pair.low * pair.high > 0:
        return BETTER_BY_MARGIN
    return BETTER if apart else UNDECIDED


def units_to_decide(pair: Difference, limit: float, units: int) -> float:
    r"""Return the seeds, or drawn configurations, that would decide an undecided pair with a chance of 80%.

    .. math:: S' = \lceil S \, x^2 \rceil, \qquad
        x_\ne = \frac{(c + \Phi^{-1}(0.8)) \, s}{|d|}, \qquad
        \Phi\Big(x_= \frac{m - |d|}{s} - c\Big) + \Phi\Big(x_= \frac{m + |d|}{s} - c\Big) - 1 = 0.8

    with the difference d, its standard error s, the critical value c and the margin m; x is the smaller of
    :math:`x_\ne`, at which d would be told from 0, and :math:`x_=`, at which both one-sided tests would put
    it within the margin (only where :math:`|d| < m`). Near d = 0 either test may fail, so
    :math:`x_= = (c + \Phi^{-1}(0.9)) s / m` there.

    Source: Phillips, "Power of the Two One-Sided Tests Procedure in Bioequivalence", J. Pharmacokinetics 18
    (1990), with a normal distribution.
    """
    gap, error = abs(pair.value), pair.error
    if not (math.isfinite(error) and math.isfinite(pair.critical)):
        return math.nan
    ways = [min((pair.critical + QUANTILE) * error / gap, MOST)] if gap > 0 else []
    if gap < limit and error > 0:  # False for NaN
        ways.append(_ratio_of_equivalence(gap, limit, error, pair.critical))
    if not ways:
        return math.nan
    return float(max(units + 1, math.ceil(units * min(ways) ** 2)))


def _ratio_of_equivalence(gap: float, limit: float, error: float, critical: float) -> float:
    """Return the ratio of a standard error to the one with which equivalence is found in 80 of 100 studies.

    The ratio is between those of one test that may fail and of two.
    """
    from scipy.optimize import brentq
    from scipy.special import ndtr

    near, far = (limit - gap) / error, (limit + gap) / error
    low, high = (min((critical + quantile) / near, MOST) for quantile in (QUANTILE, QUANTILE_OF_TWO))

    def lacking(ratio: float) -> float:
        return float(ndtr(ratio * near - critical) + ndtr(ratio * far - critical)) - 1 - POWER

    if lacking(low) >= 0:
        return low
    return high if lacking(high) <= 0 else float(brentq(lacking, low, high))
