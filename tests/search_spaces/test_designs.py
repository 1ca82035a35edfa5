"""Designs: how many configurations, which, and in what order; the same from plain data."""

import itertools
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import yaml

from search_spaces import (
    AdaptiveDesign,
    Categorical,
    Float,
    Grid,
    Integer,
    Ordinal,
    Random,
    SearchSpace,
    Sobol,
    default_space,
    design_from_dict,
)
from search_spaces.designs import Design
from trainables.names import InputError
from trainables.variants import VARIANTS

INF = math.inf
LR, MU = Float("lr", 1e-4, 1, "log"), Float("mu", 0.9, 0.999, "log1m", 0.9)
P, RULE = Ordinal("p", (1, 2, INF)), Categorical("rule", ("cm", "nag"))
SPACE = SearchSpace(LR, MU, P, RULE)

SPACES = [
    pytest.param(SPACE, id="every scale"),
    pytest.param(SearchSpace(), id="nothing"),
    pytest.param(SearchSpace(Float("lr", 0.1, 0.1, "log")), id="single value"),
    pytest.param(SearchSpace(Integer("n", 3, 3)), id="one integer"),
    pytest.param(SearchSpace(Ordinal("α", ("klein", "groß")), Categorical("c", (True, 1))), id="few values"),
    pytest.param(SearchSpace(Float("lr", 1e-9, 1e3, "log"), Float("nu", 0, 1 - 1e-6, "log1m")), id="wide scales"),
    *(pytest.param(default_space(name), id=name) for name in VARIANTS),
]
FIXED = [
    pytest.param(Grid(), id="grid"),
    pytest.param(Grid({"lr": 4, "n": 2}), id="grid by name"),
    pytest.param(Grid(1), id="grid of one point"),
    pytest.param(Random(13), id="random"),
    pytest.param(Random(1, seed=5), id="one random point"),
    pytest.param(Sobol(13), id="sobol"),
    pytest.param(Sobol(1), id="one sobol point"),
]


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("design", FIXED)
def test_a_design_gives_distinct_configurations_of_the_space_and_the_same_again(design: Design, space: SearchSpace) -> None:
    configurations = design.configurations(space)
    assert configurations
    assert [space.check(each) for each in configurations] == configurations
    assert len({repr(each) for each in configurations}) == len(configurations)
    assert repr(design.configurations(space)) == repr(configurations)


GRIDS = [
    pytest.param(Grid(), SPACE, 3 * 3 * 3 * 2, id="three each, every choice"),
    pytest.param(Grid(5), SPACE, 5 * 5 * 3 * 2, id="no more than there are"),
    pytest.param(Grid({"lr": 7, "mu": 3}), SPACE, 7 * 3, id="by name, the others at their default"),
    pytest.param(Grid({"lr": 7}, {"p": [1, INF]}), SPACE, 7 * 2, id="points and levels"),
    pytest.param(Grid(2, {"lr": [0.1, 0.2, 0.1]}), SearchSpace(LR), 2, id="a level twice"),
    pytest.param(Grid(4, {"beta": [1]}), SearchSpace(LR), 4, id="a name of other spaces"),
    pytest.param(Grid({"beta": 3}), SearchSpace(LR), 1, id="only names of other spaces"),
]


@pytest.mark.parametrize(("grid", "space", "count"), GRIDS)
def test_grids_count(grid: Grid, space: SearchSpace, count: int) -> None:
    assert len(grid.configurations(space)) == count


def test_a_grid_is_every_combination_of_readable_levels_in_order() -> None:
    expected = [{"lr": lr, "mu": mu} for lr, mu in itertools.product((1e-4, 1e-2, 1.0), (0.9, 0.99, 0.999))]
    assert Grid(3).configurations(SearchSpace(LR, MU)) == expected
    assert Grid({"lr": 2}).configurations(SearchSpace(LR, MU)) == [{"lr": 1e-4, "mu": 0.9}, {"lr": 1.0, "mu": 0.9}]
    assert repr(Grid(levels={"lr": [1]}).configurations(SearchSpace(LR))) == "[{'lr': 1.0}]"


