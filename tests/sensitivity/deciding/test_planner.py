"""Plans: the power that they promise is the power that simulated studies have."""

from __future__ import annotations

import itertools
import json
import math
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from sensitivity import Study, plan
from sensitivity.command.main import BAD_INPUT
from sensitivity.deciding.needs import APART, EQUAL, Goal, need_of, power_of
from sensitivity.deciding.noises import Noise, of_configurations, of_seeds
from sensitivity.deciding.power import critical_value, power_apart, power_equal
from sensitivity.measures.estimates import estimates, stakes
from sensitivity.store.store import Store
from sensitivity.study.planning import trials
from tests.contracts import report
from tests.sensitivity.command import run
from tests.sensitivity.tables import bowl, noisy, results
from trainables.names import InputError

SPEC = """
name: small
tasks: [autoencoder/digits]
variants: [sgd, adam, nadam]
design: {kind: grid, points: {lr: 4}}
seeds: 2
epochs: 1
default_setting: false
"""
STUDY = Study.from_yaml(SPEC)
NAMES = ("sgd", "adam", "nadam")
POWER = 0.8


def simulated(
    rng: np.random.Generator, variances: Any, degrees: float, units: int, gap: float, studies: int
) -> tuple[Any, Any]:
    """Difference of the two noisiest variants and its standard error, in simulated studies."""
    two = np.sort(variances)[-2:] / units
    means = rng.standard_normal((studies, 2)) * np.sqrt(two) + [gap, 0]
    errors = np.sqrt((two * rng.chisquare(degrees, (studies, 2)) / degrees).sum(axis=1))
    return means[:, 0] - means[:, 1], errors


@pytest.mark.parametrize(("variants", "degrees"), [(2, 20), (3, 6), (6, 40)])
def test_formulas_are_what_simulation_finds(variants: int, degrees: float) -> None:
    critical = critical_value(variants, degrees, units=5)
    rng = np.random.default_rng(1)
    found, error = simulated(rng, np.ones(2), degrees, 5, 2.0, 40_000)
    assert np.mean(np.abs(found) > critical * error) == pytest.approx(
        power_apart(2.0, math.sqrt(2 / 5), critical, 2 * degrees), abs=0.01
    )
    found, error = simulated(rng, np.ones(2), degrees, 5, 0.0, 40_000)
    assert np.mean(np.abs(found) + critical * error < 2.5) == pytest.approx(
        power_equal(2.5, math.sqrt(2 / 5), critical, 2 * degrees), abs=0.01
    )


def test_power_is_the_tail_of_the_noncentral_t() -> None:
    from scipy.stats import nct

    exact = nct.sf(2.5, 12, 3.0) + nct.cdf(-2.5, 12, 3.0)
    assert power_apart(3.0, 1.0, 2.5, 12) == pytest.approx(exact, abs=2e-3)


def test_the_critical_value_is_below_bonferronis_and_that_of_the_range() -> None:
    from scipy.stats import norm, studentized_range

    critical = critical_value(6, math.inf, units=10)
    assert critical == pytest.approx(studentized_range.ppf(0.95, 6, 1e5) / math.sqrt(2), rel=0.01)
    assert critical < norm.ppf(1 - 0.025 / 15)


@pytest.mark.parametrize(("variants", "pairs"), [(2, 1), (3, 3), (6, 15)])
def test_the_critical_value_of_two_seeds_is_bonferronis_over_all_pairs(variants: int, pairs: int) -> None:
    from scipy.stats import norm

    critical = critical_value(variants, math.inf, units=2)
    assert critical == pytest.approx(norm.ppf(1 - 0.025 / pairs), rel=0.01)


SETTINGS = [
    (variants, configurations, seeds, uneven, what)
    for (variants, configurations, seeds), uneven, what in itertools.product(
        ((2, 4, 2), (3, 12, 2), (4, 6, 3), (6, 20, 2), (3, 5, 5)), (1.0, 3.0), (APART, EQUAL)
    )
]


