"""Tables as people have them, drawn at random: few rows, holes, ties, constants, huge, tiny and no losses,
unequal spaces."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

CHOICES = ("relu", "gelu", "tanh", "silu", "elu", "selu", "mish", "swish", "leaky", "glu", "softplus", "sine")
Levels = list[float] | list[int] | list[str]
LEVELS: Mapping[str, Callable[[np.random.Generator, int], Levels]] = {
    "lr": lambda rng, count: (10.0 ** rng.uniform(-5, 0, count)).tolist(),
    "batch_size": lambda rng, count: [2**k for k in range(2, 2 + count)],
    "weight_decay": lambda rng, count: [0.0, *(10.0 ** -np.arange(1.0, count)).tolist()],
    "dropout": lambda rng, count: (np.arange(count) / (2 * count)).tolist(),
    "activation": lambda rng, count: list(CHOICES[:count]),
    "momentum": lambda rng, count: (1 - 10.0 ** -rng.uniform(0.1, 3, count)).tolist(),
    "layers": lambda rng, count: list(range(1, 1 + count)),
}
LOSSES: Mapping[str, Callable[[np.random.Generator, np.ndarray], np.ndarray]] = {
    "bowls": lambda rng, distance: distance + 0.05 * rng.standard_normal(distance.size),
    "exact": lambda rng, distance: distance,
    "noise": lambda rng, distance: rng.standard_normal(distance.size),
    "ties": lambda rng, distance: np.round(distance),
    "constant": lambda rng, distance: np.full(distance.size, 0.5),
    "zero": lambda rng, distance: np.zeros(distance.size),
    "huge": lambda rng, distance: 1e300 * (1 + distance),
    "tiny": lambda rng, distance: 1e-300 * (1 + distance),
    "negative": lambda rng, distance: -1 - distance,
    "of all sizes": lambda rng, distance: 10.0 ** rng.uniform(-300, 300, distance.size),
    "one outlier": lambda rng, distance: np.where(
        np.arange(distance.size) == rng.integers(distance.size), 1e300, distance
    ),
    "some diverged": lambda rng, distance: np.where(
        rng.random(distance.size) < 0.3, rng.choice([math.nan, math.inf, -math.inf]), distance
    ),
    "one finite": lambda rng, distance: np.where(
        np.arange(distance.size) == rng.integers(distance.size), distance, math.nan
    ),
    "all diverged": lambda rng, distance: np.full(distance.size, math.nan),
}
"""Losses of rows, from their distance to an optimum."""
MOST_ROWS = 150
"""A table is cut to as many, so that a report of it takes seconds."""


def odd_table(number: int) -> tuple[pd.DataFrame, str]:
    """Draw a table.

    Args:
        number: of the table; equal numbers give equal tables.

    Returns:
        The table, and its features in words.
    """
    rng = np.random.default_rng(number)
    names = [str(name) for name in rng.choice(list(LEVELS), rng.integers(1, 4), replace=False)]
    variants = ["adam", "sgd", "nag"][: rng.integers(1, 4)]
    tasks = ["mnist", "cifar"][: 1 + (rng.random() < 0.2)]
    seeds = int(rng.integers(1, 6))
    shared = {name: LEVELS[name](rng, _count(rng)) for name in names}
    unequal, drawn = bool(rng.random() < 0.3), bool(rng.random() < 0.3)
    rows = []
    for variant in variants:
        varied = names[: rng.integers(1, len(names) + 1)] if unequal else names
        levels = {name: LEVELS[name](rng, _count(rng)) if unequal else shared[name] for name in varied}
        for configuration in _drawn(rng, levels) if drawn else _grid(levels):
            rows += [
                {"variant": variant, "task": task, **configuration, "seed": seed}
                for task in tasks
                for seed in range(seeds)
            ]
    table = pd.DataFrame(rows)
    features = [
        f"{len(variants)} variants",
        f"{len(names)} hyperparameters",
        f"{seeds} seeds",
        "drawn" if drawn else "grid",
    ]
    if rng.random() < 0.4:
        features.append("holes")
        table = table[rng.random(len(table)) > rng.uniform(0.05, 0.9)]
    table = (
        table.iloc[np.sort(rng.permutation(len(table))[:MOST_ROWS])] if len(table) else pd.DataFrame(rows[:1])
    )
    kind = str(rng.choice(list(LOSSES)))
    table = table.assign(loss=LOSSES[kind](rng, _distance(table, names)))
    left_out = [
        name
        for name, absent in {
            "variant": len(variants) == 1,
            "task": len(tasks) == 1,
            "seed": seeds == 1,
        }.items()
        if absent
    ]
    return table.drop(columns=left_out).reset_index(drop=True), ", ".join(
        [*features, f"losses: {kind}", f"{len(table)} rows"]
    )


def _count(rng: np.random.Generator) -> int:
    """Draw a number of levels; every small one is frequent."""
    return int(rng.integers(1, 4) if rng.random() < 0.4 else rng.integers(1, 13))


def _grid(levels: Mapping[str, Levels]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = [{}]
    for name, values in levels.items():
        rows = [{**row, name: value} for row in rows for value in values]
    return rows


def _drawn(rng: np.random.Generator, levels: Mapping[str, Levels]) -> list[dict[str, object]]:
    """Draw different configurations: real hyperparameters between their levels, others among them."""
    rows = [
        {
            name: float(rng.uniform(min(values), max(values)))
            if isinstance(values[0], float)
            else values[rng.integers(len(values))]
            for name, values in levels.items()
        }
        for _ in range(rng.integers(1, 60))
    ]
    return list({tuple(row.values()): row for row in rows}.values())


def _distance(table: pd.DataFrame, names: list[str]) -> np.ndarray:
    """Return the distances of rows to an optimum, by ranks of their values."""
    ranks = table[[name for name in names if name in table]].rank(pct=True, na_option="keep").fillna(0.5)
    return np.asarray(((ranks - 0.6) ** 2).sum(axis=1), dtype=float)
