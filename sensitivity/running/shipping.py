"""The user's tasks and variants, pickled by value: other machines do not have the user's files."""

from __future__ import annotations

import contextlib
import pathlib
import sys
import sysconfig
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

from sensitivity.study.trial import SCHEDULES
from trainables.dotted import imported
from trainables.named_tasks import AUGMENTED, kind_of_files
from trainables.named_variants import DIRECT, NAMED
from trainables.names import InputError
from trainables.task_definition import Task
from trainables.tasks import is_built_in
from trainables.torch_variants import TorchVariant
from trainables.variant_definition import Variant

if TYPE_CHECKING:
    from sensitivity.study.study import Study

INSTALLED = {"site-packages", "dist-packages"}
"""Names of folders of installed packages, also in the user site and below a virtual environment."""
OURS = ("trainables", "search_spaces", "sensitivity")


def shipped(study: Study) -> bytes | None:
    """Return the pickled tasks and variants that workers cannot make from names; None if there are none.

    Modules that they use are pickled too, unless installed or part of Python.

    Raises: InputError, naming the object, for an object that cannot be pickled.
    """
    if study.trainable is not None:
        return None
    import cloudpickle

    objects = {
        "tasks": _own_tasks(study),
        "variants": _own_variants(study),
        "functions": {path: imported(path, "schedule") for path in own_schedules(study)},
    }
    if not any(objects.values()):
        return None
    try:
        with by_value(cloudpickle):
            return bytes(cloudpickle.dumps(objects))
    except Exception as error:  # a user's object may raise anything
        named = ", ".join(name for names in objects.values() for name in names)
        raise InputError(
            f"{named} cannot be sent to workers: {type(error).__name__}: {' '.join(str(error).split())}"
        ) from None


def own_schedules(study: Study) -> list[str]:
    """Return the import paths of user-defined schedules that a study's variants fix or its spaces contain."""
    fixed = [
        getattr(study.resolved.variant(name), "fixed", {}).get(schedule)
        for name in study.variants
        if name != DIRECT
        for schedule in SCHEDULES
    ]
    spaces = [
        hyperparameter
        for name in study.variants
        for hyperparameter in study.space(name)
        if hyperparameter.name in SCHEDULES
    ]
    chosen = [
        *fixed,
        *(value for hyperparameter in spaces for value in getattr(hyperparameter, "choices", ())),
    ]
    return sorted({value for value in chosen if isinstance(value, str) and ":" in value})


def _own_tasks(study: Study) -> dict[str, Task]:
    """Return the user-defined tasks of a study, and its tasks on a user's file, by name.

    The path in the name of a file task is relative to the driver's working directory.
    """
    return {
        name: task
        for name in study.tasks
        if not is_built_in(task := study.resolved.task(name))
        or kind_of_files(name.partition("/")[2].removesuffix(AUGMENTED)) is not None
    }


def _own_variants(study: Study) -> dict[str, Any]:
    known = {named.name for named in NAMED}
    variants = {}
    for name in study.variants:
        if name == DIRECT or name in known or name.startswith("torch.optim."):
            continue
        chosen = study.resolved.variant(name)
        if isinstance(chosen, TorchVariant) or not (isinstance(chosen, Variant) and "-" in name):
            variants[name] = chosen
    return variants


@contextlib.contextmanager
def by_value(pickler: Any) -> Iterator[None]:
    """Pickle the user's modules by value inside the context.

    Args:
        pickler: cloudpickle, or Ray's copy of it.
    """
    installed = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
    modules = [
        module
        for name, module in list(sys.modules.items())
        if isinstance(module, ModuleType)
        and name != "__main__"
        and name.split(".")[0] not in OURS
        and (file := getattr(module, "__file__", None)) is not None
        and not file.startswith(installed)
        and not INSTALLED & {*pathlib.PurePath(file).parts}
    ]
    for module in modules:
        pickler.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            pickler.unregister_pickle_by_value(module)
