"""Results: the tidy tables that every measure and figure reads."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from search_spaces.spaces import SearchSpace
    from sensitivity.store import Store

PREFIX = "config/"
"""Before the name of a hyperparameter in a column of :attr:`Results.trials`."""


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as dictionaries by column name."""
    return [{str(name): each for name, each in row.items()} for row in table.to_dict("records")]


def present(names: Sequence[str], row: Iterable[Any]) -> dict[str, Any]:
    """The configuration of a row: what is inactive has no value in the table."""
    return {name: value for name, value in zip(names, row, strict=True) if not pd.isna(value)}


@dataclass(frozen=True)
class Results:
    """What a study has given so far.

    trials: one row a trial: key, task, variant, seed, epochs, status, initial_loss, error, epochs_done, seconds, one column
        ``config/<name>`` a hyperparameter (NaN where the variant has none of that name), ``value`` (the metric after the last
        epoch; NaN when
        diverged before it) and ``loss``: min(value, initial_loss), the initial loss when diverged, NaN when failed or unfinished.
    epochs: one row an epoch: key, epoch and everything that was reported. spaces: the search space of each variant.
    metric: the column of ``epochs`` that is minimised. design: its kind. study: name. spec: the specification as a dictionary.

    Source of the cap: Wortsman et al., "Small-scale proxies for large-scale Transformer training instabilities", arXiv:2309.14322,
    section 2.2.
    """

    trials: pd.DataFrame
    epochs: pd.DataFrame
    spaces: Mapping[str, SearchSpace]
    metric: str
    design: str
    study: str
    spec: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_store(cls, store: Store, study: str, *, metric: str | None = None) -> Results:
        """Read a study. Args: metric: instead of the study's own. Raises: InputError for an unknown study or metric."""
        from sensitivity.study import METRICS, Study

        spec = Study.from_json(store.study(study))
        if metric is not None and metric not in METRICS:
            raise unknown("metric", metric, METRICS)
        metric = metric or spec.metric
        trials, epochs = store.trials(study), store.epochs(study)
        spaces = {name: spec.space(name) for name in spec.variants}
        table = _tidy(trials, epochs, metric, spaces)
        return cls(table, epochs, spaces, metric, spec.design["kind"], study, json.loads(spec.to_json()))

    @property
    def usable(self) -> pd.DataFrame:
        """Trials that are results: completed or diverged."""
        return self.trials[self.trials["status"].isin(("completed", "diverged"))]

    @property
    def groups(self) -> list[tuple[str, str]]:
        """Every (task, variant) with at least one usable trial, in the study's order."""
        present = self.usable
        return list(dict.fromkeys(zip(present["task"], present["variant"], strict=True)))

    def group(self, task: str, variant: str) -> pd.DataFrame:
        """Usable trials of one variant on one task."""
        present = self.usable
        return present[(present["task"] == task) & (present["variant"] == variant)]

    def units(self, trials: pd.DataFrame, variant: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Configurations in the unit cube of the variant's scales, NaN for what is inactive. Shape ``[trials, hyperparameters]``."""
        space = self.spaces[variant]
        columns = [f"{PREFIX}{name}" for name in space.names]
        rows = trials[columns].to_numpy(dtype=object)
        return space.encode([present(space.names, row) for row in rows])

    def save(self, folder: str | pathlib.Path) -> list[pathlib.Path]:
        """Write the tables as CSV and Parquet: ``trials`` and ``epochs``. Raises: InputError where that is not possible."""
        place = pathlib.Path(folder)
        written = []
        try:
            place.mkdir(parents=True, exist_ok=True)
            for name, table in (("trials", self.trials), ("epochs", self.epochs)):
                table.to_csv(place / f"{name}.csv", index=False)
                table.to_parquet(place / f"{name}.parquet", index=False)
                written += [place / f"{name}.csv", place / f"{name}.parquet"]
        except OSError as error:
            raise InputError(f"cannot write results to {str(folder)!r}: {error}") from None
        return written


def _tidy(trials: pd.DataFrame, epochs: pd.DataFrame, metric: str, spaces: Mapping[str, SearchSpace]) -> pd.DataFrame:
    names = list(dict.fromkeys(name for space in spaces.values() for name in space.names))
    kept = ["key", "task", "variant", "seed", "epochs", "status", "initial_loss", "error"]
    table = trials[kept].copy()
    ends = epochs.groupby("key", sort=False).agg(epochs_done=("epoch", "max"), seconds=("seconds", "sum"), value=(metric, "last"))
    table = table.merge(ends, how="left", left_on="key", right_index=True)
    table["epochs_done"] = table["epochs_done"].fillna(0).astype(int)
    for name in names:
        values = [configuration.get(name, np.nan) for configuration in trials["configuration"]]
        table[f"{PREFIX}{name}"] = pd.Series(values, index=table.index, dtype=object).infer_objects()
    ended = table["status"].isin(("completed", "diverged"))
    table["value"] = table["value"].where((table["status"] == "completed") & np.isfinite(table["value"]))
    capped = table["value"].fillna(np.inf).clip(upper=table["initial_loss"])
    table["loss"] = capped.where(ended)
    order = [*kept[:-1], "epochs_done", "seconds", *(f"{PREFIX}{name}" for name in names), "value", "loss", "error"]
    return table[order]
