"""Every measure of one set of results, each computed once, when it is first asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from sensitivity.measures import divergence, effects, excess, learning_rate
from sensitivity.measures.losses import NEVER_LEARNED
from sensitivity.results import records

if TYPE_CHECKING:
    from sensitivity.results import Results


@dataclass(frozen=True)
class Measured:
    """What figures, summary and report read. The tables are those of the functions of the same name."""

    results: Results

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
    def lr_curve(self) -> pd.DataFrame:
        return learning_rate.lr_curve(self.results)

    @cached_property
    def main_effects(self) -> pd.DataFrame:
        return effects.effects_in_short(self.results)

    @cached_property
    def divergence_rate(self) -> pd.DataFrame:
        return divergence.divergence_rate(self.results)

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
