"""Studies that come over the network.

Such a study names what is registered here, has a size that can run here, and imports or opens no file.
"""

from __future__ import annotations

import importlib
import logging
import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from sensitivity.service.guest_sizes import check_numbers, check_sizes, listed
from sensitivity.service.plain_data import plain_data, walk
from sensitivity.text.import_path import search_last
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.service.settings import Settings
    from sensitivity.study.study import Study

NAME = re.compile(r"[^\W_][\w .+-]{0,99}")
LONGEST = 2_000
"""Characters of a refusal."""
PLACEHOLDER = "unnamed"
"""Name under which the rest of a study is checked whose own name cannot be."""
NAMES_HAVE = "1 to 100 letters, digits, '_', '-', '+', '.' and spaces, the first a letter or digit"


def admit(spec: str, settings: Settings) -> Study:
    """Return the study of a specification in JSON or YAML, checked against the limits for strangers.

    Args:
        spec: Text of the specification.
        settings: ``max_trials`` of a study, the ``modules`` that it may import from, the ``data_root`` under
            which its files are.
    Raises: InputError, in one line that names the argument, its value and what is allowed. Nothing is
    imported, opened or expanded before it is known to be allowed.
    """
    from sensitivity.study.study import Study

    fields = plain_data(spec)
    try:
        faults = _raised(partial(check_name, fields.get("name")))
        guarded = {**fields, "name": PLACEHOLDER} if faults else fields
        # Only what passes every guard is made, whatever its name.
        if not (found := _faults(guarded, settings) or _unknown_names(guarded)):
            found = _raised(partial(check_sizes, guarded, settings.max_trials))
        if not found and not faults:
            return Study(**guarded)
        if not found:
            found = _raised(partial(Study, **guarded))
        raise InputError("; ".join([*faults, *found]))
    except InputError as error:
        raise InputError(" ".join(str(error).split())[:LONGEST]) from None
    except Exception:  # what nobody thought of is refused all the same, and the log says what it was
        logging.getLogger(__name__).exception("a study from the network broke a check")
        raise InputError("the study cannot be read: a value is outside what its field can hold") from None


def _faults(fields: dict[str, Any], settings: Settings) -> list[str]:
    """Return everything that a stranger's study may not have; tasks on files get their absolute path."""
    return [
        fault
        for check in (
            partial(check_numbers, fields),
            partial(_localize, fields, settings),
            partial(_check_imports, fields, settings),
        )
        for fault in _raised(check)
    ]


def _unknown_names(fields: dict[str, Any]) -> list[str]:
    """Return what is wrong with the names of tasks and variants, once their imports are allowed."""
    from trainables.named_variants import DIRECT
    from trainables.tasks import task
    from trainables.variants import variant

    if fields.get("trainable") is not None:
        return []
    finds: tuple[tuple[str, Callable[[str], object]], ...] = (("tasks", task), ("variants", variant))
    return [
        fault
        for field, find in finds
        for name in listed(fields.get(field))
        if isinstance(name, str) and name != DIRECT
        for fault in _raised(partial(find, name))
    ]


def _raised(check: Callable[[], object]) -> list[str]:
    try:
        check()
    except InputError as error:
        return [str(error)]
    return []


def _localize(fields: dict[str, Any], settings: Settings) -> None:
    if "tasks" in fields:
        fields["tasks"] = [_local(task, settings) for task in listed(fields["tasks"])]


def import_modules(settings: Settings) -> None:
    """Import what studies may name, which makes the tasks and variants known that it registers.

    Raises: InputError.
    """
    if settings.modules:
        search_last()
    for name in settings.modules:
        try:
            importlib.import_module(name)
        except Exception as error:  # a user's module may raise anything
            cause = " ".join(str(error).split())
            raise InputError(
                f"--allow-module {name!r} cannot be imported: {type(error).__name__}: {cause}"
            ) from error


def check_name(name: Any) -> None:
    """Check the name of a study from the network.

    Raises: InputError.
    """
    if name is None:
        raise InputError("a study needs name")
    if not isinstance(name, str) or not NAME.fullmatch(name) or name != name.strip():
        raise InputError(f"name of a study must have {NAMES_HAVE}; got {str(name)[:120]!r}")


def _local(name: Any, settings: Settings) -> str:
    """Return a task on files with their absolute path, which has to be under the data root.

    Any other as it is.
    """
    from trainables.named_tasks import AUGMENTED, kind_of_files

    if not isinstance(name, str):
        raise InputError(f"tasks must be names, got {str(name)[:120]!r}")
    model, _, data = name.removesuffix(AUGMENTED).partition("/")
    of_files = kind_of_files(data)
    if of_files is None:
        return name
    if settings.data_root is None:
        raise InputError(
            f"task {name!r} is on files, which a service has only with a data root; start it with "
            "--data-root FOLDER"
        )
    root = settings.data_root.resolve()
    place = (root / data.partition(":")[2]).resolve()
    if not place.is_relative_to(root):
        raise InputError(f"task {name!r} must be on files under the data root of the service")
    return f"{model}/{of_files}:{place}{AUGMENTED if name.endswith(AUGMENTED) else ''}"


def _check_imports(fields: dict[str, Any], settings: Settings) -> None:
    """Check that no string is an import path, unless its module is one of the settings'.

    torch's own optimizers go by their names. Every import of a study is by ``module:name``, or by ``torch.``
    for a variant, so these two forms are all there is to refuse.
    """
    from trainables.torch_variants import TORCH_DEFAULTS

    for place, text in walk({name: value for name, value in fields.items() if name != "tasks"}):
        if not isinstance(text, str):
            continue
        if text.startswith("torch.") and text not in TORCH_DEFAULTS:
            raise InputError(f"{place} {text!r} must be one of {', '.join(TORCH_DEFAULTS)}")
        if ":" in text or "#" in text:
            module, _, name = text.partition(":")
            if module not in settings.modules:
                raise InputError(
                    f"{place} {text!r} is an import path, of which a study from the network may use those of "
                    f"{', '.join(settings.modules) or 'no module'}; --allow-module NAME of the service "
                    "allows more"
                )
            _check_own(place, module, name)


def _check_own(place: str, module: str, name: str) -> None:
    """Check that a module defines a function or class, and has not imported it, as in ``mine:os.system``."""
    attribute = (
        getattr(importlib.import_module(module), name, None)
        if name.isidentifier() and not name.startswith("_")
        else None
    )
    if not callable(attribute) or getattr(attribute, "__module__", None) != module:
        raise InputError(
            f"{place} '{module}:{name}' must name a function or class that {module} itself defines"
        )
