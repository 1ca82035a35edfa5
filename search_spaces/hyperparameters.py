"""Hyperparameters: name, inclusive domain, scale (:mod:`search_spaces.scales`), default and conditions."""

from __future__ import annotations

from search_spaces.discrete import Categorical, Ordinal
from search_spaces.domains import LARGEST
from search_spaces.integers import Integer
from search_spaces.numeric import Float

__all__ = ["LARGEST", "Categorical", "Float", "Hyperparameter", "Integer", "Ordinal"]

Hyperparameter = Float | Integer | Ordinal | Categorical
