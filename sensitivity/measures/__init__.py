"""The measures: pure functions from Results to a table with ``value``, ``low``, ``high``, ``n`` and a ``note`` where something
limits it.
"""

from sensitivity.measures.divergence import divergence_rate
from sensitivity.measures.effects import main_effects, seed_noise
from sensitivity.measures.excess import best_loss, excess_differences, excess_loss
from sensitivity.measures.learning_rate import lr_curve, lr_sensitivity, robust_width
from sensitivity.measures.measured import Measured

__all__ = [
    "Measured",
    "best_loss",
    "divergence_rate",
    "excess_differences",
    "excess_loss",
    "lr_curve",
    "lr_sensitivity",
    "main_effects",
    "robust_width",
    "seed_noise",
]
