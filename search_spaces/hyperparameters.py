"""Hyperparameters: a name, an inclusive domain, a scale (:mod:`search_spaces.scales`), a default, conditions."""

from __future__ import annotations

from search_spaces.discrete import Categorical, Ordinal
from search_spaces.domains import LARGEST
from search_spaces.numeric import Float, Integer

__all__ = ["LARGEST", "Categorical", "Float", "Hyperparameter", "Integer", "Ordinal"]

Hyperparameter = Float | Integer | Ordinal | Categorical
