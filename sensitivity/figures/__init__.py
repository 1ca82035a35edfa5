"""The figures: each a pure function from results to a Plotly figure."""

from sensitivity.figures.comparisons import effect_shares, performance_sensitivity
from sensitivity.figures.curves import learning_curves, lr_curves
from sensitivity.figures.slices import slices
from sensitivity.figures.style import colours, dash, metric_name

__all__ = ["colours", "dash", "effect_shares", "learning_curves", "lr_curves", "metric_name", "performance_sensitivity", "slices"]
