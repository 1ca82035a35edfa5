"""Shapley values: importance as a fair division of the gain from tuning, or of the variance without it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from sensitivity.measures import forest as forests
from sensitivity.measures.cells import cells, settled
from sensitivity.measures.losses import Array, Losses, losses, note, scaled
from sensitivity.measures.noise import NOISE, noise_of
from sensitivity.measures.resampling import interval
from sensitivity.results.results import active_values
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from sensitivity.results.results import Results

Game = Literal["tunability", "sensitivity"]
GAMES = ("tunability", "sensitivity")
MOST = 8
"""Most hyperparameters for which every subset is evaluated."""
BLOCK = 16
"""Number of coalitions that are evaluated at a time."""
TOTAL = "total"


def shapley(
    results: Results,
    *,
    game: Game = "tunability",
    configurations: int = 512,
    trees: int = forests.TREES,
    draws: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Return Shapley values of the hyperparameters in a game of tuning or of not tuning.

    A coalition of hyperparameters may vary, and all other hyperparameters keep their defaults:

    .. math:: \phi_i = \sum_{C \not\ni i} \frac{|C|! \, (d - |C| - 1)!}{d!}
            \left( v(C \cup i) - v(C) \right), \qquad
        \sum_i \phi_i = v(\text{all}) - v(\emptyset)

    over all subsets C, exactly. ``tunability``: v(C) is the improvement of the best of the configurations on
    the loss at the defaults, in units of the loss. ``sensitivity``: v(C) is the variance of the loss over the
    configurations, as a share: the values and the seed noise sum to 1. Both are computed on a random forest,
    for the same ``configurations`` quasi-random points in every coalition. ``order`` is main, total (their
    sum) or noise.

    Args:
        results: Results of a study.
        game: ``tunability`` or ``sensitivity``.
        configurations: Number of points in every coalition.
        trees: Number of trees of the forest.
        draws: Number of bootstrap draws over its trees (95% percentile interval, for the fitted forest; it
            does not cover the variation between studies).
        seed: Seed of the forest.

    Raises:
        InputError: for another game; for more than :data:`MOST` hyperparameters.

    Sources: Wever et al., "HyperSHAP", arXiv:2502.01276; Shapley, "A Value for n-Person Games" (1953).
    """
    if game not in GAMES:
        raise unknown("game", game, GAMES)
    rows: list[dict[str, Any]] = []
    for task, variant in results.groups:
        group = losses(results, task, variant)
        group = scaled(group) if game == "sensitivity" else group
        names = group.names
        if len(names) > MOST:
            raise InputError(
                f"shapley needs at most {MOST} hyperparameters, got {len(names)} in {variant}; use "
                "variance_shares"
            )
        noise, r2, remark = noise_of(group, seed=seed), float("nan"), ""
        known = float(np.nan_to_num(noise["value"]))
        drawn = np.zeros((2, len(names)))
        if len(group.loss) < forests.FEWEST:
            remark = f"{len(group.loss)} configurations are too few for a forest (at least {forests.FEWEST})"
            drawn[:] = np.nan
        elif names and not forests.constant(group):
            worth, r2 = _played(results, group, game, configurations, trees, draws, seed)
            drawn = values(worth)
            if game == "sensitivity":
                sums = drawn.sum(axis=1, keepdims=True)
                drawn = np.divide(drawn, sums, out=np.zeros_like(drawn), where=sums > 0) * (1 - known)
            remark = forests.remark(r2)
        about = {"n": len(group.loss), "r2": r2, "note": "; ".join(filter(None, [note(group), remark]))}
        keys = {"task": task, "variant": variant, "game": game}
        for name, order, draws_of_value in [
            *((name, "main", drawn[:, i]) for i, name in enumerate(names)),
            (TOTAL, "total", drawn.sum(axis=1)),
        ]:
            low, high = interval(draws_of_value[1:])
            rows.append(
                {
                    **keys,
                    "effect": name,
                    "order": order,
                    "value": float(draws_of_value[0]),
                    "low": low,
                    "high": high,
                    **about,
                }
            )
        if game == "sensitivity":
            rows.append({**keys, "effect": NOISE, "order": "noise", **about, **noise})
    return pd.DataFrame(
        rows,
        columns=["task", "variant", "effect", "order", "value", "low", "high", "n", "r2", "note", "game"],
    )


def values(worth: Array) -> Array:
    """Return Shapley values of games.

    Args:
        worth: Worth of every coalition, ``[games, 2 ** players]``; the index of a coalition has bit i for
            player i.

    Returns:
        ``[games, players]``.

    >>> values(np.array([[0.0, 1.0, 2.0, 5.0]])).tolist()
    [[2.0, 3.0]]
    """
    count = int(worth.shape[1]).bit_length() - 1
    coalitions = np.arange(1 << count)
    sizes = np.array([int(coalition).bit_count() for coalition in coalitions])
    total = np.zeros((len(worth), count))
    for i in range(count):
        without = coalitions[(coalitions >> i) & 1 == 0]
        weight = np.array(
            [
                math.factorial(n) * math.factorial(count - n - 1) / math.factorial(count)
                for n in sizes[without]
            ]
        )
        total[:, i] = (worth[:, without | 1 << i] - worth[:, without]) @ weight
    return total


def _played(
    results: Results, group: Losses, game: Game, count: int, trees: int, draws: int, seed: int
) -> tuple[Array, float]:
    """Return the worth of every coalition, and the R2 of the forest.

    Returns:
        The worth for the forest and for bootstrap draws of its trees, ``[1 + draws, coalitions]``, and R2.
    """
    from scipy.stats import qmc

    dimensions, space = len(group.names), results.spaces[group.variant]
    parts = cells(space, group.names)
    model, out = forests.fitted(forests.spread(group, space, seed), group.mean, trees=trees, seed=seed)
    told = forests.unseen(forests.predictions(model, group.units), out)
    power = max(1, math.ceil(math.log2(count)))
    points = qmc.Sobol(dimensions, seed=seed).random_base2(power)
    default = _default(results, group)
    points = np.vstack([default, points])  # every coalition can keep the defaults
    rng = np.random.default_rng(seed)
    weights = np.vstack(
        [np.full(trees, 1 / trees), rng.multinomial(trees, np.full(trees, 1 / trees), size=draws) / trees]
    )
    worth = np.zeros((1 + draws, 1 << dimensions))
    for first in range(1, 1 << dimensions, BLOCK):
        coalitions = np.arange(first, min(first + BLOCK, 1 << dimensions))
        playing = (coalitions[:, None] >> np.arange(dimensions)) & 1 == 1
        places = np.where(playing[:, None], points, default).reshape(-1, dimensions)
        loss = (weights @ forests.predictions(model, settled(places, parts))).reshape(
            1 + draws, len(coalitions), -1
        )
        worth[:, coalitions] = (
            loss[..., 0] - loss.min(axis=2) if game == "tunability" else loss[..., 1:].var(axis=2)
        )
    return worth, forests.r_squared(group.mean, told)


def _default(results: Results, group: Losses) -> Array:
    """Return the default configuration in the unit cube.

    An inactive hyperparameter has its own default, for coalitions that make it active.
    """
    space = results.spaces[group.variant]
    defaults = active_values(
        space.names, [space.default().get(name, space[name].default_value()) for name in space.names]
    )
    return np.array([space[name].to_unit(defaults[name]) for name in group.names])