@pytest.mark.parametrize("make", [Random, Sobol])
@pytest.mark.parametrize("space", SPACES)
def test_a_larger_design_begins_with_a_smaller(make: Callable[[int], Design], space: SearchSpace) -> None:
    designs = [make(n).configurations(space) for n in (5, 64, 100, 128)]
    for smaller, larger in itertools.pairwise(designs):
        assert larger[: len(smaller)] == smaller


@pytest.mark.parametrize("make", [Random, Sobol])
def test_seeds_differ_and_0_is_one(make: Callable[..., Design]) -> None:
    space = SearchSpace(LR, MU)
    assert make(4, seed=0).configurations(space) == make(4).configurations(space)
    assert make(4, seed=1).configurations(space) != make(4).configurations(space)


def test_sobol_has_as_many_points_in_each_half_of_every_scale() -> None:
    units = SearchSpace(LR, MU).encode(Sobol(64, seed=3).configurations(SearchSpace(LR, MU)))
    # A scrambled (0, 6, 1)-net in each coordinate: one point in each 64th, whatever the seed.
    assert all(sorted(np.floor(column * 64)) == list(range(64)) for column in units.T)


def test_equal_configurations_are_given_once_in_order() -> None:
    few = SearchSpace(P, RULE)
    drawn = few.decode(np.random.default_rng(0).random((40, 2)))
    assert Random(40).configurations(few) == [each for position, each in enumerate(drawn) if each not in drawn[:position]]
    assert len(Sobol(64).configurations(few)) == 6
    assert len(Grid().configurations(SearchSpace(Categorical("c", (True, 1, 0, False))))) == 4


DESIGNS = [
    pytest.param(Grid(), {"kind": "grid", "points": 3}, id="grid"),
    pytest.param(
        Grid({"lr": 5}, {"p": [1, INF]}),
        {"kind": "grid", "points": {"lr": 5}, "levels": {"p": [1, "inf"]}},
        id="grid with points and levels",
    ),
    pytest.param(Random(8, 1), {"kind": "random", "n": 8, "seed": 1}, id="random"),
    pytest.param(Sobol(8), {"kind": "sobol", "n": 8, "seed": 0}, id="sobol"),
    pytest.param(AdaptiveDesign(8, sampler="gp"), {"kind": "adaptive", "n": 8, "seed": 0, "sampler": "gp"}, id="adaptive"),
]


@pytest.mark.parametrize(("design", "data"), DESIGNS)
def test_plain_data_come_back_through_json_and_yaml(design: Design, data: dict[str, Any]) -> None:
    assert design.to_dict() == data
    assert data["kind"] == design.kind
    for again in (data, json.loads(json.dumps(data, allow_nan=False)), yaml.safe_load(yaml.safe_dump(data))):
        assert design_from_dict(again) == design
    assert hash(design) == hash(design_from_dict(data))


def test_yaml_as_people_write_it() -> None:
    text = "{kind: grid, points: {mu: 2}, levels: {lr: [1e-4, 1e-2, 1], p: [1, inf]}}"
    assert design_from_dict(yaml.safe_load(text)) == Grid({"mu": 2}, {"lr": (1e-4, 1e-2, 1), "p": (1, INF)})


