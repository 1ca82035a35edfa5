"""What tuning gains over the defaults, on grids by hand and on surfaces with a formula."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from search_spaces import Categorical, Float, SearchSpace
from search_spaces.designs import Grid, Random, Sobol
from sensitivity.measures.cross_task import cross_task_sensitivity
from sensitivity.measures.tunability import tunability
from sensitivity.results.results import Results
from tests.sensitivity.tables import LR, MU, noisy, results, two_tasks
from trainables.names import InputError

SPACE = SearchSpace(Float("lr", 1e-3, 1.0, "log", 1e-2), Float("mu", 0.5, 0.99, "log1m", 0.9))
LEVELS = Grid(levels={"lr": [1e-3, 1e-2, 1e-1, 1.0], "mu": [0.5, 0.9, 0.99]})


def interacting(configuration: Mapping[str, Any], seed: int) -> float:
    """In units u, v of lr and mu: u's best depends on v."""
    u, v = LR.to_unit(configuration["lr"]), MU.to_unit(configuration["mu"])
    return 0.2 + 0.5 * (u - v) ** 2 + 0.1 * (1 - v)


def on_grid(loss: Any = interacting, **more: Any) -> Results:
    return results(loss, **{"space": SPACE, "configurations": LEVELS.configurations(SPACE), **more})


def by_kind(table: Results, **more: Any) -> Any:
    return tunability(table, **more).set_index(["kind", "hyperparameters"])


def test_on_a_grid_gains_are_differences_of_its_cells() -> None:
    def at(lr: float, mu: float) -> float:
        return interacting({"lr": lr, "mu": mu}, 0)

    lrs, mus = [1e-3, 1e-2, 1e-1, 1.0], [0.5, 0.9, 0.99]
    default, alone_lr, alone_mu = (
        at(1e-2, 0.9),
        min(at(lr, 0.9) for lr in lrs),
        min(at(1e-2, mu) for mu in mus),
    )
    both = min(at(lr, mu) for lr in lrs for mu in mus)
    found = by_kind(on_grid())
    assert found["value"].to_dict() == pytest.approx(
        {
            ("overall", "lr x mu"): default - both,
            ("single", "lr"): default - alone_lr,
            ("single", "mu"): default - alone_mu,
            ("pair", "lr x mu"): default - both,
            ("joint gain", "lr x mu"): min(alone_lr, alone_mu) - both,
        }
    )
    assert (found["note"] == "").all()
    assert found.loc[("overall", "lr x mu"), "configuration"] == {"lr": 1.0, "mu": 0.99}


def test_a_given_default_replaces_the_spaces() -> None:
    found = by_kind(on_grid(), default={"lr": 1.0, "mu": 0.99, "nu": 0.5})
    assert (found["value"] == 0).all()
    with pytest.raises(InputError, match="lr must be between"):
        tunability(on_grid(), {"lr": 2.0})


def test_noise_widens_the_interval_and_is_not_a_gain() -> None:
    row = by_kind(on_grid(noisy(0.02, 1, lambda c, seed: 0.3), seeds=(0, 1, 2))).loc[("overall", "lr x mu")]
    assert row["low"] == 0
    assert row["high"] > row["low"]


@pytest.mark.parametrize(
    "design", [pytest.param(Sobol(512, seed=1), id="sobol"), pytest.param(Random(600, seed=1), id="random")]
)
def test_on_a_forest_gains_are_near_those_of_the_surface(design: Any) -> None:
    """At the default u = 1/3 and v = .4115: minima .2 at u = v = 1, over lr alone at u = v, over mu alone
    where 2 (v - u) * .5 = .1."""
    u, v = SPACE["lr"].to_unit(1e-2), SPACE["mu"].to_unit(0.9)
    start = 0.5 * (u - v) ** 2 + 0.1 * (1 - v)
    table = results(interacting, space=SPACE, configurations=design.configurations(SPACE), design=design.kind)
    found = by_kind(table)
    truth = {"lr": 0.5 * (u - v) ** 2, "mu": start - (0.5 * 0.1**2 + 0.1 * (1 - u - 0.1))}
    assert found.loc[("overall", "lr x mu"), "value"] == pytest.approx(start, abs=0.01)
    for name, gain in truth.items():
        assert found.loc[("single", name), "value"] == pytest.approx(gain, abs=0.01)
    assert found.loc[("joint gain", "lr x mu"), "value"] == pytest.approx(
        start - max(truth.values()), abs=0.015
    )
    assert "out-of-bag R2 0.9" in found.iloc[0]["note"]
    assert (found["low"] <= found["value"]).all()
    assert (found["value"] <= found["high"]).all()


