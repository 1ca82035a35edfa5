"""Results as a run folder of DeepCAVE.

The format is DeepCAVE's DataFrame format, ``configspace.csv`` and ``trials.csv``.
"""

from __future__ import annotations

import pathlib
import re
from typing import TYPE_CHECKING, Any

import pandas as pd

from search_spaces.configspace_spaces import COMPLEMENT
from search_spaces.hyperparameters import Float, Hyperparameter, Integer
from search_spaces.listing import condition
from sensitivity.exchange.to_optuna import chosen_group
from sensitivity.results.results import PREFIX, Results, records
from trainables.names import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping


def to_deepcave(
    results: Results, folder: str | pathlib.Path, *, task: str | None = None, variant: str | None = None
) -> pathlib.Path:
    """Write one variant on one task as a run of DeepCAVE: its space and its capped losses.

    Diverged trials are included. log1m hyperparameters are ``1 - mu`` on a log scale, and floats lose their
    step. Ordinals and categoricals are named choices (``p 2``), since DeepCAVE reads choices as text.
    Hyperparameters with one value are left out.

    Args:
        results: of the study.
        folder: is created if missing.
        task: may be None if the study has one task.
        variant: may be None if the study has one variant.

    Returns:
        The folder.

    Raises:
        InputError: the space has conditions, which the format lacks, or the folder cannot be written.

    Source:
        https://automl.github.io/DeepCAVE/main/converters/dataframe.html
    """
    task, variant = chosen_group(results, task, variant)
    space = [hyperparameter for hyperparameter in results.spaces[variant] if hyperparameter.cardinality != 1]
    for hyperparameter in space:
        if hyperparameter.when:
            raise InputError(
                f"{hyperparameter.name} is active only when {condition(hyperparameter.when)}; DeepCAVE's "
                "tables have no conditions"
            )
    rows = results.group(task, variant)
    low, high = float(rows["loss"].min()), float(rows["loss"].max())
    metric = f"metric:{re.sub(r'[^A-Za-z0-9_]', '_', results.metric)} [{low:f}; {high:f}] (minimize)"
    trials, clock = [], 0.0
    for number, row in enumerate(records(rows)):
        seconds = float(row["seconds"]) if row["seconds"] == row["seconds"] else 0.0
        values = {
            _name(hyperparameter): _value(hyperparameter, row[f"{PREFIX}{hyperparameter.name}"])
            for hyperparameter in space
        }
        ended = {
            "status": "success",
            "start_time": clock,
            "end_time": clock + seconds,
            "budget": row["epochs"],
            "seed": row["seed"],
        }
        trials.append({"config_id": number, **values, metric: row["loss"], **ended})
        clock += seconds
    place = pathlib.Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
        pd.DataFrame([_domain(hyperparameter) for hyperparameter in space]).to_csv(
            place / "configspace.csv", index=False
        )
        pd.DataFrame(trials).to_csv(place / "trials.csv", index=False)
    except OSError as error:
        raise InputError(f"cannot write DeepCAVE's tables to {str(folder)!r}: {error}") from None
    return place


def _name(hyperparameter: Hyperparameter) -> str:
    return f"{COMPLEMENT}{hyperparameter.name}" if hyperparameter.scale == "log1m" else hyperparameter.name


def _value(hyperparameter: Hyperparameter, value: Any) -> Any:
    value = hyperparameter.check(value)
    if isinstance(hyperparameter, (Float, Integer)):
        value = hyperparameter.above_zero(value) if isinstance(hyperparameter, Float) else value
        return 1 - value if hyperparameter.scale == "log1m" else value
    return f"{hyperparameter.name} {value}"


def _domain(hyperparameter: Hyperparameter) -> Mapping[str, Any]:
    if isinstance(hyperparameter, (Float, Integer)):
        low, high = (
            (1 - hyperparameter.high, 1 - hyperparameter.low)
            if hyperparameter.scale == "log1m"
            else (getattr(hyperparameter, "lowest", hyperparameter.low), hyperparameter.high)
        )
        numeric = {
            "log": hyperparameter.scale in ("log", "log1m"),
            "lower": low,
            "upper": high,
            "distribution": "uniform",
        }
        return {"name": _name(hyperparameter), "type": hyperparameter.kind, **numeric}
    items = [f"{hyperparameter.name} {value}" for value in hyperparameter.grid(hyperparameter.cardinality)]
    choices = {f"item_{place}": item for place, item in enumerate(items)}
    ordered = hyperparameter.kind == "ordinal"
    return {
        "name": hyperparameter.name,
        "type": "categorical",
        "log": False,
        "default": items[0],
        "ordered": ordered,
        **choices,
    }
