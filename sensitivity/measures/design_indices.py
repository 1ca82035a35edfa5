"""Indices that need special designs: Sobol indices of Saltelli's, elementary effects of Morris's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from search_spaces.designs import Composed, FixedDesign, Morris, Saltelli, design_from_dict
from sensitivity.measures.forest import constant
from sensitivity.measures.losses import Array, Losses, losses, note
from sensitivity.measures.noise import NOISE, noise_of
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.results.results import Results

COLUMNS = ["task", "variant", "effect", "order", "value", "low", "high", "n", "note"]
RESAMPLES = 200


def sobol(results: Results, *, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    r"""Return the Sobol indices of the capped loss, mean over seeds.

    The orders are first (main), second (pair) where the design has it, and total.

    .. math:: S_i = \frac{V[E(y | x_i)]}{V(y)}, \qquad S^T_i = \frac{E[V(y | x_{\sim i})]}{V(y)}

    estimated by SALib from the rows of the design; the interval is normal, from a bootstrap over its base
    points. Single-valued hyperparameters are left out. Total indices include the seed noise that the mean
    over the seeds leaves.

    Args:
        results: Results of a study with a Saltelli design.
        resamples: Number of bootstrap draws.
        seed: Seed of the bootstrap.

    Raises:
        InputError: for results without a saltelli design; for a row whose trial is missing.

    Source: Saltelli et al., "Variance based sensitivity analysis of model output", Computer Physics
    Communications 181 (2010).
    """
    rows: list[dict[str, Any]] = []
    for task, variant in results.groups:
        group = losses(results, task, variant)
        design, y, _ = _rows(results, group, Saltelli)
        keys = {"task": task, "variant": variant, "n": len(y), "note": note(group)}
        space = results.spaces[variant]
        for effect, order, value, half in _sobol(design, y, space, group, resamples, seed):
            rows.append(
                {
                    **keys,
                    "effect": effect,
                    "order": order,
                    "value": value,
                    "low": value - half,
                    "high": value + half,
                }
            )
        noise = noise_of(group, seed=seed)
        rows.append({**keys, "effect": NOISE, "order": "noise", **noise})
    return pd.DataFrame(rows, columns=COLUMNS)


def morris(results: Results, *, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    r"""Return the elementary effects of the capped loss, mean over seeds: mu*, and mu and sigma as columns.

    .. math:: \mu^*_i = \frac1n \sum_t \left| \frac{f(x^t + \Delta e_i) - f(x^t)}{\Delta} \right|

    over the trajectories of the design, in units of the loss a whole scale; sigma is the standard deviation
    of the elementary effects, large where the effect bends or depends on other hyperparameters. SALib
    computes the indices; the interval is normal, from a bootstrap over trajectories.

    Args:
        results: Results of a study with a Morris design.
        resamples: Number of bootstrap draws.
        seed: Seed of the bootstrap.

    Raises:
        InputError: for results without a morris design, or with one trajectory; for a row whose trial is
            missing.

    Sources: Morris, Technometrics 33 (1991); Campolongo, Cariboni & Saltelli, Environmental Modelling &
    Software 22 (2007), for mu*.
    """
    from SALib.analyze import morris as analysis

    rows = []
    for task, variant in results.groups:
        group = losses(results, task, variant)
        design, y, units = _rows(results, group, Morris)
        if design.n < 2:
            raise InputError(
                "morris needs a design of 2 trajectories or more (n), so that effects have errors; got 1"
            )
        space = results.spaces[variant]
        indices = analysis.analyze(
            design.problem(space),
            units,
            y,
            num_levels=design.levels,
            num_resamples=resamples,
            seed=np.random.default_rng(seed),
        )
        keys = {"task": task, "variant": variant, "n": len(y), "note": note(group), "order": "main"}
        for i, name in enumerate(space.names):
            if name in group.names:
                value, half = float(indices["mu_star"][i]), float(indices["mu_star_conf"][i])
                about = {"mu": float(indices["mu"][i]), "sigma": float(indices["sigma"][i])}
                rows.append(
                    {
                        **keys,
                        "effect": name,
                        "value": value,
                        "low": max(0.0, value - half),
                        "high": value + half,
                        **about,
                    }
                )
    return pd.DataFrame(rows, columns=[*COLUMNS, "mu", "sigma"])


def _sobol(
    design: Saltelli, y: Array, space: Any, group: Losses, resamples: int, seed: int
) -> list[tuple[str, str, float, float]]:
    """Return effect, order, index and half the interval of each index."""
    from SALib.analyze import sobol as analysis

    count = len(space)
    second = design.second_order
    if constant(group):
        indices: dict[str, Any] = {
            f"{name}{end}": np.zeros(count) for name in ("S1", "ST") for end in ("", "_conf")
        }
        indices |= {f"S2{end}": np.zeros((count, count)) for end in ("", "_conf")}
    else:
        # SALib takes a seed of 0 for none.
        indices = analysis.analyze(
            design.problem(space), y, calc_second_order=second, num_resamples=resamples, seed=seed + 1
        )
    varied = [i for i, name in enumerate(space.names) if name in group.names]
    rows = [(space.names[i], "main", float(indices["S1"][i]), float(indices["S1_conf"][i])) for i in varied]
    if second:
        pairs = [(i, j) for i in varied for j in varied if i < j]
        rows += [
            (
                f"{space.names[i]} x {space.names[j]}",
                "pair",
                float(indices["S2"][i, j]),
                float(indices["S2_conf"][i, j]),
            )
            for i, j in pairs
        ]
    return [
        *rows,
        *((space.names[i], "total", float(indices["ST"][i]), float(indices["ST_conf"][i])) for i in varied),
    ]


def _rows(results: Results, group: Losses, kind: Any) -> tuple[Any, Array, Array]:
    """Return the design of a kind, the mean loss of each of its rows, and its rows in the unit cube."""
    measure = {"saltelli": "sobol", "morris": "morris"}[kind.kind]
    got = results.design_of(group.variant)
    design = next((design for design in _designs(results, group.variant) if isinstance(design, kind)), None)
    if design is None:
        raise InputError(f"{measure} needs a {kind.kind} design, got {got!r}; use variance_shares")
    space = results.spaces[group.variant]
    chosen = [space.names.index(name) for name in group.names]
    wanted = np.nan_to_num(space.encode(design.configurations(space))[:, chosen], nan=0.5)
    known = {
        row.tobytes(): float(loss)
        for row, loss in zip(np.round(group.units, 9) + 0.0, group.mean, strict=True)
    }
    y = np.array([known.get(row.tobytes(), np.nan) for row in np.round(wanted, 9) + 0.0])
    missing = int(np.isnan(y).sum())
    if missing:
        raise InputError(
            f"{measure} needs every row of its design, and {missing} of {len(y)} are missing for "
            f"{group.variant}; finish the study or use variance_shares"
        )
    return design, y, design.units(space)


def _designs(results: Results, variant: str) -> list[FixedDesign]:
    """Return the designs that a variant's configurations come from; for a composed design, its parts."""
    spec = results.spec
    data = dict(spec.get("designs") or {}).get(variant, spec.get("design"))
    if not data:
        return []
    design = design_from_dict(data)
    return (
        list(design.parts)
        if isinstance(design, Composed)
        else [design]
        if isinstance(design, FixedDesign)
        else []
    )
