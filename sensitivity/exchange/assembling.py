"""Results from imported trials."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from search_spaces.inferred import plain_configuration
from search_spaces.spaces import SearchSpace
from search_spaces.validity import is_valid
from search_spaces.values import write_value
from sensitivity.exchange.holes import DECISIVE, decisive
from sensitivity.exchange.imported_designs import about_holes, is_grid
from sensitivity.exchange.inferring import Spaces, check_measurable, spaces_of
from sensitivity.exchange.renaming import renamed_domain, renamed_trials, renaming, values_by_name
from sensitivity.exchange.trial import ENDED, Direction, Imported
from sensitivity.results.capping import caps
from sensitivity.results.results import COUNTED, IMPORTED, PREFIX, TIMES, Results
from sensitivity.study.trial import DONE
from sensitivity.text.wording import several
from trainables.names import InputError, unknown
from trainables.outcomes import capped_losses

if TYPE_CHECKING:
    from search_spaces.hyperparameters import Hyperparameter

RESERVED = ("key", "epoch")
KINDS = ("grid", "random", "sobol", "latin_hypercube", "one_at_a_time", "explicit", "adaptive")
"""Designs that do not depend on the order of their trials, which an import does not know."""


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
    defaults: Mapping[str, Any] | None = None,
    rename: Mapping[str, str] | None = None,
) -> Results:
    """Return the Results of imported trials.

    Args:
        trials: one for each trial of the source, in the source's order.
        source: name of the file, folder or storage, for messages.
        study: name of the study in the report.
        metric: name of the metric.
        direction: ``min`` or ``max``.
        names: hyperparameters, in order.
        scales: by hyperparameter whose domain is inferred: ``linear``, ``log``, ``log1m``, ``ordinal`` or
            ``categorical``.
        spaces: search space of all variants, or by variant; None infers them.
        known: by variant, hyperparameters whose domain the source tells.
        design: kind of the design; None recognises a full grid and takes anything else as ``random``.
        epochs: reports of a trial that was not stopped early; None for the largest number of any trial.
        notes: sentences for :attr:`Results.notes`.
        defaults: values for hyperparameters that a trial lacks while no other hyperparameter explains the
            gap; a trial without a default is left out.
        rename: new names of hyperparameters by old ones; the learning rate is called ``lr`` unless
            ``spaces`` is set.

    Raises:
        InputError: no trials, a trial that is there twice, or a configuration outside the search space.
    """
    if not trials:
        raise InputError(f"{source} holds no trials")
    if metric in RESERVED:
        raise InputError(f"a metric cannot be called {metric!r}; rename it")
    if direction not in ("min", "max"):
        raise unknown("direction", direction, ("min", "max"))
    budget = epochs or max((len(trial.reports) for trial in trials), default=1) or 1
    ended = [_with_status(trial, budget) for trial in trials]
    sentences = list(notes)
    if rename is not None or spaces is None:
        new, words = renaming(values_by_name(decisive(ended) or ended), rename)
        sentences += words
        ended, names = renamed_trials(ended, new), [new.get(name, name) for name in names]
        scales = {new.get(name, name): scale for name, scale in (scales or {}).items()}
        known = {
            variant: {new.get(name, name): renamed_domain(domain, new) for name, domain in domains.items()}
            for variant, domains in (known or {}).items()
        }
        defaults = {new.get(name, name): value for name, value in (defaults or {}).items()}
    space_of, complete, inferred = spaces_of(ended, names, spaces, scales or {}, known or {}, defaults or {})
    sentences += inferred
    if not complete:
        raise InputError(f"{source} holds no finished trial")
    check_measurable(space_of, source)
    checked = [_checked(trial, space_of[trial.variant], source) for trial in complete]
    seeded, repeated = _seeded(checked)
    sentences += repeated
    kinds = _designs(seeded, space_of, design)
    sentences += about_holes(_grids(seeded, space_of, kinds)) if design is None else []
    table = _table(seeded, space_of, budget, maximised=direction == "max")
    others = dict.fromkeys(name for trial in seeded for name in trial.metrics)
    curves = pd.DataFrame(
        [
            {
                "key": trial.key,
                "epoch": epoch,
                metric: value,
                **{name: numbers.get(epoch, math.nan) for name, numbers in trial.metrics.items()},
                **({} if metric == "seconds" else {"seconds": trial.seconds / len(trial.reports)}),
            }
            for trial in seeded
            for epoch, value in trial.reports
        ],
        columns=list(dict.fromkeys(["key", "epoch", metric, *others, "seconds"])),
    ).astype({metric: float})
    inferred_stops = sum(
        before.status == ENDED and after.status == "stopped"
        for before, after in zip(trials, ended, strict=True)
    )
    sentences += _about_ends(table, metric, seeded, inferred_stops)
    spec = {
        "name": study,
        IMPORTED: source,
        "metric": metric,
        "direction": direction,
        COUNTED: caps(
            (trial.task, math.isfinite(trial.initial_loss)) for trial in seeded if trial.status in DONE
        ),
        "spaces": {name: [_plain(entry) for entry in space.to_dict()] for name, space in space_of.items()},
    }
    first = next(iter(kinds.values()))
    return Results(
        table,
        curves,
        space_of,
        metric,
        first,
        study,
        spec,
        direction,
        kinds,
        tuple(dict.fromkeys(sentences)),
    )


def _with_status(trial: Imported, budget: int) -> Imported:
    """Return the trial with the status that its reports imply.

    A trial with fewer reports than the budget was stopped early.
    """
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
    """Return the trial with its values converted to the types of the space.

    A trial without a result keeps only the values that can be read.
    """
    if trial.status not in DONE:
        return replace(trial, configuration=_readable(trial.configuration, space))
    unexpected = {name: value for name, value in trial.configuration.items() if name not in space}
    values = {
        **plain_configuration(trial.configuration, {domain.name: domain for domain in space}),
        **unexpected,
    }
    try:
        return replace(trial, configuration=space.check(values))
    except InputError as error:
        raise InputError(f"{trial.key} of {source}: {error}") from None


def _readable(configuration: Mapping[str, Any], space: SearchSpace) -> dict[str, Any]:
    """Return the readable values of a configuration, inside their domain or not.

    A trial without a result decides no domain, so its values are not checked.
    """
    values: dict[str, Any] = {}
    for domain in space:
        with contextlib.suppress(InputError):
            values |= plain_configuration(configuration, {domain.name: domain})
    return values


def _seeded(trials: Sequence[Imported]) -> tuple[list[Imported], list[str]]:
    """Number the trials of each configuration that have no seed; return all trials, and a note.

    Raises:
        InputError: two finished trials have the same configuration and seed.
    """
    completed: dict[Any, Imported] = {}
    counts: dict[Any, int] = {}
    seeded, repeated = [], False
    for candidate in sorted(
        trials, key=lambda trial: trial.status not in DECISIVE
    ):  # a failed trial that was run again is not another seed
        what = (
            candidate.task,
            candidate.variant,
            tuple(sorted((name, str(value)) for name, value in candidate.configuration.items())),
        )
        if candidate.seed is None:
            seed = counts.get(what, 0)
            counts[what] = seed + 1
            repeated = repeated or (seed > 0 and candidate.status in DECISIVE)
            seeded.append(replace(candidate, seed=seed))
            continue
        seeded.append(candidate)
        if candidate.status in (*DONE, "stopped"):
            if (*what, candidate.seed) in completed:
                raise InputError(
                    f"{completed[*what, candidate.seed].key} and {candidate.key} are the same trial: variant "
                    f"{candidate.variant!r}, seed {candidate.seed}, {dict(candidate.configuration)!r}"
                )
            completed[*what, candidate.seed] = candidate
    places = {trial.key: place for place, trial in enumerate(trials)}
    seeded.sort(key=lambda trial: places[trial.key])
    return seeded, [
        "No seed was named: a configuration that comes again counts as another seed."
    ] if repeated else []


def _designs(
    trials: Sequence[Imported], space_of: Mapping[str, SearchSpace], design: str | None
) -> dict[str, str]:
    """Return the kind of each variant's design.

    A design is a grid if every combination of a few levels is there, else random.
    """
    if design is not None and design not in KINDS:
        raise unknown("design", design, KINDS)
    if design is not None:
        return dict.fromkeys(space_of, design)
    kinds = {}
    for variant, space in space_of.items():
        valid = [
            trial.configuration
            for trial in trials
            if trial.variant == variant and is_valid(space, trial.configuration)
        ]
        rows = {tuple(configuration.get(name) for name in space.names) for configuration in valid}
        kinds[variant] = "grid" if is_grid(rows, space) else "random"
    return kinds


def _grids(
    trials: Sequence[Imported], space_of: Mapping[str, SearchSpace], kinds: Mapping[str, str]
) -> dict[str, dict[str, set[tuple[Any, ...]]]]:
    """Return the distinct configurations of the variants with a grid, by variant and task."""
    grids: dict[str, dict[str, set[tuple[Any, ...]]]] = {
        variant: {} for variant, kind in kinds.items() if kind == "grid"
    }
    for trial in trials:
        if trial.variant in grids and is_valid(space_of[trial.variant], trial.configuration):
            row = tuple(trial.configuration.get(name) for name in space_of[trial.variant].names)
            grids[trial.variant].setdefault(trial.task, set()).add(row)
    return grids


def _table(
    trials: Sequence[Imported], space_of: Mapping[str, SearchSpace], budget: int, *, maximised: bool
) -> pd.DataFrame:
    names = list(dict.fromkeys(name for space in space_of.values() for name in space.names))
    table = pd.DataFrame(
        {
            "key": [trial.key for trial in trials],
            "task": [trial.task for trial in trials],
            "variant": [trial.variant for trial in trials],
            "seed": [trial.seed for trial in trials],
            "epochs": budget,
            "status": [trial.status for trial in trials],
            "initial_loss": np.array([trial.initial_loss for trial in trials], float)
            * (-1 if maximised else 1),
            "epochs_done": [len(trial.reports) for trial in trials],
            "seconds": np.array([trial.seconds for trial in trials], float),
            **dict.fromkeys(TIMES, pd.Series(pd.NaT, index=range(len(trials)), dtype="datetime64[us, UTC]")),
        }
    )
    for name in names:
        values = [trial.configuration.get(name, np.nan) for trial in trials]
        table[f"{PREFIX}{name}"] = pd.Series(values, index=table.index, dtype=object).infer_objects()
    value = np.array([trial.value for trial in trials], float)
    table["value"] = np.where((table["status"] == "completed") & np.isfinite(value), value, np.nan)
    outcome = -table["value"] if maximised else table["value"]
    worst = outcome.groupby(table["task"]).transform("max").fillna(0.0)
    table["initial_loss"] = table["initial_loss"].where(np.isfinite(table["initial_loss"])).fillna(worst)
    table["loss"] = np.where(
        table["status"].isin(DONE), capped_losses(outcome, table["initial_loss"]), np.nan
    )
    table["error"] = pd.Series([trial.error for trial in trials], dtype=object)
    return table


def _about_ends(table: pd.DataFrame, metric: str, trials: Sequence[Imported], stopped: int) -> list[str]:
    uncapped, sentence = (
        sum(trial.status == "diverged" and not math.isfinite(trial.initial_loss) for trial in trials),
        [],
    )
    if uncapped:
        finite = set(table.loc[table["value"].notna(), "task"])
        tasks = dict.fromkeys(
            trial.task
            for trial in trials
            if trial.status == "diverged" and not math.isfinite(trial.initial_loss)
        )
        bare = [task for task in tasks if task not in finite]
        counted = (
            ", which count as the worst finite result of their task, as no initial loss was given"
            if len(bare) < len(tasks)
            else ""
        )
        none = f"; no trial of {several(bare)} has a finite {metric}" if bare else ""
        sentence.append(
            f"Diverged, having no finite {metric}: {uncapped} of {len(table)} trials{counted}{none}."
        )
    if stopped:
        sentence.append(
            f"Stopped early, having reported fewer than {table['epochs'].iloc[0]} times: {stopped} of "
            f"{len(table)} trials; give epochs if that is how they were meant to end."
        )
    return sentence


def _plain(hyperparameter: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: [write_value(one) for one in entry]
        if isinstance(entry, (list, tuple))
        else entry
        if isinstance(entry, dict)
        else write_value(entry)
        for name, entry in hyperparameter.items()
    }
