"""Trials that something else ran: from what was read of them to Results."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from search_spaces.inferred import plain_values
from search_spaces.spaces import SearchSpace
from search_spaces.values import write_value
from sensitivity.imported_spaces import Spaces, check_measurable, spaces_of
from sensitivity.planning import DONE
from sensitivity.results import COUNTED, IMPORTED, PREFIX, TIMES, Results
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from search_spaces.hyperparameters import Hyperparameter

ENDED = "ended"
"""A trial that ended: completed, diverged or stopped early, as its reports say."""
RESERVED = ("key", "epoch")
KINDS = ("grid", "random", "sobol", "latin_hypercube", "one_at_a_time", "explicit", "adaptive")
"""Designs that do not depend on the order of their trials, which an import does not know."""
MOST_GRID = 0.5
"""Share of the configurations that a full grid can be of before its numbers are no levels: every value of a random design is another."""

Direction = Literal["min", "max"]


@dataclass(frozen=True)
class Imported:
    """A trial as it was read.

    key: how its source calls it. status: one of :data:`sensitivity.planning.STATUSES`, or :data:`ENDED`. reports: the metric by epoch,
    rising. seed: None where there is none. initial_loss: the metric before training; NaN where it is not known.
    """

    key: str
    configuration: Mapping[str, Any]
    status: str
    reports: Sequence[tuple[int, float]]
    variant: str
    task: str
    seed: int | None = None
    seconds: float = math.nan
    initial_loss: float = math.nan
    error: str | None = None

    @property
    def value(self) -> float:
        """The last that was reported."""
        return self.reports[-1][1] if self.reports else math.nan


def assemble(
    trials: Sequence[Imported],
    *,
    source: str,
    study: str,
    metric: str,
    direction: Direction = "min",
    names: Sequence[str] = (),
    scales: Mapping[str, str] | None = None,
    spaces: Spaces = None,
    known: Mapping[str, Mapping[str, Hyperparameter]] | None = None,
    design: str | None = None,
    epochs: int | None = None,
    notes: Iterable[str] = (),
) -> Results:
    """Results of trials that were read elsewhere.

    Args:
        source: where they come from, for messages. names: of hyperparameters, in order. scales: of those whose domain is inferred.
        spaces: instead of inferring any. known: by variant, hyperparameters whose domain the source tells.
        design: kind of the design; a full grid is seen, anything else taken as ``random``, where it is not given.
        epochs: reports of a trial that was not stopped early; the most that any has.
    Raises: InputError for no trials, one that is there twice, a configuration outside a given space.
    """
    if not trials:
        raise InputError(f"{source} holds no trials")
    if metric in RESERVED:
        raise InputError(f"a metric cannot be called {metric!r}; rename it")
    if direction not in ("min", "max"):
        raise unknown("direction", direction, ("min", "max"))
    budget = epochs or max((len(each.reports) for each in trials), default=1) or 1
    ended = [_with_status(each, budget) for each in trials]
    said = list(notes)
    made, inferred = spaces_of(ended, names, spaces, scales or {}, known or {})
    said += inferred
    check_measurable(made, source)
    checked = [_checked(each, made[each.variant], source) for each in ended]
    seeded, repeated = _seeded(checked)
    said += repeated
    kinds = _designs(seeded, made, design)
    table = _table(seeded, made, budget, maximised=direction == "max")
    curves = pd.DataFrame(
        [
            {
                "key": each.key,
                "epoch": epoch,
                metric: value,
                **({} if metric == "seconds" else {"seconds": each.seconds / len(each.reports)}),
            }
            for each in seeded
            for epoch, value in each.reports
        ],
        columns=list(dict.fromkeys(["key", "epoch", metric, "seconds"])),
    ).astype({metric: float})
    capped = bool(np.isfinite([each.initial_loss for each in ended]).any())
    inferred_stops = sum(before.status == ENDED and after.status == "stopped" for before, after in zip(trials, ended, strict=True))
    said += _about_ends(table, metric, capped, inferred_stops)
    spec = {
        "name": study,
        IMPORTED: source,
        "metric": metric,
        "direction": direction,
        COUNTED: "the initial loss" if capped else "the worst that ended",
        "spaces": {name: [_plain(each) for each in space.to_dict()] for name, space in made.items()},
    }
    first = next(iter(kinds.values()))
    return Results(table, curves, made, metric, first, study, spec, direction, kinds, tuple(dict.fromkeys(said)))


def as_utf8(name: str) -> str:
    """A name with "?" for each byte of a file's name that is no UTF-8: reports and tables can hold nothing else.

    >>> as_utf8("caf" + chr(0xDCE9)), as_utf8("café")
    ('caf?', 'café')
    """
    return name.encode(errors="replace").decode()


def _with_status(trial: Imported, budget: int) -> Imported:
    """The trial with the status that its reports give it: what reported fewer than the others was stopped early."""
    status = trial.status
    finite = math.isfinite(trial.value)
    if status in (ENDED, "completed") and not trial.reports:
        return replace(trial, status="failed", error=trial.error or "it reported no result")
    if status in (ENDED, "completed", "stopped") and trial.reports and not finite:
        return replace(trial, status="diverged")
    if status == ENDED:
        return replace(trial, status="stopped" if len(trial.reports) < budget else "completed")
    return trial


def _checked(trial: Imported, space: SearchSpace, source: str) -> Imported:
    """The trial with the values as the space holds them; only those that are there, where it has no result."""
    values = {name: _as_chosen(name, plain_values(name, [value])[0], space) for name, value in trial.configuration.items()}
    if trial.status not in DONE:
        return replace(trial, configuration=values)
    try:
        return replace(trial, configuration=space.check(values))
    except InputError as error:
        raise InputError(f"{trial.key} of {source}: {error}") from None


def _as_chosen(name: str, value: Any, space: SearchSpace) -> Any:
    """A choice that a file has as text, where the space has it as something else: True among names."""
    choices = getattr(space[name], "choices", ()) if name in space and isinstance(value, str) else ()
    return next((each for each in choices if not isinstance(each, str) and str(each) == value), value)


def _seeded(trials: Sequence[Imported]) -> tuple[list[Imported], list[str]]:
    """Every trial with a seed: configurations that come again without one are numbered. Raises: InputError for a trial given twice."""
    found: dict[Any, Imported] = {}
    counts: dict[Any, int] = {}
    seeded, repeated = [], False
    for each in trials:
        what = (each.task, each.variant, tuple(sorted((name, str(value)) for name, value in each.configuration.items())))
        if each.seed is None:
            seed = counts.get(what, 0)
            counts[what] = seed + 1
            repeated = repeated or seed > 0
            seeded.append(replace(each, seed=seed))
            continue
        seeded.append(each)
        if each.status in (*DONE, "stopped"):
            if (*what, each.seed) in found:
                raise InputError(
                    f"{found[*what, each.seed].key} and {each.key} are the same trial: "
                    f"variant {each.variant!r}, seed {each.seed}, {dict(each.configuration)!r}"
                )
            found[*what, each.seed] = each
    return seeded, ["No seed was named: a configuration that comes again counts as another seed."] if repeated else []


def _designs(trials: Sequence[Imported], made: Mapping[str, SearchSpace], given: str | None) -> dict[str, str]:
    """The kind of each variant's design: a grid where every combination of few levels is there, else random."""
    if given is not None and given not in KINDS:
        raise unknown("design", given, KINDS)
    if given is not None:
        return dict.fromkeys(made, given)
    kinds = {}
    for variant, space in made.items():
        rows = {tuple(each.configuration.get(name) for name in space.names) for each in trials if each.variant == variant}
        levels = [len(set(column)) for column in zip(*rows, strict=True)]
        full = bool(rows) and math.prod(levels) == len(rows)
        if full and max(levels) > max(2, MOST_GRID * len(rows)):  # a single hyperparameter: levels are even, draws are not
            full = _even([dict(zip(space.names, row, strict=True)) for row in rows], space)
        kinds[variant] = "grid" if full else "random"
    return kinds


