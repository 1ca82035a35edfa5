"""Parzen densities against Optuna's evaluator of PED-ANOVA, in every draw of a bootstrap, with and without
conditions."""

from __future__ import annotations

import warnings

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, create_trial

from search_spaces import Categorical, Float, SearchSpace
from search_spaces.designs import Sobol
from search_spaces.optuna_spaces import distribution
from sensitivity.measures.losses import Losses, losses
from sensitivity.measures.top_importance import _shares
from tests.sensitivity.measures.known import made

SPACES = {
    "ordered": SearchSpace(Float("lr", 1e-4, 1, "log"), Float("mu", 0, 0.99, "log1m")),
    "choices": SearchSpace(
        Categorical("rule", ("sgd", "adam", "nag", "rmsprop")), Float("lr", 1e-4, 1, "log")
    ),
    "conditions": SearchSpace(
        Categorical("rule", ("sgd", "adam")), Float("nu", 0.9, 0.999, "log1m", when={"rule": "adam"})
    ),
}


def _loss(configuration: dict[str, object], seed: int) -> float:
    numbers = [value for value in configuration.values() if isinstance(value, float)]
    return float(
        np.round(sum(np.sin(9 * value) for value in numbers) + 0.5 * (configuration.get("rule") == "adam"), 1)
    )


def _trials(space: SearchSpace, group: Losses) -> list[FrozenTrial]:
    """Return the configurations as Optuna's trials, in unit coordinates where a hyperparameter has an
    order."""
    kinds = {
        hyperparameter.name: distribution(hyperparameter)
        if hyperparameter.scale == "categorical"
        else FloatDistribution(0.0, 1.0)
        for hyperparameter in space
    }
    made_trials = []
    for configuration, units, loss in zip(group.configurations, group.units, group.mean, strict=True):
        places = dict(zip(group.names, units, strict=True))
        params = {
            name: value if space[name].scale == "categorical" else float(places[name])
            for name, value in configuration.items()
            if value is not None
        }
        made_trials.append(
            create_trial(
                params=params, distributions={name: kinds[name] for name in params}, value=float(loss)
            )
        )
    return made_trials


@pytest.mark.parametrize("top", [0.05, 0.1, 0.5])
@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_shares_of_every_draw_are_those_of_optuna(space: SearchSpace, top: float) -> None:
    results = made(space, Sobol(64).configurations(space), _loss, 9.0, "sobol")
    group = losses(results, *results.groups[0])
    rng, count = np.random.default_rng(0), len(group.loss)
    chosen = np.vstack([np.arange(count), rng.integers(count, size=(5, count))])
    ours = _shares(results, group, chosen, top)
    trials = _trials(space, group)
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=top)
    for share, places in zip(ours, chosen, strict=True):
        study = optuna.create_study()
        study.add_trials([trials[place] for place in places])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = evaluator.evaluate(study)
        whole = sum(theirs.values())
        assert list(share) == pytest.approx(
            [theirs[name] / whole for name in group.names], rel=1e-6, abs=1e-12
        )
