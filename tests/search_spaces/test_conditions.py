"""Conditions: which hyperparameters take part, what is refused, and the unit cube, listings and plain data with them."""

import itertools
import json
import math
import pickle
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import Categorical, Float, Integer, Ordinal, SearchSpace
from tests.search_spaces.awkward import PARAMS, RULE, SPACES, spaces
from trainables.names import InputError

INF = math.inf
NESTED = SPACES["nested conditions"]


def brute_active(space: SearchSpace, configuration: Mapping[str, Any]) -> set[str]:
    """What is active by the definition, found by going round until nothing changes."""
    active = set(space.names)
    while True:
        still = {
            each.name
            for each in space
            if each.name in active
            and all(
                parent in active
                and any(
                    type(value) is type(configuration[parent]) and value == configuration[parent]
                    for value in values
                )
                for parent, values in each.when.items()
            )
        }
        if still == active:
            return active
        active = still


ACTIVE = [
    pytest.param({"rule": "sgd"}, ("rule", "lr"), id="neither"),
    pytest.param({"rule": "cm"}, ("rule", "lr", "mu"), id="one"),
    pytest.param({"rule": "adam", "p": 2}, ("rule", "lr", "mu", "p", "nu"), id="grandchild"),
    pytest.param({"rule": "adam", "p": INF}, ("rule", "lr", "mu", "p", "epsilon"), id="both conditions"),
]


@pytest.mark.parametrize(("values", "names"), ACTIVE)
def test_what_is_active_follows_from_the_parents(values: dict[str, Any], names: tuple[str, ...]) -> None:
    assert NESTED.active(values) == names
    assert tuple(NESTED.complete(values)) == names


@given(space=spaces(), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=150)
def test_configurations_hold_the_active_hyperparameters_and_no_others(space: SearchSpace, seed: int) -> None:
    full = {
        each.name: each.from_unit(u)
        for each, u in zip(space, np.random.default_rng(seed).random(len(space)), strict=True)
    }
    (configuration,) = space.sample(1, seed)
    assert set(configuration) == brute_active(space, full)
    assert space.active(configuration) == tuple(configuration)
    assert space.check(configuration) == configuration
    for name in set(space.names) - set(configuration):
        with pytest.raises(InputError, match="is inactive in"):
            space.check({**configuration, name: full[name]})


@pytest.mark.parametrize("space", PARAMS)
def test_a_space_is_a_value_that_holds_its_default(space: SearchSpace) -> None:
    names = {each.__name__: each for each in (SearchSpace, Float, Integer, Ordinal, Categorical)}
    assert eval(repr(space), {"inf": INF, **names}) == space
    assert pickle.loads(pickle.dumps(space)) == space
    assert hash(SearchSpace(*space)) == hash(space)
    assert len(str(space).splitlines()) == len(space) == len(space.table())
    assert space.check(space.default()) == space.default()
    assert space.compare(pickle.loads(pickle.dumps(space))) == []


@given(space=spaces(), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=150)
def test_the_unit_cube_loses_nothing(space: SearchSpace, seed: int) -> None:
    units = np.random.default_rng(seed).random((6, len(space)))
    units[0], units[1] = 0, 1
    configurations = space.decode(units)
    encoded = space.encode(configurations)
    assert [[name in each for name in space.names] for each in configurations] == (
        ~np.isnan(encoded)
    ).tolist()
    again = space.decode(encoded)
    for mine, other in zip(configurations, again, strict=True):
        assert list(mine) == list(other)
        for name, value in mine.items():
            if isinstance(space[name], Float) and space[name].cardinality is None:
                # exp(log(x)) is x to a few units in the last place of the axis
                assert other[name] == pytest.approx(
                    value, rel=1e-9, abs=1e-9 * max(abs(space[name].low), abs(space[name].high))
                )
            else:
                assert other[name] == value
                assert type(other[name]) is type(value)
    assert space.decode(np.where(np.isnan(encoded), 0.123, encoded)) == again  # what is inactive is ignored
    ends = [
        {each.name: end for each, end in zip(space, column, strict=True)}
        for column in zip(*map(_ends, space), strict=True)
    ]
    for end in ends:
        settled = space.complete(end)
        assert space.decode(space.encode([settled])) == [settled]


