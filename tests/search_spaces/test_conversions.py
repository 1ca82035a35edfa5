"""Conversions to and from Ray Tune, Optuna and ConfigSpace: nothing is lost, or it is refused by name."""

import dataclasses
import importlib
import math
import pickle
import random
import sys
from collections.abc import Callable
from typing import Any

import ConfigSpace
import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from ray import tune

from search_spaces import (
    Categorical,
    Float,
    Integer,
    Ordinal,
    SearchSpace,
    configuration_from_configspace,
    configuration_from_optuna,
    configuration_from_ray,
    define_by_run,
    space_from_configspace,
    space_from_optuna,
    space_from_ray,
    to_configspace,
    to_optuna,
    to_ray,
)
from tests.search_spaces.awkward import PARAMS, SPACES, spaces
from trainables.names import InputError

INF = math.inf
NESTED = SPACES["nested conditions"]


def bare(space: SearchSpace) -> SearchSpace:
    """Without defaults, which Ray and Optuna do not have."""
    return SearchSpace(*(dataclasses.replace(each, default=None) for each in space))


def carried(space: SearchSpace) -> SearchSpace:
    """The part that Ray's and Optuna's dictionaries carry as it is: no ordinals, no log1m, no 0 beside a log
    scale, no conditions."""
    return bare(
        SearchSpace(
            *(
                each
                for each in space
                if not each.when
                and not isinstance(each, Ordinal)
                and each.scale != "log1m"
                and getattr(each, "zero", None) is None
            )
        )
    )


@given(space=spaces(conditional=False))
def test_optunas_distributions_come_back(space: SearchSpace) -> None:
    space = carried(space)
    again = space_from_optuna(to_optuna(space))
    assert to_optuna(again) == to_optuna(space)
    for mine, other in zip(space, again, strict=True):
        assert mine == other or (
            mine.cardinality == other.cardinality and getattr(mine, "step", None) is not None
        )  # a step of 1


@given(space=spaces(), seed=st.integers(0, 1000))
@settings(max_examples=100)
def test_define_by_run_asks_for_configurations_and_can_be_pickled(space: SearchSpace, seed: int) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    trial = study.ask()
    configuration = pickle.loads(pickle.dumps(define_by_run(space)))(trial)
    assert space.check(configuration) == configuration
    assert set(trial.params) == set(configuration)
    assert configuration_from_optuna(space, trial.params) == configuration


def test_define_by_run_covers_the_branches() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    found = {tuple(define_by_run(NESTED)(study.ask())) for _ in range(60)}
    assert found == {
        tuple(NESTED.complete(values))
        for values in ({"rule": "sgd"}, {"rule": "cm"}, {"rule": "adam"}, {"rule": "adam", "p": INF})
    }


def test_rays_own_optuna_search_runs_a_conditional_space() -> None:
    from ray.tune.search.optuna import OptunaSearch

    search = OptunaSearch(define_by_run(NESTED), metric="loss", mode="min", study_name="conditional", seed=0)
    for number in range(10):
        config = search.suggest(str(number))
        assert NESTED.check(config) == config
        search.on_trial_complete(str(number), {"loss": float(number)})


@given(space=spaces(conditional=False))
@settings(max_examples=60)
def test_rays_param_space_comes_back(space: SearchSpace) -> None:
    space = carried(space)
    try:
        given_to_ray = to_ray(space)
    except InputError as error:
        if "must be a multiple of its step" not in str(error):
            raise
        return
    again = space_from_ray(given_to_ray)
    for mine, other in zip(space, again, strict=True):
        assert mine == other or (
            getattr(mine, "step", None) is not None and mine.cardinality == other.cardinality
        )


@given(space=spaces(conditional=False), seed=st.integers(0, 1000))
@settings(max_examples=60)
def test_what_ray_draws_is_a_configuration(space: SearchSpace, seed: int) -> None:
    try:
        param_space = to_ray(space, transformed=True)
    except InputError as error:
        if "must be a multiple of its step" not in str(error):
            raise
        return
    np.random.seed(seed)  # Ray's domains draw from NumPy's global generator
    random.seed(seed)
    configuration = configuration_from_ray(
        space, {name: domain.sample() for name, domain in param_space.items()}
    )
    assert space.check(configuration) == configuration


