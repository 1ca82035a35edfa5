"""Measures: pure functions from Results to a table with ``value``, ``low``, ``high``, ``n`` and ``note``."""

from sensitivity.measures.budget import budget_area, budget_within, expected_best
from sensitivity.measures.by_epoch import verdicts_by_epoch
from sensitivity.measures.caveats import caveats
from sensitivity.measures.comparison import compare
from sensitivity.measures.contests import relative_performance, win_probability
from sensitivity.measures.coupling import best_by_level, coupling
from sensitivity.measures.cross_task import cross_task_sensitivity, effective_dimensionality, tuned_per_task
from sensitivity.measures.design_indices import morris, sobol
from sensitivity.measures.divergence import divergence_rate
from sensitivity.measures.effects import main_effects, seed_noise
from sensitivity.measures.estimators import estimators
from sensitivity.measures.excess import best_loss, excess_differences, excess_loss
from sensitivity.measures.factorial import factorial
from sensitivity.measures.given_data import delta, pawn
from sensitivity.measures.learning_rate import lr_curve, lr_sensitivity, robust_share, robust_width
from sensitivity.measures.measured import Measured
from sensitivity.measures.miss import miss_cost
from sensitivity.measures.profiles import epochs_to_target, performance_profiles, profile_score
from sensitivity.measures.regret import regret
from sensitivity.measures.robust_setting import robust_setting
from sensitivity.measures.robustness import conclusion_changes
from sensitivity.measures.selection import selected_on
from sensitivity.measures.shapley import shapley
from sensitivity.measures.stability import danger_zone, stability_boundary
from sensitivity.measures.top_importance import top_importance
from sensitivity.measures.transfer import rank_correlation, transfer_regret
from sensitivity.measures.tries import regret_by_tries
from sensitivity.measures.tunability import tunability
from sensitivity.measures.tuning_order import tuning_order
from sensitivity.measures.valley import valley
from sensitivity.measures.variance_shares import variance_shares
from sensitivity.measures.verdicts import ranks, verdicts

__all__ = [
    "Measured",
    "best_by_level",
    "best_loss",
    "budget_area",
    "budget_within",
    "caveats",
    "compare",
    "conclusion_changes",
    "coupling",
    "cross_task_sensitivity",
    "danger_zone",
    "delta",
    "divergence_rate",
    "effective_dimensionality",
    "epochs_to_target",
    "estimators",
    "excess_differences",
    "excess_loss",
    "expected_best",
    "factorial",
    "lr_curve",
    "lr_sensitivity",
    "main_effects",
    "miss_cost",
    "morris",
    "pawn",
    "performance_profiles",
    "profile_score",
    "rank_correlation",
    "ranks",
    "regret",
    "regret_by_tries",
    "relative_performance",
    "robust_setting",
    "robust_share",
    "robust_width",
    "seed_noise",
    "selected_on",
    "shapley",
    "sobol",
    "stability_boundary",
    "top_importance",
    "transfer_regret",
    "tunability",
    "tuned_per_task",
    "tuning_order",
    "valley",
    "variance_shares",
    "verdicts",
    "verdicts_by_epoch",
    "win_probability",
]
