"""Hyperparameters: places in [0, 1], grids that can be read, plain data, and errors that show the way."""

import itertools
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.hyperparameters import Categorical, Float, Integer, Ordinal
from search_spaces.reading import from_dict
from search_spaces.values import read_value, write_value
from trainables.names import InputError

INF = math.inf

AWKWARD = [
    pytest.param(Float("x", -3, 5), id="linear"),
    pytest.param(Float("x", 1e-9, 1e3, "log"), id="log across 12 decades"),
    pytest.param(Float("x", 0.5, 1 - 1e-6, "log1m"), id="log1m to 1 - 1e-6"),
    pytest.param(Float("x", -4, 0, "log1m"), id="log1m below 0"),
    pytest.param(Float("x", 0.3, 0.3, "log"), id="single value"),
    pytest.param(Float("x", 1.0, math.nextafter(1.0, 2.0), "log"), id="neighbouring floats"),
    pytest.param(
        Float("x", 1e300, math.nextafter(1e300, INF), "log"), id="neighbouring floats with equal logarithms"
    ),
    pytest.param(Float("x", 5e-324, 1e-300, "log"), id="the smallest floats"),
    pytest.param(Float("x", -8e307, 8e307), id="nearly the whole line"),
    pytest.param(Integer("x", -2, 7), id="integers"),
    pytest.param(Integer("x", 1, 10**6, "log"), id="log integers"),
    pytest.param(Integer("x", 4, 4), id="one integer"),
    pytest.param(Integer("x", 9, 9, "log"), id="one log integer"),
    pytest.param(Integer("x", -(2**40), 2**40), id="the largest integers"),
    pytest.param(Ordinal("p", (1, 2, INF)), id="norms"),
    pytest.param(Ordinal("größe", ("klein", "groß")), id="unicode levels"),
    pytest.param(Ordinal("x", (7,)), id="one level"),
    pytest.param(Categorical("x", (True, 1, "one", 0.5, False)), id="mixed choices"),
    pytest.param(Categorical("x", ("a",), "a"), id="one choice"),
]
places = st.floats(0, 1)


@st.composite
def floats(draw: Callable[..., Any]) -> Float:
    """Float hyperparameters of every scale, with bounds anywhere in a sane range."""
    scale = draw(st.sampled_from(["linear", "log", "log1m"]))
    bound = {
        "linear": st.floats(-1e9, 1e9),
        "log": st.floats(1e-12, 1e12),
        "log1m": st.floats(-1e3, 1 - 1e-9),
    }[scale]
    low, high = sorted([draw(bound), draw(bound)])
    return Float("x", low, high, scale)


@st.composite
def integers(draw: Callable[..., Any]) -> Integer:
    """Integer hyperparameters of both scales."""
    scale = draw(st.sampled_from(["linear", "log"]))
    low = draw(st.integers(1 if scale == "log" else -(10**6), 10**6))
    return Integer("x", low, low + draw(st.integers(0, 10**6)), scale)


@pytest.mark.parametrize("each", AWKWARD)
def test_ends_are_exact_and_everything_outside_is_taken_as_an_end(each: Any) -> None:
    values = getattr(each, "levels", None) or getattr(each, "choices", None) or (each.low, each.high)
    for u in (0.0, -0.0, -1e-9, -INF):
        assert each.from_unit(u) is values[0] or each.from_unit(u) == values[0]
    for u in (1.0, 1 + 1e-9, INF):
        assert each.from_unit(u) == values[-1]


@pytest.mark.parametrize("each", AWKWARD)
@given(u=places)
def test_places_give_values_of_the_domain_that_keep_their_place(each: Any, u: float) -> None:
    value = each.from_unit(u)
    assert each.check(value) == value
    assert 0 <= each.to_unit(value) <= 1
    if not isinstance(each, Float):
        again = each.from_unit(each.to_unit(value))
        assert again == value
        assert type(again) is type(value)


@given(each=floats(), u=places)
def test_float_places_come_back(each: Float, u: float) -> None:
    value = each.from_unit(u)
    # A value is known to half a unit in the last place, which is this share of the axis.
    t, slope_at = {
        "linear": (lambda x: x, lambda x: 1.0),
        "log": (math.log, lambda x: 1 / x),
        "log1m": (lambda x: -math.log1p(-x), lambda x: 1 / (1 - x)),
    }[each.scale]
    slope = slope_at(value)
    width = t(each.high) - t(each.low)
    rounding = 8 * (math.ulp(value) * slope + math.ulp(max(abs(t(each.low)), abs(t(each.high)))))
    if rounding < 0.1 * width:
        assert each.to_unit(value) == pytest.approx(u, abs=rounding / width + 1e-15)
        assert each.from_unit(each.to_unit(value)) == pytest.approx(
            value, rel=1e-9, abs=1e-9 * max(abs(each.low), abs(each.high))
        )


