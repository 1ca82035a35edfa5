"""Pooled trials of several studies, each with the settings of the hyperalgorithm that it ran with."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.results.results import PREFIX, Results, records
from trainables.names import InputError

if TYPE_CHECKING:
    from search_spaces.hyperparameters import Hyperparameter

MOMENTUM = {
    "momentum": "cm",
    "momentum_gradient": "unscaled",
    "momentum_accumulation": "mean",
    "mu_schedule": "bias_corrected",
}
NORM = {"p": 2.0, "adaptive": "mean", "nu_schedule": "bias_corrected", "order": "first"}
"""Settings of the two parts of the hyperalgorithm, with its defaults."""
NUMBERS = {"mu": 0.9, "nu": 0.999}
SETTINGS = ("lr", *NUMBERS, *MOMENTUM, *NORM, "other")
"""Settings that distinguish configurations.

``other`` has everything that the paper does not mention, as text."""
MOMENTUM_RATE = 2.0
NORM_RATES = {1.0: 0.001, 2.0: 0.002, math.inf: 0.005}
"""The paper's learning rates of momentum alone (section 4.2), and of each norm (section 4.3)."""
UNSAID = ("batch_size", "initialisation")
"""Settings that the paper does not say; trials of studies that vary them are not pooled."""
SIZE = ("metric", "epochs", "limit", "batch_size", "precision")
"""Fields that studies of one task must share for their losses to be comparable."""


def pooled(results: Results | Sequence[Results]) -> pd.DataFrame:
    """Return finished trials of all studies, each once.

    The columns are key, task, seed, status, ``loss`` (the natural logarithm of the capped loss),
    ``initial_loss`` (likewise), and :data:`SETTINGS`, NaN or empty where the variant has no momentum, or no
    norm. Left out are variants that are no setting of the hyperalgorithm, and studies of what the paper does
    not say (:func:`is_of_unsaid`).

    Raises:
        InputError: for losses that are not above 0, and for studies of one task that differ in :data:`SIZE`.
    """
    studies = [one for one in as_list(results) if not is_of_unsaid(one)]
    _check_size(studies)
    columns = ["key", "task", "seed", "status", "loss", "initial_loss", *SETTINGS]
    return pd.DataFrame(trial_rows(studies), columns=columns)


def as_list(results: Results | Sequence[Results]) -> list[Results]:
    """Return one study or several as a list."""
    return [results] if isinstance(results, Results) else list(results)


def is_of_unsaid(results: Results) -> bool:
    """Return True for a study that varies what the paper does not say."""
    return any(name in UNSAID for variant in results.spaces for name in results.varied(variant))


def trial_rows(studies: Iterable[Results]) -> list[dict[str, Any]]:
    """Return the rows of :func:`pooled` of some studies, each trial once.

    Raises:
        InputError: for losses that are not above 0.
    """
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    for one in studies:
        for row in records(one.usable):
            fixed = _fixed(row["variant"])
            if fixed is None or row["key"] in seen or not np.isfinite(row["loss"]):
                continue
            if min(row["loss"], row["initial_loss"]) <= 0:
                raise InputError(
                    f"the paper's claims are about a loss above 0, got {row['loss']:g} for {one.metric!r} of "
                    f"{one.study!r}"
                )
            seen.add(row["key"])
            identity = {name: row[name] for name in ("key", "task", "seed", "status")}
            logs = {name: math.log(row[name]) for name in ("loss", "initial_loss")}
            rows.append(identity | logs | _settings(fixed, row))
    return rows


@lru_cache(maxsize=1024)
def _fixed(name: str) -> Mapping[str, Any] | None:
    """Return the settings that a variant fixes; None where it is no setting of the hyperalgorithm."""
    from trainables.variant_definition import Variant
    from trainables.variants import variant

    try:
        setting = variant(name)
    except InputError:
        return None
    return setting.fixed if isinstance(setting, Variant) else None


def _settings(fixed: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {
        name.removeprefix(PREFIX): value
        for name, value in row.items()
        if name.startswith(PREFIX) and not pd.isna(value)
    }
    whole = {**MOMENTUM, **NORM, **NUMBERS, **fixed, **chosen}
    other = ", ".join(f"{name}={whole[name]}" for name in sorted(set(whole) - set(SETTINGS)))
    settings = {name: whole.get(name, np.nan) for name in SETTINGS[:-1]} | {"other": other}
    if settings["momentum"] == "none":
        settings |= {"momentum_gradient": "", "momentum_accumulation": "", "mu_schedule": "", "mu": np.nan}
    if settings["adaptive"] == "none":
        settings |= {"p": np.nan, "nu_schedule": "", "order": "", "nu": np.nan}
    return settings


def _check_size(studies: Iterable[Results]) -> None:
    sizes: dict[tuple[str, str], tuple[Any, str]] = {}
    for one in studies:
        for task, trials in one.usable.groupby("task", sort=False):
            has = {**one.spec, "metric": one.metric, "epochs": trials["epochs"].iloc[0]}
            for name in SIZE:
                size, study = sizes.setdefault((str(task), name), (has.get(name), one.study))
                if size != has.get(name):
                    raise InputError(
                        f"studies {study!r} and {one.study!r} differ in {name} of {task} ({size}, "
                        f"{has.get(name)}); name those of one size with --study"
                    )


def cells(trials: pd.DataFrame, *but: str) -> pd.Series[str]:
    """Return a name for the configuration of each trial, without some settings."""
    return trials[[name for name in SETTINGS if name not in but]].map(_word).agg("|".join, axis=1)


def _word(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def at_paper_rates(trials: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the trials at the paper's learning rate of their norm, and a note where it was not run.

    Without a norm, the rate is that of momentum. All trials of a norm are returned where none has the paper's
    rate.
    """
    norm = trials["p"].where(trials["adaptive"] != "none")
    usual = norm.map(NORM_RATES).where(norm.notna(), MOMENTUM_RATE)
    at_paper_rate = pd.Series(
        np.isclose(trials["lr"].astype(float), usual.astype(float), rtol=0.01), index=trials.index
    )
    run = at_paper_rate.groupby(norm.fillna(0.0)).transform("any")
    note = "" if run.all() else "not run at the paper's learning rate: over all that were"
    return trials[at_paper_rate | ~run], note


def as_results(
    trials: pd.DataFrame, hyperparameters: Iterable[Hyperparameter], variants: Iterable[str] = ("all",)
) -> Results:
    """Return trials as results that a measure accepts.

    Args:
        trials: Trials with task, seed, status, loss, initial_loss, one column a hyperparameter, and
            ``variant`` where there are several.
        hyperparameters: Hyperparameters of the space.
        variants: Names of the variants.
    """
    from search_spaces.spaces import SearchSpace

    space = SearchSpace(*hyperparameters)
    table = trials.rename(columns={name: f"{PREFIX}{name}" for name in space.names}).reset_index(drop=True)
    if "variant" not in table:
        table["variant"] = next(iter(variants))
    return Results(table, pd.DataFrame(), dict.fromkeys(variants, space), "log loss", "explicit", "the paper")
