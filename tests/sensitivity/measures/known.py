"""Results of functions with known sensitivities, without a run: what a study of them would have left in the
store."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from search_spaces import Float, SearchSpace
from search_spaces.designs import FixedDesign
from sensitivity.results.results import Results
from trainables.exact_sensitivities import KnownAnswer

if TYPE_CHECKING:
    import optuna


def space_of(function: KnownAnswer) -> SearchSpace:
    """The space in which a function is uniform."""
    return SearchSpace(
        *(
            Float(parameter.name, parameter.low, parameter.high, parameter.scale)
            for parameter in function.parameters
        )
    )  # type: ignore[arg-type]


def known_results(function: KnownAnswer, design: FixedDesign, *, seeds: Sequence[int] = (0,)) -> Results:
    """Results of a design whose every trial evaluates a function; rows of a design that are equal are one trial."""
    space = space_of(function)
    configurations = [
        dict(configuration)
        for configuration in {
            tuple(configuration.items()): configuration for configuration in design.configurations(space)
        }.values()
    ]
    return made(
        space,
        configurations,
        lambda configuration, seed: function(configuration, seed),
        function.ceiling,
        design,
        seeds,
    )


def made(
    space: SearchSpace,
    configurations: Sequence[Mapping[str, Any]],
    loss: Any,
    ceiling: float,
    design: FixedDesign | str,
    seeds: Sequence[int] = (0,),
) -> Results:
    """Results of a loss at configurations; what is not finite has diverged and counts as the ceiling."""
    kind = design if isinstance(design, str) else design.kind
    rows = [
        (configuration, seed, loss(configuration, seed)) for configuration in configurations for seed in seeds
    ]
    table = pd.DataFrame(
        [
            {f"config/{name}": configuration.get(name, math.nan) for name in space.names}
            for configuration, _, _ in rows
        ]
    )
    values = np.array([value for _, _, value in rows], dtype=float)
    finite = np.isfinite(values)
    table.insert(0, "key", [str(i) for i in range(len(rows))])
    table = table.assign(
        task="function/known",
        variant="direct",
        seed=[seed for _, seed, _ in rows],
        epochs=1,
        status=np.where(finite, "completed", "diverged"),
        initial_loss=ceiling,
        error=None,
        epochs_done=1,
        seconds=0.1,
        value=np.where(finite, values, np.nan),
        loss=np.where(finite, np.minimum(values, ceiling), ceiling),
    )
    spec = {} if isinstance(design, str) else {"name": "known", "design": design.to_dict()}
    return Results(
        table,
        pd.DataFrame({"key": [], "epoch": []}),
        {"direct": space},
        "train_loss_end",
        kind,
        "known",
        spec,
    )


def study_of(results: Results) -> optuna.Study:
    """The trials as an Optuna study with every range linear."""
    import optuna

    study = optuna.create_study()
    space = results.spaces["direct"]
    kinds = {
        hyperparameter.name: optuna.distributions.FloatDistribution(hyperparameter.low, hyperparameter.high)
        for hyperparameter in space
        if isinstance(hyperparameter, Float)
    }
    for row in results.trials.to_dict("records"):
        params = {name: row[f"config/{name}"] for name in kinds}
        study.add_trial(
            optuna.trial.create_trial(params=params, distributions=dict(kinds), value=row["loss"])
        )
    return study
