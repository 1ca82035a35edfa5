"""Export of runs for TensorBoard and MLflow.

Each trial becomes a run. The folder of a study is replaced whole or not at all.
"""

from __future__ import annotations

import json
import math
import pathlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sensitivity.results.results import PREFIX, TIMES, active_values, records
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.results.results import Results

MARK = "sensitivity-export.json"
"""The file that tells an export from what somebody else keeps there."""
FINAL = "result/"
"""Before the names of what a trial came to; the metrics of its epochs have their own."""


@dataclass(frozen=True)
class Run:
    """A trial that has begun.

    facts: key, study, task, variant, seed and status, as text.
    steps: numbers of the epochs, counted from 1.
    times: end of each epoch, seconds since 1970.
    begin: start of the first epoch, seconds since 1970.
    metrics: values of each epoch, by metric.
    final: results of the trial, without unknown ones: ``loss`` (capped), ``value`` (uncapped), ``best`` (of
    any epoch), ``diverged`` (1 or 0).
    """

    facts: Mapping[str, str]
    configuration: Mapping[str, Any]
    steps: list[int]
    times: list[float]
    metrics: Mapping[str, list[float]]
    final: Mapping[str, float]
    begin: float
    error: str

    @property
    def name(self) -> str:
        """Name of the run: variant and key."""
        return f"{self.facts['variant']} {self.facts['key']}"

    @property
    def end(self) -> float:
        """Time of the last report, seconds since 1970."""
        return self.times[-1] if self.times else self.begin


def runs(results: Results) -> Iterator[Run]:
    """Yield every trial that has begun, in the study's order.

    An epoch ends its training time and that of later ones before the last report. Where the moment is not
    known, as of every import, the clock begins in 1970. A metric that a trial never reported is left out;
    between others NaN stays.
    """
    epochs = results.epochs
    names = [str(name) for name in epochs.columns if name not in ("key", "epoch")]
    values = epochs[names].to_numpy(float)
    seconds = (
        np.nan_to_num(epochs["seconds"].to_numpy(float)) if "seconds" in names else np.zeros(len(epochs))
    )
    numbers, places = epochs["epoch"].to_numpy(int), epochs.groupby("key", sort=False).indices
    judged = names.index(results.metric)
    for row in records(results.all_trials[results.all_trials["status"] != "pending"]):
        rows: NDArray[np.int64] = np.asarray(places.get(row["key"], []), dtype=np.int64)
        rows = rows[np.argsort(numbers[rows], kind="stable")]
        clock = np.cumsum(seconds[rows])
        begin = _begin(row, clock)
        known = ~np.isnan(values[rows]).all(axis=0)
        space = results.spaces[row["variant"]]
        active = active_values(space.names, [row.get(f"{PREFIX}{name}") for name in space.names])
        yield Run(
            {"study": results.study}
            | {name: str(row[name]) for name in ("key", "task", "variant", "seed", "status")},
            {name: space[name].check(value) for name, value in active.items()},  # 2.0 of a table is level 2
            numbers[rows].tolist(),
            (begin + clock).tolist(),
            {name: values[rows, place].tolist() for place, name in enumerate(names) if known[place]},
            _final(row, values[rows, judged], maximised=results.direction == "max"),
            begin,
            row["error"] if isinstance(row["error"], str) else "",
        )


def _begin(row: Mapping[str, Any], clock: NDArray[np.float64]) -> float:
    started, finished = (row.get(name, pd.NaT) for name in TIMES)
    if not pd.isna(finished):
        return float(finished.timestamp() - (clock[-1] if len(clock) else 0.0))
    return 0.0 if pd.isna(started) else float(started.timestamp() - (clock[0] if len(clock) else 0.0))


def _final(row: Mapping[str, Any], curve: NDArray[np.float64], *, maximised: bool) -> dict[str, float]:
    finite = curve[np.isfinite(curve)]
    best = (finite.max() if maximised else finite.min()) if len(finite) else math.nan
    numbers = {
        "loss": row["loss"],
        "value": row["value"],
        "best": best,
        "diverged": row["status"] == "diverged",
    }
    return {f"{FINAL}{name}": float(value) for name, value in numbers.items() if not math.isnan(value)}


Write = Callable[["Results", pathlib.Path, pathlib.Path], pathlib.Path]
"""Write results into an empty folder, and return the folder of the study in it.

Args are the results, the temporary folder, and the folder that the contents are moved to.
"""


def export(results: Results, folder: str | pathlib.Path, kind: str, write: Write) -> pathlib.Path:
    """Write a study into a folder of exports; an earlier export of the study is replaced.

    Exports of other studies stay. The export is written beside the folder and moved into place when it is
    complete, so an interrupted export changes nothing.

    Args:
        results: of the study.
        folder: is created if missing.
        kind: ``tensorboard`` or ``mlflow``.
        write: writes the results in the format of the tool.

    Returns:
        The folder of the study.

    Raises:
        InputError: the folder holds something else, or cannot be written.
    """
    place = pathlib.Path(folder).expanduser().absolute()
    try:
        earlier = _earlier(place, kind)
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{place.name[:60]}-", dir=place.parent) as temporary:
            new = write(results, pathlib.Path(temporary), place)
            (new / MARK).write_text(json.dumps({"kind": kind, "study": results.study}), encoding="utf-8")
            target, old = place / new.name, earlier.get(results.study)
            if old != target and target.exists():
                raise InputError(
                    f"{str(target)!r} is not an export of study {results.study!r}; give another folder"
                )
            place.mkdir(exist_ok=True)
            earlier_copy = pathlib.Path(temporary) / "earlier"
            if old is not None:
                old.rename(earlier_copy)
            try:
                new.rename(target)
            except BaseException:
                if old is not None:
                    earlier_copy.rename(old)
                raise
    except OSError as error:
        raise InputError(f"cannot write an export to {str(folder)!r}: {error}") from None
    return target


def _earlier(place: pathlib.Path, kind: str) -> dict[str, pathlib.Path]:
    """Return the exports of one format that a folder has from earlier, by the name of the study.

    Raises:
        InputError: the folder is not empty and holds no export of this kind.
    """
    if place.exists() and not place.is_dir():
        raise InputError(f"{str(place)!r} is a file; an export is a folder")
    inside = [path for path in place.iterdir() if not path.name.startswith(".")] if place.exists() else []
    exports: dict[str, pathlib.Path] = {}
    for path in inside:
        try:
            mark = json.loads((path / MARK).read_text(encoding="utf-8"))
            exports |= {mark["study"]: path} if mark["kind"] == kind else {}
        except (OSError, ValueError, KeyError, TypeError):
            continue
    if inside and not exports:
        raise InputError(
            f"{str(place)!r} holds something that is no export to {kind}; give a new or an empty folder"
        )
    return exports
