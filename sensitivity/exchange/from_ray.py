"""Ray Tune experiments as Results, read from their JSON files or from a ResultGrid.

Nothing is unpickled.
"""

from __future__ import annotations

import math
import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from search_spaces.inferred import domain_of
from search_spaces.ray_spaces import space_from_ray
from search_spaces.spaces import SearchSpace
from search_spaces.values import choice_of
from sensitivity.exchange.assembling import assemble
from sensitivity.exchange.config_entries import hyperparameters_of
from sensitivity.exchange.inferring import Spaces
from sensitivity.exchange.ray_files import Experiment, Run, read_experiment
from sensitivity.exchange.ray_grids import read_grid
from sensitivity.exchange.ray_metrics import Curves, curves_of, metric_of
from sensitivity.exchange.ray_reports import leaves, number_in
from sensitivity.exchange.trial import Direction, Imported, as_utf8
from sensitivity.results.results import Results
from sensitivity.study.metric_names import direction_or_question
from trainables.names import InputError, unknown

SEED = "seed"
"""The entry of the config that is the seed where none is named."""
SAMPLE_FROM = "Function"
"""Ray Tune's class of the domain of ``tune.sample_from``."""
WRAPPER = "train_loop_config/"
"""Before the entries of the config of a Ray Train trainer that Ray Tune runs."""


def from_ray(
    experiment: Any,
    *,
    hyperparameters: Sequence[str] | None = None,
    ignore: Sequence[str] = (),
    metric: str | None = None,
    direction: Direction | None = None,
    variant: str | None = None,
    task: str | None = None,
    seed: str | None = None,
    initial_loss: float | None = None,
    epochs: int | None = None,
    defaults: Mapping[str, Any] | None = None,
    rename: Mapping[str, str] | None = None,
    scales: Mapping[str, str] | None = None,
    spaces: Spaces | Mapping[str, Any] = None,
    design: str | None = None,
    study: str | None = None,
) -> Results:
    """Read a Ray Tune experiment of any version.

    :attr:`Results.notes` count the files that cannot be read.

    A trial whose last report is not finite has diverged, also where Ray's encoder wrote NaN as the text
    "null". One that ended with an error has failed, and one that reported less often than the others was
    stopped early (ASHA and its kin) and has no result at the full budget. None in a config is the choice
    ``None``; a trial without a hyperparameter is left out and counted, unless another hyperparameter explains
    it.

    Args:
        experiment: its directory, or the ResultGrid of ``Tuner.fit()``.
        hyperparameters: entries of the config, nested ones as ``outer/inner``; those that differ between
            trials where none are named.
        ignore: entries of the config to leave out.
        metric: what was reported; not needed where Ray Tune was given one, or one number is a loss or the
            like by its name.
        direction: ``min`` or ``max``; not needed where the name of the metric says it.
        variant: entry of the config.
        task: entry of the config.
        seed: entry of the config; one called ``seed`` is the seed.
        initial_loss: the metric before training, which diverged trials count as; else it is the worst finite
            result.
        epochs: reports of a trial that was not stopped early; as many as any has.
        defaults: values of hyperparameters, for the trials that lack them.
        rename: new names of hyperparameters by old ones; the learning rate is called ``lr`` without it.
        scales: as for :func:`sensitivity.exchange.from_tables.from_table`.
        spaces: a search space, one for each variant, or the ``param_space``.
        design: as for :func:`sensitivity.exchange.from_tables.from_table`. An experiment with a search
            algorithm that looks at results is taken as ``adaptive``.
        study: what the report calls it.

    Raises:
        InputError: the directory is no experiment, a metric or config entry is unknown, the metric or its
            direction is not certain, or there are no trials.
    """
    hyperparameters = [hyperparameters] if isinstance(hyperparameters, str) else hyperparameters
    ignore = [ignore] if isinstance(ignore, str) else ignore
    read = (
        read_experiment(pathlib.Path(experiment))
        if isinstance(experiment, (str, pathlib.Path))
        else read_grid(experiment)
    )
    if not read.runs:
        raise InputError(f"{read.source} holds no trials")
    metric, about_metric = metric_of(read, metric, direction)
    direction, about_direction = _direction(read, metric, direction)
    curves = curves_of(read.runs, metric)
    unwrapped = [replace(run, config=_unwrapped(run.config)) for run in read.runs]
    config = list(dict.fromkeys(key for run in unwrapped for key in run.config))
    hyperparameters, ignore = (
        [key.removeprefix(WRAPPER) for key in keys or ()] for keys in (hyperparameters, ignore)
    )
    variant, task, seed = (key and key.removeprefix(WRAPPER) for key in (variant, task, seed))
    roles = {
        "variant": variant,
        "task": task,
        "seed": seed or (SEED if SEED in config and SEED not in hyperparameters else None),
    }
    for key in [*filter(None, roles.values()), *hyperparameters, *ignore]:
        if key not in config:
            raise unknown("entry of the config", key, config)
    used = [key for key in (*roles.values(), *ignore) if key]
    configs = [run.config for run in unwrapped]
    names, about_names = (
        ([key for key in hyperparameters if key not in used], [])
        if hyperparameters
        else hyperparameters_of(configs, used)
    )
    title = as_utf8(study or read.name)
    runs, about_roles = _with_roles(unwrapped, variant, task)
    return assemble(
        [_imported(run, names, curves, roles, initial_loss, title, epochs) for run in runs],
        source=read.source,
        study=title,
        metric=metric,
        direction=direction,
        names=names,
        scales=scales,
        spaces=spaces_from(spaces, names, configs),
        design=design or ("adaptive" if read.is_searched else None),
        epochs=epochs,
        notes=[*about_metric, *about_direction, *about_names, *about_roles, *read.notes, *curves.notes],
        rename=rename,
        defaults=defaults,
    )


