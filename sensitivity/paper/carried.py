"""Whether the ranking of settings on the autoencoder carries over to the residual network of Table 4."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sensitivity.measures.resampling import interval
from sensitivity.paper.tables import measured_cells, spearman
from sensitivity.results.results import records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sensitivity.results.results import Results

COLUMNS = ["metric", "value", "low", "high", "n", "trials", "note"]
AUTOENCODER, RESNET = (1, 2, 3), 4


def carried_over(results: Results | Sequence[Results], *, seed: int = 0) -> pd.DataFrame:
    """Return Spearman's rank correlation between the two tasks over the six settings of Table 4.

    A setting is a variant with mu and nu, each at the paper's learning rate for its task. There is one row
    for each metric of Table 4: training and test loss. The interval is a bootstrap over settings and seeds,
    95%; ``n`` counts settings, ``trials`` those of both tasks.

    Args:
        results: Results of one study or of several.
        seed: Seed of the bootstrap.
    """
    table, draws = measured_cells(results)
    known = table["value"].notna().to_numpy()
    places: dict[tuple[str, float, float], int] = {}
    for place, row in enumerate(records(table)):
        if row["table"] in AUTOENCODER and known[place]:
            places.setdefault(_setting(row), place)
    rng = np.random.default_rng(seed)
    rows = []
    for metric, part in table[table["table"] == RESNET].groupby("metric", sort=False):
        pairs = [
            (places[_setting(row)], int(place))
            for place, row in zip(part.index, records(part), strict=True)
            if known[place] and _setting(row) in places
        ]
        row = {"metric": metric, "n": len(pairs), "trials": 0}
        if len(pairs) < 4:
            nothing = dict.fromkeys(("value", "low", "high"), math.nan)
            rows.append(
                row | nothing | {"note": f"{len(pairs)} settings were run on both tasks (at least 4)"}
            )
            continue
        one, other = (np.array(side) for side in zip(*pairs, strict=True))
        value = float(spearman(*(table["value"].to_numpy()[side][None] for side in (one, other)))[0])
        count = draws.shape[1]
        chosen = rng.integers(0, len(pairs), (count, len(pairs)))
        drawn = np.arange(count)[:, None]
        again = spearman(draws[one[chosen], drawn], draws[other[chosen], drawn])
        low, high = interval(again)
        ends = {"value": value, "low": min(low, value), "high": max(high, value)}
        trials = int(table.loc[[*one, *other], "n"].sum())
        rows.append(row | ends | {"trials": trials, "note": ""})
    return pd.DataFrame(rows, columns=COLUMNS)


def _setting(row: dict[str, float]) -> tuple[str, float, float]:
    numbers = (0.0 if math.isnan(row[name]) else float(row[name]) for name in ("mu", "nu"))
    mu, nu = numbers
    return str(row["variant"]), mu, nu
