"""Every measure of one set of results, each computed once, when it is first read."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from sensitivity.measures import divergence, effects, excess, learning_rate
from sensitivity.measures.budget import budget_within, expected_best
from sensitivity.measures.by_epoch import verdicts_by_epoch
from sensitivity.measures.caveats import caveats
from sensitivity.measures.comparison import compare
from sensitivity.measures.contests import relative_performance, win_probability
from sensitivity.measures.coupling import best_by_level, coupling
from sensitivity.measures.cross_task import cross_task_sensitivity, effective_dimensionality
from sensitivity.measures.designs import joined
from sensitivity.measures.estimates import estimates
from sensitivity.measures.estimators import estimators
from sensitivity.measures.guard import REFUSED, Guard, guarded_table, stacked, table_or_refusal
from sensitivity.measures.losses import NEVER_LEARNED, keeping_losses, with_losses_of
from sensitivity.measures.miss import miss_cost
from sensitivity.measures.profiles import performance_profiles
from sensitivity.measures.regret import regret
from sensitivity.measures.robust_setting import robust_setting
from sensitivity.measures.robustness import conclusion_changes
from sensitivity.measures.selection import selection
from sensitivity.measures.stability import danger_zone, stability_boundary
from sensitivity.measures.thinning import thinned
from sensitivity.measures.transfer import rank_correlation, transfer_regret
from sensitivity.measures.tunability import tunability
from sensitivity.measures.tuning_order import tuning_order
from sensitivity.measures.valley import valley
from sensitivity.measures.variance_shares import variance_shares
from sensitivity.measures.verdicts import ranks, verdicts
from sensitivity.results.results import records

if TYPE_CHECKING:
    from sensitivity.results.results import Results

RIDGES = (("lr", "mu"), ("lr", "nu"))
"""Pairs of hyperparameters for which :attr:`Measured.ridges` looks for a ridge."""
NO_PAIR = "no variant varies such a pair of hyperparameters"
LARGE = 3000
"""Number of trials from which :meth:`Measured.compute` starts workers."""
SLOWEST = (
    "conclusion_changes", "verdicts_by_epoch", "verdicts", "tuned_verdicts", "ranks", "tuned_ranks",
    "regret", "miss_cost", "valley", "robust_setting", "tuning_order", "selection",
    "estimators", "tunability", "win_probability", "comparisons", "variance_shares", "caveats",
    "robust_share", "transfer_regret", "tuned_lr_sensitivity", "expected_best", "budget_within",
    "relative_performance", "rank_correlation", "lr_sensitivity", "best_loss", "ridges", "excess_loss",
    "differences", "robust_width", "best_rates", "cross_task_sensitivity", "effective_dimensionality",
    "stability_boundary", "danger_zone", "lr_curve", "divergence_rate",
)  # fmt: skip
"""Slow measures of a large study, longest first, so that workers are busy to the end."""
READ_EPOCHS = ("conclusion_changes", "verdicts_by_epoch", "selection")
"""Those that read the stored epochs, which other workers do without."""
OF_BEST = ("observed", "seeds", "configuration", "n")
"""Columns of :attr:`Measured.best_loss` that :attr:`Measured.overview` has too."""
LEVELS = ("p", "momentum", "mu_schedule", "nu_schedule")
"""Hyperparameters for each level of which :attr:`Measured.best_rates` gives the best learning rate."""


@dataclass(frozen=True)
class Measured(Guard):
    """Tables that figures, summary and report read; each is the table of the function of the same name.

    A measure that refuses the results (an adaptive design, one task) is an empty table, with the reason in
    its ``attrs["refused"]``. A measure that fails raises ComputationFailed, and so does every table that
    needs it; all other tables are unaffected, and :attr:`failures` has the reason.
    """

    results: Results

    def __post_init__(self) -> None:
        object.__setattr__(self, "results", keeping_losses(self.results))

    @property
    def in_parallel(self) -> bool:
        """True if the study is large enough, and the machine such, that processes share the work."""
        from joblib import cpu_count

        return len(self.results.usable) >= LARGE and int(cpu_count()) > 1

    def compute(self) -> Measured:
        """Measure everything now, a large study on every core, and return the object itself."""
        from joblib import Parallel, cpu_count, delayed

        if self.in_parallel:
            missing = [name for name in SLOWEST if name not in vars(self)]
            estimates(self.results)  # every measure begins with the losses, and many with the surfaces
            lean = with_losses_of(self.results, replace(self.results, reported=pd.DataFrame()))
            measured = Parallel(n_jobs=min(cpu_count(), len(missing) or 1))(
                delayed(_one)(self.results if name in READ_EPOCHS else lean, name) for name in missing
            )
            for name, (table, failures) in zip(missing, measured, strict=True):
                self.failures.update(failures)
                if not failures:
                    vars(self)[name] = table
        return self

    @guarded_table
    def best_loss(self) -> pd.DataFrame:
        return excess.best_loss(self.results)

    @guarded_table
    def lr_sensitivity(self) -> pd.DataFrame:
        return learning_rate.lr_sensitivity(self.results)

    @guarded_table
    def excess_loss(self) -> pd.DataFrame:
        return excess.excess_loss(self.results)

    @guarded_table
    def sensitivity(self) -> pd.DataFrame:
        """Sensitivity that compares variants: to lr if all variants have one, else to the whole space."""
        table: pd.DataFrame = self.lr_sensitivity if self.compared_over == "lr" else self.excess_loss
        return table

    @cached_property
    def compared_over(self) -> str | None:
        return "lr" if all("lr" in self.results.varied(name) for name in self.results.spaces) else None

    @guarded_table
    def regret(self) -> pd.DataFrame:
        return table_or_refusal(regret, self.results)

    @guarded_table
    def miss_cost(self) -> pd.DataFrame:
        return table_or_refusal(miss_cost, self.results)

    @guarded_table
    def valley(self) -> pd.DataFrame:
        return table_or_refusal(valley, self.results)

    @guarded_table
    def verdicts(self) -> pd.DataFrame:
        """Verdicts on all pairs by the primary measure."""
        return table_or_refusal(verdicts, self.results)

    @guarded_table
    def tuned_verdicts(self) -> pd.DataFrame:
        """:attr:`verdicts` by the best losses."""
        return table_or_refusal(verdicts, self.results, by="tuned")

    @guarded_table
    def ranks(self) -> pd.DataFrame:
        return table_or_refusal(ranks, self.results)

    @guarded_table
    def tuned_ranks(self) -> pd.DataFrame:
        """:attr:`ranks` by the best losses."""
        return table_or_refusal(ranks, self.results, by="tuned")

    @guarded_table
    def conclusion_changes(self) -> pd.DataFrame:
        return table_or_refusal(conclusion_changes, self.results)

    @guarded_table
    def robust_setting(self) -> pd.DataFrame:
        return table_or_refusal(robust_setting, self.results)

    @guarded_table
    def tuning_order(self) -> pd.DataFrame:
        return table_or_refusal(tuning_order, self.results)

    @guarded_table
    def verdicts_by_epoch(self) -> pd.DataFrame:
        return table_or_refusal(verdicts_by_epoch, self.results)

    @guarded_table
    def selection(self) -> pd.DataFrame:
        return table_or_refusal(selection, self.results)

    @guarded_table
    def differences(self) -> pd.DataFrame:
        """Differences of :attr:`sensitivity` between variants."""
        return excess.excess_differences(self.results, over=self.compared_over)

    @guarded_table
    def robust_width(self) -> pd.DataFrame:
        return learning_rate.robust_width(self.results)

    @guarded_table
    def robust_share(self) -> pd.DataFrame:
        return learning_rate.robust_share(self.results)

    @guarded_table
    def tuned_lr_sensitivity(self) -> pd.DataFrame:
        """Sensitivity to lr with the other hyperparameters tuned."""
        return learning_rate.lr_sensitivity(self.results, tuned=True)

    @guarded_table
    def lr_curve(self) -> pd.DataFrame:
        return learning_rate.lr_curve(self.results)

    @guarded_table
    def main_effects(self) -> pd.DataFrame:
        refused = REFUSED in self.variance_shares.attrs
        return effects.effects_in_short(self.results, None if refused else lambda: self.variance_shares)

    @guarded_table
    def divergence_rate(self) -> pd.DataFrame:
        return divergence.divergence_rate(self.results)

    @guarded_table
    def caveats(self) -> pd.DataFrame:
        return table_or_refusal(caveats, self.results)

    @guarded_table
    def comparisons(self) -> pd.DataFrame:
        """:func:`sensitivity.measures.comparison.compare` of all pairs by :attr:`sensitivity`."""
        return table_or_refusal(compare, self.results, over=self.compared_over)

    @guarded_table
    def variance_shares(self) -> pd.DataFrame:
        """Main effects, pairs and totals."""
        return table_or_refusal(variance_shares, self.results)

    @guarded_table
    def estimators(self) -> pd.DataFrame:
        """Estimators from at most 256 configurations of a variant; a note tells if there are more."""
        part, remark = thinned(self.results)
        table = table_or_refusal(estimators, part)
        return table.assign(note=[joined(note, remark) for note in table["note"]]) if remark else table

    @guarded_table
    def stability_boundary(self) -> pd.DataFrame:
        return table_or_refusal(stability_boundary, self.results)

    @guarded_table
    def danger_zone(self) -> pd.DataFrame:
        return table_or_refusal(danger_zone, self.results)

    @guarded_table
    def expected_best(self) -> pd.DataFrame:
        return table_or_refusal(expected_best, self.results)

    @guarded_table
    def budget_within(self) -> pd.DataFrame:
        return table_or_refusal(budget_within, self.results)

    @guarded_table
    def relative_performance(self) -> pd.DataFrame:
        return table_or_refusal(relative_performance, self.results)

    @guarded_table
    def win_probability(self) -> pd.DataFrame:
        return table_or_refusal(win_probability, self.results)

    @guarded_table
    def tunability(self) -> pd.DataFrame:
        return table_or_refusal(tunability, self.results)

    @guarded_table
    def ridges(self) -> pd.DataFrame:
        """Ridges (:func:`sensitivity.measures.coupling.coupling`) of the pairs of :data:`RIDGES` that vary.

        The pair is in the columns ``one`` and ``other``.
        """
        pairs = [(one, other) for one, other in RIDGES if self._varied(one, other)]
        tables = (
            table_or_refusal(coupling, self.results, one, other).assign(one=one, other=other)
            for one, other in pairs
        )
        return stacked(tables, NO_PAIR)

    @guarded_table
    def best_rates(self) -> pd.DataFrame:
        """Best lr at each level of the :data:`LEVELS` that vary.

        The function is :func:`sensitivity.measures.coupling.best_by_level`. The column ``other`` has the
        hyperparameter, ``level`` its levels.
        """
        tables = (
            (name, table_or_refusal(best_by_level, self.results, "lr", name))
            for name in LEVELS
            if self._varied("lr", name)
        )
        return stacked((table.assign(other=name, level=table.get(name)) for name, table in tables), NO_PAIR)

    @guarded_table
    def cross_task_sensitivity(self) -> pd.DataFrame:
        return table_or_refusal(cross_task_sensitivity, self.results)

    @guarded_table
    def effective_dimensionality(self) -> pd.DataFrame:
        return table_or_refusal(effective_dimensionality, self.results)

    @guarded_table
    def rank_correlation(self) -> pd.DataFrame:
        return table_or_refusal(rank_correlation, self.results)

    @guarded_table
    def transfer_regret(self) -> pd.DataFrame:
        return table_or_refusal(transfer_regret, self.results)

    @guarded_table
    def performance_profiles(self) -> pd.DataFrame:
        return table_or_refusal(performance_profiles, self.results)

    def _varied(self, *names: str) -> bool:
        return any(set(names) <= set(self.results.varied(variant)) for _, variant in self.results.groups)

    @guarded_table
    def overview(self) -> pd.DataFrame:
        """Best loss, sensitivity, robust width and divergence rate of every variant, least sensitive first.

        There is one row a (task, variant), with the configuration of the best loss and the mean that was
        ``observed`` at it over its ``seeds``. Each measure gives its value, ``_low`` and ``_high``; ``n`` is
        trials, ``learned`` is True if some configuration is better than the initial loss. Variants that did
        not learn come last.
        """
        best = self.table_named("best_loss")
        table = (
            pd.DataFrame(self.results.groups, columns=["task", "variant"])
            if best.empty
            else best[["task", "variant"]]
        )
        for name in ("best_loss", "sensitivity", "robust_width", "divergence_rate"):
            more = OF_BEST if name == "best_loss" and not best.empty else ()
            table = table.merge(
                _named(self.table_named(name), name, *more), on=["task", "variant"], how="left"
            )
        if best.empty:
            table["observed"], table["seeds"] = math.nan, 0
            table["configuration"] = pd.Series([{} for _ in range(len(table))], dtype=object)
            table["n"] = [len(self.results.group(*group)) for group in self.results.groups]
        idle = {(row["task"], row["variant"]) for row in records(best) if NEVER_LEARNED in row["note"]}
        table["learned"] = [(row["task"], row["variant"]) not in idle for row in records(table)]
        return table.sort_values(
            ["task", "learned", "sensitivity"], ascending=[True, False, True], ignore_index=True
        )


def _named(part: pd.DataFrame, name: str, *more: str) -> pd.DataFrame:
    names = {"value": name, "low": f"{name}_low", "high": f"{name}_high"}
    numbers = part.astype(dict.fromkeys(("value", "low", "high"), float))  # an empty table has no types
    return numbers[["task", "variant", "value", "low", "high", *more]].rename(columns=names)


def _one(results: Results, name: str) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return one table, and the failures of the computations that it needs."""
    measured = Measured(results)
    return measured.table_named(name), measured.failures
