"""Which hyperparameters matter, in short: the main effects, all interactions together, and seed noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from sensitivity.measures.forest import FEWEST, TREES
from sensitivity.measures.noise import NOISE, seed_noise
from sensitivity.measures.variance_shares import INTERACTIONS, variance_shares

if TYPE_CHECKING:
    from sensitivity.results import Results

__all__ = ["FEWEST", "INTERACTIONS", "NOISE", "TREES", "main_effects", "seed_noise"]


def main_effects(results: Results, *, trees: int = TREES, seed: int = 0) -> pd.DataFrame:
    """Shares of the variance of the capped loss: each hyperparameter on its own, all interactions together, and seed noise. They sum to 1.

    :func:`sensitivity.measures.variance_shares.variance_shares` without pairs and totals.
    """
    table = variance_shares(results, pairs=False, totals=False, trees=trees, seed=seed)
    return table[["task", "variant", "effect", "value", "low", "high", "n", "note"]]
