"""Contrasts that decide a claim of the paper: ratios of losses, best learning rates, divergence rates.

Each contrast is a measure of the package, applied to pooled trials.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sensitivity.measures.comparison import compare
from sensitivity.measures.coupling import best_by_level
from sensitivity.measures.designs import joined
from sensitivity.measures.divergence import divergence_rate
from sensitivity.measures.losses import Array, losses
from sensitivity.measures.resampling import interval, resampled
from sensitivity.paper.trials import as_results, cells
from sensitivity.results.results import records

if TYPE_CHECKING:
    import pandas as pd

DRAWS = 1000
ARMS = ("the former", "the latter")
"""Names of the two sides of a claim in a note."""


class Undecided(Exception):
    """A claim cannot be measured; the text has the reason."""


@dataclass(frozen=True)
class Finding:
    """A measured value.

    Attributes:
        value: The value.
        low: Lower end of its 95% interval.
        high: Upper end of its 95% interval.
        n: Number of trials.
        p: p-value, NaN where there is no test.
        note: Limits of the value.
    """

    value: float
    low: float
    high: float
    n: int
    p: float = math.nan
    note: str = ""

    def mapped(self, function: Callable[[float], float]) -> Finding:
        """Return the finding with value and interval on another scale, by an increasing function."""
        return replace(self, value=function(self.value), low=function(self.low), high=function(self.high))


def need(trials: pd.DataFrame, what: str) -> pd.DataFrame:
    """Return the trials, after a check that there are enough.

    Raises:
        Undecided: for no trials, or for one seed, which leaves seed noise unknown.
    """
    if trials.empty:
        raise Undecided(f"no trials of {what}")
    if trials["seed"].nunique() < 2:
        raise Undecided("one seed")
    return trials


def paired(trials: pd.DataFrame, setting: str, one: Any, other: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return trials with either value of a setting, for configurations run with both.

    The configurations of a pair differ in nothing else.
    """
    sides = [need(trials[_is(trials[setting], value)], f"{setting} {value}") for value in (one, other)]
    sides = [side.assign(cell=cells(side, setting)) for side in sides]
    both = set(sides[0]["cell"]) & set(sides[1]["cell"])
    if not both:
        raise Undecided(f"no configuration was run with both {setting} {one} and {other}")
    first, second = (side[side["cell"].isin(both)] for side in sides)
    return first, second


def _is(column: pd.Series[Any], value: Any) -> Any:
    return np.isclose(column.astype(float), value, rtol=1e-6) if isinstance(value, float) else column == value


def ratio(first: pd.DataFrame, second: pd.DataFrame, of: str = "mean_loss", null: float = 1.0) -> Finding:
    r"""Return the ratio of the geometric mean losses, first over second.

    .. math:: e^{\overline{\ln \ell_1} - \overline{\ln \ell_2}}

    computed by :func:`sensitivity.measures.comparison.compare` of the logarithms. The p-value is of the ratio
    being ``null``.

    Args:
        first: Trials of the numerator.
        second: Trials of the denominator.
        of: ``mean_loss``, ``best_loss`` or ``sensitivity``.
        null: Ratio of the null hypothesis.
    """
    import pandas as pd

    from search_spaces.hyperparameters import Categorical

    sides = [side if "cell" in side else side.assign(cell=cells(side)) for side in (first, second)]
    # Shifting the second by the logarithm turns the null into a difference of 0, which the test assumes.
    shift = math.log(null)
    moved = sides[1].assign(loss=sides[1]["loss"] + shift, initial_loss=sides[1]["initial_loss"] + shift)
    trials = pd.concat([sides[0].assign(variant=ARMS[0]), moved.assign(variant=ARMS[1])])
    cell = Categorical("cell", (*dict.fromkeys(trials["cell"]), ""))
    row = records(compare(as_results(trials, [cell], ARMS), *ARMS, of=of))[0]
    ends = {name: float(np.exp(min(row[name] + shift, 700.0))) for name in ("value", "low", "high")}
    return Finding(**ends, n=row["n"], p=row["p"], note=row["note"])


def worst(findings: Sequence[Finding], *, largest: bool) -> Finding:
    """Return the finding that is least favourable to a claim about several.

    So the claim is supported only where it is for all of them: an intersection-union test.

    Source: Berger, "Multiparameter Hypothesis Testing and Acceptance Sampling", Technometrics 24 (1982).
    """
    chosen = max if largest else min
    shown = chosen(findings, key=lambda finding: finding.value)
    low, high = chosen(finding.low for finding in findings), chosen(finding.high for finding in findings)
    return replace(
        shown,
        low=low,
        high=high,
        n=sum(finding.n for finding in findings),
        p=max(finding.p for finding in findings),
    )