def _direction(read: Experiment, metric: str, direction: Direction | None) -> tuple[Direction, list[str]]:
    """Return the direction: the argument, else Ray Tune's mode, else the one in the metric's name."""
    if direction is not None:
        return direction, []
    if read.metric == metric and read.mode in ("min", "max"):
        return ("max" if read.mode == "max" else "min"), [
            f"{metric}: {read.mode}, as Ray Tune was given (direction=, --direction)."
        ]
    stated = direction_or_question(metric, read.source)
    return stated, [f"{metric}: {stated}, as its name says (direction=, --direction)."]


def _unwrapped(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config without the name of the entry that holds those of a trainer."""
    return {
        key.removeprefix(WRAPPER) if key.removeprefix(WRAPPER) not in config else key: value
        for key, value in config.items()
    }


def _with_roles(runs: Sequence[Run], *roles: str | None) -> tuple[list[Run], list[str]]:
    """Return the trials whose config has every entry, and the sentences that count the others."""
    remaining, notes = list(runs), []
    for key in filter(None, roles):
        with_key = [run for run in remaining if key in run.config]
        if len(with_key) < len(remaining):
            notes.append(
                f"Left out, having no {key}: {len(remaining) - len(with_key)} of {len(runs)} trials."
            )
        remaining = with_key
    return remaining, notes


def _imported(
    run: Run,
    names: Sequence[str],
    curves: Curves,
    roles: Mapping[str, str | None],
    initial_loss: float | None,
    study: str,
    epochs: int | None,
) -> Imported:
    status, reports = curves.outcome(run, epochs)
    seed = run.config.get(roles["seed"]) if roles["seed"] else None
    last: Mapping[str, Any] = run.reports[-1] if run.reports else {}
    seconds = number_in(last.get("time_total_s"))
    labels = {
        role: str(choice_of(run.config.get(key, study))) if key else study for role, key in roles.items()
    }
    return Imported(
        run.key,
        {
            key: choice_of(run.config[key])
            for key in names
            if key in run.config and not _is_nan(run.config[key])
        },
        status,
        reports,
        labels["variant"],
        labels["task"],
        _seed(seed, run),
        math.nan if seconds is None else seconds,
        math.nan if initial_loss is None else float(initial_loss),
        run.error,
    )


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _seed(value: Any, run: Run) -> int | None:
    number = number_in(value)
    if number is not None and number.is_integer():
        return int(number)
    if value is None or not run.reports:
        return None
    raise InputError(f"seed must be a whole number, got {value!r} in trial {run.key}")


def spaces_from(spaces: Any, names: Sequence[str], configs: Sequence[Mapping[str, Any]]) -> Spaces:
    """Return search spaces as they are; of a ``param_space`` the space of its hyperparameters.

    One that ``tune.sample_from`` draws has the domain of its values.
    """
    if spaces is None or isinstance(spaces, SearchSpace):
        return spaces
    if isinstance(spaces, Mapping) and all(isinstance(space, SearchSpace) for space in spaces.values()):
        return spaces
    flat = _unwrapped(leaves(spaces, stop=lambda mapping: "grid_search" in mapping))
    plain, choices = {}, {}
    for name in names:
        values = _choices(flat.get(name))
        drawn = [config[name] for config in configs if name in config and not _is_nan(config[name])]
        if type(flat.get(name)).__name__ == SAMPLE_FROM and drawn:
            choices[name] = domain_of(name, map(choice_of, drawn))
        elif values and not all(isinstance(value, (str, bool, int, float)) for value in values):
            choices[name] = domain_of(name, values, "categorical")
        elif name in flat:
            plain[name] = flat[name]
    domains = {**choices, **{domain.name: domain for domain in space_from_ray(plain)}}
    return SearchSpace(*(domains[name] for name in names if name in domains))


def _choices(domain: Any) -> Sequence[Any]:
    """Return the values of a ``choice`` or a ``grid_search``; none for another domain."""
    values = domain.get("grid_search") if isinstance(domain, Mapping) else getattr(domain, "categories", None)
    return values if isinstance(values, (list, tuple)) else ()
