"""Search spaces: validation, the unit cube, plain data and Optuna, over spaces that are awkward."""

import json
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import Categorical, Float, Integer, Ordinal, SearchSpace
from search_spaces.optuna_spaces import configuration_from_optuna, to_optuna
from trainables.names import InputError

INF = math.inf
LR, MU, NU = (
    Float("lr", 1e-4, 1, "log"),
    Float("mu", 0.5, 0.99, "log1m", 0.9),
    Float("nu", 0.9, 0.999, "log1m"),
)
P, DEPTH = Ordinal("p", (1, 2, INF)), Integer("depth", 1, 64, "log")
RULE = Categorical("rule", ("cm", "nag", True, 1, 0.5))
SPACE = SearchSpace(LR, MU, NU, P, DEPTH, RULE)

SPACES = [
    pytest.param(SPACE, id="every scale"),
    pytest.param(SearchSpace(), id="nothing"),
    pytest.param(SearchSpace(Float("lr", 0.1, 0.1, "log")), id="single value"),
    pytest.param(SearchSpace(Float("mu", 0.9, 0.9, "log1m"), Float("x", -1, -1)), id="two single values"),
    pytest.param(
        SearchSpace(
            Integer("n", 3, 3), Integer("m", 3, 3, "log"), Ordinal("p", (2,)), Categorical("c", ("a",))
        ),
        id="one of each",
    ),
    pytest.param(SearchSpace(Float("lr", 1e-9, 1e3, "log")), id="log across 12 decades"),
    pytest.param(
        SearchSpace(Float("nu", 0, 1 - 1e-6, "log1m"), Float("mu", 0.99, 1 - 1e-12, "log1m")),
        id="log1m to many nines",
    ),
    pytest.param(
        SearchSpace(Float("größe", -1, 1), Ordinal("α", ("klein", "groß")), Float("ε", 1e-10, 1e-2, "log")),
        id="unicode names",
    ),
]


@pytest.mark.parametrize("space", SPACES)
def test_a_space_holds_its_default_and_itself(space: SearchSpace) -> None:
    default = space.default()
    assert space.check(default) == default
    assert tuple(default) == space.names
    assert list(space) == [space[name] for name in space.names]
    assert len(space) == len(space.names)
    assert all(name in space for name in space.names)
    assert "absent" not in space
    assert (
        eval(
            repr(space),
            {
                "inf": INF,
                **{each.__name__: each for each in (SearchSpace, Float, Integer, Ordinal, Categorical)},
            },
        )
        == space
    )
    assert pickle.loads(pickle.dumps(space)) == space
    assert hash(SearchSpace(*space)) == hash(space)
    assert len(str(space).splitlines()) == len(space)


@pytest.mark.parametrize("space", SPACES)
def test_plain_data_come_back_through_json_and_yaml(space: SearchSpace) -> None:
    data = space.to_dict()
    for again in (
        data,
        json.loads(json.dumps(data, allow_nan=False)),
        yaml.safe_load(yaml.safe_dump(data, allow_unicode=True)),
    ):
        assert SearchSpace.from_dict(again) == space


@pytest.mark.parametrize("space", SPACES)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_the_unit_cube_gives_configurations_that_keep_their_place(space: SearchSpace, seed: int) -> None:
    units = np.random.default_rng(seed).random((5, len(space)))
    units[0], units[1] = 0, 1
    configurations = space.decode(units)
    assert [space.check(each) for each in configurations] == configurations
    encoded = space.encode(configurations)
    assert encoded.shape == units.shape
    assert encoded.dtype == np.float64
    # At 1 - 1e-12 a float knows 1 - x to one part in 10^4, which is 10^-5 of the axis.
    np.testing.assert_allclose(space.encode(space.decode(encoded)), encoded, rtol=0, atol=1e-5)
    for column, each in enumerate(space):
        if isinstance(each, Float) and each.low < each.high:
            np.testing.assert_allclose(encoded[:, column], units[:, column], rtol=0, atol=1e-5)
        elif not isinstance(each, Float):
            assert [row[each.name] for row in space.decode(encoded)] == [
                row[each.name] for row in configurations
            ]


def test_nothing_encodes_to_nothing() -> None:
    assert SPACE.encode([]).shape == (0, 6)
    assert SPACE.decode(np.empty((0, 6))) == []
    assert SearchSpace().encode([{}, {}]).shape == (2, 0)
    assert SearchSpace().decode(np.empty((2, 0))) == [{}, {}]


