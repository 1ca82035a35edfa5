"""Designs: how many configurations, which, and in what order; the same from plain data."""

import itertools
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import (
    AdaptiveDesign,
    Categorical,
    Composed,
    Explicit,
    Float,
    Grid,
    Integer,
    LatinHypercube,
    Morris,
    OneAtATime,
    Ordinal,
    Random,
    Saltelli,
    SearchSpace,
    Sobol,
    default_space,
    design_from_dict,
)
from search_spaces.designs import DESIGNS, Design
from tests.search_spaces.awkward import PARAMS, spaces
from trainables.names import InputError
from trainables.variants import VARIANTS

INF = math.inf
LR, MU = Float("lr", 1e-4, 1, "log"), Float("mu", 0.9, 0.999, "log1m", 0.9)
P, RULE = Ordinal("p", (1, 2, INF)), Categorical("rule", ("cm", "nag"))
SPACE = SearchSpace(LR, MU, P, RULE)

SPACES = [
    *PARAMS,
    pytest.param(SearchSpace(Ordinal("α", ("klein", "groß")), Categorical("c", (True, 1))), id="few values"),
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
    pytest.param(LatinHypercube(13), id="latin hypercube"),
    pytest.param(LatinHypercube(1), id="one latin hypercube point"),
    pytest.param(OneAtATime(3), id="one at a time"),
    pytest.param(OneAtATime(1, {"nu": 0.95, "rule": "cm"}), id="one at a time around a center"),
    pytest.param(Sobol(5) + OneAtATime(2) + Grid(1), id="composed"),
]
ROWS = [
    pytest.param(Saltelli(4), id="saltelli"),
    pytest.param(Saltelli(1, second_order=False), id="saltelli of the first order"),
    pytest.param(Morris(3), id="morris"),
    pytest.param(Morris(1, levels=2), id="morris of two levels"),
]


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("design", FIXED)
def test_a_design_gives_distinct_configurations_of_the_space_and_the_same_again(
    design: Design, space: SearchSpace
) -> None:
    if isinstance(design, Grid) and design.points == 3 and space.size > 10**5 and len(space) > 8:
        pytest.skip("many combinations")
    configurations = design.configurations(space)
    assert configurations
    assert [space.check(each) for each in configurations] == configurations
    assert len({repr(each) for each in configurations}) == len(configurations)
    assert repr(design.configurations(space)) == repr(configurations)


@pytest.mark.parametrize("space", PARAMS)
@pytest.mark.parametrize("design", ROWS)
def test_a_screening_design_keeps_salibs_rows_in_order(design: Saltelli | Morris, space: SearchSpace) -> None:
    if not len(space):
        with pytest.raises(InputError, match="needs a hyperparameter to vary, got a space without any"):
            design.configurations(space)
        return
    units, configurations = design.units(space), design.configurations(space)
    assert len(configurations) == len(units) == design.rows(len(space))
    assert configurations == space.decode(units)
    assert [space.check(each) for each in configurations] == configurations
    assert repr(design.configurations(space)) == repr(configurations)


