"""0, or a value on a log scale, as one hyperparameter."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces import (
    Float,
    Ordinal,
    SearchSpace,
    configuration_from_configspace,
    configuration_from_optuna,
    configuration_from_ray,
    define_by_run,
    space_from_configspace,
    to_configspace,
    to_optuna,
    to_ray,
)
from search_spaces.inferred import domain_of, scale_of
from trainables.names import InputError

DECAY = Float("weight_decay", 1e-4, 0.1, "log", zero=0.2)
SPACE = SearchSpace(Float("lr", 1e-3, 1.0, "log"), DECAY)


def test_places_and_values() -> None:
    assert [DECAY.to_unit(value) for value in (0, 1e-4, 0.1)] == [0.1, 0.2, 1.0]
    assert [DECAY.from_unit(u) for u in (0, 0.1, 0.19999)] == [0.0, 0.0, 0.0]
    assert DECAY.from_unit(0.2) == pytest.approx(1e-4)
    assert DECAY.from_unit(0.6) == pytest.approx(math.sqrt(1e-5))
    assert DECAY.grid(1) == (DECAY.middle(),) == (0.00316227766017,)
    assert DECAY.grid(2) == (0.0, 0.1)
    assert DECAY.grid(5) == (0.0, 1e-4, 1e-3, 1e-2, 0.1)
    assert (DECAY.check(0), DECAY.cardinality) == (0.0, None)
    assert Float("weight_decay", 1e-4, 0.1, "log", 0, zero=0.2).default_value() == 0


@given(u=st.floats(0, 1), share=st.floats(0.01, 0.9), decades=st.floats(0.1, 12))
def test_a_place_is_that_of_its_value(u: float, share: float, decades: float) -> None:
    domain = Float("weight_decay", 1e-6, 1e-6 * 10**decades, "log", zero=share)
    value = domain.from_unit(u)
    assert value == 0 if u < share else domain.low <= value <= domain.high
    assert domain.to_unit(value) == pytest.approx(share / 2 if u < share else u, abs=1e-6)
    assert domain.from_above_zero(domain.above_zero(value)) == value
    assert domain.lowest < domain.above_zero(0) < domain.low


def test_samples_have_the_share() -> None:
    drawn = [configuration["weight_decay"] for configuration in SPACE.sample(4000, 0)]
    assert drawn.count(0.0) / 4000 == pytest.approx(0.2, abs=0.02)
    assert SPACE.decode(SPACE.encode([{"lr": 0.1, "weight_decay": 0}]))[0]["weight_decay"] == 0


def test_plain_data_and_words() -> None:
    assert SearchSpace.from_yaml(SPACE.to_yaml()) == SPACE
    assert str(SPACE).splitlines()[1] == "weight_decay: 0 or 0.0001 to 0.1, log"
    assert repr(DECAY).endswith("default=None, zero=0.2)")
    assert eval(repr(DECAY), {"Float": Float}) == DECAY
    assert "zero" not in Float("lr", 1e-3, 1, "log").to_dict()


@pytest.mark.parametrize("value", [0, 0.01])
def test_it_can_be_fixed(value: float) -> None:
    fixed = SPACE.fix(weight_decay=value)
    assert fixed.default()["weight_decay"] == value
    assert fixed["weight_decay"].cardinality == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scale": "linear"}, "zero of weight_decay needs a log scale, got 'linear'; use low: 0"),
        ({"zero": 0}, "zero of weight_decay must be a share above 0 and at most 0.9, got 0.0"),
        ({"zero": 1}, "zero of weight_decay must be a share above 0 and at most 0.9, got 1.0"),
        ({"zero": "some"}, "zero of weight_decay must be"),
        ({"name": "lr"}, "zero of lr cannot be set: a learning rate of 0 trains nothing; leave it out"),
        ({"low": 0.1}, "zero of weight_decay needs low below high, got 0.1 for both"),
        ({"default": 1e-5}, "default of weight_decay must be 0 or between 0.0001 and 0.1, got 1e-05"),
    ],
)
def test_refused(changes: dict[str, object], words: str) -> None:
    data = {"name": "weight_decay", "low": 1e-4, "high": 0.1, "scale": "log", "zero": 0.2} | changes
    with pytest.raises(InputError) as caught:
        SearchSpace.from_dict([data])
    assert words in str(caught.value)


def test_optuna() -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    zeros = [
        configuration_from_optuna(SPACE, study.ask(to_optuna(SPACE)).params)["weight_decay"] == 0
        for _ in range(500)
    ]
    assert sum(zeros) / 500 == pytest.approx(0.2, abs=0.05)
    below = optuna.trial.FixedTrial({"lr": 0.1, "weight_decay": 5e-5})
    assert define_by_run(SPACE)(below) == {"lr": 0.1, "weight_decay": 0.0}


def test_ray() -> None:
    with pytest.raises(InputError, match=r"which Ray lacks; use transformed=True"):
        to_ray(SPACE)
    space = to_ray(SPACE, transformed=True)
    assert list(space) == ["lr", "0 or weight_decay"]
    drawn = [
        configuration_from_ray(SPACE, {name: domain.sample() for name, domain in space.items()})
        for _ in range(500)
    ]
    assert sum(one["weight_decay"] == 0 for one in drawn) / 500 == pytest.approx(0.2, abs=0.07)


def test_configspace() -> None:
    pytest.importorskip("ConfigSpace")
    native = to_configspace(SPACE, seed=1)
    drawn = [configuration_from_configspace(SPACE, one) for one in native.sample_configuration(500)]
    assert sum(one["weight_decay"] == 0 for one in drawn) / 500 == pytest.approx(0.2, abs=0.06)
    assert space_from_configspace(native) == SPACE
    tiny = SearchSpace(Float("weight_decay", 1e-9, 0.1, "log", zero=0.2))
    with pytest.raises(InputError, match="rounds bounds to 9 decimals"):
        to_configspace(tiny, seed=1)


def test_inferred_from_draws() -> None:
    source = random.Random(0)
    drawn = [0.0] * 8 + [10 ** source.uniform(-5, -1) for _ in range(32)]
    domain = domain_of("weight_decay", drawn)
    assert isinstance(domain, Float)
    assert (domain.scale, domain.zero) == ("log", 0.2)
    assert domain.low == min(value for value in drawn if value)
    assert domain_of("weight_decay", [0, 1e-4, 1e-3, 1e-2], "log") == Float(
        "weight_decay", 1e-4, 1e-2, "log", zero=0.25
    )
    assert isinstance(domain_of("weight_decay", [0, 1e-4, 1e-3, 1e-2]), Ordinal)
    assert scale_of("dropout", [0.0, *(source.random() for _ in range(32))]) == "linear"
    assert [scale_of(name, drawn) for name in ("lr", "opt.learning_rate")] == ["linear", "linear"]
    assert scale_of("dropout", [k / 20 for k in range(20)]) == "linear"
