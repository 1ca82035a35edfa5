"""Results with fewer configurations, where a measure needs no more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from sensitivity.results.results import PREFIX

if TYPE_CHECKING:
    from sensitivity.results.results import Results

FEW = 256
"""Most configurations of a variant that :attr:`Measured.estimators` compares; their order needs no more."""
THINNABLE = ("random", "sobol", "latin_hypercube")
"""Designs of which any part is a design of the same kind."""


def thinned(results: Results) -> tuple[Results, str]:
    """Return the results with at most :data:`FEW` configurations of each variant whose design allows it.

    Returns:
        The results, and the text of a note on the configurations left out.
    """
    trials, parts = results.trials, []
    columns = [name for name in trials.columns if name.startswith(PREFIX)]
    for (_, variant), part in trials.groupby(["task", "variant"], sort=False):
        number = part.groupby(columns, sort=False, dropna=False).ngroup()
        chosen = part[number < FEW] if results.design_of(str(variant)) in THINNABLE else part
        parts.append(chosen)
    if sum(map(len, parts)) == len(trials):
        return results, ""
    return replace(
        results, trials=pd.concat(parts, ignore_index=True)
    ), f"of the first {FEW} configurations of each variant"
