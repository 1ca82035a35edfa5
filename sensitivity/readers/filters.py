"""Results narrowed to what a reader chose."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from search_spaces.hyperparameters import Categorical, Ordinal
from sensitivity.results.capping import WORST
from sensitivity.results.results import COUNTED, PREFIX, Results
from trainables.outcomes import capped_losses

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from search_spaces.hyperparameters import Hyperparameter
    from sensitivity.readers.view import View

LEVELS = 41
"""Places of the slider of a continuous hyperparameter."""


def narrowed(results: Results, view: View) -> Results:
    """Return the results whose trials a view keeps, those of default settings included.

    Their spaces, and so the colours of the variants, stay.

    A range keeps the trials that have the hyperparameter, with a value within its bounds; that of the metric
    keeps trials with a result, diverged ones by what they count as.
    """
    sign = -1 if results.direction == "max" else 1
    masks = [_mask(table, view, sign) for table in (results.trials, results.defaults)]
    if all(mask.all() for mask in masks):
        return results
    trials, defaults = (
        table[mask].reset_index(drop=True)
        for table, mask in zip((results.trials, results.defaults), masks, strict=True)
    )
    return replace(results, trials=trials, defaults=defaults)


def _mask(trials: pd.DataFrame, view: View, sign: int) -> NDArray[np.bool_]:
    """Return True for each trial that a view keeps; the metric is the loss times the sign."""
    mask = np.ones(len(trials), dtype=bool)
    for column, chosen in (("variant", view.variant), ("seed", view.seed), ("status", view.status)):
        if chosen:
            mask &= trials[column].astype(str).isin(chosen).to_numpy(bool)
    if view.only_task:
        mask &= (trials["task"] == view.only_task).to_numpy(bool)
    for low, high in view.outcome:
        mask &= (sign * trials["loss"].astype(float)).between(low, high).to_numpy(bool)
    for name, low, high in view.ranges:
        if PREFIX + name in trials.columns:
            mask &= pd.to_numeric(trials[PREFIX + name], errors="coerce").between(low, high).to_numpy(bool)
    for name in dict.fromkeys(name for name, _ in view.choices):
        if PREFIX + name in trials.columns:
            values = {value for hyperparameter, value in view.choices if hyperparameter == name}
            mask &= np.array([bool(_texts(value) & values) for value in trials[PREFIX + name]], dtype=bool)
    return mask


def _texts(value: Any) -> frozenset[str]:
    """Return a value as text; a whole number also as it is written where a column has no other numbers."""
    whole = isinstance(value, float) and value.is_integer()
    return frozenset((str(value), str(int(value))) if whole else (str(value),))


def capped(results: Results, cap: str) -> Results:
    """Return the results with diverged trials counted another way.

    Args:
        results: Results of a study.
        cap: ``worst`` counts them as the worst finite loss of the task's design, however large; anything else
            leaves them at the initial loss.
    """
    if cap != "worst":
        return results
    outcome = _outcome(results.trials, results)
    worst = outcome.groupby(results.trials["task"]).max()

    def counted(trials: pd.DataFrame) -> pd.DataFrame:
        limit = trials["task"].map(worst).fillna(trials["initial_loss"])
        losses = capped_losses(_outcome(trials, results), limit.fillna(np.inf))
        return trials.assign(initial_loss=limit, loss=np.where(trials["loss"].notna(), losses, np.nan))

    return replace(
        results,
        trials=counted(results.trials),
        defaults=counted(results.defaults),
        spec={**results.spec, COUNTED: WORST},
    )


def _outcome(trials: pd.DataFrame, results: Results) -> pd.Series[float]:
    """Return the metric of trials, which is better where it is lower."""
    return -trials["value"] if results.direction == "max" else trials["value"]


def tasks(results: Results) -> list[str]:
    """Return tasks in the study's order."""
    return list(dict.fromkeys(results.trials["task"]))


def the_task(results: Results, view: View) -> str:
    """Return the task that a view shows: the one that was chosen, else the first."""
    names = tasks(results)
    return view.task if view.task in names or not names else names[0]


def hyperparameters(results: Results) -> dict[str, list[Hyperparameter]]:
    """Return the varied hyperparameters by name: one for each variant that has the name."""
    by_name: dict[str, list[Hyperparameter]] = {}
    for variant, space in results.spaces.items():
        for name in results.varied(variant):
            by_name.setdefault(name, []).append(space[name])
    return by_name


def levels(domains: list[Hyperparameter]) -> list[Any] | None:
    """Return the values at which a slider stops, in order on the scale.

    None for choices, which have no order.
    """
    values: list[Any] = []
    for domain in domains:
        if isinstance(domain, Categorical):
            return None
        values += domain.levels if isinstance(domain, Ordinal) else domain.grid(LEVELS)
    return None if any(isinstance(value, str) for value in values) else sorted(set(values))


def choices(domains: list[Hyperparameter]) -> list[str]:
    """Return the values that a hyperparameter without a slider can be narrowed to, as text."""
    return list(dict.fromkeys(str(value) for domain in domains for value in values_of(domain)))


def values_of(domain: Hyperparameter) -> tuple[Any, ...]:
    """Return the levels, the choices, or a few values along the range."""
    if isinstance(domain, Categorical):
        return tuple(domain.choices)
    return tuple(domain.levels) if isinstance(domain, Ordinal) else domain.grid(LEVELS)


def positions(stops: list[Any], view: View, name: str) -> list[int]:
    """Return the stops of a slider nearest to the two bounds of a view."""
    for range_name, low, high in view.ranges:
        if range_name == name:
            return [
                min(range(len(stops)), key=lambda i: abs(_finite(stops[i]) - _finite(bound)))
                for bound in (low, high)
            ]
    return [0, len(stops) - 1]


def _finite(value: float) -> float:
    return float(np.clip(value, -1e300, 1e300))
