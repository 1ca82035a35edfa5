"""What each setting of the paper does to the loss, by family of variants.

Its share of the variance, and what moving it costs.

The families are those of Tables 1 to 3: momentum alone, norms alone, and norms with momentum.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.measures.factorial import with_interactions
from sensitivity.paper.contrasts import Finding, Undecided, need, ratio
from sensitivity.paper.evidence import NORMS, momentum_alone, norms_of_first_order
from sensitivity.paper.trials import MOMENTUM_RATE, NORM_RATES, as_results, cells, pooled
from sensitivity.results.results import records
from trainables.names import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sensitivity.results.results import Results

USUAL = "the paper's"
RATE = "rate"
"""Name of the learning rate relative to the paper's of the norm."""
MOVES = ["task", "family", "setting", "from", "to", "value", "low", "high", "n", "p", "note"]
SHARES = ["task", "family", "effect", "value", "low", "high", "n", "note"]
WORDS = {
    RATE: "learning rate",
    "mu_schedule": "schedule of mu",
    "nu_schedule": "schedule of nu",
    "momentum": "kind of momentum",
    "p": "norm",
}
LEVELS = {"constant": "constant", "bias_corrected": "corrected", "cm": "CM", "nag": "NAG"}


@dataclass(frozen=True)
class Family:
    """A group of variants of the hyperalgorithm that share their settings.

    Attributes:
        name: Name of the family.
        chosen: Function that selects its trials.
        moves: Setting, usual level and other level of each move.
        factors: Settings whose shares of the variance are computed, and
        balanced: function that selects the trials of a full grid of them.
    """

    name: str
    chosen: Callable[[pd.DataFrame], pd.DataFrame]
    moves: tuple[tuple[str, Any, Any], ...]
    factors: tuple[str, ...]
    balanced: Callable[[pd.DataFrame], pd.DataFrame] = lambda trials: trials


MU, NU = ("mu", 0.9, 0.95), ("nu", 0.9, 0.999)
KIND = ("momentum", "cm", "nag")
NORM = tuple(("p", 2.0, p) for p in (1.0, math.inf))
FAMILIES = (
    Family(
        "momentum",
        momentum_alone,
        (MU, ("mu_schedule", "constant", "bias_corrected"), KIND),
        (RATE, "mu", "mu_schedule", "momentum"),
    ),
    Family(
        "norms",
        norms_of_first_order,
        (NU, ("nu_schedule", "bias_corrected", "constant"), *NORM),
        (RATE, "nu", "nu_schedule", "p"),
        lambda trials: trials[trials["p"] < math.inf],
    ),
    Family(
        "norms with momentum",
        lambda trials: norms_of_first_order(trials, momentum=True),
        (MU, NU, KIND, *NORM),
        (RATE, "mu", "nu", "momentum", "p"),
    ),
)


def moves(results: Results | Sequence[Results]) -> pd.DataFrame:
    """Return by what moving one setting from its usual level multiplies the loss.

    The ratio is of geometric means, over the pairs of configurations that differ in this setting alone, at
    the paper's learning rates (except where the learning rate is moved), with a 95% interval
    (:func:`sensitivity.paper.contrasts.ratio`). Norms are compared each at its own learning rate, and nu is
    moved with bias correction.

    Args:
        results: Results of one study or of several.
    """
    rows = []
    for task, family, trials in _parts(results):
        for setting, usual, other in (*_rate_moves(trials), *family.moves):
            try:
                found = _moved(trials, setting, usual, other)
            except (Undecided, InputError) as reason:
                found = Finding(math.nan, math.nan, math.nan, 0, note=str(reason))
            row = {"task": task, "family": family.name, "setting": WORDS.get(setting, setting)}
            ends = {"from": level(setting, usual), "to": level(setting, other)}
            numbers = {name: getattr(found, name) for name in ("value", "low", "high", "n", "p", "note")}
            rows.append(row | ends | numbers)
    return pd.DataFrame(rows, columns=MOVES)