@given(each=floats() | integers(), u=places, w=places)
def test_a_higher_place_is_no_lower_value(each: Float | Integer, u: float, w: float) -> None:
    low, high = sorted([u, w])
    assert each.from_unit(low) <= each.from_unit(high)
    assert each.to_unit(each.from_unit(low)) <= each.to_unit(each.from_unit(high))


@given(each=floats() | integers())
def test_bounds_are_0_and_1_or_the_middle_of_their_bins(each: Float | Integer) -> None:
    low, high = each.to_unit(each.low), each.to_unit(each.high)
    if each.low == each.high:
        assert low == high == pytest.approx(0.5, abs=1e-12)
    elif isinstance(each, Float):
        assert (low, high) == (0.0, 1.0)
    else:
        assert 0 < low < high < 1


@given(each=integers())
def test_every_integer_keeps_itself(each: Integer) -> None:
    for value in {
        each.low,
        each.high,
        each.low + 1 if each.low < each.high else each.low,
        (each.low + each.high) // 2,
    }:
        assert each.from_unit(each.to_unit(value)) == value


FORMULAE = [
    pytest.param(Float("x", 2, 6), 3, 0.25, id="linear"),
    pytest.param(Float("x", 1e-4, 1, "log"), 1e-3, 0.25, id="log"),
    pytest.param(Float("x", 0, 0.9999, "log1m"), 0.9, 0.25, id="log1m"),
    pytest.param(Float("x", 0.9, 0.999, "log1m"), 0.99, 0.5, id="log1m of nu"),
    pytest.param(Integer("x", 0, 3), 1, 0.375, id="integer"),
    pytest.param(Integer("x", 1, 7, "log"), 1, math.log(2) / math.log(15), id="log integer"),
    pytest.param(Ordinal("x", (1, 2, INF)), INF, 5 / 6, id="ordinal"),
    pytest.param(Categorical("x", ("a", "b")), "b", 0.75, id="categorical"),
]


@pytest.mark.parametrize(("each", "value", "u"), FORMULAE)
def test_places_follow_the_formula(each: Any, value: Any, u: float) -> None:
    assert each.to_unit(value) == pytest.approx(u, abs=1e-14)


