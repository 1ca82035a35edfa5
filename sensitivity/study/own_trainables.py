"""User-defined Ray Tune trainables by name: import path, lookup, short name and fingerprint."""

from __future__ import annotations

import hashlib
from typing import Any

from sensitivity.text.compat import has_resources
from trainables.dotted import import_name, imported
from trainables.names import InputError
from trainables.sources import identity

_PASSED: dict[str, Any] = {}
"""Trainables passed as objects in this process: a function of a notebook cannot be imported."""


def name_of(trainable: Any) -> str:
    """Return ``module:name`` of a function or class, from which :func:`resolve` finds it in this process.

    Raises: InputError for an object that is neither callable nor a string.

    >>> name_of("my.module:objective")
    'my.module:objective'
    """
    if isinstance(trainable, str):
        return trainable
    if not callable(trainable):
        raise InputError(
            f"trainable must be a Ray Tune function or class, or 'module:name', got {trainable!r}"
        )
    name = getattr(trainable, "name_in_studies", None) or import_name(trainable)
    _PASSED[name] = trainable
    return name


def resolve(name: str) -> Any:
    """Return the function or class of ``module:name``.

    Raises: InputError if it cannot be imported, with the reason.
    """
    if name in _PASSED:
        return _PASSED[name]
    if "#" in name:
        raise InputError(
            f"trainable {name!r} was given as an object in another process; give it again, or 'module:name' "
            "of one"
        )
    if ":" not in name:
        raise InputError(f"trainable must be 'module:name', such as 'my_code:train'; got {name!r}")
    trainable = imported(name, "trainable")
    if not callable(trainable):
        raise InputError(f"trainable {name!r} is a {type(trainable).__name__}, not a function or class")
    return trainable


def asks_for_resources(trainable: Any) -> bool:
    """Return True if the trainable declares its own resources.

    A trainable does so by ``tune.with_resources`` or ``default_resource_request``.
    """
    return has_resources(trainable) or "default_resource_request" in vars(
        trainable if isinstance(trainable, type) else type
    )


def short_name(name: str) -> str:
    """Return the name of a trainable in plots and tables.

    >>> short_name("my.module:Objective.train")
    'train'
    """
    return name.partition("#")[0].rpartition(":")[2].rpartition(".")[2] or name


def fingerprint(name: str) -> str:
    """Return a hash of a trainable's name and source code, or of what a program says of itself."""
    trainable = resolve(name)
    content = trainable.identity if is_program(trainable) else identity(trainable)
    return hashlib.sha256(f"{name}\n{content}".encode()).hexdigest()[:12]


def is_program(trainable: Any) -> bool:
    """Return True for a program (:mod:`sensitivity.running.programs`), which names itself."""
    return hasattr(trainable, "name_in_studies")
