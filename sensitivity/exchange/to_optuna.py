"""Results as Optuna studies, for optuna-dashboard, ``optuna.visualization`` and ``optuna.importance``."""

from __future__ import annotations

import datetime
import math
import pathlib
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from search_spaces.hyperparameters import Float
from search_spaces.optuna_spaces import distribution
from search_spaces.values import write_value
from sensitivity.exchange.optuna_trials import AS_IT_WAS, OURS
from sensitivity.results.results import PREFIX, Results, active_values, records
from sensitivity.store.addresses import sqlite_url
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from search_spaces.hyperparameters import Hyperparameter
    from search_spaces.spaces import SearchSpace


def chosen_group(results: Results, task: str | None, variant: str | None) -> tuple[str, str]:
    """Return the task and the variant to export.

    Raises:
        InputError: the task or variant has no results, or several fit.
    """
    groups = results.groups
    for kind, name, known in (
        ("task", task, [name for name, _ in groups]),
        ("variant", variant, [name for _, name in groups]),
    ):
        if name is not None and name not in known:
            raise unknown(kind, name, dict.fromkeys(known))
    left = [group for group in groups if task in (None, group[0]) and variant in (None, group[1])]
    if len(left) != 1:
        raise InputError(
            "name task= and variant= of one of: "
            f"{', '.join(f'{one} on {of}' for of, one in left or groups) or 'no results'}"
        )
    return left[0]


def to_optuna(
    results: Results,
    storage: str | None = None,
    *,
    task: str | None = None,
    variant: str | None = None,
    name: str | None = None,
) -> optuna.Study:
    """Return an Optuna study of one variant on one task.

    Values are the metric, at most the initial loss: a diverged trial is complete with the initial loss, and
    has ``diverged`` in its user attributes, beside seed, key, configuration and the uncapped value. Stopped
    trials are pruned, failed trials failed; trials that have not ended are left out. Parameters are in
    Optuna's coordinates (:func:`search_spaces.optuna_spaces.to_optuna`), under names that say so:
    ``-log10(1 - mu)`` for a hyperparameter on the log1m scale, ``level of p`` for an ordinal one,
    ``decay (0 below 0.001)`` for one that is 0 or on a log scale.
    :func:`sensitivity.exchange.from_optuna.from_optuna` reads the study back.

    Args:
        results: of the study.
        storage: URL of an Optuna storage; None for memory.
        task: may be None if the study has one task.
        variant: may be None if the study has one variant.
        name: of the Optuna study; None joins study, task (of several) and variant by " / ".

    Raises:
        InputError: the storage cannot be written, or holds a study of that name.
    """
    import optuna

    task, variant = chosen_group(results, task, variant)
    name = name or _study_name(results, task, variant)
    space = results.spaces[variant]
    rows = results.trials[(results.trials["task"] == task) & (results.trials["variant"] == variant)]
    curves = dict(iter(results.epochs.groupby("key", sort=False)))
    trials = [
        _trial(row, space, curves.get(row["key"]), results)
        for row in records(rows)
        if row["status"] in ("completed", "diverged", "stopped", "failed")
    ]
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            direction="maximize" if results.direction == "max" else "minimize",
            sampler=_sampler(results, variant),
        )
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", optuna.exceptions.ExperimentalWarning
            )  # of set_metric_names, since 2023
            study.set_metric_names([results.metric])
        study.set_user_attr(
            OURS,
            {
                "study": results.study, "task": task, "variant": variant, "metric": results.metric,
                "design": results.design_of(variant), "space": _plain(space.to_dict()),
                "parameters": {parameter_name(space[name]): name for name in space.names},
            },
        )  # fmt: skip
        study.add_trials(trials)
    except optuna.exceptions.DuplicatedStudyError:
        raise InputError(f"the storage has an Optuna study {name!r} already; give name=") from None
    except Exception as error:  # a database's own errors, of as many kinds as there are databases
        raise InputError(f"cannot write an Optuna study to {storage!r}: {_short(error)}") from None
    finally:
        optuna.logging.set_verbosity(verbosity)
    return study


def _study_name(results: Results, task: str, variant: str) -> str:
    several = len({name for name, _ in results.groups}) > 1
    return " / ".join([results.study, *([task] if several else []), variant])