def test_bins_of_discrete_domains_are_equally_wide() -> None:
    middles = (np.arange(1200) + 0.5) / 1200
    for each, n in (
        (Integer("x", -1, 2), 4),
        (Ordinal("x", (1, 2, INF)), 3),
        (Categorical("x", tuple("abcde")), 5),
    ):
        drawn = [each.from_unit(u) for u in middles]
        assert {drawn.count(value) for value in drawn} == {1200 // n}


GRIDS = [
    pytest.param(Float("lr", 1e-4, 1, "log"), 5, (1e-4, 1e-3, 1e-2, 1e-1, 1.0), id="decades"),
    pytest.param(Float("mu", 0.9, 0.999, "log1m"), 3, (0.9, 0.99, 0.999), id="nines"),
    pytest.param(
        Float("mu", 0, 1 - 1e-6, "log1m"),
        7,
        (0.0, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999),
        id="six nines",
    ),
    pytest.param(Float("x", -0.3, 0.3), 7, (-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3), id="tenths"),
    pytest.param(
        Float("x", 1e6, 1e6 + 1),
        5,
        (1000000.0, 1000000.25, 1000000.5, 1000000.75, 1000001.0),
        id="far from 0",
    ),
    pytest.param(Float("x", 1e-7, 3e-7), 3, (1e-7, 2e-7, 3e-7), id="small linear"),
    pytest.param(Float("lr", 1e-2, 1e2, "log"), 1, (1.0,), id="one level is the middle"),
    pytest.param(Float("lr", 1e-2, 1e2, "log", 3), 1, (3.0,), id="one level is the default"),
    pytest.param(Float("lr", 2, 2, "log"), 4, (2.0,), id="single value"),
    pytest.param(Integer("x", 1, 9), 3, (1, 5, 9), id="integers"),
    pytest.param(Integer("x", 1, 3), 7, (1, 2, 3), id="no more than there are"),
    pytest.param(Integer("x", 1, 64, "log"), 7, (1, 2, 4, 8, 16, 32, 64), id="powers of two"),
    pytest.param(Integer("x", 5, 5, "log"), 3, (5,), id="one integer"),
    pytest.param(Ordinal("p", (1, 2, INF)), 2, (1, INF), id="first and last level"),
    pytest.param(Ordinal("p", (1, 2, INF)), 9, (1, 2, INF), id="every level"),
    pytest.param(Ordinal("p", (1, 2, INF)), 1, (2,), id="middle level"),
    pytest.param(Categorical("x", tuple("abc")), 2, ("a", "b", "c"), id="every choice"),
    pytest.param(Categorical("x", (True, 1, False, 0)), 2, (True, 1, False, 0), id="bools beside numbers"),
    pytest.param(Categorical("x", tuple("abc"), "c"), 1, ("c",), id="the default choice"),
]


@pytest.mark.parametrize(("each", "n", "levels"), GRIDS)
def test_grids_are_readable(each: Any, n: int, levels: tuple[Any, ...]) -> None:
    assert each.grid(n) == levels
    assert [type(level) for level in each.grid(n)] == [type(level) for level in levels]


@given(each=floats() | integers(), n=st.integers(2, 40))
def test_grids_hold_the_bounds_and_rise(each: Float | Integer, n: int) -> None:
    levels = each.grid(n)
    assert (levels[0], levels[-1]) == (each.low, each.high)
    assert all(a < b for a, b in itertools.pairwise(levels))
    assert len(levels) <= n


ERRORS = [
    pytest.param(
        lambda: Float("lr", 1e-5, 1, "log").check(3), "lr must be between 1e-05 and 1.0, got 3", id="too high"
    ),
    pytest.param(
        lambda: Float("lr", 1e-5, 1, "log").check(3.0),
        "lr must be between 1e-05 and 1.0, got 3.0",
        id="too high float",
    ),
    pytest.param(lambda: Float("lr", 0, 1).check(True), "lr must be a number, got True", id="bool as number"),
    pytest.param(
        lambda: Float("lr", 0, 1).check("0.5"), "lr must be a number, got '0.5'", id="string as number"
    ),
    pytest.param(lambda: Float("lr", 0, 1).check(math.nan), "lr must be a number, got nan", id="nan"),
    pytest.param(
        lambda: Float("lr", 0, 1).check(None), "lr must be a number, got None", id="nothing as number"
    ),
    pytest.param(
        lambda: Float("lr", 0, 1).from_unit(math.nan), "place of lr must be in [0, 1], got nan", id="no place"
    ),
    pytest.param(
        lambda: Float("lr", 1, 0.1),
        "low of lr must be at most high, got low 1.0 and high 0.1",
        id="bounds swapped",
    ),
    pytest.param(
        lambda: Float("lr", 0, 1, "log"),
        "low of lr must be above 0 on a log scale, got 0.0",
        id="log through 0",
    ),
    pytest.param(
        lambda: Float("mu", 0, 1, "log1m"),
        "high of mu must be below 1 on a log1m scale, got 1.0",
        id="log1m at 1",
    ),
    pytest.param(lambda: Float("lr", 0, INF), "high of lr must be finite, got inf", id="infinite bound"),
    pytest.param(
        lambda: Float("lr", -1e308, 1e308),
        "lr must span less than the largest float",
        id="bounds too far apart",
    ),
    pytest.param(
        lambda: Float("lr", 1, 2, "lg"),
        "unknown scale of lr 'lg'; did you mean 'log'? (known: linear, log, log1m)",
        id="scale",
    ),
    pytest.param(
        lambda: Float("lr", 1, 2, default=3),
        "default of lr must be between 1.0 and 2.0, got 3",
        id="default outside",
    ),
    pytest.param(
        lambda: Float("", 1, 2),
        "name of a hyperparameter must be a string that is not empty, got ''",
        id="no name",
    ),
    pytest.param(lambda: Float("lr", "1", 2), "low of lr must be a number, got '1'", id="string as bound"),
    pytest.param(
        lambda: Float("lr", 1, 2).grid(0),
        "points of lr must be a whole number of at least 1, got 0",
        id="no points",
    ),
    pytest.param(
        lambda: Ordinal("p", (1, 2)).grid(1.5),
        "points of p must be a whole number of at least 1, got 1.5",
        id="half a point",
    ),
    pytest.param(
        lambda: Integer("n", 1.5, 3), "low of n must be a whole number, got 1.5", id="fraction as bound"
    ),
    pytest.param(lambda: Integer("n", 1, 3).check(2.5), "n must be a whole number, got 2.5", id="fraction"),
    pytest.param(
        lambda: Integer("n", 1, 3).check(INF), "n must be a whole number, got inf", id="infinity as integer"
    ),
    pytest.param(
        lambda: Integer("n", 1, 3).check(4), "n must be between 1 and 3, got 4", id="integer too high"
    ),
    pytest.param(
        lambda: Integer("n", 1, 3, "log1m"), "unknown scale of n 'log1m'", id="integers have no log1m"
    ),
    pytest.param(
        lambda: Integer("n", 0, 3, "log"),
        "low of n must be above 0 on a log scale, got 0",
        id="log integers from 0",
    ),
    pytest.param(
        lambda: Integer("n", 0, 2**60), "high of n must be within +-2**40", id="integer beyond floats"
    ),
    pytest.param(
        lambda: Ordinal("p", ()), "levels of p must hold at least one value, got none", id="no levels"
    ),
    pytest.param(lambda: Ordinal("p", (1, 1.0)), "levels of p must differ, got 1.0 twice", id="level twice"),
    pytest.param(
        lambda: Ordinal("p", (1, "a")),
        "levels of p must be all numbers or all strings, got 1, 'a'",
        id="mixed levels",
    ),
    pytest.param(
        lambda: Ordinal("p", (False, True)),
        "levels of p must be all numbers or all strings",
        id="bools as levels",
    ),
    pytest.param(
        lambda: Ordinal("p", ("1", "2")),
        "levels of p must not hold numbers as strings, got '1'; use 1",
        id="quoted level",
    ),
    pytest.param(
        lambda: Ordinal("p", (1, math.nan)),
        "each of the levels of p must be a number, got nan",
        id="nan as level",
    ),
    pytest.param(
        lambda: Ordinal("p", "abc"), "levels of p must be a list, got 'abc'", id="string for levels"
    ),
    pytest.param(lambda: Ordinal("p", (1, 2)).check(3), "p must be one of 1, 2, got 3", id="no such level"),
    pytest.param(
        lambda: Ordinal("p", (1, 2)).check(True), "p must be one of 1, 2, got True", id="bool for a level"
    ),
    pytest.param(
        lambda: Ordinal("p", (1, 2), 3), "default of p must be one of 1, 2, got 3", id="default is no level"
    ),
    pytest.param(
        lambda: Ordinal("s", ("low", "high")).check("hihg"),
        "unknown value of s 'hihg'; did you mean 'high'?",
        id="misspelt level",
    ),
    pytest.param(
        lambda: Categorical("c", ("a", "b", "a")),
        "choices of c must differ, got 'a' twice",
        id="choice twice",
    ),
    pytest.param(
        lambda: Categorical("c", ("adam", None)),
        "each of the choices of c must be a number, got None",
        id="nothing as choice",
    ),
    pytest.param(
        lambda: Categorical("c", ([1],)),
        "each of the choices of c must be a number, got [1]",
        id="list as choice",
    ),
    pytest.param(
        lambda: from_dict({"name": "lr", "low": 0}),
        "float hyperparameter 'lr' lacks 'high'",
        id="missing field",
    ),
    pytest.param(
        lambda: from_dict({"low": 0, "high": 1}), "float hyperparameter lacks 'name'", id="missing name"
    ),
    pytest.param(
        lambda: from_dict({"name": "p"}), "float hyperparameter 'p' lacks 'low', 'high'", id="only a name"
    ),
    pytest.param(
        lambda: from_dict({"name": "lr", "low": 0, "hihg": 1}),
        "unknown field of float hyperparameter 'lr' 'hihg'; did you mean 'high'? (known: type, name, low, high, scale,",
        id="misspelt field",
    ),
    pytest.param(
        lambda: from_dict({"name": "p", "levels": [1], "low": 0}),
        "unknown field of ordinal hyperparameter 'p' 'low'",
        id="field of another type",
    ),
    pytest.param(
        lambda: from_dict({"name": "n", "type": "integr", "low": 0}),
        "unknown type of hyperparameter 'integr'; did you mean 'integer'?",
        id="misspelt type",
    ),
    pytest.param(
        lambda: from_dict({"name": "lr", "low": "tiny", "high": 1}),
        "low of lr must be a number, got 'tiny'",
        id="word as bound",
    ),
    pytest.param(
        lambda: from_dict({"name": "p", "levels": 3}),
        "levels of ordinal hyperparameter 'p' must be a list, got 3",
        id="number for levels",
    ),
    pytest.param(
        lambda: from_dict(["lr"]),
        "a hyperparameter must be a mapping such as",
        id="list for a hyperparameter",
    ),
    pytest.param(
        lambda: from_dict({"name": "lr", "type": ["float"]}),
        "unknown type of hyperparameter ['float']",
        id="list for a type",
    ),
    pytest.param(
        lambda: from_dict({"name": "lr", "low": 1, "high": 2, "scale": ["log"]}),
        "unknown scale of lr ['log']",
        id="list for a scale",
    ),
    pytest.param(
        lambda: from_dict({"name": "p", "levels": [1, 2], "scale": "log"}),
        "unknown field of ordinal",
        id="log levels",
    ),
]


@pytest.mark.parametrize(("make", "message"), ERRORS)
def test_errors_name_argument_value_and_what_is_allowed(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_values_are_taken_in_any_number_type_and_given_back_as_the_domain_holds_them() -> None:
    assert repr(Float("x", 0, 4).check(np.float32(0.5))) == "0.5"
    assert repr(Float("x", 0, 4).check(3)) == "3.0"
    assert repr(Integer("x", 0, 4).check(np.int64(3))) == "3"
    assert repr(Integer("x", 0, 4).check(3.0)) == "3"
    assert repr(Ordinal("x", (1, 2)).check(np.float64(1.0))) == "1"
    assert repr(Categorical("x", (1, True)).check(True)) == "True"
    assert repr(Categorical("x", (1, True)).check(np.True_)) == "True"
    assert repr(Categorical("x", (1, np.True_, np.str_("a"))).choices) == "(1, True, 'a')"
    assert (
        repr(Float("x", np.float64(0.5), np.int64(4), default=1))
        == "Float(name='x', low=0.5, high=4.0, scale='linear', default=1.0)"
    )
    assert repr(Ordinal("x", [np.int64(1), np.float64(2.5)]).levels) == "(1, 2.5)"


def test_equal_hyperparameters_hash_alike() -> None:
    assert hash(Float("x", 1, 2)) == hash(Float("x", 1.0, 2.0))
    assert len({Ordinal("x", [1, 2]), Ordinal("x", (1, 2)), Ordinal("x", (2, 1))}) == 2


@pytest.mark.parametrize("each", AWKWARD)
def test_plain_data_come_back_through_json_and_yaml(each: Any) -> None:
    data = each.to_dict()
    for again in (data, json.loads(json.dumps(data, allow_nan=False)), yaml.safe_load(yaml.safe_dump(data))):
        assert from_dict(again) == each
        assert repr(from_dict(again)) == repr(each)


@given(each=floats() | integers())
def test_plain_data_of_any_bounds_come_back(each: Float | Integer) -> None:
    assert from_dict(json.loads(json.dumps(each.to_dict(), allow_nan=False))) == each
    assert from_dict(yaml.safe_load(yaml.safe_dump(each.to_dict()))) == each


YAML = [
    pytest.param(
        "{name: lr, low: 1e-4, high: 1, scale: log}",
        Float("lr", 1e-4, 1, "log"),
        id="1e-4 is a string to YAML",
    ),
    pytest.param(
        "{name: lr, low: 1e-4, high: 1, default: 1e-2}", Float("lr", 1e-4, 1, default=0.01), id="default"
    ),
    pytest.param("{name: n, type: integer, low: 1, high: 1e3}", Integer("n", 1, 1000), id="integer"),
    pytest.param("{name: p, levels: [1, 2, inf]}", Ordinal("p", (1, 2, INF)), id="inf"),
    pytest.param(
        "{name: p, levels: [1, 2, .inf], default: inf}", Ordinal("p", (1, 2, INF), INF), id="YAML's own inf"
    ),
    pytest.param("{name: p, levels: [1, 2], scale: ordinal}", Ordinal("p", (1, 2)), id="its scale spelt out"),
    pytest.param(
        "{name: c, choices: [true, fast, 1e-3]}", Categorical("c", (True, "fast", 1e-3)), id="choices"
    ),
]


@pytest.mark.parametrize(("text", "expected"), YAML)
def test_yaml_as_people_write_it(text: str, expected: Any) -> None:
    assert repr(from_dict(yaml.safe_load(text))) == repr(expected)


@given(
    value=st.floats(allow_nan=False) | st.integers() | st.booleans() | st.sampled_from(["adam", "", "1 2"])
)
def test_written_values_read_back(value: Any) -> None:
    again = read_value(json.loads(json.dumps(write_value(value), allow_nan=False)))
    assert again == value
    assert type(again) is type(value)
