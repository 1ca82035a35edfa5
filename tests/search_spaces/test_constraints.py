"""Constraints between hyperparameters: no design, draw or configuration has what they forbid."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
import pytest

from search_spaces import (
    AdaptiveDesign,
    Categorical,
    Explicit,
    Float,
    Forbid,
    Grid,
    Integer,
    LatinHypercube,
    Morris,
    OneAtATime,
    Ordinal,
    Random,
    Require,
    Saltelli,
    SearchSpace,
    Sobol,
    configuration_from_configspace,
    define_by_run,
    space_from_configspace,
    to_configspace,
    to_ray,
)
from trainables.names import InputError

MU, NU = Float("mu", 0.5, 0.99, "log1m", 0.9), Float("nu", 0.5, 0.999, "log1m", 0.99)
RULE, NESTEROV = Categorical("rule", ("sgd", "adam"), "adam"), Categorical("nesterov", (False, True), False)
BELOW, NOT_BOTH = Require("mu < nu"), Forbid({"rule": "sgd", "nesterov": True})
SPACE = SearchSpace(MU, NU, RULE, NESTEROV, BELOW, NOT_BOTH)


def fulfils(configuration: dict[str, Any]) -> bool:
    return configuration["mu"] < configuration["nu"] and not (
        configuration["rule"] == "sgd" and configuration["nesterov"]
    )


@pytest.mark.parametrize(
    "design", [Grid(4), Random(300), Sobol(100), OneAtATime(9), Grid({"mu": 5, "rule": 2, "nesterov": 2})]
)
def test_a_design_has_what_is_allowed_and_nothing_else(design: Any) -> None:
    found = design.configurations(SPACE)
    assert found
    assert all(map(fulfils, found))
    free = design.configurations(SearchSpace(*SPACE))
    if isinstance(design, Grid | OneAtATime):
        assert found == [configuration for configuration in free if fulfils(configuration)] != free
    else:
        assert len(found) == len(free)
    if isinstance(design, Grid):
        assert design.size(SPACE) == len(found)


@pytest.mark.parametrize("kind", [Random, Sobol])
def test_a_larger_draw_begins_with_a_smaller_one(kind: Any) -> None:
    larger, smaller = (kind(n, seed=3).configurations(SPACE) for n in (90, 20))
    assert larger[:20] == smaller


def test_draws_are_uniform_over_what_is_allowed() -> None:
    space = SearchSpace(Float("x", 0, 1), Float("y", 0, 1), Require("x < y"))
    points = np.array([[row["x"], row["y"]] for row in space.sample(20_000, 0)])
    # of the triangle above the diagonal: the mean of x is 1/3, that of y 2/3
    assert np.abs(points.mean(axis=0) - [1 / 3, 2 / 3]).max() < 0.01


def test_a_space_without_constraints_draws_what_it_always_drew() -> None:
    free = SearchSpace(*SPACE)
    units = np.random.default_rng(5).random((7, 4))
    assert free.sample(7, 5) == free.decode(units)


def test_a_constraint_says_nothing_of_what_is_inactive() -> None:
    space = SearchSpace(
        RULE, MU, Float("beta", 0, 1, default=0.95, when={"rule": "adam"}), Require("mu < beta")
    )
    assert space.check({"rule": "sgd", "mu": 0.98})
    with pytest.raises(InputError, match="the space requires 'mu < beta'"):
        space.check({"rule": "adam", "mu": 0.98, "beta": 0.9})


def test_plain_data_text_and_changes_keep_constraints() -> None:
    assert SearchSpace.from_yaml(SPACE.to_yaml()) == SPACE
    assert SearchSpace.from_dict(SPACE.to_dict()) == SPACE
    assert str(SPACE).splitlines()[-2:] == ["mu < nu", "not rule sgd with nesterov True"]
    assert SPACE.restrict("rule", "nesterov").constraints == (NOT_BOTH,)
    assert SPACE.rename(mu="beta1").constraints[0] == Require("beta1 < nu")
    assert SPACE.rename(rule="optimizer").constraints[1] == Forbid({"optimizer": "sgd", "nesterov": True})
    assert SPACE.replace(Float("mu", 0.5, 0.9, "log1m", 0.9)).constraints == SPACE.constraints
    assert SearchSpace(MU, NU, BELOW).merge(SearchSpace(NU, RULE, NESTEROV, NOT_BOTH)) == SPACE
    assert SPACE.fix(mu=0.9).constraints == SPACE.constraints
    assert SearchSpace(*SPACE).extend(BELOW, NOT_BOTH, BELOW) == SPACE
    assert SPACE.compare(SearchSpace(*SPACE, BELOW)) == [f"'{NOT_BOTH}': only in the first"]
    assert eval(repr(SPACE)) == SPACE


ERRORS = [
    (lambda: Require("mu"), "require must be a relation such as 'mu < nu' or 'mu <= 0.95', got 'mu'"),
    (lambda: Require("0.9 < mu"), "require must be a relation"),
    (lambda: Forbid({}), "forbid must be a mapping such as {rule: sgd, nesterov: true}, got {}"),
    (lambda: SearchSpace(MU, Require("mu < un")), "unknown hyperparameter in 'mu < un' 'un'"),
    (lambda: SearchSpace(MU, RULE, Require("rule < mu")), "rule has none; use forbid for its values"),
    (lambda: SearchSpace(RULE, Forbid({"rule": "sdg"})), "did you mean 'sgd'?"),
    (
        lambda: SearchSpace(MU, NU, Require("mu > nu")),
        "{'mu': 0.9, 'nu': 0.99} is forbidden: the space requires 'mu > nu'",
    ),
    (lambda: SPACE.restrict("mu", "rule", "nesterov"), "'mu < nu' needs nu, so it cannot be left out"),
    (lambda: SPACE.fix(mu=0.99, nu=0.9), "the space requires 'mu < nu'"),
    (
        lambda: Explicit([{"mu": 0.9, "nu": 0.5, "rule": "adam", "nesterov": False}]).configurations(SPACE),
        "row 1 of the explicit design: {'mu': 0.9, 'nu': 0.5} is forbidden",
    ),
    (
        lambda: Grid(levels={"mu": [0.9], "nu": [0.6]}).configurations(SPACE),
        "no combination of the grid fulfils 'mu < nu', 'not rule sgd with nesterov True'",
    ),
    (
        lambda: SearchSpace(Float("x", 0, 1), Require("x < 1e-6")).sample(10, 0),
        "x < 1e-6: fewer than one in a thousand configurations is allowed",
    ),
    (lambda: OneAtATime(3, {"mu": 0.98, "nu": 0.9}).configurations(SPACE), "requires 'mu < nu'"),
    *(
        (lambda design=design: design.configurations(SPACE), f"a {design.kind} design needs every point")
        for design in (LatinHypercube(8), Morris(4), Saltelli(8))
    ),
    (lambda: AdaptiveDesign(9).check_space(SPACE), "an adaptive design cannot keep to 'mu < nu'"),
    (
        lambda: to_configspace(SearchSpace(MU, Require("mu < 0.95"))),
        "'mu < 0.95' cannot be carried over; narrow the range of mu",
    ),
    (
        lambda: to_configspace(SearchSpace(MU, Float("x", 0, 1), Require("mu < x"))),
        "'mu < x' cannot be carried over: one is on a log1m scale",
    ),
    (lambda: to_ray(SPACE, transformed=True), "a param_space has no constraints"),
    (
        lambda: SearchSpace.from_dict([{"name": "x", "low": 0, "high": 1}, {"require": "x < 1", "when": 1}]),
        "unknown field beside require 'when'",
    ),
]


@pytest.mark.parametrize(("make", "message"), ERRORS)
def test_a_constraint_that_does_not_fit_is_an_error(make: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert message in str(caught.value)


def test_optuna_prunes_what_is_forbidden() -> None:
    suggest = define_by_run(SPACE)
    allowed = {"mu": 1.0, "nu": 2.0, "rule": "adam", "nesterov": False}
    assert fulfils(suggest(optuna.trial.FixedTrial(allowed)))
    with pytest.raises(optuna.TrialPruned):
        suggest(optuna.trial.FixedTrial({**allowed, "mu": 1.9, "nu": 1.0}))


CARRIED = SearchSpace(
    MU,
    NU,
    Integer("depth", 1, 8, default=2),
    Integer("width", 1, 8, default=4),
    Ordinal("p", (1, 2, 4), 2),
    RULE,
    NESTEROV,
    *map(Require, ("mu < nu", "mu <= nu", "depth != width", "depth >= p", "width > 1")),
    Forbid({"rule": "sgd", "nesterov": [True], "p": [1, 4]}),
    Forbid({"p": 4}),
)


def test_configspace_carries_constraints_there_and_back() -> None:
    native = to_configspace(CARRIED, seed=0)
    back = space_from_configspace(native)
    assert back.hyperparameters == CARRIED.hyperparameters
    listed = {Require("width > 1"): Forbid({"width": 1})}
    assert set(back.constraints) == {listed.get(each, each) for each in CARRIED.constraints}
    for configuration in native.sample_configuration(50):
        assert CARRIED.allows(configuration_from_configspace(CARRIED, configuration))


def test_a_study_trains_what_is_allowed(tmp_path: Any) -> None:
    from sensitivity.study.planning import trials
    from sensitivity.study.study import Study

    text = """
name: constrained
tasks: [logistic/synthetic]
variants: [adam]
space:
  - {name: lr, low: 1e-3, high: 1e-1, scale: log, default: 1e-2}
  - {name: mu, low: 0.5, high: 0.99, scale: log1m, default: 0.9}
  - {name: nu, low: 0.5, high: 0.99, scale: log1m, default: 0.95}
  - {require: mu < nu}
  - {forbid: {lr: [1e-1], nu: 0.99}}
design: {kind: grid, points: 3}
seeds: 1
epochs: 1
"""
    study = Study.from_yaml(text)
    planned = [trial.configuration for trial in trials(study)]
    assert len(planned) == 3 * 3 - 2 + 1  # three pairs of mu below nu, two of them without lr .1; the default
    assert all(configuration["mu"] < configuration["nu"] for configuration in planned)
    assert Study.from_stored(study.to_stored()).space("adam") == study.space("adam")