def all_to_optuna(results: Results, place: str | pathlib.Path) -> list[str]:
    """Write every variant on every task as an Optuna study into a SQLite file, and return their names.

    Variants without a result are left out. Studies of these names that an earlier call wrote are replaced;
    others in the file stay.

    Args:
        results: of the study.
        place: SQLite file, made if it is not there.

    Raises:
        InputError: there is no result, the file cannot be written, or it has a study of such a name from
            elsewhere.
    """
    import optuna

    if not results.groups:
        raise InputError(f"study {results.study!r} has no finished trial to export yet")
    storage = sqlite_url(pathlib.Path(place))
    names = {_study_name(results, task, variant): (task, variant) for task, variant in results.groups}
    try:
        there = optuna.get_all_study_summaries(storage) if pathlib.Path(place).exists() else []
    except Exception as error:  # of the database
        raise InputError(f"cannot read {str(place)!r} as an Optuna storage: {_short(error)}") from None
    replaced = [summary for summary in there if summary.study_name in names]
    for summary in replaced:
        if OURS not in summary.user_attrs:
            raise InputError(
                f"{str(place)!r} has an Optuna study {summary.study_name!r} from elsewhere; choose another "
                "file"
            )
    for summary in replaced:
        try:
            optuna.delete_study(study_name=summary.study_name, storage=storage)
        except Exception as error:  # of the database
            raise InputError(f"cannot write to {str(place)!r}: {_short(error)}") from None
    for name, (task, variant) in names.items():
        to_optuna(results, storage, task=task, variant=variant, name=name)
    return list(names)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _sampler(results: Results, variant: str) -> optuna.samplers.BaseSampler | None:
    from optuna.samplers import RandomSampler

    return None if results.design_of(variant) == "adaptive" else RandomSampler(seed=0)


def _trial(row: Mapping[str, Any], space: SearchSpace, curve: Any, results: Results) -> FrozenTrial:
    from optuna.trial import TrialState, create_trial

    sign = -1 if results.direction == "max" else 1
    state = {"stopped": TrialState.PRUNED, "failed": TrialState.FAIL}.get(row["status"], TrialState.COMPLETE)
    configuration = active_values(space.names, [row.get(f"{PREFIX}{name}") for name in space.names])
    kinds = {parameter_name(space[name]): distribution(space[name]) for name in configuration}
    reports = (
        {}
        if curve is None
        else dict(zip(curve["epoch"].astype(int), curve[results.metric].astype(float), strict=True))
    )
    steps = {step: value for step, value in reports.items() if math.isfinite(value)}
    trial = create_trial(
        state=state,
        value=sign * row["loss"] if state is TrialState.COMPLETE else None,
        params={
            parameter_name(space[name]): _parameter(space, name, value)
            for name, value in configuration.items()
        },
        distributions=kinds,
        intermediate_values=steps if len(reports) > 1 else {},
        user_attrs=_plain(
            {
                "key": row["key"], "seed": row["seed"], "diverged": row["status"] == "diverged",
                "configuration": configuration,
                AS_IT_WAS: row["value"], "initial_loss": sign * row["initial_loss"], "error": row["error"],
            }
        ),
    )  # fmt: skip
    if math.isfinite(row["seconds"]):
        trial.datetime_start, trial.datetime_complete = _times(row)
    return trial


def _times(row: Mapping[str, Any]) -> tuple[datetime.datetime, datetime.datetime]:
    """Return when a trial began and ended, in local time without a zone, as Optuna writes it.

    The first report comes at the end of the first epoch, so a trial began its seconds before its last report.
    Where only its seconds are known they count from 1970.
    """
    length = datetime.timedelta(seconds=float(row["seconds"]))
    if pd.isna(row["finished"]):
        began = datetime.datetime.fromtimestamp(0)
        return began, began + length
    ended = pd.Timestamp(row["finished"]).to_pydatetime().astimezone().replace(tzinfo=None)
    return ended - length, ended


def parameter_name(hyperparameter: Hyperparameter) -> str:
    """Return the name of a hyperparameter's coordinate in Optuna."""
    name = hyperparameter.name
    if hyperparameter.scale == "log1m":
        return f"-log10(1 - {name})"
    if isinstance(hyperparameter, Float) and hyperparameter.zero is not None:
        return f"{name} (0 below {hyperparameter.low})"
    return f"level of {name}" if hyperparameter.kind == "ordinal" else name


def _parameter(space: SearchSpace, name: str, value: Any) -> Any:
    """Return a value in Optuna's coordinate, inverse to :func:`search_spaces.optuna_spaces.value_of`."""
    hyperparameter = space[name]
    value = hyperparameter.check(value)
    if hyperparameter.scale == "log1m":
        return -math.log1p(-value) / math.log(10) + 0.0
    if isinstance(hyperparameter, Float):
        return hyperparameter.above_zero(value)
    return hyperparameter.levels.index(value) if hyperparameter.kind == "ordinal" else value  # type: ignore[union-attr]


def _plain(value: Any) -> Any:
    """Return a value that JSON can hold: infinities as strings, None for NaN."""
    if isinstance(value, Mapping):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    value = write_value(value)
    return None if value == "nan" else value
