"""Results: the tidy tables that every measure and figure reads."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.study.metric_names import direction_in
from sensitivity.study.trial import DONE
from sensitivity.text.csv_text import csv_text
from sensitivity.text.notebook_views import notebook_view
from trainables.names import InputError, unknown
from trainables.outcomes import capped_losses

if TYPE_CHECKING:
    from search_spaces.spaces import SearchSpace
    from sensitivity.store.store import Store
    from sensitivity.study.study import Study

    EpochCache = Callable[[Callable[[], pd.DataFrame]], pd.DataFrame]

NO_METRICS = ("key", "epoch", "lr", "mu", "nu", "images_per_second", "seconds")
COUNTED = "diverged trials count as"
"""Key in the specification of an import: the cap of all tasks, or by task if they differ
(:mod:`sensitivity.results.capping`)."""
ASSUMED_ADAPTIVE = (
    "A study does not say how it sampled, so it is taken for an optimizer's; if it was at "
    'random, say design="random" (--design random).'
)
"""Note of an import whose design is assumed to be adaptive."""
IMPORTED = "imported from"
"""Key in the specification of an import: the source."""
TIMES = ("started", "finished")
"""Columns of :attr:`Results.trials` that are times."""
PREFIX = "config/"
"""Prefix of a hyperparameter's column in :attr:`Results.trials`."""


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table as dictionaries by column name, with values of Python's types."""
    columns = {str(name): column.tolist() for name, column in table.items()}
    plain = [
        [cell.item() if isinstance(cell, np.generic) else cell for cell in of] for of in columns.values()
    ]
    rows = zip(*plain, strict=True) if columns else iter([()] * len(table))
    return [dict(zip(columns, row, strict=True)) for row in rows]


def active_values(names: Sequence[str], row: Iterable[Any]) -> dict[str, Any]:
    """Return a row as a configuration, without inactive hyperparameters (NaN)."""
    return {name: value for name, value in zip(names, row, strict=True) if not pd.isna(value)}


