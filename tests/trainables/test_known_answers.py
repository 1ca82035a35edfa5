"""The exact sensitivities against closed forms, SALib and Monte Carlo."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from trainables.exact_sensitivities import Hyperparameter, KnownAnswer
from trainables.known_answers import Diverging, Ishigami, LrValley, Noisy, SobolG
from trainables.names import InputError

FUNCTIONS: list[Any] = [
    pytest.param(Ishigami(), id="Ishigami"),
    pytest.param(SobolG(), id="Sobol G"),
    pytest.param(LrValley(), id="lr valley"),
    pytest.param(LrValley(tilt=0.05), id="lr valley with interaction"),
    pytest.param(Noisy(LrValley(), sd=0.05), id="noisy"),
    pytest.param(Diverging(LrValley(), above=0.9), id="diverging"),
    pytest.param(Diverging(Ishigami(), above=0.8, along="x3"), id="diverging along another"),
    pytest.param(Diverging(SobolG(), above=0.5), id="diverging at the kink"),
    pytest.param(Diverging(Noisy(Ishigami(), sd=2.0), above=0.7), id="noisy and diverging"),
]


def close(got: dict[str, float], expected: dict[str, float]) -> None:
    assert got == pytest.approx(expected, rel=1e-10, abs=1e-12)


def test_ishigamis_closed_forms() -> None:
    """Ishigami & Homma (1990)."""
    a, b = 5.0, 0.2
    one = Ishigami(a, b)
    variance = a**2 / 8 + b * math.pi**4 / 5 + b**2 * math.pi**8 / 18 + 0.5
    x1, x2, both = (1 + b * math.pi**4 / 5) ** 2 / 2, a**2 / 8, 8 * b**2 * math.pi**8 / 225
    assert (one.mean, one.variance) == pytest.approx((a / 2, variance), rel=1e-12)
    close(one.first_order, {"x1": x1 / variance, "x2": x2 / variance, "x3": 0})
    close(one.total_order, {"x1": (x1 + both) / variance, "x2": x2 / variance, "x3": both / variance})


def test_sobol_gs_closed_forms() -> None:
    """Saltelli & Sobol' (1995)."""
    a = (0.0, 0.5, 3.0, 9.0, 99.0)
    one, parts = SobolG(a), [1 / (3 * (1 + each) ** 2) for each in a]
    product = math.prod(1 + each for each in parts)
    assert (one.mean, one.variance) == pytest.approx((1, product - 1), rel=1e-12)
    close(one.first_order, {f"x{i}": part / (product - 1) for i, part in enumerate(parts, 1)})
    close(
        one.total_order,
        {f"x{i}": part * product / (1 + part) / (product - 1) for i, part in enumerate(parts, 1)},
    )


def test_the_lr_valleys_closed_forms() -> None:
    """Var[(w + d)^2] = 4 h^4 / 45 + 4 d^2 h^2 / 3 for w uniform on [-h, h]."""
    one = LrValley(tilt=0.03)
    l_low, l_high = math.log10(1 - 0.999), math.log10(1 - 0.5)
    z, l = (2.5, -2.5 - -2.0), ((l_high - l_low) / 2, (l_high + l_low) / 2 - -1.0)  # noqa: E741
    alone = {
        name: steep**2 * (4 * h**4 / 45 + 4 * d**2 * h**2 / 3)
        for name, steep, (h, d) in (("lr", one.steep_lr, z), ("mu", one.steep_mu, l))
    }
    both = one.tilt**2 * z[0] ** 2 * l[0] ** 2 / 9
    variance = alone["lr"] + alone["mu"] + both
    assert one.variance == pytest.approx(variance, rel=1e-10)
    close(one.first_order, {"lr": alone["lr"] / variance, "mu": alone["mu"] / variance, "nu": 0})
    close(
        one.total_order,
        {"lr": (alone["lr"] + both) / variance, "mu": (alone["mu"] + both) / variance, "nu": 0},
    )


def test_salib_has_the_same_functions_and_indices() -> None:
    from SALib.test_functions import Ishigami as ishigami
    from SALib.test_functions import Sobol_G as sobol_g

    random = np.random.default_rng(0)
    points = random.uniform(-math.pi, math.pi, (20, 3))
    values = [Ishigami()(dict(zip(("x1", "x2", "x3"), point, strict=True))) for point in points]
    np.testing.assert_allclose(values, ishigami.evaluate(points), rtol=1e-12)
    a = [0.0, 1.0, 4.5, 9.0, 99.0, 99.0, 99.0, 99.0]
    one, points = SobolG(tuple(a)), random.uniform(size=(20, 8))
    np.testing.assert_allclose(
        [one(dict(zip(one.names, p, strict=True))) for p in points],
        sobol_g.evaluate(points, a=np.array(a)),
        rtol=1e-12,
    )
    np.testing.assert_allclose(list(one.first_order.values()), sobol_g.sensitivity_index(a), rtol=1e-10)
    np.testing.assert_allclose(list(one.total_order.values()), sobol_g.total_sensitivity_index(a), rtol=1e-10)


def sampled(one: KnownAnswer, units: np.ndarray[Any, Any], first_seed: int) -> np.ndarray[Any, Any]:
    """Values through the hyperparameters' own scales, what diverged as the ceiling."""
    configurations = [
        {each.name: each.value(u) for each, u in zip(one.parameters, row, strict=True)} for row in units
    ]
    return np.array(
        [min(one(each, seed=first_seed + k), one.ceiling) for k, each in enumerate(configurations)]
    )


