"""How large a design is, known before any configuration is made."""

import time
from typing import Any

import pytest

from search_spaces import (
    AdaptiveDesign,
    Categorical,
    Explicit,
    Float,
    Grid,
    Integer,
    LatinHypercube,
    Morris,
    OneAtATime,
    Random,
    Saltelli,
    SearchSpace,
    Sobol,
)
from search_spaces.designs import Design
from tests.search_spaces.awkward import PARAMS

DESIGNS = [
    Grid(),
    Grid(1),
    Grid({"lr": 4, "n": 2}),
    Random(7),
    Sobol(5),
    LatinHypercube(3),
    OneAtATime(3),
    Grid(2) + OneAtATime(2),
]
RULE = Categorical("rule", ("adam", "sgd"))
TREE = SearchSpace(
    RULE,
    Float("nu", 0.9, 0.999, "log1m", when={"rule": "adam"}),
    Integer("n", 1, 2, when={"rule": "sgd"}),
    Float("lr", 1e-4, 1, "log"),
)
MANY = SearchSpace(*(Float(f"x{k}", 0, 1) for k in range(12)))


@pytest.mark.parametrize("space", PARAMS)
@pytest.mark.parametrize("design", DESIGNS, ids=repr)
def test_no_design_makes_more_than_it_says(design: Any, space: SearchSpace) -> None:
    assert design.size(space) >= len(design.configurations(space))


@pytest.mark.parametrize(
    ("design", "space", "size"),
    [
        pytest.param(Grid(10), MANY, 10**12, id="a product"),
        pytest.param(Grid(5), TREE, (5 + 2) * 5, id="a sum over branches: five of nu, both of n, five of lr"),
        pytest.param(Grid({"lr": 3}, {"rule": ("sgd",)}), TREE, 3, id="a branch that the levels leave out"),
        pytest.param(Grid(9), SearchSpace(RULE), 2, id="every choice, not nine"),
        pytest.param(Explicit([{"lr": 0.1}, {"lr": 0.2}]), TREE, 2, id="rows"),
        pytest.param(Saltelli(4), MANY, 4 * (2 * 12 + 2), id="Saltelli's rows"),
        pytest.param(Morris(4), MANY, 4 * 13, id="Morris's rows"),
        pytest.param(
            OneAtATime(1000), SearchSpace(RULE, Integer("n", 1, 3)), 1 + 2 + 3, id="levels that there are"
        ),
        pytest.param(AdaptiveDesign(50), TREE, 50, id="adaptive"),
    ],
)
def test_sizes(design: Design, space: SearchSpace, size: int) -> None:
    assert design.size(space, most=10**13) == size


def test_what_is_too_many_is_known_at_once() -> None:
    switches = [Categorical(f"s{k}", tuple(range(10))) for k in range(40)]
    children = [Float(f"x{k}", 0, 1, when={f"s{k}": 0}) for k in range(40)]
    begun = time.perf_counter()
    assert Grid(10).size(SearchSpace(*switches, *children), most=1000) > 1000
    assert time.perf_counter() - begun < 1


def test_conditions_that_meet_again_are_followed_once() -> None:
    """Each has the two before it as parents: 50 deep there are as many ways up as Fibonacci's number 50."""
    chain = [Categorical("c0", (0, 1)), Categorical("c1", (0, 1), when={"c0": 0})]
    for k in range(2, 50):
        chain.append(Categorical(f"c{k}", (0, 1), when={f"c{k - 1}": 0, f"c{k - 2}": 0}))
    begun = time.perf_counter()
    assert Grid(2).size(SearchSpace(*chain)) == 51
    assert time.perf_counter() - begun < 5