@given(space=spaces(), n=st.integers(1, 20), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_every_design_gives_only_configurations_of_any_space(space: SearchSpace, n: int, seed: int) -> None:
    sampled: list[Any] = [
        Random(n, seed),
        Sobol(n, seed),
        LatinHypercube(n, seed),
        Grid(2),
        OneAtATime(3),
        Random(n, seed) + Grid(1),
    ]
    screening: list[Any] = [Saltelli(2, seed), Morris(n, seed)] if len(space) else []
    for design in (*sampled, *screening, Explicit(space.sample(3, 0))):
        configurations = design.configurations(space)
        assert configurations
        assert [space.check(each) for each in configurations] == configurations
        if design not in screening:
            assert len({repr(each) for each in configurations}) == len(configurations)


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
    assert Grid({"lr": 2}).configurations(SearchSpace(LR, MU)) == [
        {"lr": 1e-4, "mu": 0.9},
        {"lr": 1.0, "mu": 0.9},
    ]
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
    assert Random(40).configurations(few) == [
        each for position, each in enumerate(drawn) if each not in drawn[:position]
    ]
    assert len(Sobol(64).configurations(few)) == 6
    assert len(Grid().configurations(SearchSpace(Categorical("c", (True, 1, 0, False))))) == 4


DESIGNS_AS_DATA = [
    pytest.param(Grid(), {"kind": "grid", "points": 3}, id="grid"),
    pytest.param(
        Grid({"lr": 5}, {"p": [1, INF]}),
        {"kind": "grid", "points": {"lr": 5}, "levels": {"p": [1, "inf"]}},
        id="grid with points and levels",
    ),
    pytest.param(Random(8, 1), {"kind": "random", "n": 8, "seed": 1}, id="random"),
    pytest.param(Sobol(8), {"kind": "sobol", "n": 8, "seed": 0}, id="sobol"),
    pytest.param(LatinHypercube(8), {"kind": "latin_hypercube", "n": 8, "seed": 0}, id="latin hypercube"),
    pytest.param(Saltelli(8), {"kind": "saltelli", "n": 8, "seed": 0, "second_order": True}, id="saltelli"),
    pytest.param(Morris(8, levels=6), {"kind": "morris", "n": 8, "seed": 0, "levels": 6}, id="morris"),
    pytest.param(OneAtATime(), {"kind": "one_at_a_time", "points": 9}, id="one at a time"),
    pytest.param(
        OneAtATime(5, {"p": INF, "lr": 0.1}),
        {"kind": "one_at_a_time", "points": 5, "center": {"p": "inf", "lr": 0.1}},
        id="a center",
    ),
    pytest.param(
        Explicit([{"lr": 0.1, "p": INF}, {"lr": 1}]),
        {"kind": "explicit", "rows": [{"lr": 0.1, "p": "inf"}, {"lr": 1}]},
        id="explicit",
    ),
    pytest.param(
        Sobol(8) + OneAtATime(3) + Grid(1),
        {
            "kind": "composed",
            "parts": [
                {"kind": "sobol", "n": 8, "seed": 0},
                {"kind": "one_at_a_time", "points": 3},
                {"kind": "grid", "points": 1},
            ],
        },
        id="composed",
    ),
    pytest.param(
        AdaptiveDesign(8, sampler="nsga2", scheduler="asha"),
        {"kind": "adaptive", "n": 8, "seed": 0, "sampler": "nsga2", "scheduler": "asha"},
        id="adaptive with a scheduler",
    ),
    pytest.param(
        AdaptiveDesign(8, sampler="gp"),
        {"kind": "adaptive", "n": 8, "seed": 0, "sampler": "gp"},
        id="adaptive",
    ),
]


@pytest.mark.parametrize(("design", "data"), DESIGNS_AS_DATA)
def test_plain_data_come_back_through_json_and_yaml(design: Design, data: dict[str, Any]) -> None:
    assert design.to_dict() == data
    assert data["kind"] == design.kind
    for again in (data, json.loads(json.dumps(data, allow_nan=False)), yaml.safe_load(yaml.safe_dump(data))):
        assert design_from_dict(again) == design
    assert hash(design) == hash(design_from_dict(data))


def test_yaml_as_people_write_it() -> None:
    text = "{kind: grid, points: {mu: 2}, levels: {lr: [1e-4, 1e-2, 1], p: [1, inf]}}"
    assert design_from_dict(yaml.safe_load(text)) == Grid({"mu": 2}, {"lr": (1e-4, 1e-2, 1), "p": (1, INF)})


def test_every_kind_is_among_them() -> None:
    assert {data.values[1]["kind"] for data in DESIGNS_AS_DATA} == set(DESIGNS)


def test_a_latin_hypercube_has_one_point_in_each_part_of_every_scale() -> None:
    units = SearchSpace(LR, MU).encode(LatinHypercube(50, seed=3).configurations(SearchSpace(LR, MU)))
    assert all(sorted(np.floor(column * 50)) == list(range(50)) for column in units.T)


def test_scrambled_sobol_is_uniform_on_the_log1m_scale_and_not_in_the_raw_value() -> None:
    from scipy.stats import kstest

    nu = Float("nu", 0.9, 0.999, "log1m")
    values = np.array([each["nu"] for each in Sobol(512, seed=0).configurations(SearchSpace(nu))])
    transformed = (np.log(1 - nu.low) - np.log(1 - values)) / (np.log(1 - nu.low) - np.log(1 - nu.high))
    raw = (values - nu.low) / (nu.high - nu.low)
    assert kstest(transformed, "uniform").pvalue > 0.5
    assert kstest(raw, "uniform").pvalue < 1e-6


def test_saltelli_rows_are_those_that_salib_analyses() -> None:
    from SALib.analyze import sobol

    space = SearchSpace(Float("x", 1, 100, "log"), Float("y", 0, 1), Categorical("c", ("a", "b")))
    design = Saltelli(512)
    rows = design.configurations(space)
    loss = np.array([math.log10(each["x"]) + (each["c"] == "b") for each in rows])  # variances 1/3, 0 and 1/4
    found = sobol.analyze(design.problem(space), loss, print_to_console=False, seed=0)
    assert found["S1"] == pytest.approx([4 / 7, 0, 3 / 7], abs=0.02)
    assert found["ST"] == pytest.approx([4 / 7, 0, 3 / 7], abs=0.02)


def test_morris_changes_one_hyperparameter_at_a_time_and_each_really() -> None:
    space = SearchSpace(
        Float("x", 1, 100, "log"), Ordinal("p", (1, 2, INF)), Categorical("c", ("a", "b")), Integer("n", 1, 5)
    )
    for levels in (2, 4, 8):
        rows = Morris(20, levels=levels).configurations(space)
        for start in range(0, len(rows), 5):
            changed = [
                [name for name in space.names if a[name] != b[name]]
                for a, b in itertools.pairwise(rows[start : start + 5])
            ]
            assert sorted(changed) == [["c"], ["n"], ["p"], ["x"]]


def test_equal_rows_of_a_screening_design_stay() -> None:
    few = SearchSpace(P, RULE)
    rows = Saltelli(4).configurations(few)
    assert len(rows) == 24 > len({repr(each) for each in rows})


NESTED = SearchSpace(
    Categorical("rule", ("sgd", "adam")),
    LR,
    Float("nu", 0.9, 0.999, "log1m", 0.99, when={"rule": "adam"}),
    Integer("n", 1, 2, when={"rule": "sgd"}),
)


def test_one_at_a_time_goes_through_conditions() -> None:
    assert OneAtATime(2, {"lr": 0.1}).configurations(NESTED) == [
        {"rule": "sgd", "lr": 0.1, "n": 2},
        {"rule": "adam", "lr": 0.1, "nu": 0.99},
        {"rule": "sgd", "lr": 1e-4, "n": 2},
        {"rule": "sgd", "lr": 1.0, "n": 2},
        {"rule": "adam", "lr": 0.1, "nu": 0.9},
        {"rule": "adam", "lr": 0.1, "nu": 0.999},
        {"rule": "sgd", "lr": 0.1, "n": 1},
    ]


def test_a_grid_counts_each_branch_once() -> None:
    assert len(Grid(3).configurations(NESTED)) == 3 * 3 + 3 * 2
    assert Grid({"nu": 2}, {"rule": ["adam"]}).configurations(NESTED) == [
        {"rule": "adam", "lr": 0.01, "nu": nu} for nu in (0.9, 0.999)
    ]


def test_explicit_configurations_come_from_lists_tables_and_files(tmp_path: Any) -> None:
    expected = [{"rule": "sgd", "lr": 0.1, "n": 2}, {"rule": "adam", "lr": 0.01, "nu": 0.99}]
    table = pd.DataFrame({"rule": ["sgd", "adam"], "lr": [0.1, 0.01], "n": [2, np.nan], "nu": [np.nan, 0.99]})
    table.to_csv(tmp_path / "best.csv", index=False)
    for given_rows in (
        expected,
        table,
        tmp_path / "best.csv",
        str(tmp_path / "best.csv"),
        [*expected, expected[0]],
    ):
        assert Explicit(given_rows).configurations(NESTED) == expected
    assert Explicit([{"lr": 0.1, "mu": 0.9}]).configurations(SearchSpace(LR)) == [{"lr": 0.1}]
    (tmp_path / "bools.csv").write_text("nesterov,p\nTrue,inf\nfalse,2\n")
    space = SearchSpace(Categorical("nesterov", (True, False)), P)
    assert Explicit(tmp_path / "bools.csv").configurations(space) == [
        {"nesterov": True, "p": INF},
        {"nesterov": False, "p": 2},
    ]


def test_designs_add_up_to_one() -> None:
    space = SearchSpace(LR, MU)
    both = Sobol(4) + OneAtATime(3)
    assert both.configurations(space)[:4] == Sobol(4).configurations(space)
    assert len((Grid(3) + Grid(3)).configurations(space)) == 9
    assert (both + Grid(2)).parts == (Sobol(4), OneAtATime(3), Grid(2))
    assert (Grid(2) + both).parts == (Grid(2), Sobol(4), OneAtATime(3))


def test_a_larger_conditional_design_begins_with_a_smaller() -> None:
    for make in (Random, Sobol):
        assert make(64).configurations(NESTED)[:20] == make(128).configurations(NESTED)[:20]


ERRORS = [
    pytest.param(
        lambda: Saltelli(12),
        "n of a saltelli design must be a power of two, got 12; nearest 8 and 16",
        id="no power of two",
    ),
    pytest.param(
        lambda: Saltelli(8, second_order=1),
        "second_order of a saltelli design must be true or false, got 1",
        id="second order",
    ),
    pytest.param(
        lambda: Morris(8, levels=3),
        "levels of a morris design must be even, got 3; nearest 2 and 4",
        id="odd levels",
    ),
    pytest.param(
        lambda: Saltelli(2**19).configurations(SPACE),
        "a saltelli design must have at most 1,000,000 rows, got 5,242,880",
        id="rows",
    ),
    pytest.param(
        lambda: Morris(4).configurations(SearchSpace(Float("x", 0, 1), Float("y", 0, 1, when={"x": 0.5}))),
        "a morris design never varies y: y is active only when x is 0.5, and x is continuous; use a grid or give x a step",
        id="a condition on a continuous hyperparameter",
    ),
    pytest.param(
        lambda: OneAtATime(0),
        "points of a one_at_a_time design must be a whole number of at least 1, got 0",
        id="no points each",
    ),
    pytest.param(
        lambda: OneAtATime(3, [1]),
        "center of a one_at_a_time design must be 'best' or a configuration such as",
        id="list for a center",
    ),
    pytest.param(
        lambda: OneAtATime(3, {"lr": 3}).configurations(SPACE),
        "lr must be between 0.0001 and 1.0, got 3",
        id="center outside",
    ),
    pytest.param(
        lambda: OneAtATime(3, {"lrr": 3}).check_names(["lr"]),
        "unknown hyperparameter of the center 'lrr'; did you mean 'lr'?",
        id="center",
    ),
    pytest.param(
        lambda: Explicit([]), "rows of an explicit design must be at least one, got none", id="no rows"
    ),
    pytest.param(
        lambda: Explicit([3]),
        "rows of an explicit design must be configurations such as {lr: 0.01}, got 3",
        id="a number for a row",
    ),
    pytest.param(
        lambda: Explicit([{"lr": [0.1, 1]}]),
        "rows of an explicit design must give one value for lr, got [0.1, 1]",
        id="two values",
    ),
    pytest.param(
        lambda: Explicit({"lr": 1}),
        "rows of an explicit design must be a list of configurations, a table",
        id="one row alone",
    ),
    pytest.param(
        lambda: Explicit("absent.csv"), "cannot read the configurations in 'absent.csv'", id="no file"
    ),
    pytest.param(
        lambda: Explicit([{"lr": 0.1}, {"lr": 3}]).configurations(SearchSpace(LR)),
        "row 2 of the explicit design: lr must be between 0.0001 and 1.0, got 3",
        id="row outside",
    ),
    pytest.param(
        lambda: Explicit([{"lrr": 1}]).check_names(["lr"]),
        "unknown hyperparameter of the explicit design 'lrr'; did you mean",
        id="column",
    ),
    pytest.param(
        lambda: Sobol(4) + AdaptiveDesign(8),
        "a sobol design can be joined with other designs that are known beforehand, got",
        id="sum",
    ),
    pytest.param(
        lambda: Composed((Sobol(4),)), "parts of a composed design must be at least two, got 1", id="one part"
    ),
    pytest.param(
        lambda: Composed((Sobol(4), 3)),
        "parts of a composed design must be designs that are known beforehand, got 3",
        id="part",
    ),
    pytest.param(
        lambda: design_from_dict({"kind": "composed", "parts": {"kind": "grid"}}),
        "parts of a composed design must be a list",
        id="no list",
    ),
    pytest.param(
        lambda: design_from_dict({"kind": "composed", "parts": [{"kind": "grid"}, {"kind": "gird"}]}),
        "did you mean 'grid'?",
        id="inner kind",
    ),
    pytest.param(
        lambda: design_from_dict({"kind": "explicit"}),
        "an explicit design lacks 'rows' (fields: rows)",
        id="rows lack",
    ),
    pytest.param(
        lambda: AdaptiveDesign(8, scheduler="ahsa"),
        "unknown scheduler 'ahsa'; did you mean 'asha'?",
        id="scheduler",
    ),
    pytest.param(
        lambda: AdaptiveDesign(8, scheduler="a b:C"),
        "unknown scheduler 'a b:C' (known: asha,",
        id="no dotted name",
    ),
    pytest.param(
        lambda: AdaptiveDesign(8, sampler="brute").check_space(SPACE),
        "a brute-force search needs finitely many values, but lr",
        id="brute",
    ),
    pytest.param(
        lambda: Grid(0), "points of a grid must be a whole number of at least 1, got 0", id="no points"
    ),
    pytest.param(
        lambda: Grid(True),
        "points of a grid must be a whole number of at least 1, got True",
        id="bool for points",
    ),
    pytest.param(
        lambda: Grid({"lr": 2.5}),
        "points of lr must be a whole number of at least 1, got 2.5",
        id="fraction of points",
    ),
    pytest.param(
        lambda: Grid({}),
        "points of a grid must name at least one hyperparameter, got none",
        id="points of nothing",
    ),
    pytest.param(
        lambda: Grid(levels={"lr": []}),
        "levels of lr must be a list of at least one value, got []",
        id="no levels",
    ),
    pytest.param(
        lambda: Grid(levels={"lr": "0.1"}),
        "levels of lr must be a list of at least one value, got '0.1'",
        id="string for levels",
    ),
    pytest.param(
        lambda: Grid(levels=[0.1]),
        "levels of a grid must be a mapping of names to lists, got [0.1]",
        id="levels without a name",
    ),
    pytest.param(
        lambda: Grid({"lr": 2}, {"lr": [1]}),
        "a grid must give points or levels of lr, got both",
        id="points and levels of one",
    ),
    pytest.param(
        lambda: Grid(levels={"lr": [3]}).configurations(SPACE),
        "lr must be between 0.0001 and 1.0, got 3",
        id="level outside",
    ),
    pytest.param(
        lambda: Grid(10**7),
        "points of a grid must be at most 1,000,000, got 10,000,000",
        id="too many points",
    ),
    pytest.param(
        lambda: Grid({"lr": 1001, "mu": 1001}).configurations(SPACE),
        "a grid must have at most 1,000,000 configurations, got 1,002,001",
        id="too many combinations",
    ),
    pytest.param(
        lambda: Grid({"lrr": 2}).check_names(["lr", "mu"]),
        "unknown hyperparameter of the grid 'lrr'; did you mean 'lr'?",
        id="points",
    ),
    pytest.param(
        lambda: Grid(levels={"muu": [1]}).check_names({"mu", "lr"}),
        "did you mean 'mu'? (known: lr, mu)",
        id="levels of no space",
    ),
    pytest.param(
        lambda: Random(0), "n of a design must be a whole number of at least 1, got 0", id="random of nothing"
    ),
    pytest.param(
        lambda: Sobol(-4),
        "n of a design must be a whole number of at least 1, got -4",
        id="less than nothing",
    ),
    pytest.param(
        lambda: Sobol(10**9), "n of a design must be at most 1,000,000, got 1,000,000,000", id="too large"
    ),
    pytest.param(
        lambda: Random(8, seed=-1),
        "seed of a design must be a whole number of at least 0, got -1",
        id="negative seed",
    ),
    pytest.param(
        lambda: Random(8, seed=None),
        "seed of a design must be a whole number of at least 0, got None",
        id="no seed",
    ),
    pytest.param(
        lambda: AdaptiveDesign(8, sampler="tep"),
        "unknown sampler 'tep'; did you mean 'tpe'? (known: tpe, random,",
        id="sampler",
    ),
    pytest.param(
        lambda: AdaptiveDesign(8).configurations(SPACE),
        "an adaptive design chooses its configurations while the",
        id="adaptive",
    ),
    pytest.param(
        lambda: AdaptiveDesign(0),
        "n of a design must be a whole number of at least 1, got 0",
        id="adaptive of nothing",
    ),
    pytest.param(
        lambda: design_from_dict({"points": 3}),
        "a design lacks 'kind' (known: grid, random, sobol, latin_hypercube,",
        id="no kind",
    ),
    pytest.param(
        lambda: design_from_dict({"kind": "gird"}),
        "unknown kind of design 'gird'; did you mean 'grid'?",
        id="misspelt kind",
    ),
    pytest.param(
        lambda: design_from_dict({"kind": ["grid"]}), "unknown kind of design ['grid']", id="list for a kind"
    ),
    pytest.param(
        lambda: design_from_dict({"kind": "grid", "point": 3}),
        "unknown field of a grid design 'point'; did you mean 'points'?",
        id="field",
    ),
    pytest.param(
        lambda: design_from_dict({"kind": "sobol", "seed": 3}),
        "a sobol design lacks 'n' (fields: n, seed)",
        id="no n",
    ),
    pytest.param(
        lambda: design_from_dict({"kind": "sobol", "n": "many"}),
        "n of a design must be a whole number",
        id="word for n",
    ),
    pytest.param(
        lambda: design_from_dict({"kind": "grid", "points": [3]}),
        "points of a grid must be a whole number",
        id="list for points",
    ),
    pytest.param(
        lambda: design_from_dict("grid"),
        "a design must be a mapping such as {kind: grid, points: 3}, got 'grid'",
        id="word for a design",
    ),
]


@pytest.mark.parametrize(("make", "message"), ERRORS)
def test_errors_name_argument_value_and_what_is_allowed(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert message in str(caught.value)


@pytest.mark.parametrize(("design", "data"), DESIGNS_AS_DATA)
def test_every_design_checks_names(design: Design, data: dict[str, Any]) -> None:
    design.check_names(["lr", "mu", "p"])