@pytest.mark.slow
@pytest.mark.parametrize("one", FUNCTIONS)
def test_monte_carlo_agrees(one: KnownAnswer) -> None:
    """Mean and variance to five standard errors; indices by Janon's and Jansen's estimators, whose error is
    below 4 / sqrt(n) here."""
    n, names = 4000, one.names
    random = np.random.default_rng(0)
    a, b = random.uniform(size=(2, n, len(names)))
    at_a, at_b = sampled(one, a, 0), sampled(one, b, n)
    both = np.concatenate([at_a, at_b])
    assert abs(both.mean() - one.mean) < 5 * both.std() / math.sqrt(2 * n)
    fourth = ((both - both.mean()) ** 4).mean()
    assert abs(both.var() - one.variance) < 5 * math.sqrt((fourth - both.var() ** 2) / (2 * n))
    for position, name in enumerate(names):
        mixed = a.copy()
        mixed[:, position] = b[:, position]
        at_mixed = sampled(one, mixed, 2 * n)
        first = np.mean((at_b - both.mean()) * (at_mixed - at_a)) / both.var()
        assert first == pytest.approx(one.first_order[name], abs=4 / math.sqrt(n))
        noise = (
            one.noise_variance / one.variance
        )  # the noise is drawn anew at every point, so Jansen's estimator has it as well
        assert np.mean((at_a - at_mixed) ** 2) / 2 / both.var() - noise == pytest.approx(
            one.total_order[name], abs=4 / math.sqrt(n)
        )


@pytest.mark.parametrize("one", FUNCTIONS)
def test_no_value_is_above_the_ceiling_and_losses_of_the_valley_are_positive(one: KnownAnswer) -> None:
    corners = np.array(np.meshgrid(*[[0.0, 0.5, 1.0]] * len(one.names))).reshape(len(one.names), -1).T
    values = sampled(
        one, np.concatenate([corners, np.random.default_rng(0).uniform(size=(500, len(one.names)))]), 0
    )
    assert values.max() <= one.ceiling
    assert math.isfinite(one.ceiling)
    if one == LrValley():
        assert values.min() > 0


def test_noise_is_drawn_by_seed_and_configuration() -> None:
    one, at = Noisy(Ishigami(), sd=0.5), {"x1": 1.0, "x2": 0.0, "x3": 0.0}
    assert one(at, seed=0) == one(dict(reversed(at.items())), seed=0)
    assert len({one(at, seed=seed) for seed in range(5)}) == 5
    assert one(at, seed=0) - Ishigami()(at) != one({**at, "x1": 1.1}, seed=0) - Ishigami()({**at, "x1": 1.1})
    noise = np.array([one(at, seed=seed) for seed in range(2000)]) - Ishigami()(at)
    assert noise.mean() == pytest.approx(0, abs=5 * 0.5 / math.sqrt(2000))
    assert noise.std() == pytest.approx(0.5, rel=5 / math.sqrt(4000))


def test_a_share_of_the_space_diverges() -> None:
    one = Diverging(LrValley(), above=0.8)
    assert one.divergence_rate == pytest.approx(0.2)
    lr = one.parameters[0]
    assert math.isfinite(one({"lr": lr.value(0.79), "mu": 0.9, "nu": 0.9}))
    assert one({"lr": lr.value(0.81), "mu": 0.9, "nu": 0.9}) == math.inf


@pytest.mark.parametrize("scale", ["linear", "log", "log1m"])
def test_a_scale_goes_both_ways_ends_included(scale: str) -> None:
    one = Hyperparameter("x", 0.01, 0.999, scale)
    assert (one.unit(0.01), one.unit(0.999), one.value(0.0), one.value(1.0)) == (0, 1, 0.01, 0.999)
    for u in np.linspace(0, 1, 11):
        assert one.unit(one.value(u)) == pytest.approx(u, abs=1e-12)


def test_hyperparameters_are_plain_data() -> None:
    assert LrValley().hyperparameters[0] == {"name": "lr", "low": 1e-5, "high": 1.0, "scale": "log"}
    assert [each["scale"] for each in LrValley().hyperparameters] == ["log", "log1m", "log1m"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Ishigami()({"x1": 0.0, "x2": 0.0}), "a configuration needs x3"),
        (lambda: Ishigami()({"x1": 0.0, "x2": 0.0, "x3": 0.0, "x4": 0.0}), "unknown hyperparameter 'x4'"),
        (
            lambda: Ishigami()({"x1": 4.0, "x2": 0.0, "x3": 0.0}),
            r"x1 must be in \[-3.14159, 3.14159\], got 4.0",
        ),
        (lambda: Noisy(Ishigami(), sd=-1), "sd must be at least 0, got -1"),
        (lambda: Noisy(Diverging(Ishigami(), above=0.5), sd=1), "noise goes inside"),
        (lambda: Diverging(Ishigami(), above=1.5), "above must be between 0 and 1"),
        (lambda: Diverging(Ishigami(), above=0.5, along="lr"), "unknown hyperparameter in along 'lr'"),
        (lambda: Diverging(Diverging(Ishigami(), above=0.5), above=0.5), "wrap it once"),
    ],
)
def test_what_makes_no_sense_is_refused(make: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


def test_functions_are_values() -> None:
    assert Diverging(Noisy(Ishigami(), 0.1), 0.9) == Diverging(Noisy(Ishigami(), 0.1), 0.9)
    assert dataclasses.replace(Ishigami(), a=3.0).mean == pytest.approx(1.5)


def test_a_hyperparameter_of_constant_factors_explains_exactly_nothing_on_any_processor() -> None:
    function = LrValley()
    assert function.first_order["nu"] == 0.0
    assert function.total_order["nu"] == 0.0