@pytest.mark.slow
@pytest.mark.parametrize(("variants", "configurations", "seeds", "uneven", "what"), SETTINGS)
def test_a_plan_keeps_its_promise_on_average_over_pilots(
    variants: int, configurations: int, seeds: int, uneven: float, what: str
) -> None:
    rng = np.random.default_rng((variants, configurations, seeds, int(uneven)))
    variances = np.full(variants, 0.02**2)
    variances[: (variants + 1) // 2] *= uneven
    goal, degrees, reached = Goal(what, 0.03), float(configurations * (seeds - 1)), []
    for _ in range(200):
        pilot = variances * rng.chisquare(degrees, variants) / degrees
        noises = [Noise(f"v{i}", float(v), degrees, float(configurations)) for i, v in enumerate(pilot)]
        need = need_of(goal, noises, power=POWER, most=1000)
        assert need.units is not None
        assert need.power >= POWER > need.before
        freedom = configurations * (need.units - 1.0)
        critical = critical_value(variants, freedom, units=need.units)
        gap = goal.size if what == APART else 0.0
        found, error = simulated(rng, variances, freedom, need.units, gap, 50)
        told = np.abs(found) > critical * error
        equal = np.abs(found) + critical * error < goal.size
        reached.append(float(np.mean(told if what == APART else equal)))
    assert np.mean(reached) >= 0.77


def test_a_pilot_tells_the_noise() -> None:
    """The variance that the noise is made with, and fewer degrees of freedom where it is of few configurations."""
    one = estimates(results(noisy(0.03), seeds=range(40), design="grid"))["autoencoder/digits"][0]
    noise = of_seeds(one, 6, 2)
    assert noise is not None
    assert noise.variance == pytest.approx(0.03**2 / 6, rel=0.2)
    assert noise.degrees == pytest.approx(12 * 39, rel=0.15)
    rng = np.random.default_rng(0)

    def one_noisy(configuration: Mapping[str, Any], seed: int) -> float:
        return bowl(configuration, seed) + float(rng.normal(0, 0.1 if configuration["lr"] < 0.002 else 0.001))

    rare = of_seeds(estimates(results(one_noisy, seeds=range(5)))["autoencoder/digits"][0], 12, 2)
    assert rare is not None
    assert rare.degrees < 25
    assert rare.per_unit < 7
    alone = estimates(results(noisy(0.03), seeds=(0,)))["autoencoder/digits"][0]
    assert of_seeds(alone, 6, 2) is None
    drawn = of_configurations(alone, 1)
    assert drawn is not None
    assert (drawn.degrees, drawn.freedom(24)) == (11, 23)


def test_more_seeds_make_the_configurations_of_a_drawn_design_less_noisy() -> None:
    """By what the pilot's seeds tell; the noise between configurations stays."""
    one = estimates(results(noisy(0.03), seeds=range(40), design="random"))["autoencoder/digits"][0]
    found = {seeds: of_configurations(one, seeds) for seeds in (1, 4)}
    assert found[1] is not None
    assert found[4] is not None
    assert found[1].variance - found[4].variance == pytest.approx(0.03**2 * 3 / 4, rel=0.2)


def pilot(deviation: float = 0.03, **kinds: Any) -> Any:
    return results(noisy(deviation), variants=NAMES, epochs=1, **{"seeds": range(3), **kinds})


def test_a_plan_from_a_pilot() -> None:
    found = plan(STUDY, pilot=pilot())
    apart, equal, both = found.records()
    assert found.unit == "seeds"
    assert both["what"] == "both"
    assert both["seeds"] == found.units == max(apart["seeds"], equal["seeds"])
    assert both["trials"] == 3 * 4 * found.units
    assert both["hours"] == pytest.approx(both["trials"] / 3600)  # a trial of the pilot takes a second
    assert "80% upper confidence bound" in found.notes[0]
    assert plan(STUDY, pilot=pilot(0.1)).units > found.units
    wide = STUDY.model_copy(update={"margin": 0.2})
    assert plan(wide, pilot=pilot()).records()[1]["seeds"] < equal["seeds"]


def test_the_margin_is_in_units_of_the_loss() -> None:
    unit = stakes(pilot())["autoencoder/digits"].unit
    stated = STUDY.model_copy(update={"margin": 0.05 * unit})
    assert plan(stated, pilot=pilot()).rows == plan(STUDY, pilot=pilot()).rows


def test_a_drawn_design_is_planned_in_configurations() -> None:
    study = Study.from_yaml(SPEC.replace("{kind: grid, points: {lr: 4}}", "{kind: sobol, n: 8}"))
    found = plan(study, noise=0.2, tell_apart=0.1)
    assert found.unit == "configurations"
    assert found.rows[0].trials == 3 * 2 * found.rows[0].units
    assert found.rows[0].units > 30
    assert plan(study, pilot=pilot(design="random")).unit == "configurations"


def test_more_power_and_smaller_differences_need_more() -> None:
    def needed(**changes: float) -> int:
        units = plan(STUDY, noise=0.1, **changes).rows[0].units
        assert units is not None
        return units

    assert needed() < needed(power=0.95)
    assert needed() < needed(tell_apart=0.02)
    assert plan(STUDY, noise=50.0).rows[0].units is None


def test_without_noise_two_seeds_do() -> None:
    noises = [Noise(name, 0.0, 4.0, 4.0) for name in NAMES]
    assert need_of(Goal(APART, 0.05), noises, power=POWER, most=10).units == 2
    assert power_of(Goal(EQUAL, 0.05), noises, 2) == 1


@pytest.mark.parametrize(
    ("changes", "fields", "message"),
    [
        (
            {"tell_apart": 0},
            {"noise": 0.1},
            "tell_apart must be a share of what can be won, above 0 and at most 1",
        ),
        ({"power": 1}, {"noise": 0.1}, "power must be above 0.05 and below 1, got 1"),
        ({}, {"noise": math.nan}, "noise must be a share of what can be won, above 0 and finite; got nan"),
        ({}, {}, r"run a pilot, `sensitivity run STUDY.yaml --seeds 2 --no-report`, or give noise"),
        ({}, {"pilot": "one seed"}, "the pilot has one seed of each configuration: run a pilot"),
        ({}, {"pilot": "other task"}, "the pilot has no results on autoencoder/digits"),
    ],
)
def test_what_cannot_be_planned(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    fields: dict[str, Any],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    if fields.get("pilot"):
        fields = {"pilot": pilot(seeds=(0,)) if fields["pilot"] == "one seed" else pilot(task="mlp/digits")}
    with pytest.raises(InputError, match=message) as raised:
        plan(STUDY, **changes, **fields)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[sgd, adam, nadam]", "[sgd]"), "at least two variants"),
        (("{kind: grid, points: {lr: 4}}", "{kind: adaptive, n: 8}"), "got 'adaptive'"),
    ],
)
def test_studies_that_have_no_plan(change: tuple[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan(Study.from_yaml(SPEC.replace(*change)), noise=0.1)


def filled(place: pathlib.Path) -> None:
    """Write results of the study into a store."""
    store, rng = Store(place), np.random.default_rng(0)
    store.add_study("small", STUDY.to_stored(), trials(STUDY), replace=True)
    for trial in trials(STUDY):
        loss = bowl(trial.configuration, trial.seed) + float(rng.normal(0, 0.02))
        store.record(trial.key, initial_loss=1.0, reports=[report(1, "completed", loss)])
    store.close()


def test_the_command_finds_the_pilot_in_the_store(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    pathlib.Path("small.yaml").write_text(SPEC)
    assert run(["plan", "small.yaml"], monkeypatch) == BAD_INPUT
    said = capfd.readouterr().err
    assert said.startswith(
        "Error: plan needs the noise, and there are no results of 'small': run a pilot, `sens"
    )
    assert said.count("\n") == 1
    filled(pathlib.Path("sensitivity.sqlite"))
    assert run(["plan", "small.yaml", "--json"], monkeypatch) == 0
    rows = json.loads(capfd.readouterr().out)
    found = plan(STUDY)
    assert [row["seeds"] for row in rows] == [row.units for row in found.rows]
    assert run(["plan", "small.yaml"], monkeypatch) == 0
    said = capfd.readouterr().out
    assert said.splitlines()[1].split() == ["what", "seeds", "trials", "hours"]
    assert f"Run it: sensitivity run small.yaml --seeds {found.units}" in said
    assert found.units == plan(STUDY, pilot="sensitivity.sqlite").units
    assert run(["plan", "small.yaml", "--power", "0"], monkeypatch) == BAD_INPUT