def _ends(each: Any) -> tuple[Any, Any]:
    values = each.grid(2)
    return values[0], values[-1]


@pytest.mark.slow
@given(space=spaces())
def test_plain_data_come_back(space: SearchSpace) -> None:
    data = space.to_dict()
    assert SearchSpace.from_dict(json.loads(json.dumps(data, allow_nan=False))) == space
    assert SearchSpace.from_dict(yaml.safe_load(yaml.safe_dump(data, allow_unicode=True))) == space
    assert SearchSpace.from_yaml(space.to_yaml()) == space
    assert SearchSpace.from_yaml(space.to_yaml()).to_yaml() == space.to_yaml()


def test_yaml_as_people_write_it() -> None:
    text = """
    - {name: adaptive, choices: [none, mean, sum]}
    - {name: p, levels: [1, 2, inf], when: {adaptive: [mean, sum]}}
    - {name: nu, low: 0.9, high: 0.999, scale: log1m, when: {adaptive: mean, p: [1, inf]}}
    - {name: dropout, low: 0, high: 5e-1, step: 1e-1}
    """
    space = SearchSpace.from_yaml(text)
    assert space["nu"].when == {"adaptive": ("mean",), "p": (1, INF)}
    assert space["dropout"] == Float("dropout", 0, 0.5, step=0.1)
    assert str(space).splitlines()[2] == "nu: 0.9 to 0.999, log1m, when adaptive is 'mean' and p is 1 or inf"
    assert space.table()[1] == {
        "hyperparameter": "p", "domain": "1, 2, inf", "scale": "ordinal", "default": "", "condition": "adaptive is 'mean' or 'sum'"
    }  # fmt: skip


@pytest.mark.parametrize("space", PARAMS)
def test_enumerating_gives_each_combination_of_active_levels_once(space: SearchSpace) -> None:
    levels = {each.name: each.grid(2) for each in space}
    if math.prod(map(len, levels.values())) > 5000:
        pytest.skip("the reference goes through every combination")
    full = [dict(zip(space.names, values, strict=True)) for values in itertools.product(*levels.values())]
    expected = [
        repr({name: each[name] for name in space.names if name in brute_active(space, each)}) for each in full
    ]
    assert [repr(each) for each in space.enumerate(2)] == list(dict.fromkeys(expected))


@pytest.mark.slow
@given(space=spaces(most=4))
def test_size_counts_configurations(space: SearchSpace) -> None:
    if math.isinf(space.size):
        assert any(each.cardinality is None for each in space)
    elif space.size <= 3000:
        most = max([2, *(each.cardinality or 0 for each in space)])
        every = {each.name: each.grid(10 * most if each.scale != "log" else 100_000) for each in space}
        if all(len(every[each.name]) == each.cardinality for each in space):
            from search_spaces.combinations import combine

            assert len(combine(tuple(space), every)) == space.size


