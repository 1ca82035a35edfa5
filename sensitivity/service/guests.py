"""Studies that come over the network."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from sensitivity.service import specs
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.service.settings import Settings
    from sensitivity.study import Study


def admit(spec: str, settings: Settings) -> Study:
    """The study of a specification in YAML (JSON is YAML too). Raises: InputError for one that may not run here."""
    from sensitivity.study import Study

    study = Study.from_yaml(spec)
    if (count := specs.count(study)) > settings.max_trials:
        raise InputError(f"study {study.name!r} has {count:,} trials, at most {settings.max_trials:,} are allowed")
    return study


def import_modules(settings: Settings) -> None:
    """Import what studies may name, which makes the tasks and variants known that it registers. Raises: InputError."""
    for name in settings.modules:
        try:
            importlib.import_module(name)
        except Exception as error:  # a user's module may raise anything
            said = " ".join(str(error).split())
            raise InputError(f"--allow-module {name!r} cannot be imported: {type(error).__name__}: {said}") from error