def test_a_log1m_scale_reaches_ray_as_one_minus_the_value() -> None:
    space = SearchSpace(Float("nu", 0.9, 0.999, "log1m"), Ordinal("p", (1, 2, INF)))
    drawn = to_ray(space, transformed=True)
    assert list(drawn) == ["1 - nu", "level of p"]
    np.random.seed(0)
    units = space.encode(
        [
            configuration_from_ray(space, {name: each.sample() for name, each in drawn.items()})
            for _ in range(2000)
        ]
    )
    from scipy.stats import kstest

    assert kstest(units[:, 0], "uniform").pvalue > 0.01
    assert configuration_from_ray(space, {"1 - nu": 0.001, "level of p": 2}) == {"nu": 0.999, "p": INF}


FROM_RAY: list[Any] = [
    pytest.param(tune.uniform(0, 1), Float("x", 0, 1), id="uniform"),
    pytest.param(tune.loguniform(1e-4, 1), Float("x", 1e-4, 1, "log"), id="loguniform"),
    pytest.param(tune.quniform(0, 1, 0.25), Float("x", 0, 1, step=0.25), id="quniform"),
    pytest.param(tune.randint(1, 5), Integer("x", 1, 4), id="randint, whose upper bound is exclusive"),
    pytest.param(tune.lograndint(1, 100), Integer("x", 1, 99, "log"), id="lograndint"),
    pytest.param(
        tune.qrandint(4, 64, 4), Integer("x", 4, 64, step=4), id="qrandint, whose upper bound is inclusive"
    ),
    pytest.param(tune.choice(["a", True, 2]), Categorical("x", ("a", True, 2)), id="choice"),
    pytest.param(tune.grid_search([64, 32]), Ordinal("x", (32, 64)), id="grid_search of numbers"),
    pytest.param(
        tune.grid_search(["relu", "gelu"]), Categorical("x", ("relu", "gelu")), id="grid_search of words"
    ),
    pytest.param(3, Integer("x", 3, 3, default=3), id="whole constant"),
    pytest.param(0.5, Float("x", 0.5, 0.5, default=0.5), id="constant"),
    pytest.param("adam", Categorical("x", ("adam",), "adam"), id="word"),
    pytest.param(False, Categorical("x", (False,), False), id="bool"),
]


@pytest.mark.parametrize(("domain", "expected"), FROM_RAY)
def test_rays_domains_are_understood(domain: Any, expected: Any) -> None:
    assert space_from_ray({"x": domain}) == SearchSpace(expected)


