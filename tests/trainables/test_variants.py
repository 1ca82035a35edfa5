"""The named variants: each is an optimizer that works, and says what may be set."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from trainables.hyperalgorithm import Hyperalgorithm
from trainables.named_variants import VARIANTS
from trainables.names import InputError
from trainables.variant_definition import SETTINGS, Variant
from trainables.variants import variant

STEPS = 20
CONFIGURATION = {"lr": 0.05, "mu": 0.8, "nu": 0.95}


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_lowers_a_quadratic(name: str) -> None:
    chosen = variant(name)
    theta = nn.Parameter(torch.tensor([1.0, -2.0, 0.5]))
    optimizer = chosen.optimizer([theta], {each: CONFIGURATION[each] for each in chosen.hyperparameters})
    before = theta.square().sum().item()
    for _ in range(60):
        theta.grad = theta.detach().clone()
        if getattr(optimizer, "second_order", False):
            optimizer.step(curvature=[torch.ones(3)])  # the Hessian is the identity: its product with u = 1
        else:
            optimizer.step()
    assert theta.square().sum().item() < 0.8 * before


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_keeps_its_name_description_and_source(name: str) -> None:
    chosen = variant(name)
    assert chosen.name == name
    assert chosen.description
    assert chosen.source


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_accepts_what_it_does_not_fix(name: str) -> None:
    chosen = variant(name)
    assert set(chosen.hyperparameters) <= chosen.accepts
    assert chosen.accepts == set(SETTINGS) - set(chosen.fixed)


def test_the_settings_of_a_variant_are_the_arguments_of_the_hyperalgorithm() -> None:
    optimizer = Hyperalgorithm([nn.Parameter(torch.zeros(1))], lr=0.1)
    assert set(SETTINGS) == set(optimizer.defaults) - {"maximize"}


@pytest.mark.parametrize(
    ("chosen", "hyperparameters"),
    [
        pytest.param(variant("sgd"), ("lr",), id="sgd"),
        pytest.param(variant("nag"), ("lr", "mu"), id="nag"),
        pytest.param(variant("adagrad"), ("lr",), id="adagrad fixes nu = 1"),
        pytest.param(variant("rmsprop"), ("lr", "nu"), id="rmsprop"),
        pytest.param(variant("nadam"), ("lr", "mu", "nu"), id="nadam"),
        pytest.param(Variant("own", {}), ("lr", "mu", "nu"), id="nothing fixed"),
        pytest.param(
            Variant("own", {"mu_schedule": "true_mean", "nu_schedule": "true_mean"}),
            ("lr",),
            id="true means have no decay",
        ),
        pytest.param(Variant("own", {"lr": 0.1}), ("mu", "nu"), id="lr fixed"),
        pytest.param(
            Variant("own", {"slow_weight": 5.0}), ("lr", "mu", "nu", "slow_mu"), id="a slow momentum"
        ),
        pytest.param(Variant("own", {"slow_weight": 0}), ("lr", "mu", "nu"), id="no slow momentum"),
    ],
)
def test_the_hyperparameters_are_the_numbers_left_open(
    chosen: Variant, hyperparameters: tuple[str, ...]
) -> None:
    assert chosen.hyperparameters == hyperparameters


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("adm", "adam"), ("Nadam", "nadam"), ("linf_nadan", "linf_nadam"), ("rms_prop", "rmsprop")],
)
def test_an_unknown_variant_is_refused_with_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(InputError) as caught:
        variant(name)
    assert (
        str(caught.value)
        == f"unknown variant {name!r}; did you mean {nearest!r}? (known: {', '.join(VARIANTS)})"
    )


@pytest.mark.parametrize(
    ("name", "configuration", "message"),
    [
        pytest.param(
            "adam",
            {"lr": 0.1, "epsilom": 1e-8},
            "unknown hyperparameter of adam 'epsilom'; did you mean 'epsilon'?",
            id="misspelt",
        ),
        pytest.param(
            "sgd", {"lr": 0.1, "momentum": "cm"}, "unknown hyperparameter of sgd 'momentum'", id="fixed"
        ),
        pytest.param(
            "adagrad", {"lr": 0.1, "nu": 0.9}, "unknown hyperparameter of adagrad 'nu'", id="fixed number"
        ),
        pytest.param(
            "adam",
            {"lr": 0.1, "maximize": True},
            "unknown hyperparameter of adam 'maximize'",
            id="no setting of a variant",
        ),
        pytest.param("adam", {"lr": -1.0}, "lr must be above 0 and finite, got -1.0", id="out of range"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(
    name: str, configuration: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        variant(name).optimizer([nn.Parameter(torch.zeros(1))], configuration)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "configuration",
    [{"lr": 0.1, "epsilon": 1e-4}, {"lr": 0.1, "momentum_gradient": "scaled"}],
    ids=["epsilon", "scaled"],
)
def test_a_configuration_may_set_what_the_variant_leaves_open(configuration: dict[str, Any]) -> None:
    group = variant("rmsprop").optimizer([nn.Parameter(torch.zeros(1))], configuration).param_groups[0]
    assert {name: group[name] for name in configuration} == configuration


def gradients() -> torch.Tensor:
    return torch.randn(STEPS, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def reached(name: str, **configuration: float) -> torch.Tensor:
    """theta of a variant after given gradients; the curvature of second order is twice the next gradient."""
    theta = nn.Parameter(torch.zeros(4, dtype=torch.float64))
    optimizer = variant(name).optimizer([theta], configuration)
    given = gradients()
    for t in range(STEPS):
        theta.grad = given[t].clone()
        if getattr(optimizer, "second_order", False):
            optimizer.step(curvature=[2 * given[(t + 1) % STEPS]])
        else:
            optimizer.step()
    return theta.detach()


def test_rmsprop_momentum_is_torchs() -> None:
    theta = nn.Parameter(torch.zeros(4, dtype=torch.float64))
    optimizer = torch.optim.RMSprop([theta], lr=0.05, alpha=0.95, momentum=0.8, eps=1e-8)
    for each in gradients():
        theta.grad = each.clone()
        optimizer.step()
    torch.testing.assert_close(
        reached("rmsprop_momentum", **CONFIGURATION), theta.detach(), rtol=1e-12, atol=1e-12
    )


def test_laprop_is_its_authors_algorithm() -> None:
    """Ziyin et al. (2020), Algorithm 1: the moments as plain means, their bias divided out."""
    theta, m, n = (torch.zeros(4, dtype=torch.float64) for _ in range(3))
    for t, g in enumerate(gradients(), start=1):
        n = 0.95 * n + (1 - 0.95) * g.square()
        m = 0.8 * m + (1 - 0.8) * g / ((n / (1 - 0.95**t)).sqrt() + 1e-15)
        theta = theta - 0.05 * m / (1 - 0.8**t)
    torch.testing.assert_close(
        reached("laprop", **CONFIGURATION, epsilon=1e-15), theta, rtol=1e-12, atol=1e-12
    )


def test_signsgd_is_the_sign_of_the_gradient() -> None:
    torch.testing.assert_close(
        reached("signsgd", lr=0.05, epsilon=0.0), -0.05 * gradients().sign().sum(0), rtol=1e-12, atol=1e-12
    )


def test_egd_is_its_authors_algorithm() -> None:
    """Dauphin et al. (2015), Algorithm 1: D is the sum of squared products, theta moves by the gradient over
    sqrt(D / i) + lambda."""
    theta, d, given = torch.zeros(4, dtype=torch.float64), torch.zeros(4, dtype=torch.float64), gradients()
    for i in range(1, STEPS + 1):
        d = d + (2 * given[i % STEPS]).square()
        theta = theta - 0.05 * given[i - 1] / ((d / i).sqrt() + 1e-4)
    torch.testing.assert_close(reached("egd", lr=0.05, epsilon=1e-4), theta, rtol=1e-12, atol=1e-12)
