"""Importance for being among the best configurations: PED-ANOVA, as Optuna computes it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sensitivity.measures.cells import inactive
from sensitivity.measures.forest import constant
from sensitivity.measures.losses import Array, Losses, losses, note
from sensitivity.measures.parzen import STEPS, cells, divergence
from sensitivity.measures.resampling import interval
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.results.results import Results

TOP = 0.1
LEAST = 20
"""Fewest configurations of which the best are enough."""
FEWEST = 2
"""Fewest configurations in which a hyperparameter is active for its density to be estimated."""


def top_importance(results: Results, *, top: float = TOP, draws: int = 50, seed: int = 0) -> pd.DataFrame:
    r"""Return each hyperparameter's share of the difference between the best configurations and all.

    .. math:: I_d \propto E_{x \sim p} \left[ \left( \frac{p'(x_d)}{p(x_d)} - 1 \right)^2 \right]

    with p' and p densities of the best ``top`` and of all configurations (:mod:`sensitivity.measures.parzen`)
    on unit coordinates, conditions included: the result of Optuna's PedAnovaImportanceEvaluator, without a
    study for each draw of the bootstrap. A share of variance answers another question; this measure tells the
    importance *near the optimum*. It uses ranks of the capped loss, mean over seeds. A constant loss gives
    zeros.

    Args:
        results: Results of a study.
        top: Share of the configurations that counts as best, in (0, 1).
        draws: Number of bootstrap draws over configurations (95% percentile interval).
        seed: Seed of the bootstrap.

    Raises:
        InputError: for top outside (0, 1).

    Sources: Watanabe, Bansal & Hutter, "PED-ANOVA", IJCAI 2023; for conditions Baba et al., KDD 2026,
    arXiv:2601.20800.
    """
    if not 0 < top < 1:
        raise InputError(
            f"top must be between 0 and 1, the share of configurations that count as best; got {top!r}"
        )
    rows: list[dict[str, Any]] = []
    for task, variant in results.groups:
        group = losses(results, task, variant)
        count = len(group.loss)
        remarks = [note(group)]
        if count < LEAST:
            remarks.append(
                f"{count} configurations are too few to know the best {top:.0%} (at least {LEAST})"
            )
            drawn = np.full((1, len(group.names)), np.nan)
        elif constant(group):
            remarks.append("the loss is constant")
            drawn = np.zeros((1, len(group.names)))
        else:
            rng = np.random.default_rng(seed)
            chosen = np.vstack([np.arange(count), rng.integers(count, size=(draws, count))])
            drawn = _shares(results, group, chosen, top)
            if group.mean.min() >= np.quantile(group.mean, top):
                remarks.append(f"more than {top:.0%} of the configurations are equally good")
        keys = {
            "task": task,
            "variant": variant,
            "n": count,
            "note": "; ".join(filter(None, remarks)),
            "order": "top",
        }
        for name, draws_of_share in zip(group.names, drawn.T, strict=True):
            value, (low, high) = (
                float(draws_of_share[0]),
                interval(draws_of_share[1:] if len(draws_of_share) > 1 else draws_of_share),
            )
            rows.append(
                {**keys, "effect": name, "value": value, "low": min(low, value), "high": max(high, value)}
            )
    return pd.DataFrame(
        rows, columns=["task", "variant", "effect", "order", "value", "low", "high", "n", "note"]
    )


def _shares(results: Results, group: Losses, chosen: NDArray[np.int64], top: float) -> Array:
    """Return the shares of the hyperparameters for each choice of configurations.

    A configuration in which a hyperparameter is inactive is of another regime: only regimes with a density
    are informative.

    Args:
        chosen: Indices of configurations, ``[choices, configurations]``.

    Returns:
        ``[choices, hyperparameters]``.
    """
    space, active, mean = results.spaces[group.variant], ~inactive(group), group.mean
    last = math.ceil(top * chosen.shape[1]) - 1
    raw = np.zeros((len(chosen), len(group.names)))
    best = [mean[places] <= np.partition(mean[places], last)[last] for places in chosen]
    for column, name in enumerate(group.names):
        ordered = space[name].scale != "categorical"
        choices = None if ordered else space[name].cardinality
        cell = cells(group.units[:, column], choices)
        for share, places, good in zip(raw, chosen, best, strict=True):
            members = active[places, column]
            if members.sum() < FEWEST or not (members & good).any():
                continue
            counts = [
                np.bincount(cell[places[part]], minlength=choices or STEPS)
                for part in (members & good, members)
            ]
            weight = ((members & good).sum() / good.sum()) ** 2 / (members.sum() / len(members))
            share[column] = weight * divergence(counts[0], counts[1], ordered=ordered)
    total = raw.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(raw, total, out=np.zeros_like(raw), where=total > 0))
