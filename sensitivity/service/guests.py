"""Studies that come over the network."""

from __future__ import annotations

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