CONDITIONS: list[Any] = [
    pytest.param(
        lambda: SearchSpace(RULE, Float("x", 0, 1, when={"rul": "cm"})),
        "unknown hyperparameter in the condition of x 'rul'; did you mean 'rule'? (known: rule)",
        id="unknown name",
    ),
    pytest.param(
        lambda: SearchSpace(Float("x", 0, 1, when={"rule": "cm"}), RULE),
        "condition of x must name an earlier hyperparameter, got rule; put rule before x",
        id="later name",
    ),
    pytest.param(
        lambda: SearchSpace(Float("x", 0, 1, when={"x": 0.5})),
        "condition of x must name another hyperparameter, got itself",
        id="itself",
    ),
    pytest.param(
        lambda: SearchSpace(
            Categorical("a", ("u", "v"), when={"c": "u"}),
            Categorical("b", ("u", "v"), when={"a": "u"}),
            Categorical("c", ("u", "v"), when={"b": "u"}),
        ),
        "conditions must not be circular, got a -> c -> b -> a",
        id="circular",
    ),
    pytest.param(
        lambda: SearchSpace(RULE, Float("x", 0, 1, when={"rule": "amda"})),
        "condition of x: unknown value of rule 'amda'; did you mean 'adam'?",
        id="value outside",
    ),
    pytest.param(
        lambda: SearchSpace(Integer("n", 1, 3), Float("x", 0, 1, when={"n": 4})),
        "condition of x: n must be between 1 and 3, got 4",
        id="number",
    ),
    pytest.param(
        lambda: Float("x", 0, 1, when="rule"),
        "condition of x must be a mapping of names to values such as {adaptive:",
        id="word",
    ),
    pytest.param(
        lambda: Float("x", 0, 1, when={1: "a"}),
        "condition of x must name hyperparameters, got 1",
        id="number for a name",
    ),
    pytest.param(
        lambda: Float("x", 0, 1, when={"rule": ()}),
        "values of rule in the condition of x must hold at least one value",
        id="no values",
    ),
    pytest.param(
        lambda: Float("x", 0, 1, when={"p": ("2",)}),
        "must not hold numbers as strings, got '2'; use 2",
        id="number as a string",
    ),
    pytest.param(
        lambda: SearchSpace(
            RULE,
            Categorical("a", ("u",), when={"rule": "cm"}),
            Float("x", 0, 1, when={"rule": "adam", "a": "u"}),
        ),
        "x can never be active: its conditions need rule to be 'adam' and to be 'cm'",
        id="conditions that exclude each other",
    ),
    pytest.param(
        lambda: NESTED.check({"rule": "sgd", "lr": 0.1, "mu": 0.9}),
        "mu is inactive in {'rule': 'sgd', 'lr': 0.1, 'mu': 0.9}: it needs rule to be 'cm' or 'adam', got 'sgd'; leave it out",
        id="inactive",
    ),
    pytest.param(
        lambda: NESTED.check({"rule": "cm", "lr": 0.1, "mu": 0.9, "nu": 0.99}),
        "it needs p to be 1 or 2, and p is inactive",
        id="grandchild",
    ),
    pytest.param(
        lambda: NESTED.check({"rule": "adam", "lr": 0.1, "mu": 0.9}), "lacks 'p'", id="active and missing"
    ),
    pytest.param(
        lambda: NESTED.active({"lr": 0.1}),
        "lacks 'rule', which decides whether mu is active",
        id="deciding and missing",
    ),
    pytest.param(lambda: SearchSpace.from_yaml("- {name: ["), "not YAML: while parsing a flow", id="no yaml"),
]
STEPS: list[Any] = [
    pytest.param(
        lambda: Float("x", 0, 1, step=0.3),
        "high of x must be low plus a whole number of steps of 0.3, got 1.0; nearest below 0.9",
        id="fit",
    ),
    pytest.param(
        lambda: Integer("n", 1, 10, step=4),
        "high of n must be low plus a whole number of steps of 4, got 10; nearest below 9",
        id="whole",
    ),
    pytest.param(lambda: Float("x", 0, 1, step=0), "step of x must be above 0, got 0.0", id="zero"),
    pytest.param(lambda: Float("x", 0, 1, step=-0.1), "step of x must be above 0, got -0.1", id="negative"),
    pytest.param(lambda: Float("x", 0, 1, step=math.nan), "step of x must be a number, got nan", id="nan"),
    pytest.param(
        lambda: Integer("n", 1, 9, step=0.5), "step of n must be a whole number, got 0.5", id="fraction"
    ),
    pytest.param(
        lambda: Float("x", 1, 10, "log", step=1), "step of x needs a linear scale, got 'log'", id="log"
    ),
    pytest.param(
        lambda: Float("x", 0, 1, step=1e-300),
        "step of x must make at most 2**40 values, got 1e-300",
        id="too small",
    ),
    pytest.param(
        lambda: Float("x", 0, 1, default=0.25, step=0.1),
        "default of x must be 0.0 plus a whole number of steps of 0.1",
        id="default",
    ),
    pytest.param(
        lambda: Float("x", 0, 1, step=0.1).check(0.26), "of steps of 0.1, got 0.26; nearest 0.3", id="between"
    ),
    pytest.param(
        lambda: Integer("n", 1, 9, step=4).check(6),
        "n must be 1 plus a whole number of steps of 4, got 6; nearest 5",
        id="between ints",
    ),
]


