"""What "Optimizing CNNs" does not say: how far batch size and initialisation move a few of its cells."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.paper.contrasts import Finding, Undecided, need, ratio
from sensitivity.paper.trials import UNSAID, as_list, is_of_unsaid, trial_rows
from sensitivity.results.results import PREFIX, records
from trainables.names import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sensitivity.results.results import Results

COLUMNS = ["task", "variant", "setting", "level", "usual", "loss", "value", "low", "high", "n", "p", "note"]


def unsaid(results: Results | Sequence[Results]) -> pd.DataFrame:
    """Return the loss at each level of what the paper leaves open, over that at the study's own level.

    ``loss`` is the mean over the seeds of the capped loss, ``value`` the ratio of the geometric means with a
    95% interval, paired by seed (:func:`sensitivity.paper.contrasts.ratio`). The study's own level is its
    batch size and the default initialisation; it has a ratio of 1.

    Args:
        results: Results of one study or of several; only those that vary batch size or initialisation count.
    """
    rows: list[dict[str, Any]] = []
    for one in filter(is_of_unsaid, as_list(results)):
        table = pd.DataFrame(trial_rows([one]))
        if table.empty:
            continue
        keys = one.usable.set_index("key")
        for variant in dict.fromkeys(keys["variant"]):
            configurations = keys.loc[keys["variant"] == variant, [f"{PREFIX}{name}" for name in UNSAID]]
            trials = table[table["key"].isin(configurations.index)]
            trials = trials.assign(
                **{name: trials["key"].map(configurations[f"{PREFIX}{name}"]) for name in UNSAID}
            )
            rows += _rows(trials, {"task": trials["task"].iloc[0], "variant": variant}, _centre(one, variant))
    return pd.DataFrame(rows, columns=COLUMNS)


def _centre(one: Results, variant: str) -> dict[str, Any]:
    return {name: one.spaces[variant][name].default for name in UNSAID}


def _rows(trials: pd.DataFrame, row: Mapping[str, Any], centre: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for setting in UNSAID:
        others = [name for name in UNSAID if name != setting]
        line = trials[np.logical_and.reduce([trials[name] == centre[name] for name in others])]
        usual = line[line[setting] == centre[setting]]
        for level, part in line.groupby(setting, sort=True):
            same = {"setting": setting, "level": str(level), "usual": str(centre[setting])}
            found = Finding(1.0, math.nan, math.nan, len(part))
            if level != centre[setting]:
                try:
                    first, second = (
                        need(side, f"{setting} {level}").assign(cell="cell") for side in (part, usual)
                    )
                    found = ratio(first, second)
                except (Undecided, InputError) as reason:
                    found = Finding(math.nan, math.nan, math.nan, 0, note=str(reason))
            numbers = {name: getattr(found, name) for name in ("value", "low", "high", "n", "p", "note")}
            rows.append({**row, **same, "loss": float(np.exp(part["loss"]).mean()), **numbers})
    return rows


def in_words(table: pd.DataFrame) -> str:
    """Return the largest effects in a sentence: of each setting, the cell that it moves furthest."""
    parts = []
    for setting, part in table.dropna(subset=["low"]).groupby("setting", sort=False):
        far = records(part.loc[[np.log(part["value"]).abs().idxmax()]])[0]
        words = str(setting).replace("_", " ")
        parts.append(
            f"{words} {far['level']} instead of {far['usual']} multiplies the loss of {far['variant']} by "
            f"{far['value']:.2f} ({far['low']:.2f} to {far['high']:.2f})"
        )
    return "; ".join(parts)
