"""Checks of a study before it runs: a mistake is reported in one line, before anything is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search_spaces.designs import AdaptiveDesign
from search_spaces.hyperparameters import Float
from sensitivity.study.fields import StudyFields
from sensitivity.study.trial import COSTS, METRICS
from trainables.dotted import imported
from trainables.named_variants import DIRECT
from trainables.names import InputError, unknown
from trainables.settings import accepted, check_configuration, route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from search_spaces.hyperparameters import Hyperparameter
    from search_spaces.spaces import SearchSpace
    from trainables.task_definition import Task
    from trainables.variant_definition import Optimizable


def check(study: StudyFields) -> None:
    """Check a study against the known tasks, variants, spaces, designs and metrics.

    Raises: InputError for an unknown name, a hyperparameter that a variant does not take, a design that fits
    no space, or a metric that no task has.
    """
    for field in ("spaces", "designs"):
        for name in getattr(study, field):
            if name not in study.variants:
                raise unknown(f"variant in {field}", name, study.variants)
    if not study.design and set(study.designs) < set(study.variants):
        raise InputError("a study needs design")
    if study.trainable is not None:
        _check_trainable(study)
    else:
        _check_tasks(study)
    _check_designs(study)


def unknown_names(tasks: Any, variants: Any) -> list[str]:
    """Return what is wrong with the names of tasks and variants, one text an unknown name.

    Args:
        tasks: Names as a study file has them; what is no list of texts, or one text, is not looked at.
        variants: Likewise.
    """
    from trainables.tasks import task
    from trainables.variants import variant

    found = []
    for look_up, names in ((task, tasks), (variant, variants)):
        for name in [names] if isinstance(names, str) else names if isinstance(names, list | tuple) else ():
            try:
                if isinstance(name, str) and name != DIRECT:
                    look_up(name)
            except InputError as error:
                found.append(str(error))
    return found


def _check_trainable(study: StudyFields) -> None:
    study.resolved.trainable()
    for name in study.variants:
        if name not in study.spaces:
            raise InputError(
                f"a trainable has no default space; give space=SearchSpace(...), or spaces for {name!r}"
            )
        for reserved in ("seed", "variant"):
            if reserved in study.space(name):
                raise InputError(
                    f"a hyperparameter of a trainable cannot be called {reserved!r}: its config has the "
                    f"trial's {reserved} there"
                )
    for field in ("limit", "batch_size"):
        if getattr(study, field) is not None:
            raise InputError(f"{field} has no effect on a trainable of your own; make it a hyperparameter")
    if study.precision != "float32":
        raise InputError("precision has no effect on a trainable of your own; make it a hyperparameter")
    if study.metric == "train_loss_end":
        raise InputError(
            "a trainable of your own needs metric: the name under which it reports what is judged"
        )


def _check_tasks(study: StudyFields) -> None:
    from trainables.function_tasks import FunctionTask

    for field in ("tasks", "variants", "epochs"):
        if not getattr(study, field):
            raise InputError(f"a study needs {field}")
    if names := unknown_names(study.tasks, study.variants):
        raise InputError("; ".join(names))
    tasks = [study.resolved.task(name) for name in study.tasks]
    functions = [task.name for task in tasks if isinstance(task, FunctionTask)]
    if functions and (len(tasks) > 1 or study.variants != (DIRECT,)):
        raise InputError(
            f"{functions[0]} is a function, which no optimizer trains: a study of it has no other task and "
            "no variants"
        )
    for name in study.variants if not functions else ():
        for trained in tasks:
            _check_space(trained, study.resolved.variant(name), name, study.space(name))
    for task in tasks:
        reported = [f"{part}_{metric}" for metric in task.metrics for part in ("train", "test")]
        known = [*METRICS, *reported, *COSTS]
        if study.metric not in known:
            raise unknown(f"metric of {task.name}", study.metric, known)


def _check_space(trained: Task, optimizer: Optimizable, name: str, space: SearchSpace) -> None:
    """Check that variant, loop and model accept every hyperparameter of the space.

    Both ends of a range, or every level of a choice, are tried.
    """
    allowed = accepted(trained, optimizer)
    for hyperparameter in space.names:
        if hyperparameter not in allowed:
            raise unknown(f"hyperparameter of {name} on {trained.name}", hyperparameter, allowed)
    for hyperparameter in optimizer.needs:
        if hyperparameter not in space:
            raise InputError(
                f"the space of {name} lacks {hyperparameter!r}, which has no default; add it (a single value "
                "will do)"
            )
    for varied in space:
        for value in getattr(varied, "levels", None) or getattr(varied, "choices", None) or varied.grid(2):
            configuration = space.reach(varied.name, value)
            check_configuration(trained, optimizer, configuration)
            if varied.name in trained.settings and varied.name not in optimizer.accepts:
                _check_model(trained, varied, route(trained, optimizer, configuration).model)


def _check_model(trained: Task, varied: Hyperparameter, settings: dict[str, Any]) -> None:
    """Check that the task's model can be built with these settings."""
    import torch

    usual = trained.settings[varied.name]
    if (
        isinstance(usual, int)
        and not isinstance(usual, bool)
        and isinstance(varied, Float)
        and varied.step is None
    ):
        raise InputError(
            f"{varied.name} of {trained.name} is a whole number ({usual} by default); use an Integer"
        )
    try:
        trained.model(torch.Generator().manual_seed(0), **settings)
    except InputError:
        raise
    except Exception as error:  # a user's model may raise anything
        message = " ".join(str(error).split())
        raise InputError(
            f"{trained.name} has no model with {varied.name} {settings[varied.name]!r}: "
            f"{type(error).__name__}: {message}"
        ) from error


def _check_designs(study: StudyFields) -> None:
    every = {hyperparameter for name in study.variants for hyperparameter in study.space(name).names}
    kinds = set()
    for name in study.variants:
        design, space = study.resolved.design(name), study.space(name)
        kinds.add(design.kind == "adaptive")
        design.check_names(space.names if name in study.designs else every)
        if isinstance(design, AdaptiveDesign):
            design.check_space(space)
            _check_scheduler(study, design)
        else:
            design.configurations(space)
    if len(kinds) > 1 or (study.designs and (study.adaptive or True in kinds)):
        raise InputError(
            "an adaptive design is of the whole study: it cannot be mixed with others in designs"
        )


def _check_scheduler(study: StudyFields, design: AdaptiveDesign) -> None:
    if design.scheduler is None:
        return
    if ":" in design.scheduler:
        imported(design.scheduler, "scheduler")
    if len(study.seeds) > 1:
        raise InputError(
            f"scheduler {design.scheduler!r} compares single trials, so seeds must be one; got "
            f"{len(study.seeds)} seeds"
        )
    if study.epochs is None:
        raise InputError(
            f"scheduler {design.scheduler!r} needs epochs: the reports of a trial that is not stopped"
        )


def check_data(study: StudyFields, data: Mapping[str, Any]) -> None:
    """Check that the data are present and fit the model, before any worker starts."""
    from trainables.datasets import load
    from trainables.function_tasks import FunctionTask
    from trainables.task_checks import check_task

    for task in map(study.resolved.task, study.tasks) if study.trainable is None else ():
        if not isinstance(task, FunctionTask):
            check_task(task, load(task.dataset, **data))
