"""The named variants: each is an optimizer that works, and says what may be set."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from trainables.hyperalgorithm import Hyperalgorithm
from trainables.names import InputError
from trainables.variants import SETTINGS, VARIANTS, Variant, variant

CONFIGURATION = {"lr": 0.05, "mu": 0.8, "nu": 0.95}


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_lowers_a_quadratic(name: str) -> None:
    chosen = variant(name)
    theta = nn.Parameter(torch.tensor([1.0, -2.0, 0.5]))
    optimizer = chosen.optimizer([theta], {each: CONFIGURATION[each] for each in chosen.hyperparameters})
    before = theta.square().sum().item()
    for _ in range(60):
        theta.grad = theta.detach().clone()
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
        pytest.param(Variant("own", {"mu_schedule": "true_mean", "nu_schedule": "true_mean"}), ("lr",), id="true means have no decay"),
        pytest.param(Variant("own", {"lr": 0.1}), ("mu", "nu"), id="lr fixed"),
    ],
)
def test_the_hyperparameters_are_the_numbers_left_open(chosen: Variant, hyperparameters: tuple[str, ...]) -> None:
    assert chosen.hyperparameters == hyperparameters


@pytest.mark.parametrize(("name", "nearest"), [("adm", "adam"), ("Nadam", "nadam"), ("linf_nadan", "linf_nadam"), ("rms_prop", "rmsprop")])
def test_an_unknown_variant_is_refused_with_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(InputError) as caught:
        variant(name)
    assert str(caught.value) == f"unknown variant {name!r}; did you mean {nearest!r}? (known: {', '.join(VARIANTS)})"


@pytest.mark.parametrize(
    ("name", "configuration", "message"),
    [
        pytest.param(
            "adam", {"lr": 0.1, "epsilom": 1e-8}, "unknown hyperparameter of adam 'epsilom'; did you mean 'epsilon'?", id="misspelt"
        ),
        pytest.param("sgd", {"lr": 0.1, "momentum": "cm"}, "unknown hyperparameter of sgd 'momentum'", id="fixed"),
        pytest.param("adagrad", {"lr": 0.1, "nu": 0.9}, "unknown hyperparameter of adagrad 'nu'", id="fixed number"),
        pytest.param("adam", {"lr": 0.1, "maximize": True}, "unknown hyperparameter of adam 'maximize'", id="no setting of a variant"),
        pytest.param("adam", {"lr": -1.0}, "lr must be above 0 and finite, got -1.0", id="out of range"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(name: str, configuration: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        variant(name).optimizer([nn.Parameter(torch.zeros(1))], configuration)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "configuration", [{"lr": 0.1, "epsilon": 1e-4}, {"lr": 0.1, "momentum_gradient": "scaled"}], ids=["epsilon", "scaled"]
)
def test_a_configuration_may_set_what_the_variant_leaves_open(configuration: dict[str, Any]) -> None:
    group = variant("rmsprop").optimizer([nn.Parameter(torch.zeros(1))], configuration).param_groups[0]
    assert {name: group[name] for name in configuration} == configuration