REFUSED: list[Any] = [
    pytest.param(
        lambda: space_from_ray({"x": tune.randn()}),
        "x must be uniform on a linear or log scale, got a normal dist",
        id="randn",
    ),
    pytest.param(lambda: space_from_ray({"x": tune.qrandn(0, 1, 0.1)}), "x must be uniform", id="qrandn"),
    pytest.param(
        lambda: space_from_ray({"x": tune.sample_from(lambda _: 1)}),
        "x must have a domain of its own, got sample_from",
        id="sample_from",
    ),
    pytest.param(
        lambda: space_from_ray({"x": tune.qloguniform(0.5, 64, 0.5)}),
        "x must not have a step on a log scale",
        id="qloguniform",
    ),
    pytest.param(
        lambda: space_from_ray({"x": tune.qlograndint(2, 64, 2)}),
        "x must not have a step on a log scale",
        id="qlograndint",
    ),
    pytest.param(
        lambda: space_from_ray({"x": tune.choice([{"lr": 1}])}),
        "choices of x must be strings, bools or numbers",
        id="nested choice",
    ),
    pytest.param(
        lambda: space_from_ray({"x": {"lr": tune.uniform(0, 1)}}),
        "x is a dictionary; give its hyperparameters names",
        id="nested",
    ),
    pytest.param(
        lambda: space_from_ray({"x": tune.grid_search([None])}),
        "grid_search of x must hold strings, bools or numbers",
        id="None",
    ),
    pytest.param(
        lambda: space_from_ray({"x": [1, 2]}),
        "x must be a domain of Ray Tune, a string, a bool or a finite number",
        id="list",
    ),
    pytest.param(lambda: space_from_ray([1]), "a param_space must be a mapping of names", id="no mapping"),
    pytest.param(
        lambda: to_ray(NESTED),
        "mu is active only when rule is 'cm' or 'adam'; a param_space has no conditions",
        id="conditions in Ray",
    ),
    pytest.param(
        lambda: to_ray(SPACES["every scale"]),
        "mu is on a log1m scale, which Ray lacks; use transformed=True",
        id="log1m in Ray",
    ),
    pytest.param(
        lambda: to_ray(SearchSpace(Ordinal("p", (1, INF)))),
        "p is ordinal, and Ray's choice has no order",
        id="ordinal in Ray",
    ),
    pytest.param(
        lambda: to_ray(SearchSpace(Float("x", 0.1, 1.1, step=0.5))),
        "low of x must be a multiple of its step, as Ray has it",
        id="step",
    ),
    pytest.param(
        lambda: configuration_from_ray(SPACES["one integer"], {"m": 1}),
        "unknown hyperparameter 'm' (known: n)",
        id="unknown drawn",
    ),
    pytest.param(
        lambda: to_optuna(NESTED),
        "mu is active only when rule is 'cm' or 'adam'; a dictionary of Optuna's",
        id="conditions in Optuna",
    ),
    pytest.param(
        lambda: space_from_optuna({"x": CategoricalDistribution((None, 1))}),
        "choices of x must be strings",
        id="None in Optuna",
    ),
    pytest.param(
        lambda: space_from_optuna({"x": 3}),
        "x must be a FloatDistribution, IntDistribution or",
        id="no distribution",
    ),
    pytest.param(
        lambda: to_configspace(SearchSpace(Float("epsilon", 1e-10, 1e-2, "log"))),
        "epsilon cannot be carried over: ConfigSpace rounds bounds to 9 decimals, got 1e-10",
        id="small bound in ConfigSpace",
    ),
    pytest.param(
        lambda: to_configspace(SPACES["True beside 1"]),
        "c cannot be carried over",
        id="equal choices in ConfigSpace",
    ),
    pytest.param(
        lambda: to_configspace(SearchSpace(Float("x", 0, 1), Float("y", 0, 1, when={"x": 0.5}))),
        "y is active only when x is 0.5, but x is continuous",
        id="condition on a float",
    ),
]


