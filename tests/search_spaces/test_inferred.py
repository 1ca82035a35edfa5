"""Spaces inferred from values: scales, ranges, conditions, and what cannot be inferred."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from search_spaces.inferred import domain_of, inferred_space, scale_of
from trainables.names import InputError

RNG = np.random.default_rng(0)
SCALES = [
    pytest.param([1e-4, 1e-3, 1e-2], "log", id="a grid of powers"),
    pytest.param([3e-4, 1e-3, 3e-3, 1e-2], "log", id="a grid of half powers"),
    pytest.param(list(10 ** RNG.uniform(-4, -1, 20)), "log", id="twenty draws, log-uniform"),
    pytest.param(list(10 ** RNG.uniform(-4, -1, 1000)), "log", id="a thousand draws, log-uniform"),
    pytest.param(list(RNG.uniform(1e-4, 1, 20)), "linear", id="twenty draws, uniform"),
    pytest.param(list(RNG.uniform(1e-4, 1, 1000)), "linear", id="a thousand draws, uniform"),
    pytest.param(list(1 - 10 ** RNG.uniform(-3, -0.3, 20)), "log1m", id="draws of a decay"),
    pytest.param([0.9, 0.99, 0.999], "log1m", id="a grid of decays"),
    pytest.param([0, 0.9, 0.99], "log1m", id="a grid of decays with none"),
    pytest.param([0, 0.5, 0.9], "linear", id="too short a range of decays to tell"),
    pytest.param([0.9, 0.99], "log1m", id="two decays"),
    pytest.param([0.01, 0.1], "log", id="two values a decade apart"),
    pytest.param([0.1, 0.2], "linear", id="two values close by"),
    pytest.param([0, 0.1, 0.2, 0.3, 0.4, 0.5], "linear", id="steps"),
    pytest.param([16, 32, 64, 128], "log", id="doubling"),
    pytest.param([1, 2, 3, 4], "linear", id="counting"),
    pytest.param([0, 1e-5, 1e-4, 1e-3, 1e-2], "ordinal", id="zero among magnitudes"),
    pytest.param([1, 2, math.inf], "ordinal", id="norms"),
    pytest.param([-1.0, 0.0, 1.0], "linear", id="negative"),
    pytest.param([7], "linear", id="a single value"),
    pytest.param(["adam", "sgd"], "categorical", id="text"),
    pytest.param([True, False], "categorical", id="bools"),
    pytest.param(["1e-4", "1e-3", "1e-2"], "log", id="numbers as text"),
]


@pytest.mark.parametrize(("values", "scale"), SCALES)
def test_the_scale_is_the_one_on_which_values_are_even(values: list[Any], scale: str) -> None:
    assert scale_of("x", values) == scale
    domain = domain_of("x", values)
    assert domain.scale == scale
    from search_spaces.values import read_value

    for each in values:
        domain.check(read_value(each))


def test_whole_numbers_are_integers_and_large_ones_floats() -> None:
    assert domain_of("x", [1.0, 2.0]).kind == domain_of("x", [np.int64(3)]).kind == "integer"
    assert domain_of("x", [1, 2**50]).kind == domain_of("x", [0.5, 1]).kind == "float"


CONDITIONS = [
    pytest.param(
        [{"rule": "sgd", "lr": 1.0}, {"rule": "adam", "lr": 0.1, "nu": 0.9}, {"rule": "adam", "lr": 0.5, "nu": 0.99}],
        {"nu": {"rule": ("adam",)}}, id="one choice",
    ),
    pytest.param(
        [{"layers": n, **{f"units_{i}": 8 * (n + i) for i in range(n)}} for n in (1, 2, 3)],
        {"units_1": {"layers": (2, 3)}, "units_2": {"layers": (3,)}}, id="layers",
    ),
    pytest.param(
        [{"a": a, "b": b, **({"c": a / b} if (a, b) == (2, 2) else {})} for a in (1, 2) for b in (1, 2)],
        {"c": {"a": (2,), "b": (2,)}}, id="two at once",
    ),
    pytest.param(
        [{"on": False}, {"on": True, "kind": "x"}, {"on": True, "kind": "y", "depth": 3}],
        {"kind": {"on": (True,)}, "depth": {"kind": ("y",)}}, id="nested",
    ),
    pytest.param([{"nu": 1.0, "rule": "b"}, {"rule": "a"}], {"nu": {"rule": ("b",)}}, id="a parent that comes later"),
]  # fmt: skip


@pytest.mark.parametrize(("configurations", "conditions"), CONDITIONS)
def test_presence_is_explained_by_values_of_others(
    configurations: list[dict[str, Any]], conditions: dict[str, dict[str, Any]]
) -> None:
    space = inferred_space(configurations)
    assert {each.name: dict(each.when) for each in space.conditional} == conditions
    space.encode(configurations)


BAD = [
    pytest.param(
        [{"x": 1}, {"x": "oops"}],
        None,
        "x holds numbers and text (1, 'oops'); mend it, or say that x is categorical",
        id="mixed",
    ),
    pytest.param([{"x": True}, {"x": 2}], None, "x holds bools and numbers", id="bools"),
    pytest.param([{"x": math.nan}], None, "x must hold numbers, text or bools, got nan", id="nan"),
    pytest.param(
        [{"x": None}, {"x": 0.1}],
        "log",
        "x must hold numbers for a log scale, got 'None'",
        id="None on a log scale",
    ),
    pytest.param(
        [{"x": None}, {"x": 0.1}],
        "ordinal",
        "levels of x must be all numbers or all strings",
        id="None among levels",
    ),
    pytest.param(
        [{"x": "a"}], "log", "x must hold numbers for a log scale, got 'a'", id="text on a log scale"
    ),
    pytest.param(
        [{"x": 0.0}, {"x": 1.0}], "log", "low of x must be above 0 on a log scale", id="zero on a log scale"
    ),
    pytest.param([{"x": math.inf}], "linear", "its scale can be ordinal", id="infinity on a line"),
    pytest.param(
        [{"x": 1}], "logg", "unknown scale of x 'logg'; did you mean 'log'?", id="a scale that is none"
    ),
    pytest.param(
        [{"y": 0.5}, {"x": 1, "y": 0.5}],
        None,
        "x has no value in 1 of 2 configurations",
        id="presence without a reason",
    ),
]


@pytest.mark.parametrize(("configurations", "scale", "message"), BAD)
def test_what_cannot_be_a_space_says_why(
    configurations: list[dict[str, Any]], scale: str | None, message: str
) -> None:
    with pytest.raises(InputError) as error:
        inferred_space(configurations, scales={"x": scale} if scale else None)
    assert message in str(error.value)


CHOICES = [
    pytest.param([None, 0.1, 1.0], (0.1, 1.0, "None"), id="None beside numbers"),
    pytest.param(["None", "0.1", "1.0"], (0.1, 1.0, "None"), id="None beside numbers as a table has them"),
    pytest.param([None, True, False], (False, True, "None"), id="None beside bools"),
    pytest.param(["None", "True"], (True, "None"), id="None beside bools as a table has them"),
    pytest.param([None, "cosine"], ("None", "cosine"), id="None beside text"),
    pytest.param([None], ("None",), id="None alone"),
    pytest.param([(0.9, 0.999), [0.8, 0.99]], ("[0.8, 0.99]", "[0.9, 0.999]"), id="tuples and lists"),
    pytest.param(
        ["(0.9, 0.999)", "[0.8, 0.99]"],
        ("[0.8, 0.99]", "[0.9, 0.999]"),
        id="tuples and lists as a table has them",
    ),
    pytest.param([(64, None), np.array([1, 2])], ("[1, 2]", "[64, null]"), id="None and arrays within"),
    pytest.param([{"a": 1}, "{'a': 2}"], ('{"a": 1}', '{"a": 2}'), id="mappings"),
    pytest.param(["(not python", "[red]adam"], ("(not python", "[red]adam"), id="text in brackets"),
]


@pytest.mark.parametrize(("values", "choices"), CHOICES)
def test_what_is_no_number_is_a_choice_called_what_it_is_written_as(
    values: list[Any], choices: tuple[Any, ...]
) -> None:
    domain = domain_of("x", values)
    assert (domain.scale, domain.choices) == ("categorical", choices)  # type: ignore[union-attr]
    inferred_space([{"x": value} for value in values])


def test_a_choice_of_any_kind_can_be_a_condition() -> None:
    space = inferred_space(
        [
            {"layers": [64], "on": "True"},
            {"layers": (64, 32), "skip": 0.1, "on": "None"},
            {"layers": [64], "on": "False"},
        ]
    )
    assert dict(space["skip"].when) == {"layers": ("[64, 32]",)}


@pytest.mark.parametrize(
    ("parent", "condition"),
    [
        pytest.param([1, 2, 3, 4, 4, 3], {"x": (3, 4)}, id="from a number on"),
        pytest.param([4, 1, 2, 1, 1, 2], {"x": (1, 2)}, id="up to a number"),
        pytest.param([1, 2, 3, 1, 2, 4], None, id="with a hole between"),
    ],
)
def test_a_condition_on_numbers_is_an_interval(parent: list[int], condition: dict[str, Any] | None) -> None:
    present = [x in (condition or {"x": (1, 2, 4)})["x"] for x in parent]
    configurations = [
        {"x": x, **({"y": 0.1 * i} if there else {})}
        for i, (x, there) in enumerate(zip(parent, present, strict=True))
    ]
    if condition is None:
        with pytest.raises(InputError, match="y has no value in 1 of 6 configurations"):
            inferred_space(configurations)
    else:
        assert dict(inferred_space(configurations)["y"].when) == condition


def test_one_of_many_numbers_explains_nothing() -> None:
    configurations: list[dict[str, Any]] = [{"units": 8 + i, "wd": 0.1} for i in range(30)] + [{"units": 38}]
    with pytest.raises(InputError, match="wd has no value in 1 of 31 configurations"):
        inferred_space(configurations)


def test_a_declared_scale_is_kept() -> None:
    space = inferred_space(
        [{"x": 1, "y": "b", "z": 1}, {"x": "a", "y": "a", "z": 2}],
        scales={"x": "categorical", "y": "ordinal", "z": "log"},
    )
    assert [each.scale for each in space] == ["categorical", "ordinal", "log"]
    assert space["y"].grid(2) == ("b", "a")
