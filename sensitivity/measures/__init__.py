"""The measures: pure functions from Results to a table with ``value``, ``low``, ``high``, ``n`` and a ``note`` where something
limits it.
"""

from sensitivity.measures.design_indices import morris, sobol
from sensitivity.measures.divergence import divergence_rate
from sensitivity.measures.effects import main_effects, seed_noise
from sensitivity.measures.estimators import estimators
from sensitivity.measures.excess import best_loss, excess_differences, excess_loss
from sensitivity.measures.factorial import factorial
from sensitivity.measures.given_data import delta, pawn
from sensitivity.measures.learning_rate import lr_curve, lr_sensitivity, robust_width
from sensitivity.measures.measured import Measured
from sensitivity.measures.shapley import shapley
from sensitivity.measures.top_importance import top_importance
from sensitivity.measures.variance_shares import variance_shares

__all__ = [
    "Measured",
    "best_loss",
    "delta",
    "divergence_rate",
    "estimators",
    "excess_differences",
    "excess_loss",
    "factorial",
    "lr_curve",
    "lr_sensitivity",
    "main_effects",
    "morris",
    "pawn",
    "robust_width",
    "seed_noise",
    "shapley",
    "sobol",
    "top_importance",
    "variance_shares",
]
