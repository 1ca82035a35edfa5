"""Which hyperparameters decide whether a configuration is among the best: PED-ANOVA, through Optuna."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from search_spaces.optuna_spaces import distribution
from sensitivity.measures.cells import inactive
from sensitivity.measures.forest import constant
from sensitivity.measures.losses import Array, Losses, interval, losses, note
from trainables.names import InputError

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from search_spaces.hyperparameters import Hyperparameter
    from sensitivity.results import Results

TOP = 0.1
LEAST = 20
"""Configurations below which the best of them are too few."""


def top_importance(results: Results, *, top: float = TOP, draws: int = 50, seed: int = 0) -> pd.DataFrame:
    r"""How differently the best configurations are distributed from all, as each hyperparameter's share of the whole difference.

    .. math:: I_d \propto E_{x \sim p} \left[ \left( \frac{p'(x_d)}{p(x_d)} - 1 \right)^2 \right]

    with p' and p densities of the best ``top`` and of all configurations, by Optuna's PedAnovaImportanceEvaluator on unit coordinates,
    conditions included. It answers another question than a share of variance: what matters *near the optimum*. It goes by ranks of the
    capped loss, mean over seeds. A constant loss gives zeros.

    Args: top: the share that counts as best. draws, seed: of the bootstrap over configurations (95% percentile interval).
    Raises: InputError for top outside (0, 1).
    Sources: Watanabe, Bansal & Hutter, "PED-ANOVA", IJCAI 2023; for conditions Baba et al., KDD 2026, arXiv:2601.20800.
    """
    if not 0 < top < 1:
        raise InputError(f"top must be between 0 and 1, the share of configurations that count as best; got {top!r}")
    rows: list[dict[str, Any]] = []
    for task, variant in results.groups:
        group = losses(results, task, variant)
        count = len(group.loss)
        remarks = [note(group)]
        if count < LEAST:
            remarks.append(f"{count} configurations are too few to know the best {top:.0%} (at least {LEAST})")
            drawn = np.full((1, len(group.names)), np.nan)
        elif constant(group):
            remarks.append("the loss is constant")
            drawn = np.zeros((1, len(group.names)))
        else:
            rng = np.random.default_rng(seed)
            chosen = np.vstack([np.arange(count), rng.integers(count, size=(draws, count))])
            drawn = _importances(_trials(results, group), chosen, group.names, top)
            if group.mean.min() >= np.quantile(group.mean, top):
                remarks.append(f"more than {top:.0%} of the configurations are equally good")
        keys = {"task": task, "variant": variant, "n": count, "note": "; ".join(filter(None, remarks)), "order": "top"}
        for name, each in zip(group.names, drawn.T, strict=True):
            value, (low, high) = float(each[0]), interval(each[1:] if len(each) > 1 else each)
            rows.append({**keys, "effect": name, "value": value, "low": min(low, value), "high": max(high, value)})
    return pd.DataFrame(rows, columns=["task", "variant", "effect", "order", "value", "low", "high", "n", "note"])


def _trials(results: Results, group: Losses) -> list[FrozenTrial]:
    """The configurations as Optuna's trials, in unit coordinates where a hyperparameter has an order."""
    from optuna.trial import create_trial

    space, idle = results.spaces[group.variant], inactive(group)
    kinds = {name: _distribution(space[name]) for name in group.names}
    made = []
    for place, (configuration, loss) in enumerate(zip(group.configurations, group.mean, strict=True)):
        active = [name for j, name in enumerate(group.names) if not idle[place, j]]
        values = {name: float(group.units[place, group.names.index(name)]) for name in active if space[name].scale != "categorical"}
        params = {name: values.get(name, configuration[name]) for name in active}
        made.append(create_trial(params=params, distributions={name: kinds[name] for name in active}, value=float(loss)))
    return made


def _distribution(hyperparameter: Hyperparameter) -> Any:
    from optuna.distributions import FloatDistribution

    return distribution(hyperparameter) if hyperparameter.scale == "categorical" else FloatDistribution(0.0, 1.0)


def _importances(trials: list[FrozenTrial], chosen: Any, names: tuple[str, ...], top: float) -> Array:
    """Shares of the hyperparameters for each choice of trials ``[choices, trials]``. Shape ``[choices, hyperparameters]``."""
    import optuna

    class Drawn(optuna.storages.InMemoryStorage):
        """Shows a study some of its trials: to make a study of each draw would copy them, in six times the time."""

        places: Any = None

        def get_all_trials(self, study_id: int, deepcopy: bool = True, states: Any = None) -> list[FrozenTrial]:
            every = super().get_all_trials(study_id, deepcopy=False, states=states)
            return every if self.places is None else [every[place] for place in self.places]

    storage = Drawn()
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=top, region_quantile=1.0)
    shares = np.zeros((len(chosen), len(names)))
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            # The best are all, or a regime has one trial: both give 0.
            warnings.simplefilter("ignore")
            study = optuna.create_study(storage=storage)
            study.add_trials(trials)
            for share, storage.places in zip(shares, chosen, strict=True):
                present = [name for name in names if any(name in trials[place].params for place in storage.places)]
                found = evaluator.evaluate(study, params=present)
                share[:] = [found.get(name, 0.0) for name in names]
    finally:
        optuna.logging.set_verbosity(before)
    total = shares.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(shares, total, out=np.zeros_like(shares), where=total > 0))
