"""How often a variant diverges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from sensitivity.results import Results


def divergence_rate(results: Results, *, level: float = 0.95) -> pd.DataFrame:
    """Share of trials that diverged, with Wilson's interval (which says something also when none did).

    Failed trials are errors, not divergence, and are left out.
    Source: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22 (1927).
    """
    from scipy.stats import binomtest

    rows = []
    for task, variant in results.groups:
        trials = results.group(task, variant)
        diverged = int((trials["status"] == "diverged").sum())
        ci = binomtest(diverged, len(trials)).proportion_ci(level, method="wilson")
        share = diverged / len(trials)
        rows.append(
            {
                "task": task,
                "variant": variant,
                "value": share,
                "low": float(ci.low),
                "high": float(ci.high),
                "n": len(trials),
                "note": "",
                "diverged": diverged,
            }
        )
    return pd.DataFrame(rows, columns=["task", "variant", "value", "low", "high", "n", "note", "diverged"])