def test_configurations_are_given_back_in_order_as_the_domains_hold_them() -> None:
    given = {"rule": True, "depth": 8.0, "p": 2.0, "nu": np.float64(0.99), "mu": 0.9, "lr": 1}
    assert repr(SPACE.check(given)) == "{'lr': 1.0, 'mu': 0.9, 'nu': 0.99, 'p': 2, 'depth': 8, 'rule': True}"


GOOD = SPACE.default()
ERRORS = [
    pytest.param(
        lambda: SPACE.check({**GOOD, "nou": 1}),
        "unknown hyperparameter 'nou'; did you mean 'nu'? (known: lr, mu, nu,",
        id="name",
    ),
    pytest.param(
        lambda: SPACE.check({"lr": 0.1}),
        "configuration {'lr': 0.1} lacks 'mu', 'nu', 'p', 'depth', 'rule'",
        id="missing",
    ),
    pytest.param(
        lambda: SPACE.check({**GOOD, "lr": 3.0}), "lr must be between 0.0001 and 1.0, got 3.0", id="too high"
    ),
    pytest.param(
        lambda: SPACE.encode([{**GOOD, "p": 3}]), "p must be one of 1, 2, inf, got 3", id="no level"
    ),
    pytest.param(
        lambda: SPACE.check({**GOOD, "rule": "nga"}),
        "unknown value of rule 'nga'; did you mean 'nag'?",
        id="misspelt choice",
    ),
    pytest.param(
        lambda: SPACE["LR"], "unknown hyperparameter 'LR'; did you mean 'lr'?", id="name in capitals"
    ),
    pytest.param(
        lambda: SPACE.decode(np.zeros((2, 5))),
        "units must have shape [configurations, 6], got [2, 5]",
        id="too few columns",
    ),
    pytest.param(
        lambda: SPACE.decode(np.zeros(6)),
        "units must have shape [configurations, 6], got [6]",
        id="one dimension",
    ),
    pytest.param(
        lambda: SPACE.decode(np.full((1, 6), np.nan)),
        "place of lr must be in [0, 1], got nan",
        id="nan in the cube",
    ),
    pytest.param(
        lambda: SearchSpace(LR, MU, LR),
        "names of a search space must differ, got 'lr' twice",
        id="name twice",
    ),
    pytest.param(
        lambda: SearchSpace({"name": "lr"}),
        "a search space must hold Float, Integer, Ordinal, Categorical, Require, Forbid, got {'name'",
        id="a dict",
    ),
    pytest.param(
        lambda: SearchSpace.from_dict({"name": "lr"}),
        "a search space must be a list of hyperparameters",
        id="a mapping",
    ),
    pytest.param(
        lambda: SPACE.replace(Float("eps", 0, 1)), "unknown hyperparameter 'eps'", id="nothing to replace"
    ),
    pytest.param(
        lambda: SPACE.fix(mu=0.999), "mu must be between 0.5 and 0.99, got 0.999", id="fixed outside"
    ),
    pytest.param(
        lambda: SPACE.fix(muu=0.9), "unknown hyperparameter 'muu'; did you mean 'mu'?", id="fixed name"
    ),
    pytest.param(
        lambda: SPACE.restrict("lr", "pp"),
        "unknown hyperparameter 'pp'; did you mean 'p'?",
        id="restricted name",
    ),
    pytest.param(
        lambda: configuration_from_optuna(SPACE, {"lr": 0.1}), "lacks 'mu'", id="missing from Optuna"
    ),
    pytest.param(
        lambda: configuration_from_optuna(SPACE, {"lrr": 0.1}),
        "unknown hyperparameter 'lrr'; did you mean 'lr'?",
        id="unknown from Optuna",
    ),
    pytest.param(
        lambda: configuration_from_optuna(SearchSpace(LR), {"lr": math.nan}),
        "lr must be a number, got nan",
        id="nan from Optuna",
    ),
    pytest.param(
        lambda: configuration_from_optuna(SearchSpace(MU), {"mu": math.nan}),
        "mu must be a number, got nan",
        id="nan decay from Optuna",
    ),
    pytest.param(
        lambda: configuration_from_optuna(SearchSpace(LR), {"lr": "x"}),
        "lr must be a number, got 'x'",
        id="word from Optuna",
    ),
    pytest.param(
        lambda: configuration_from_optuna(SearchSpace(P), {"p": 3}),
        "level of p must be between 0 and 2, got 3",
        id="level from Optuna",
    ),
    pytest.param(
        lambda: configuration_from_optuna(SearchSpace(P), {"p": -1}),
        "level of p must be between 0 and 2, got -1",
        id="level from the end",
    ),
]