def best_rates(trials: pd.DataFrame, by: pd.Series[str]) -> dict[str, Finding]:
    """Return the best learning rate of each level of ``by``, everything else tuned.

    Computed by :func:`sensitivity.measures.coupling.best_by_level`.
    """
    from search_spaces.hyperparameters import Categorical, Float

    table = trials.assign(by=by, cell=cells(trials, "lr"))
    low, high = float(table["lr"].min()), float(table["lr"].max())
    if low == high:
        raise Undecided(f"one learning rate only, {low:g}")
    names = (
        Categorical("by", (*dict.fromkeys(by), "")),
        Categorical("cell", (*dict.fromkeys(table["cell"]), "")),
    )
    rates = best_by_level(as_results(table, [Float("lr", low, high, "log"), *names]), "lr", "by")
    return {
        row["by"]: Finding(row["value"], row["low"], row["high"], row["n"], note=row["note"])
        for row in records(rates)
    }


def difference(one: Finding, other: Finding) -> Finding:
    r"""Return the difference of two independently measured values, from their intervals.

    .. math:: L = \hat\theta_1 - \hat\theta_2 - \sqrt{(\hat\theta_1 - l_1)^2 + (u_2 - \hat\theta_2)^2}

    and U likewise.

    Sources: Newcombe, "Interval Estimation for the Difference between Independent Proportions", Statistics in
    Medicine 17 (1998), method 10; Zou & Donner, Statistics in Medicine 27 (2008), for any two statistics.
    """
    value = one.value - other.value
    down = math.hypot(one.value - one.low, other.high - other.value)
    up = math.hypot(one.high - one.value, other.value - other.low)
    return Finding(
        value,
        value - down,
        value + up,
        one.n + other.n,
        note="; ".join(dict.fromkeys(filter(None, (one.note, other.note)))),
    )


def diverged(one: pd.DataFrame, other: pd.DataFrame) -> Finding:
    """Return the difference of the divergence rates, first minus second.

    Each is :func:`sensitivity.measures.divergence.divergence_rate`.
    """
    import pandas as pd

    table = pd.concat([one.assign(variant=ARMS[0]), other.assign(variant=ARMS[1])])
    first, second = (
        Finding(row["value"], row["low"], row["high"], row["n"])
        for row in records(divergence_rate(as_results(table, [], ARMS)))
    )
    return difference(first, second)


def spread(trials: pd.DataFrame, one: str, other: str) -> Finding:
    r"""Return the excess of the variation of the loss along one hyperparameter over that along another.

    It is in units of a standard deviation of the logarithm of the loss:

    .. math:: \operatorname{sgn}(x) \sqrt{|x|}, \qquad
        x = \overline{\mathrm{Var}_i \ln \ell_{ij}} - \overline{\mathrm{Var}_j \ln \ell_{ij}}

    over the blocks of configurations that differ in nothing else and are a full grid of the two. Seed noise
    is the same in both variances, so it cancels in the difference. The interval is a bootstrap
    (:func:`sensitivity.measures.resampling.resampled`).
    """
    from search_spaces.hyperparameters import Categorical

    names = (one, other)
    table = trials.dropna(subset=list(names))
    table = table.assign(block=cells(table, *names), cell=cells(table))
    blocks = [
        block
        for _, block in table.groupby("block", sort=False)
        if min(block[name].nunique() for name in names) > 1
        and block["cell"].nunique() == math.prod(block[name].nunique() for name in names)
    ]
    if not blocks:
        raise Undecided(f"no variant was run on a grid of {one} and {other}")
    cell = Categorical("cell", (*dict.fromkeys(table["cell"]), ""))
    group = losses(as_results(table, [cell]), str(table["task"].iloc[0]), "all")
    places = {configuration["cell"]: i for i, configuration in enumerate(group.configurations)}
    grids = []
    for block in blocks:
        firsts = block.drop_duplicates("cell").sort_values(list(names))
        grids.append(np.array([places[name] for name in firsts["cell"]]).reshape(block[one].nunique(), -1))
    value = float(_spread(group.mean[None], grids)[0])
    low, high = interval(_spread(resampled(group, draws=DRAWS).mean, grids))
    return Finding(value, min(low, value), max(high, value), sum(map(len, blocks)))


def _spread(means: Array, grids: Iterable[Any]) -> Array:
    variances = [[means[:, grid].var(axis=axis, ddof=1).mean(axis=1) for axis in (1, 2)] for grid in grids]
    along_one, along_other = np.mean(variances, axis=0)
    return np.asarray(np.sign(along_one - along_other) * np.sqrt(abs(along_one - along_other)))


def remarked(finding: Finding, *remarks: str) -> Finding:
    """Return the finding with further remarks in its note."""
    return replace(finding, note=joined(finding.note, *remarks))
