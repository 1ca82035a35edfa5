"""Every measure of one set of results, each computed once, when it is first asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from sensitivity.measures import divergence, effects, excess, learning_rate
from sensitivity.measures.budget import budget_within, expected_best, relative_performance, win_probability
from sensitivity.measures.caveats import caveats
from sensitivity.measures.comparison import compare
from sensitivity.measures.coupling import best_by_level, coupling
from sensitivity.measures.designs import joined
from sensitivity.measures.estimators import estimators
from sensitivity.measures.losses import NEVER_LEARNED
from sensitivity.measures.profiles import performance_profiles
from sensitivity.measures.stability import danger_zone, stability_boundary
from sensitivity.measures.transfer import cross_task_sensitivity, effective_dimensionality, rank_correlation, transfer_regret
from sensitivity.measures.tunability import tunability
from sensitivity.measures.variance_shares import variance_shares
from sensitivity.results import PREFIX, records
from trainables.names import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sensitivity.results import Results

REFUSED = "refused"
"""In the attributes of an empty table: why the measure cannot be had of these results."""
RIDGES = (("lr", "mu"), ("lr", "nu"))
"""Pairs of hyperparameters of which :attr:`Measured.ridges` looks for the ridge."""
FEW = 256
"""Configurations of a variant that :attr:`Measured.estimators` compares, where a design drew more: their order needs no more."""
THINNABLE = ("random", "sobol", "latin_hypercube")
"""Designs of which any part is such a design again."""
LARGE = 3000
"""Trials from which :meth:`Measured.compute` starts workers."""
SLOWEST = (
    "estimators", "tunability", "win_probability", "comparisons", "variance_shares", "main_effects", "expected_best", "budget_within",
    "relative_performance", "lr_sensitivity", "best_loss", "ridges", "excess_loss", "differences", "robust_width", "best_rates",
    "cross_task_sensitivity", "effective_dimensionality", "rank_correlation", "transfer_regret", "stability_boundary", "danger_zone",
)  # fmt: skip
"""What takes long in a large study, longest first: workers are then busy to the end."""
LEVELS = ("p", "momentum", "mu_schedule", "nu_schedule")
"""Hyperparameters for each level of which :attr:`Measured.best_rates` gives the best learning rate."""


@dataclass(frozen=True)
class Measured:
    """What figures, summary and report read. The tables are those of the functions of the same name.

    A measure that refuses the results (of an adaptive design, of one task) is an empty table, with the reason in its
    ``attrs["refused"]``.
    """

    results: Results

    def compute(self) -> Measured:
        """Measure everything now, a large study on every core. Returns itself."""
        from joblib import Parallel, cpu_count, delayed

        if len(self.results.usable) >= LARGE and cpu_count() > 1:
            missing = [name for name in SLOWEST if name not in vars(self)]
            lean = replace(self.results, epochs=self.results.epochs.iloc[:0])  # measures of these names read none
            tables = Parallel(n_jobs=min(cpu_count(), len(missing) or 1))(delayed(_one)(lean, name) for name in missing)
            vars(self).update(zip(missing, tables, strict=True))
        return self

    @cached_property
    def best_loss(self) -> pd.DataFrame:
        return excess.best_loss(self.results)

    @cached_property
    def lr_sensitivity(self) -> pd.DataFrame:
        return learning_rate.lr_sensitivity(self.results)

    @cached_property
    def excess_loss(self) -> pd.DataFrame:
        return excess.excess_loss(self.results)

    @cached_property
    def sensitivity(self) -> pd.DataFrame:
        """What variants are compared by: the sensitivity to lr where every variant has one, else to the whole space."""
        return self.lr_sensitivity if self.compared_over == "lr" else self.excess_loss

    @cached_property
    def compared_over(self) -> str | None:
        return "lr" if all("lr" in self.results.varied(name) for name in self.results.spaces) else None

    @cached_property
    def differences(self) -> pd.DataFrame:
        """Differences of :attr:`sensitivity` between variants."""
        return excess.excess_differences(self.results, over=self.compared_over)

    @cached_property
    def robust_width(self) -> pd.DataFrame:
        return learning_rate.robust_width(self.results)

    @cached_property
    def robust_share(self) -> pd.DataFrame:
        return learning_rate.robust_share(self.results)

    @cached_property
    def tuned_lr_sensitivity(self) -> pd.DataFrame:
        """:func:`sensitivity.measures.learning_rate.lr_sensitivity` with the other hyperparameters tuned at each lr."""
        return learning_rate.lr_sensitivity(self.results, tuned=True)

    @cached_property
    def lr_curve(self) -> pd.DataFrame:
        return learning_rate.lr_curve(self.results)

    @cached_property
    def main_effects(self) -> pd.DataFrame:
        return effects.effects_in_short(self.results)

    @cached_property
    def divergence_rate(self) -> pd.DataFrame:
        return divergence.divergence_rate(self.results)

    @cached_property
    def caveats(self) -> pd.DataFrame:
        return _asked(caveats, self.results)

    @cached_property
    def comparisons(self) -> pd.DataFrame:
        """:func:`sensitivity.measures.comparison.compare` of all pairs by :attr:`sensitivity`."""
        return _asked(compare, self.results, over=self.compared_over)

    @cached_property
    def variance_shares(self) -> pd.DataFrame:
        """Main effects, pairs and totals."""
        return _asked(variance_shares, self.results)

    @cached_property
    def estimators(self) -> pd.DataFrame:
        """Of at most :data:`FEW` configurations of a variant, as the note then says."""
        part, remark = _thinned(self.results)
        table = _asked(estimators, part)
        return table.assign(note=[joined(note, remark) for note in table["note"]]) if remark else table

    @cached_property
    def stability_boundary(self) -> pd.DataFrame:
        return _asked(stability_boundary, self.results)

    @cached_property
    def danger_zone(self) -> pd.DataFrame:
        return _asked(danger_zone, self.results)

    @cached_property
    def expected_best(self) -> pd.DataFrame:
        return _asked(expected_best, self.results)

    @cached_property
    def budget_within(self) -> pd.DataFrame:
        return _asked(budget_within, self.results)

    @cached_property
    def relative_performance(self) -> pd.DataFrame:
        return _asked(relative_performance, self.results)

    @cached_property
    def win_probability(self) -> pd.DataFrame:
        return _asked(win_probability, self.results)

    @cached_property
    def tunability(self) -> pd.DataFrame:
        return _asked(tunability, self.results)

    @cached_property
    def ridges(self) -> pd.DataFrame:
        """:func:`sensitivity.measures.coupling.coupling` of every pair of :data:`RIDGES` that some variant varies, one below another:
        the pair is in ``one`` and ``other``.
        """
        pairs = [(one, other) for one, other in RIDGES if self._varied(one, other)]
        return _below(_asked(coupling, self.results, one, other).assign(one=one, other=other) for one, other in pairs)

    @cached_property
    def best_rates(self) -> pd.DataFrame:
        """:func:`sensitivity.measures.coupling.best_by_level` of lr by every one of :data:`LEVELS` that some variant varies: which is in
        ``other``, its levels in ``level``.
        """
        tables = ((name, _asked(best_by_level, self.results, "lr", name)) for name in LEVELS if self._varied("lr", name))
        return _below(table.assign(other=name, level=table.get(name)) for name, table in tables)

    @cached_property
    def cross_task_sensitivity(self) -> pd.DataFrame:
        return _asked(cross_task_sensitivity, self.results)

    @cached_property
    def effective_dimensionality(self) -> pd.DataFrame:
        return _asked(effective_dimensionality, self.results)

    @cached_property
    def rank_correlation(self) -> pd.DataFrame:
        return _asked(rank_correlation, self.results)

    @cached_property
    def transfer_regret(self) -> pd.DataFrame:
        return _asked(transfer_regret, self.results)

    @cached_property
    def performance_profiles(self) -> pd.DataFrame:
        return _asked(performance_profiles, self.results)

    def _varied(self, *names: str) -> bool:
        return any(set(names) <= set(self.results.varied(variant)) for _, variant in self.results.groups)

    @cached_property
    def overview(self) -> pd.DataFrame:
        """Best loss and its configuration, sensitivity, robust width and divergence rate, least sensitive first.

        One row a (task, variant); each measure gives its value, ``_low`` and ``_high``; ``n`` is trials, ``learned`` whether any
        configuration did better than the initial loss (those that did not come last).
        """
        table = _named(self.best_loss, "best_loss", "configuration", "n")
        for name in ("sensitivity", "robust_width", "divergence_rate"):
            table = table.merge(_named(getattr(self, name), name), on=["task", "variant"], how="left")
        idle = {(row["task"], row["variant"]) for row in records(self.best_loss) if NEVER_LEARNED in row["note"]}
        table["learned"] = [(row["task"], row["variant"]) not in idle for row in records(table)]
        return table.sort_values(["task", "learned", "sensitivity"], ascending=[True, False, True], ignore_index=True)


def _named(part: pd.DataFrame, name: str, *more: str) -> pd.DataFrame:
    names = {"value": name, "low": f"{name}_low", "high": f"{name}_high"}
    return part[["task", "variant", "value", "low", "high", *more]].rename(columns=names)


def _asked(measure: Callable[..., pd.DataFrame], *arguments: Any, **named: Any) -> pd.DataFrame:
    try:
        return measure(*arguments, **named)
    except InputError as error:
        table = pd.DataFrame({name: pd.Series(dtype=object) for name in ("task", "variant", "value", "low", "high", "n", "note")})
        table.attrs[REFUSED] = str(error)
        return table


def _one(results: Results, name: str) -> pd.DataFrame:
    table: pd.DataFrame = getattr(Measured(results), name)
    return table


def _thinned(results: Results) -> tuple[Results, str]:
    """The results with at most :data:`FEW` configurations of each variant whose design allows it, and what a note says of it."""
    trials, kept = results.trials, []
    columns = [name for name in trials.columns if name.startswith(PREFIX)]
    for (_, variant), part in trials.groupby(["task", "variant"], sort=False):
        number = part.groupby(columns, sort=False, dropna=False).ngroup()
        chosen = part[number < FEW] if results.design_of(str(variant)) in THINNABLE else part
        kept.append(chosen)
    if sum(map(len, kept)) == len(trials):
        return results, ""
    return replace(results, trials=pd.concat(kept, ignore_index=True)), f"of the first {FEW} configurations of each variant"


def _nothing() -> pd.DataFrame:
    raise InputError("no variant varies such a pair of hyperparameters")


def _below(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    found = list(tables)
    whole = [table for table in found if REFUSED not in table.attrs] or found[:1]
    return pd.concat(whole, ignore_index=True) if len(whole) > 1 else whole[0] if whole else _asked(_nothing)