def shares(results: Results | Sequence[Results]) -> pd.DataFrame:
    """Return the share of each setting in the variance of the logarithm of the loss, by family.

    By :func:`sensitivity.measures.factorial.factorial` over the full grid of the family's settings, with the
    learning rate relative to the paper's. Norms alone are without the maximum norm, which the paper has not
    corrected.

    Args:
        results: Results of one study or of several.
    """
    from search_spaces.hyperparameters import Categorical

    rows: list[dict[str, Any]] = []
    for task, family, trials in _parts(results):
        row = {"task": task, "family": family.name}
        try:
            table = need(family.balanced(trials), "this family")
            names = [name for name in family.factors if table[name].nunique() > 1]
            table = table.assign(**{name: [f"{name} {value}" for value in table[name]] for name in names})
            space = [Categorical(name, tuple(sorted(table[name].unique()))) for name in names]
            analysed = with_interactions(as_results(table, space))
        except (Undecided, InputError) as reason:
            nothing = dict.fromkeys(("value", "low", "high"), math.nan)
            rows.append(row | nothing | {"effect": "", "n": 0, "note": str(reason)})
            continue
        rows += [
            row
            | {name: found[name] for name in ("value", "low", "high", "n", "note")}
            | {"effect": WORDS.get(found["effect"], found["effect"])}
            for found in records(analysed)
            if found["order"] in ("main", "pairs", "noise")
        ]
    return pd.DataFrame(rows, columns=SHARES)


def level(setting: str, value: Any) -> str:
    """Return a level of a setting in the paper's words.

    >>> level("p", math.inf), level("nu", 0.999), level("mu_schedule", "bias_corrected")
    ('Linf', '0.999', 'corrected')
    """
    if setting == "p":
        return NORMS[value]
    return LEVELS.get(value, value) if isinstance(value, str) else f"{value:g}"


def _parts(results: Results | Sequence[Results]) -> Iterator[tuple[str, Family, pd.DataFrame]]:
    """Yield the trials of each family on each task that has some, with relative learning rates."""
    for task, trials in pooled(results).groupby("task", sort=False):
        for family in FAMILIES:
            chosen = family.chosen(trials)
            if not chosen.empty:
                yield str(task), family, chosen.assign(**{RATE: relative(chosen)})


def relative(trials: pd.DataFrame) -> pd.Series[str]:
    """Return the learning rate of each trial relative to the paper's of its norm.

    It is how many of the learning rates that were run it is away.
    """
    norm = trials["p"].where(trials["adaptive"] != "none")
    usual = norm.map(NORM_RATES).where(norm.notna(), MOMENTUM_RATE).astype(float)
    steps = pd.Series("", index=trials.index)
    for _, part in trials.groupby(norm.fillna(0.0)):
        rates = np.sort(part["lr"].unique())
        at = usual[part.index[0]]
        names = {rate: _step(int((rates < rate).sum()) - int((rates < at * 0.99).sum())) for rate in rates}
        steps[part.index] = part["lr"].map(names)
    return steps


def _step(steps: int) -> str:
    if steps == 0:
        return USUAL
    word = "lower" if steps < 0 else "higher"
    return word if abs(steps) == 1 else f"{abs(steps)} steps {word}"


def _rate_moves(trials: pd.DataFrame) -> list[tuple[str, str, str]]:
    others = [name for name in dict.fromkeys(trials.sort_values("lr")[RATE]) if name != USUAL]
    return [(RATE, USUAL, name) for name in others]


def _moved(trials: pd.DataFrame, setting: str, usual: Any, other: Any) -> Finding:
    """Return the loss at the other level over that at the usual one."""
    at_rates = trials if setting == RATE else trials[trials[RATE] == USUAL]
    if setting == "nu":
        at_rates = at_rates[at_rates["nu_schedule"] == "bias_corrected"]
    sides = []
    for value in (other, usual):
        column = at_rates[setting]
        same = np.isclose(column.astype(float), value) if isinstance(value, float) else column == value
        side = need(at_rates[same], f"{setting} {value}")
        sides.append(side.assign(cell=cells(side, setting, "lr")))
    both = set(sides[0]["cell"]) & set(sides[1]["cell"])
    if not both:
        raise Undecided(f"no configuration was run with both {setting} {usual} and {other}")
    first, second = (side[side["cell"].isin(both)] for side in sides)
    return ratio(first, second)