ERRORS = [
    pytest.param(lambda: Grid(0), "points of a grid must be a whole number of at least 1, got 0", id="no points"),
    pytest.param(lambda: Grid(True), "points of a grid must be a whole number of at least 1, got True", id="bool for points"),
    pytest.param(lambda: Grid({"lr": 2.5}), "points of lr must be a whole number of at least 1, got 2.5", id="fraction of points"),
    pytest.param(lambda: Grid({}), "points of a grid must name at least one hyperparameter, got none", id="points of nothing"),
    pytest.param(lambda: Grid(levels={"lr": []}), "levels of lr must be a list of at least one value, got []", id="no levels"),
    pytest.param(
        lambda: Grid(levels={"lr": "0.1"}), "levels of lr must be a list of at least one value, got '0.1'", id="string for levels"
    ),
    pytest.param(lambda: Grid(levels=[0.1]), "levels of a grid must be a mapping of names to lists, got [0.1]", id="levels without a name"),
    pytest.param(lambda: Grid({"lr": 2}, {"lr": [1]}), "a grid must give points or levels of lr, got both", id="points and levels of one"),
    pytest.param(lambda: Grid(levels={"lr": [3]}).configurations(SPACE), "lr must be between 0.0001 and 1.0, got 3", id="level outside"),
    pytest.param(lambda: Grid(10**7), "points of a grid must be at most 1,000,000, got 10,000,000", id="too many points"),
    pytest.param(
        lambda: Grid({"lr": 1001, "mu": 1001}).configurations(SPACE),
        "a grid must have at most 1,000,000 configurations, got 1,002,001",
        id="too many combinations",
    ),
    pytest.param(
        lambda: Grid({"lrr": 2}).check_names(["lr", "mu"]), "unknown hyperparameter of the grid 'lrr'; did you mean 'lr'?", id="points"
    ),
    pytest.param(
        lambda: Grid(levels={"muu": [1]}).check_names({"mu", "lr"}), "did you mean 'mu'? (known: lr, mu)", id="levels of no space"
    ),
    pytest.param(lambda: Random(0), "n of a design must be a whole number of at least 1, got 0", id="random of nothing"),
    pytest.param(lambda: Sobol(-4), "n of a design must be a whole number of at least 1, got -4", id="less than nothing"),
    pytest.param(lambda: Sobol(10**9), "n of a design must be at most 1,000,000, got 1,000,000,000", id="too large"),
    pytest.param(lambda: Random(8, seed=-1), "seed of a design must be a whole number of at least 0, got -1", id="negative seed"),
    pytest.param(lambda: Random(8, seed=None), "seed of a design must be a whole number of at least 0, got None", id="no seed"),
    pytest.param(lambda: AdaptiveDesign(8, sampler="tep"), "unknown sampler 'tep'; did you mean 'tpe'? (known: tpe, random,", id="sampler"),
    pytest.param(lambda: AdaptiveDesign(8).configurations(SPACE), "an adaptive design chooses its configurations while the", id="adaptive"),
    pytest.param(lambda: AdaptiveDesign(0), "n of a design must be a whole number of at least 1, got 0", id="adaptive of nothing"),
    pytest.param(lambda: design_from_dict({"points": 3}), "a design lacks 'kind' (known: grid, random, sobol, latin_hypercube,", id="no kind"),
    pytest.param(lambda: design_from_dict({"kind": "gird"}), "unknown kind of design 'gird'; did you mean 'grid'?", id="misspelt kind"),
    pytest.param(lambda: design_from_dict({"kind": ["grid"]}), "unknown kind of design ['grid']", id="list for a kind"),
    pytest.param(
        lambda: design_from_dict({"kind": "grid", "point": 3}), "unknown field of a grid design 'point'; did you mean 'points'?", id="field"
    ),
    pytest.param(lambda: design_from_dict({"kind": "sobol", "seed": 3}), "a sobol design lacks 'n' (fields: n, seed)", id="no n"),
    pytest.param(lambda: design_from_dict({"kind": "sobol", "n": "many"}), "n of a design must be a whole number", id="word for n"),
    pytest.param(
        lambda: design_from_dict({"kind": "grid", "points": [3]}), "points of a grid must be a whole number", id="list for points"
    ),
    pytest.param(
        lambda: design_from_dict("grid"), "a design must be a mapping such as {kind: grid, points: 3}, got 'grid'", id="word for a design"
    ),
]


@pytest.mark.parametrize(("make", "message"), ERRORS)
def test_errors_name_argument_value_and_what_is_allowed(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert message in str(caught.value)


@pytest.mark.parametrize(("design", "data"), DESIGNS)
def test_every_design_checks_names(design: Design, data: dict[str, Any]) -> None:
    design.check_names(["lr", "mu", "p"])
