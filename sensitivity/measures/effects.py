"""Effects in short: main effects, interactions, the unexplained remainder and seed noise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from sensitivity.measures.factorial import is_replicated_grid, with_interactions
from sensitivity.measures.forest import FEWEST, TREES
from sensitivity.measures.noise import NOISE, seed_noise
from sensitivity.measures.variance_shares import INTERACTIONS, UNEXPLAINED, variance_shares

if TYPE_CHECKING:
    from collections.abc import Callable

    from sensitivity.results.results import Results

__all__ = [
    "FEWEST",
    "INTERACTIONS",
    "NOISE",
    "NO_HYPERPARAMETER",
    "TREES",
    "UNEXPLAINED",
    "effects_in_short",
    "main_effects",
    "seed_noise",
]

COLUMNS = ["task", "variant", "effect", "value", "low", "high", "n", "note"]
FULLER = ("pair", "total")
"""Orders of effects that only :func:`sensitivity.measures.variance_shares.variance_shares` shows."""
NO_HYPERPARAMETER = (INTERACTIONS, UNEXPLAINED, NOISE)
POOR_FIT = "poor surrogate"
"""Text in the note of an effect that is read from a poor fit."""
MINOR = 0.05
"""Share below which effects are not mentioned."""
"""Effects that are not of a single hyperparameter, in the order in which they are shown."""


def main_effects(results: Results, *, trees: int = TREES, seed: int = 0) -> pd.DataFrame:
    """Return shares of the variance of the capped loss that sum to 1.

    The rows are each hyperparameter alone, all pairs together, the remainder and seed noise: the table of
    :func:`sensitivity.measures.variance_shares.variance_shares` without single pairs and totals.
    :data:`INTERACTIONS` is the share of all pairs, and absent with one hyperparameter; :data:`UNEXPLAINED` is
    the share that no effect explains.

    Args:
        results: Results of a study.
        trees: Number of trees of the forest.
        seed: Seed of the forest and the bootstrap.
    """
    table = variance_shares(results, totals=False, trees=trees, seed=seed)
    return table[~table["order"].isin(FULLER)].reset_index(drop=True)[COLUMNS]


def effects_in_short(results: Results, shares: Callable[[], pd.DataFrame] | None = None) -> pd.DataFrame:
    """Return the effects that the report shows: exact where the design allows it, from a forest elsewhere.

    The columns are those of :func:`main_effects`. A full grid with seed replicates is analysed by
    :func:`sensitivity.measures.factorial.factorial`, which needs no surrogate and few configurations. Nothing
    is unexplained there: its interactions are tested together, with the seeds as their error.

    Args:
        results: Results of the study.
        shares: Function that returns the table of
            :func:`sensitivity.measures.variance_shares.variance_shares`, from which the effects of a forest
            are taken; None to measure them.
    """
    parts = []
    for task, variant in results.groups:
        exact = exact_effects(results, task, variant)
        if exact is not None:
            parts.append(exact)
        elif shares is None:
            parts.append(main_effects(_only(results, task, variant)))
        else:
            table = shares()
            parts.append(
                table[(table["task"] == task) & (table["variant"] == variant) & ~table["order"].isin(FULLER)]
            )
    return pd.concat(parts, ignore_index=True)[COLUMNS] if parts else pd.DataFrame(columns=COLUMNS)


def exact_effects(results: Results, task: str, variant: str) -> pd.DataFrame | None:
    """Return the exact effects of one variant, as :func:`effects_in_short`; None where a forest is needed.

    The error of a factorial analysis are its seeds, so that a grid with one seed needs a forest too.
    """
    if not is_replicated_grid(results, task, variant):
        return None
    table = with_interactions(_only(results, task, variant))
    return table[table["order"].isin(("main", "pairs", "noise"))].reset_index(drop=True)


def _only(results: Results, task: str, variant: str) -> Results:
    chosen = (results.trials["task"] == task) & (results.trials["variant"] == variant)
    return replace(results, trials=results.trials[chosen].reset_index(drop=True))
