"""What to try: hyperparameters, the search spaces they make, and the designs that pick configurations from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search_spaces.defaults import default_space, hyperparameter
    from search_spaces.designs import AdaptiveDesign, Design, Grid, Random, Sobol, design_from_dict
    from search_spaces.hyperparameters import Categorical, Float, Hyperparameter, Integer, Ordinal
    from search_spaces.spaces import SearchSpace

__all__ = [
    "AdaptiveDesign",
    "Categorical",
    "Design",
    "Float",
    "Grid",
    "Hyperparameter",
    "Integer",
    "Ordinal",
    "Random",
    "SearchSpace",
    "Sobol",
    "default_space",
    "design_from_dict",
    "hyperparameter",
]
_HOMES = {
    "Categorical": "hyperparameters", "Float": "hyperparameters", "Hyperparameter": "hyperparameters", "Integer": "hyperparameters",
    "Ordinal": "hyperparameters", "SearchSpace": "spaces", "AdaptiveDesign": "designs", "Design": "designs", "Grid": "designs",
    "Random": "designs", "Sobol": "designs", "design_from_dict": "designs", "default_space": "defaults", "hyperparameter": "defaults",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"search_spaces.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