@pytest.mark.parametrize(("make", "message"), REFUSED)
def test_what_cannot_be_carried_over_is_refused_by_name(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert message in str(caught.value)


def test_optunas_distributions_are_understood() -> None:
    space = space_from_optuna(
        {
            "lr": FloatDistribution(1e-4, 1, log=True),
            "x": FloatDistribution(0, 1, step=0.25),
            "n": IntDistribution(1, 64, log=True),
            "m": IntDistribution(2, 8, step=2),
            "c": CategoricalDistribution(("a", True)),
        }
    )
    assert list(space) == [
        Float("lr", 1e-4, 1, "log"),
        Float("x", 0, 1, step=0.25),
        Integer("n", 1, 64, "log"),
        Integer("m", 2, 8, step=2),
        Categorical("c", ("a", True)),
    ]


CARRIED = [
    each for each in PARAMS if each.id not in ("unicode names", "True beside 1", "log1m to many nines")
]


@pytest.mark.parametrize("space", CARRIED)
def test_configspace_carries_everything_and_draws_configurations(space: SearchSpace) -> None:
    native = to_configspace(space, seed=0)
    assert space_from_configspace(native) == space
    for drawn in native.sample_configuration(20) if len(space) else []:
        configuration = configuration_from_configspace(space, drawn)
        assert space.check(configuration) == configuration
    if len(space):
        default = configuration_from_configspace(space, native.get_default_configuration())
        assert list(default) == list(space.default())


@given(space=spaces())
@settings(max_examples=60)
def test_configspace_comes_back(space: SearchSpace) -> None:
    try:
        native = to_configspace(space)
    except InputError as error:
        if "cannot be carried over" not in str(error):
            raise
        return
    assert space_from_configspace(native) == space


def test_a_configspace_of_others_is_understood() -> None:
    native = ConfigSpace.ConfigurationSpace()
    rule = ConfigSpace.CategoricalHyperparameter("rule", ["sgd", "adam", "rms"])
    depth = ConfigSpace.UniformIntegerHyperparameter("depth", 1, 4, default_value=2)
    lr = ConfigSpace.UniformFloatHyperparameter("lr", 1e-4, 1, log=True, default_value=0.01)
    nu = ConfigSpace.UniformFloatHyperparameter("nu", 0.5, 0.9)
    size = ConfigSpace.OrdinalHyperparameter("size", [8, 16, 32])
    fixed = ConfigSpace.Constant("fixed", 3)
    native.add(rule, depth, lr, nu, size, fixed)
    native.add(
        ConfigSpace.AndConjunction(
            ConfigSpace.NotEqualsCondition(nu, rule, "sgd"), ConfigSpace.GreaterThanCondition(nu, depth, 2)
        ),
        ConfigSpace.InCondition(size, rule, ["sgd", "adam"]),
    )
    space = space_from_configspace(native)
    assert space["nu"] == Float("nu", 0.5, 0.9, default=0.7, when={"rule": ("adam", "rms"), "depth": (3, 4)})
    assert space["size"] == Ordinal("size", (8, 16, 32), 8, when={"rule": ("sgd", "adam")})
    assert space["lr"] == Float("lr", 1e-4, 1, "log", 0.01)
    assert space["depth"] == Integer("depth", 1, 4, default=2)
    assert space["fixed"] == Integer("fixed", 3, 3, default=3)


def native(*hyperparameters: Any, **conditions: Any) -> ConfigSpace.ConfigurationSpace:
    space = ConfigSpace.ConfigurationSpace()
    space.add(*hyperparameters)
    return space


def test_what_configspace_has_and_we_lack_is_refused_by_name() -> None:
    normal = ConfigSpace.NormalFloatHyperparameter("x", mu=0, sigma=1, lower=-1, upper=1)
    with pytest.raises(
        InputError, match="x must be uniform, categorical, ordinal or constant, got NormalFloat"
    ):
        space_from_configspace(native(normal))
    weighted = ConfigSpace.CategoricalHyperparameter("c", ["a", "b"], weights=[1, 2])
    with pytest.raises(InputError, match="c cannot be carried over: its choices have weights"):
        space_from_configspace(native(weighted))
    a, b = (
        ConfigSpace.CategoricalHyperparameter("a", ["u", "v"]),
        ConfigSpace.CategoricalHyperparameter("b", ["u", "v"]),
    )
    child = ConfigSpace.Constant("child", 1)
    either = native(a, b, child)
    either.add(
        ConfigSpace.OrConjunction(
            ConfigSpace.EqualsCondition(child, a, "u"), ConfigSpace.EqualsCondition(child, b, "u")
        )
    )
    with pytest.raises(
        InputError, match="condition of child cannot be carried over: one of several has to hold"
    ):
        space_from_configspace(either)
    forbidden = native(a, b)
    clauses = ConfigSpace.ForbiddenEqualsClause(a, "v"), ConfigSpace.ForbiddenEqualsClause(b, "v")
    forbidden.add(ConfigSpace.ForbiddenOrConjunction(*clauses))
    with pytest.raises(InputError, match="a forbidden combination cannot be carried over"):
        space_from_configspace(forbidden)


def test_configspace_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ConfigSpace", None)
    module = importlib.import_module("search_spaces.configspace_spaces")
    with pytest.raises(
        InputError, match=r"ConfigSpace is not installed; pip install optimizer-sensitivity\[configspace\]"
    ):
        module.to_configspace(NESTED)