@pytest.mark.parametrize(("make", "message"), CONDITIONS + STEPS)
def test_each_mistake_gets_one_clear_line(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_steps_are_decimal_and_have_equal_shares() -> None:
    dropout = Float("dropout", 0.1, 0.5, step=0.1)
    assert dropout.grid(99) == (0.1, 0.2, 0.3, 0.4, 0.5)
    assert dropout.grid(3) == (0.1, 0.3, 0.5)
    assert [dropout.to_unit(each) for each in dropout.grid(5)] == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
    assert dropout.check(0.1 + 2 * 0.1) == 0.3
    assert repr(dropout.check(0.1 + 2 * 0.1)) == "0.3"
    drawn = [dropout.from_unit(u) for u in (np.arange(1000) + 0.5) / 1000]
    assert {drawn.count(each) for each in dropout.grid(5)} == {200}
    assert dropout.middle() == 0.3
    width = Integer("width", 16, 64, step=16)
    assert [width.from_unit(u) for u in (0, 0.26, 0.51, 1)] == [16, 32, 48, 64]


FIXED = [
    pytest.param({"rule": "sgd"}, ("rule", "lr"), (), id="drops what can never be active"),
    pytest.param({"rule": "cm"}, ("rule", "lr", "mu"), (), id="a condition that always holds goes"),
    pytest.param(
        {"rule": "adam"},
        ("rule", "lr", "mu", "p", "nu", "epsilon"),
        ("nu", "epsilon"),
        id="nested conditions stay",
    ),
    pytest.param({"rule": "adam", "p": INF}, ("rule", "lr", "mu", "p", "epsilon"), (), id="to the end"),
    pytest.param(
        {"p": 2},
        ("rule", "lr", "mu", "p", "nu"),
        ("mu", "p", "nu"),
        id="a conditional parent keeps its children's condition",
    ),
    pytest.param({"mu": 0.9}, NESTED.names, ("mu", "p", "nu", "epsilon"), id="a leaf"),
]


@pytest.mark.parametrize(("values", "names", "conditional"), FIXED)
def test_fixing_resolves_conditions(
    values: dict[str, Any], names: tuple[str, ...], conditional: tuple[str, ...]
) -> None:
    fixed = NESTED.fix(**values)
    assert fixed.names == names
    assert tuple(each.name for each in fixed.conditional) == conditional
    for configuration in fixed.sample(20, 0):
        assert NESTED.check(configuration) == configuration
        assert all(configuration.get(name, value) == value for name, value in values.items())


@given(space=spaces(), data=st.data())
def test_fixing_anything_gives_configurations_of_the_space(space: SearchSpace, data: Any) -> None:
    (configuration,) = space.sample(1, data.draw(st.integers(0, 1000)))
    names = data.draw(st.lists(st.sampled_from(sorted(configuration)), unique=True)) if configuration else []
    values = {name: configuration[name] for name in names}
    fixed = space.fix(**values)
    assert fixed.check(configuration) == configuration
    for each in fixed.sample(10, 1):
        assert space.check(each) == each
        assert all(each[name] == value for name, value in values.items() if name in each)


def test_a_space_is_renamed_extended_restricted_and_merged_with_its_conditions() -> None:
    renamed = NESTED.rename(rule="optimizer", p="norm")
    assert renamed.names == ("optimizer", "lr", "mu", "norm", "nu", "epsilon")
    assert renamed["epsilon"].when == {"norm": (INF,), "optimizer": ("adam",)}
    assert renamed.rename(optimizer="rule", norm="p") == NESTED
    assert NESTED.restrict("mu", "rule") == SearchSpace(NESTED["rule"], NESTED["mu"])
    more = NESTED.extend(Float("warmup", 0, 0.2, when={"rule": "adam"}))
    assert more.names[-1] == "warmup"
    other = SearchSpace(RULE, Float("clip", 0.1, 10, "log", when={"rule": "adam"}))
    assert NESTED.merge(other).names == (*NESTED.names, "clip")
    assert NESTED.merge(NESTED) == NESTED
    assert SearchSpace().merge(NESTED) == NESTED


CHANGES: list[Any] = [
    pytest.param(
        lambda: NESTED.restrict("mu"),
        "mu is active only when rule is 'cm' or 'adam', so rule cannot be left out",
        id="parent left out",
    ),
    pytest.param(
        lambda: NESTED.rename(rul="x"),
        "unknown hyperparameter 'rul'; did you mean 'rule'?",
        id="renamed name",
    ),
    pytest.param(
        lambda: NESTED.rename(mu="nu"),
        "names of a search space must differ, got 'nu' twice",
        id="renamed twice",
    ),
    pytest.param(
        lambda: NESTED.rename(mu=""),
        "name of a hyperparameter must be a string that is not empty",
        id="renamed to nothing",
    ),
    pytest.param(
        lambda: NESTED.fix(rule="sgd", mu=0.9),
        "mu cannot be fixed at 0.9: it needs rule to be 'cm' or 'adam', which the other",
        id="fixed inactive",
    ),
    pytest.param(
        lambda: NESTED.extend(Float("lr", 0, 1)),
        "names of a search space must differ, got 'lr' twice",
        id="extended twice",
    ),
    pytest.param(
        lambda: NESTED.merge(SearchSpace(Float("lr", 1e-4, 10, "log"))),
        "spaces to be merged must agree on lr, got lr: high is 1.0 in the first, 10.0 in the second",
        id="merged domains",
    ),
]


@pytest.mark.parametrize(("make", "message"), CHANGES)
def test_changes_that_make_no_sense_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert message in str(caught.value)


def test_comparing_says_what_differs() -> None:
    first = SearchSpace(RULE, Float("lr", 0, 1), Float("x", 0, 1, when={"rule": "cm"}), Integer("n", 1, 2))
    second = SearchSpace(
        Float("lr", 0, 1, default=0.5), RULE, Float("x", 0, 1), Float("n", 1, 2), Float("y", 0, 1)
    )
    assert first.compare(second) == [
        "lr: default is none in the first, 0.5 in the second",
        "x: when is rule is 'cm' in the first, always in the second",
        "n: integer in the first, float in the second",
        "y: only in the second",
        "order: rule, lr, x, n in the first, lr, rule, x, n in the second",
    ]


@pytest.mark.parametrize("space", PARAMS)
def test_every_value_of_every_hyperparameter_can_be_reached(space: SearchSpace) -> None:
    for each in space:
        for value in each.grid(3):
            configuration = space.reach(each.name, value)
            assert space.check(configuration) == configuration
            assert configuration[each.name] == value


@pytest.mark.slow
def test_a_hundred_thousand_configurations_take_seconds() -> None:
    import time

    space = SPACES["nested conditions"].extend(*(Float(f"x{i}", 1e-4, 1, "log") for i in range(4)))
    start = time.process_time()
    rows = space.sample(100_000, 0)
    units = space.encode(rows)
    assert units.shape == (100_000, 10)
    assert time.process_time() - start < 15  # about 3 s on an idle core