@pytest.mark.parametrize(("make", "message"), ERRORS)
def test_errors_name_argument_value_and_what_is_allowed(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert message in str(caught.value)


def test_a_space_can_be_narrowed_and_changed() -> None:
    fixed = SPACE.fix(mu=0.95, p=INF, depth=8, rule=1)
    assert fixed.names == SPACE.names
    assert {name: fixed.default()[name] for name in ("mu", "p", "depth", "rule")} == {
        "mu": 0.95,
        "p": INF,
        "depth": 8,
        "rule": 1,
    }
    assert type(fixed.default()["rule"]) is int
    assert [row["mu"] for row in fixed.decode(np.random.default_rng(0).random((3, 6)))] == [0.95] * 3
    assert SPACE.restrict("p", "lr") == SearchSpace(LR, P)
    wider = Float("lr", 1e-6, 10, "log")
    assert SPACE.replace(wider).hyperparameters == (wider, *SPACE.hyperparameters[1:])
    assert SPACE["lr"] == LR


def test_a_space_is_a_value() -> None:
    assert SearchSpace(LR, MU) == SearchSpace(LR, MU)
    assert SearchSpace(LR, MU) != SearchSpace(MU, LR)
    with pytest.raises(AttributeError):
        SPACE.hyperparameters = ()


@pytest.mark.parametrize("space", SPACES)
def test_optuna_asks_for_configurations_of_the_space(space: SearchSpace) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(20):
        trial = study.ask(to_optuna(space))
        configuration = configuration_from_optuna(space, trial.params)
        assert space.check(configuration) == configuration
        study.tell(trial, 0.0)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("bound", ["low", "high"])
def test_optunas_bounds_are_ours_exactly(space: SearchSpace, bound: str) -> None:
    distributions = to_optuna(space)
    params = {name: getattr(each, bound, None) for name, each in distributions.items()}
    params |= {
        name: each.choices[0 if bound == "low" else -1]
        for name, each in distributions.items()
        if hasattr(each, "choices")
    }
    assert [configuration_from_optuna(space, params)] == space.decode(
        np.full((1, len(space)), 0.0 if bound == "low" else 1.0)
    )
    # A sampler's own rounding may step over a bound by a little.
    for name, each in distributions.items():
        if isinstance(each, optuna.distributions.FloatDistribution):
            params[name] = math.nextafter(params[name], -INF if bound == "low" else INF)
    assert [configuration_from_optuna(space, params)] == space.decode(
        np.full((1, len(space)), 0.0 if bound == "low" else 1.0)
    )


def test_optuna_sees_decays_as_nines_and_levels_as_their_number() -> None:
    distributions = to_optuna(SearchSpace(Float("nu", 0.9, 0.999, "log1m"), LR, P))
    nu = distributions["nu"]
    assert isinstance(nu, optuna.distributions.FloatDistribution)
    assert (nu.low, nu.high, nu.log) == (pytest.approx(1), pytest.approx(3), False)
    assert distributions["lr"] == optuna.distributions.FloatDistribution(1e-4, 1, log=True)
    assert distributions["p"] == optuna.distributions.IntDistribution(0, 2)
    middle = configuration_from_optuna(SearchSpace(Float("nu", 0.9, 0.999, "log1m")), {"nu": 2.0})
    assert middle["nu"] == pytest.approx(0.99, abs=1e-15)


@given(low=st.floats(-100, 1 - 1e-9), high=st.floats(-100, 1 - 1e-9), u=st.floats(0, 1))
def test_any_decay_survives_optuna(low: float, high: float, u: float) -> None:
    each = Float("x", min(low, high), max(low, high), "log1m")
    space = SearchSpace(each)
    distribution = to_optuna(space)["x"]
    assert isinstance(distribution, optuna.distributions.FloatDistribution)
    value = configuration_from_optuna(
        space, {"x": distribution.low + u * (distribution.high - distribution.low)}
    )["x"]
    assert each.low <= value <= each.high
    # log(1 - x) is known to one part in 2^52 of the larger bound, and x to that times 1 - x at most.
    assert value == pytest.approx(each.from_unit(u), abs=1e-13 * (1 - each.low))
