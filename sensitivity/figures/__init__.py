"""The figures: each a pure function from the measures of a study to a Plotly figure.

``figure(measured, task)`` for those of one task, ``figure(measured)`` for those of all. Where a measure
refuses the results, the figure says why.
"""

from sensitivity.figures.across import cross_task, performance_profiles, transfer_matrix
from sensitivity.figures.agreement import estimator_agreement
from sensitivity.figures.budgets import expected_best, win_probability
from sensitivity.figures.column import in_column, register_templates
from sensitivity.figures.comparisons import differences, effect_shares, performance_sensitivity
from sensitivity.figures.curves import learning_curves, lr_curves
from sensitivity.figures.decided import tuned_and_missed, verdict_pairs
from sensitivity.figures.history import best_so_far
from sensitivity.figures.maps import pairwise_map
from sensitivity.figures.noise import seed_noise
from sensitivity.figures.pairs import pair_effects
from sensitivity.figures.palette import colours, dash
from sensitivity.figures.parallel import parallel_coordinates
from sensitivity.figures.scatter import trial_scatter
from sensitivity.figures.settings import robust_settings, selection_gaps, tuning_order
from sensitivity.figures.slices import slices
from sensitivity.figures.stability import danger_zone, divergence_map
from sensitivity.figures.style import NARROW_BELOW, THEMES, narrowed, template, themed
from sensitivity.figures.timeline import timeline
from sensitivity.figures.trial_curves import trial_curves
from sensitivity.figures.tuning import tunability
from sensitivity.figures.words import metric_name

register_templates()

__all__ = [
    "NARROW_BELOW",
    "THEMES",
    "best_so_far",
    "colours",
    "cross_task",
    "danger_zone",
    "dash",
    "differences",
    "divergence_map",
    "effect_shares",
    "estimator_agreement",
    "expected_best",
    "in_column",
    "learning_curves",
    "lr_curves",
    "metric_name",
    "narrowed",
    "pair_effects",
    "pairwise_map",
    "parallel_coordinates",
    "performance_profiles",
    "performance_sensitivity",
    "robust_settings",
    "seed_noise",
    "selection_gaps",
    "slices",
    "template",
    "themed",
    "timeline",
    "transfer_matrix",
    "trial_curves",
    "trial_scatter",
    "tunability",
    "tuned_and_missed",
    "tuning_order",
    "verdict_pairs",
    "win_probability",
]