@dataclass(frozen=True)
class Results:
    """The results of a study so far, as tidy tables.

    Args:
        trials: one row a trial: key, task, variant, seed, epochs, status, initial_loss, error, epochs_done,
            seconds, ``started`` and ``finished`` (times of the first and last report, UTC; NaT if unknown, as
            in every import), one column ``config/<name>`` a hyperparameter (NaN if the variant lacks it or it
            was inactive), ``value`` (the metric after the last epoch; NaN if the trial diverged earlier) and
            ``loss``: min(value, initial_loss), the initial loss if diverged, NaN if failed, stopped early or
            unfinished. The loss of a metric that is maximised is its negative. A metric that is no loss has
            no initial loss: its ``initial_loss`` is the worst final value of any trial of the task.
        reported: one row an epoch: key, epoch and every reported quantity; or a function that returns this
            table, called whenever :attr:`epochs` is used.
        spaces: the search space of each variant.
        metric: the column of ``epochs`` that is judged.
        design: the kind of design.
        study: the name of the study.
        spec: the specification as a dictionary.
        direction: ``min`` or ``max``.
        designs: kinds of design of the variants that differ from ``design``.
        notes: assumptions of an import, in sentences.
        runs: workers, hosts and devices of each run, if recorded
            (:func:`sensitivity.running.devices.environment`).
        metrics: columns of ``epochs`` by which a study can be judged.
        defaults: trials of default settings that a design lacks, with the columns of ``trials``; no mean over
            a design has them. Their cap is that of the task's ``trials``.

    Source of the cap: Wortsman et al., "Small-scale proxies for large-scale Transformer training
    instabilities", arXiv:2309.14322, section 2.2.
    """

    trials: pd.DataFrame
    reported: pd.DataFrame | Callable[[], pd.DataFrame]
    spaces: Mapping[str, SearchSpace]
    metric: str
    design: str
    study: str
    spec: Mapping[str, Any] = field(default_factory=dict)
    direction: str = "min"
    designs: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    runs: tuple[Mapping[str, Any], ...] = ()
    metrics: tuple[str, ...] = ()
    defaults: pd.DataFrame = field(default_factory=pd.DataFrame)

    def __post_init__(self) -> None:
        if self.defaults.empty:
            object.__setattr__(self, "defaults", self.trials.iloc[:0])

    @property
    def all_trials(self) -> pd.DataFrame:
        """Trials of the designs and of the default settings beside them."""
        both = [self.trials, self.defaults]
        return self.trials if self.defaults.empty else pd.concat(both, ignore_index=True)

    @property
    def epochs(self) -> pd.DataFrame:
        """One row an epoch: key, epoch and every reported quantity."""
        return self.reported() if callable(self.reported) else self.reported

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "reported": self.epochs}

    @classmethod
    def from_store(
        cls,
        store: Store,
        study: str,
        *,
        metric: str | None = None,
        direction: str | None = None,
        cache: EpochCache | None = None,
    ) -> Results:
        """Read a study as it is now.

        With a cache, only the last epoch of each trial is read at once; all epochs are read on first use.

        Args:
            store: has the study.
            study: the name of the study.
            metric: metric instead of the study's own.
            direction: ``min`` or ``max`` of that metric; None for what its name says.
            cache: calls the function that it receives and returns its table, which it may keep; the store
                must stay open.

        Raises: InputError for an unknown study or metric, and for a metric whose name states no direction, if
        none is given.
        """
        from sensitivity.study.default_settings import is_default
        from sensitivity.study.margins import earlier_margins
        from sensitivity.study.study import Study
        from sensitivity.study.trial import METRICS

        stored = store.study(study)
        spec = Study.from_stored(stored)
        trials, epochs = store.trials(study), store.last_epochs(study)
        # Trials of variants that the study no longer names are still in the store.
        trials = trials[trials["task"].isin(spec.tasks) & trials["variant"].isin(spec.variants)].reset_index(
            drop=True
        )
        measured = tuple(
            str(name) for name in epochs.columns if epochs[name].notna().any() and name not in NO_METRICS
        )
        if metric is not None and metric not in measured:
            raise unknown("metric", metric, measured or METRICS)
        metric = metric or spec.metric
        if metric not in epochs.columns:  # no epoch reported yet
            epochs[metric] = np.nan
        spaces = {name: spec.space(name) for name in spec.variants}
        direction = _direction(metric, spec, direction)
        beside = np.array(
            is_default(spec, list(trials["variant"]), list(trials["configuration"])), dtype=bool
        )
        every = _tidy(trials, epochs, metric, spaces)
        table, worst = _with_losses(every[~beside], maximised=direction == "max", capped=metric in METRICS)
        defaults, _ = _with_losses(
            every[beside], maximised=direction == "max", capped=metric in METRICS, worst=worst
        )
        kind = spec.design.get("kind", "explicit")
        designs = {name: design["kind"] for name, design in spec.designs.items()}
        runs = tuple(store.runs(study))
        read = _reader(store, study, metric, dict(zip(epochs["key"], epochs["epoch"], strict=True)))
        reported = partial(cache, read) if cache is not None else read()
        specification = {**json.loads(spec.to_json()), **earlier_margins(stored)}
        return cls(
            table,
            reported,
            spaces,
            metric,
            kind,
            study,
            specification,
            direction,
            designs,
            runs=runs,
            metrics=tuple(name for name in measured if name == spec.metric or direction_in(name) is not None),
            defaults=defaults,
        )

    def _repr_html_(self) -> str | None:
        return notebook_view(self)

    def design_of(self, variant: str) -> str:
        """Return the kind of design of a variant's configurations."""
        return self.designs.get(variant, self.design)

    @property
    def usable(self) -> pd.DataFrame:
        """Trials with a result: completed or diverged."""
        return self.trials[self.trials["status"].isin(DONE)]

    @property
    def groups(self) -> list[tuple[str, str]]:
        """Every (task, variant) with at least one usable trial, in the study's order."""
        pairs = self.usable[["task", "variant"]].drop_duplicates()
        return list(zip(pairs["task"], pairs["variant"], strict=True))

    def group(self, task: str, variant: str) -> pd.DataFrame:
        """Return the usable trials of one variant on one task."""
        return self.usable[(self.usable["task"] == task) & (self.usable["variant"] == variant)]

    def varied(self, variant: str) -> tuple[str, ...]:
        """Return the hyperparameters of a variant that have more than one value."""
        return tuple(
            hyperparameter.name for hyperparameter in self.spaces[variant] if hyperparameter.cardinality != 1
        )

    def units(self, trials: pd.DataFrame, variant: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return configurations in the unit cube of the variant's scales; NaN if inactive.

        The shape is ``[trials, varied hyperparameters]``.
        """
        space = self.spaces[variant]
        columns = [f"{PREFIX}{name}" for name in space.names]
        rows = trials[columns].to_numpy(dtype=object)
        chosen = [space.names.index(name) for name in self.varied(variant)]
        return space.encode([active_values(space.names, row) for row in rows])[:, chosen]

    def save(self, folder: str | pathlib.Path) -> list[pathlib.Path]:
        """Write the tables ``trials`` and ``epochs`` as CSV and Parquet, and ``defaults`` if it has a row.

        Raises: InputError if the folder cannot be written.
        """
        place = pathlib.Path(folder)
        written = []
        try:
            place.mkdir(parents=True, exist_ok=True)
            tables = {"trials": self.trials, "epochs": self.epochs, "defaults": self.defaults}
            for name in [name for name in tables if name != "defaults" or len(self.defaults)]:
                table = tables[name]
                (place / f"{name}.csv").write_text(csv_text(table), encoding="utf-8", newline="")
                # bytes, as Arrow refuses a path that is not UTF-8
                (place / f"{name}.parquet").write_bytes(of_one_type(table).to_parquet(index=False))
                written += [place / f"{name}.csv", place / f"{name}.parquet"]
        except OSError as error:
            raise InputError(f"cannot write results to {str(folder)!r}: {error}") from None
        return written


def _direction(metric: str, spec: Study, direction: str | None) -> str:
    """Return the direction of a metric of a study.

    Raises: InputError for another than the study's own of the same metric, or a name that states none.
    """
    if direction not in (None, "min", "max"):
        raise unknown("direction", direction, ("min", "max"))
    if metric == spec.metric:
        if direction not in (None, spec.direction):
            raise InputError(f"direction of {metric!r} is the study's own: {spec.direction}, got {direction}")
        return spec.direction
    stated = direction or direction_in(metric)
    if stated is None:
        raise InputError(
            f"is a lower or a higher {metric!r} better? Its name does not say; give direction= (--direction "
            "min or max)"
        )
    return stated


def _reader(store: Store, study: str, metric: str, ends: Mapping[str, int]) -> Callable[[], pd.DataFrame]:
    """Return a function that reads the epochs that the store had when each trial's last epoch was read.

    Args:
        store: has the study.
        study: the name of the study.
        metric: a column that the table has even if it was never reported.
        ends: last epoch of each trial; later epochs, and trials without an entry, are left out.
    """

    def read() -> pd.DataFrame:
        epochs = store.epochs(study)
        epochs = epochs[epochs["epoch"] <= epochs["key"].map(ends)].reset_index(drop=True)
        return epochs if metric in epochs.columns else epochs.assign(**{metric: np.nan})

    return read


def of_one_type(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with mixed columns (True beside "cm") as text: a Parquet column has one type."""
    mixed = {
        name: column.map(str, na_action="ignore")
        for name, column in table.items()
        if column.dtype == object and len({type(value) for value in column.dropna()}) > 1
    }
    return table.assign(**{str(name): column for name, column in mixed.items()})


def _tidy(
    trials: pd.DataFrame, epochs: pd.DataFrame, metric: str, spaces: Mapping[str, SearchSpace]
) -> pd.DataFrame:
    """Return one row a trial, with the metric after its last epoch; it has no losses yet."""
    names = list(dict.fromkeys(name for space in spaces.values() for name in space.names))
    columns = ["key", "task", "variant", "seed", "epochs", "status", "initial_loss", "error"]
    table = trials[columns].copy()
    for name in TIMES:
        table[name] = pd.to_datetime(trials[name], utc=True)
    by_trial = epochs.groupby("key", sort=False)
    ends = by_trial.agg(epochs_done=("epoch", "max"), seconds=("seconds", "sum"))
    ends["value"] = by_trial[metric].nth(-1).set_axis(ends.index)  # not "last", which skips NaN
    table = table.merge(ends, how="left", left_on="key", right_index=True)
    table["epochs_done"] = table["epochs_done"].fillna(0).astype(int)
    for name in names:
        values = [configuration.get(name, np.nan) for configuration in trials["configuration"]]
        table[f"{PREFIX}{name}"] = pd.Series(values, index=table.index, dtype=object).infer_objects()
    table["value"] = table["value"].where((table["status"] == "completed") & np.isfinite(table["value"]))
    order = [*columns[:-1], "epochs_done", "seconds", *TIMES, *(f"{PREFIX}{name}" for name in names)]
    return table[[*order, "value", "error"]]


def _with_losses(
    table: pd.DataFrame, *, maximised: bool, capped: bool, worst: pd.Series[float] | None = None
) -> tuple[pd.DataFrame, pd.Series[float]]:
    """Return a table of :func:`_tidy` with losses, and the worst loss of each task.

    Args:
        table: Trials.
        maximised: True if more is better.
        capped: True if the cap is the initial loss; else it is the worst loss of the task.
        worst: Worst losses of other trials of the same tasks, which are the caps of these.
    """
    table = table.reset_index(drop=True)
    outcome = -table["value"] if maximised else table["value"]
    worst = outcome.groupby(table["task"]).max() if worst is None else worst
    if not capped:
        table["initial_loss"] = table["task"].map(worst).fillna(0.0).astype(float)
    loss = capped_losses(outcome, table["initial_loss"].fillna(np.inf))
    losses = pd.Series(loss, index=table.index).where(table["status"].isin(DONE))
    table.insert(list(table.columns).index("error"), "loss", losses)
    return table, worst
