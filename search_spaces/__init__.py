"""Hyperparameters, search spaces, and designs that choose configurations from a space."""

from __future__ import annotations

import pathlib
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search_spaces.configspace_spaces import (
        configuration_from_configspace,
        space_from_configspace,
        to_configspace,
    )
    from search_spaces.constraints import Forbid, Require
    from search_spaces.defaults import default_space, hyperparameter
    from search_spaces.designs import (
        AdaptiveDesign,
        Composed,
        Design,
        Explicit,
        Grid,
        LatinHypercube,
        Morris,
        OneAtATime,
        Random,
        Saltelli,
        Sobol,
        design_from_dict,
    )
    from search_spaces.hyperparameters import Categorical, Float, Hyperparameter, Integer, Ordinal
    from search_spaces.optuna_spaces import (
        configuration_from_optuna,
        define_by_run,
        space_from_optuna,
        to_optuna,
    )
    from search_spaces.ray_spaces import configuration_from_ray, space_from_ray, to_ray
    from search_spaces.spaces import SearchSpace

__all__ = [
    "AdaptiveDesign",
    "Categorical",
    "Composed",
    "Design",
    "Explicit",
    "Float",
    "Forbid",
    "Grid",
    "Hyperparameter",
    "Integer",
    "LatinHypercube",
    "Morris",
    "OneAtATime",
    "Ordinal",
    "Random",
    "Require",
    "Saltelli",
    "SearchSpace",
    "Sobol",
    "configuration_from_configspace",
    "configuration_from_optuna",
    "configuration_from_ray",
    "default_space",
    "define_by_run",
    "design_from_dict",
    "hyperparameter",
    "space_from_configspace",
    "space_from_optuna",
    "space_from_ray",
    "to_configspace",
    "to_optuna",
    "to_ray",
]
_HOMES = {
    **dict.fromkeys(("Categorical", "Float", "Hyperparameter", "Integer", "Ordinal"), "hyperparameters"),
    **dict.fromkeys(("default_space", "hyperparameter"), "defaults"),
    **dict.fromkeys(("Forbid", "Require"), "constraints"),
    "SearchSpace": "spaces",
    **dict.fromkeys(
        ("configuration_from_configspace", "space_from_configspace", "to_configspace"), "configspace_spaces"
    ),
    **dict.fromkeys(
        ("configuration_from_optuna", "define_by_run", "space_from_optuna", "to_optuna"), "optuna_spaces"
    ),
    **dict.fromkeys(("configuration_from_ray", "space_from_ray", "to_ray"), "ray_spaces"),
}


def _check_trainables() -> None:
    """Refuse a user's module that hides the package ``trainables``.

    Raises:
        ImportError: Python finds another module; the message names its file.
    """
    spec, package = find_spec("trainables"), pathlib.Path(__file__).parents[1] / "trainables"
    if spec is None:
        return
    folders = [pathlib.Path(folder).resolve() for folder in (spec.submodule_search_locations or ())]
    if package.resolve() not in folders:
        file = spec.origin or str(folders[0])
        message = f"{file} hides the package 'trainables' that search_spaces needs; rename it"
        raise ImportError(message, name="trainables", path=file)


_check_trainables()


def __getattr__(name: str) -> Any:
    if name in __all__:
        from importlib import import_module

        return getattr(import_module(f"search_spaces.{_HOMES.get(name, 'designs')}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