def _even(configurations: Sequence[Mapping[str, Any]], space: SearchSpace) -> bool:
    """Whether the places of the configurations along each hyperparameter are equally far apart."""
    units = np.sort(space.encode(configurations), axis=0)
    return bool(np.ptp(np.diff(units, axis=0), axis=0).max(initial=0.0) < 0.01)


def _table(trials: Sequence[Imported], made: Mapping[str, SearchSpace], budget: int, *, maximised: bool) -> pd.DataFrame:
    names = list(dict.fromkeys(name for space in made.values() for name in space.names))
    table = pd.DataFrame(
        {
            "key": [each.key for each in trials],
            "task": [each.task for each in trials],
            "variant": [each.variant for each in trials],
            "seed": [each.seed for each in trials],
            "epochs": budget,
            "status": [each.status for each in trials],
            "initial_loss": np.array([each.initial_loss for each in trials], float) * (-1 if maximised else 1),
            "epochs_done": [len(each.reports) for each in trials],
            "seconds": np.array([each.seconds for each in trials], float),
            **dict.fromkeys(TIMES, pd.Series(pd.NaT, index=range(len(trials)), dtype="datetime64[us, UTC]")),
        }
    )
    for name in names:
        values = [each.configuration.get(name, np.nan) for each in trials]
        table[f"{PREFIX}{name}"] = pd.Series(values, index=table.index, dtype=object).infer_objects()
    value = np.array([each.value for each in trials], float)
    table["value"] = np.where((table["status"] == "completed") & np.isfinite(value), value, np.nan)
    outcome = -table["value"] if maximised else table["value"]
    worst = outcome.groupby(table["task"]).transform("max").fillna(0.0)
    table["initial_loss"] = table["initial_loss"].where(np.isfinite(table["initial_loss"])).fillna(worst)
    table["loss"] = outcome.fillna(np.inf).clip(upper=table["initial_loss"]).where(table["status"].isin(DONE))
    table["error"] = pd.Series([each.error for each in trials], dtype=object)
    return table


def _about_ends(table: pd.DataFrame, metric: str, capped: bool, stopped: int) -> list[str]:
    diverged, said = table["status"] == "diverged", []
    if diverged.any() and not capped:
        said.append(
            f"Diverged, having no finite {metric}: {diverged.sum()} of {len(table)} trials, which count as the worst finite result of "
            "their task, as no initial loss was given."
        )
    if stopped:
        said.append(
            f"Stopped early, having reported fewer than {table['epochs'].iloc[0]} times: {stopped} of {len(table)} trials; give epochs if "
            "that is how they were meant to end."
        )
    return said


def _plain(hyperparameter: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: [write_value(one) for one in each]
        if isinstance(each, (list, tuple))
        else each
        if isinstance(each, dict)
        else write_value(each)
        for name, each in hyperparameter.items()
    }