def test_a_surrogate_of_noise_is_called_poor() -> None:
    table = results(
        noisy(0.1, 2, lambda c, seed: 0.5),
        configurations=Random(60).configurations(SPACE),
        space=SPACE,
        design="random",
    )
    assert "too poor to believe" in tunability(table).iloc[0]["note"]


def test_conditions_are_honoured() -> None:
    space = SearchSpace(
        LR, Categorical("rule", ("sgd", "adam")), Float("nu", 0.9, 0.999, "log1m", when={"rule": "adam"})
    )

    def loss(configuration: Mapping[str, Any], seed: int) -> float:
        return 0.5 if configuration["rule"] == "sgd" else 0.2 + 0.1 * space["nu"].to_unit(configuration["nu"])

    found = by_kind(
        results(loss, space=space, configurations=Sobol(256).configurations(space), design="sobol")
    )
    assert found.loc[("overall", "lr x rule x nu"), "value"] == pytest.approx(0.3, abs=0.02)
    assert "nu" in found.loc[("overall", "lr x rule x nu"), "configuration"]
    assert list(found.loc[[("single", "nu"), ("pair", "lr x nu")], "value"]) == [
        0.0,
        0.0,
    ]  # sgd, the default, has none


@pytest.mark.parametrize(
    ("table", "words"),
    [
        pytest.param(on_grid(lambda c, seed: 0.3), "", id="constant grid"),
        pytest.param(results(lambda c, seed: 0.3), "constant loss", id="constant without the default"),
        pytest.param(
            results(lambda c, seed: math.inf), "never better than a diverged trial", id="all diverged"
        ),
        pytest.param(on_grid(status=lambda c, seed: "failed" if seed else "completed"), "", id="half failed"),
        pytest.param(on_grid(seeds=(0,)), "one seed", id="one seed"),
        pytest.param(
            results(interacting, configurations=[{"lr": 0.1, "mu": 0.9}]),
            "too few for a forest",
            id="one configuration",
        ),
    ],
)
def test_awkward_results(table: Results, words: str) -> None:
    found = tunability(table)
    assert words in found.iloc[0]["note"]
    assert "nan" not in " ".join(found["note"]).lower()
    known = found[found["value"].notna()]
    # A best loss of one seed has no interval, so neither has a gain that is measured on a grid.
    unknown = "one seed" in found.iloc[0]["note"] and "forest" not in found.iloc[0]["note"]
    assert known[["low", "high"]].isna().all(axis=None) if unknown else (known["low"] <= known["high"]).all()


def test_an_adaptive_design_is_refused() -> None:
    with pytest.raises(
        InputError, match="tunability needs a random or fixed design, got 'adaptive' for adam"
    ):
        tunability(on_grid(design="adaptive"))


def test_the_default_may_be_the_best_on_average_over_tasks() -> None:
    tables = two_tasks()
    single = cross_task_sensitivity(tables).set_index("variant")["configuration"]
    averaged = tunability(tables, "best on average").query("kind == 'overall'")
    for variant in ("adam", "nadam"):
        alone = tunability(tables, single[variant]).query("kind == 'overall' and variant == @variant")
        assert averaged.query("variant == @variant")["value"].tolist() == pytest.approx(
            alone["value"].tolist()
        )
    with pytest.raises(InputError, match="unknown default 'best on averag'; did you mean 'best on average'"):
        tunability(tables, "best on averag")
    with pytest.raises(InputError, match="at least two tasks"):
        tunability(on_grid(), "best on average")
