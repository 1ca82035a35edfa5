"""Every figure of awkward studies: none fails, shows what is no number, or what a name would have a browser
do."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from search_spaces.hyperparameters import Categorical, Float, Ordinal
from search_spaces.spaces import SearchSpace
from sensitivity import figures
from sensitivity.figures.panels import MOST_TRACES
from sensitivity.measures import Measured
from sensitivity.results.results import Results
from tests.sensitivity.tables import LR, MU, bowl, maximised, noisy, results, two_tasks

OF_TASK = (
    "best_so_far", "danger_zone", "differences", "divergence_map", "effect_shares", "estimator_agreement", "expected_best", "learning_curves", "lr_curves",
    "pair_effects", "pairwise_map", "parallel_coordinates", "performance_sensitivity", "seed_noise", "slices", "trial_curves", "trial_scatter", "tunability",
    "tuned_and_missed", "verdict_pairs", "win_probability",
)  # fmt: skip
OF_ALL = ("cross_task", "performance_profiles", "timeline", "transfer_matrix")
HOSTILE = "<b>x</b><script>alert(1)</script>"


def wide() -> Results:
    more = [Float(f"x{i}", 0, 1) for i in range(8)]
    space = SearchSpace(LR, MU, *more, Ordinal("p", (1, 2, math.inf)), Categorical("nesterov", (False, True)))
    points = space.decode(np.random.default_rng(0).random((3, len(space))))
    variants = [f"variant {i}" for i in range(30)]
    return results(
        noisy(0.02), variants=variants, space=space, configurations=points, seeds=(0,), design="random"
    )


AWKWARD = {
    "no trial has ended": lambda: results(bowl, status=lambda configuration, seed: "pending"),
    "one trial": lambda: results(bowl, configurations=[{"lr": 0.1, "mu": 0.9}], seeds=(0,)),
    "all diverged": lambda: results(lambda configuration, seed: math.inf),
    "constant": lambda: results(lambda configuration, seed: 0.5),
    "one seed": lambda: results(bowl, seeds=(0,)),
    "half failed": lambda: results(
        bowl, status=lambda configuration, seed: "failed" if seed else "completed"
    ),
    "adaptive": lambda: results(noisy(0.05), variants=("adam", "nadam"), design="adaptive"),
    "random": lambda: results(noisy(0.1), design="random"),
    "maximised and imported": maximised,
    "two tasks": two_tasks,
    "hostile names": lambda: results(noisy(0.01), variants=(HOSTILE, "a<i>b"), task=HOSTILE),
    "30 variants, 12 hyperparameters": wide,
}


@pytest.mark.slow
@pytest.mark.parametrize("case", AWKWARD)
def test_awkward_studies_have_every_figure(case: str) -> None:
    measured = Measured(AWKWARD[case]())
    for name in (*OF_TASK, *OF_ALL):
        draw = getattr(figures, name)
        figure = (
            draw(measured, measured.results.trials["task"].iloc[0]) if name in OF_TASK else draw(measured)
        )
        figure.to_json()
        title = f"{figure.layout.title.text} {figure.layout.title.subtitle.text}"
        said = title + " ".join(note.text or "" for note in figure.layout.annotations)
        assert not re.search(r"\b(nan|NaN|None|inf)\b", title), (name, title)
        assert not re.search(r"<(?!br>|b>|/b>)", said), (name, said)
        assert len(figure.data) <= MOST_TRACES, (name, len(figure.data))
        assert figure.data or "not measured: " in said, (name, said)
        figures.themed(figures.narrowed(figure), "dark")
