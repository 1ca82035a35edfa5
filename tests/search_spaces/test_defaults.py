"""Default spaces: every named variant has one, which holds the optima that the paper reports."""

import math
import subprocess
import sys
from typing import Any

import pytest
import torch

from search_spaces import Float, Ordinal, SearchSpace, default_space, hyperparameter
from search_spaces.defaults import RATES, STANDARD, combination_rates
from trainables.hyperalgorithm_settings import NEUTRAL
from trainables.names import InputError
from trainables.tasks import task
from trainables.variants import VARIANTS


def test_every_named_variant_has_a_rate() -> None:
    assert set(RATES) == set(VARIANTS)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_space_is_the_variants_hyperparameters_and_holds_its_default(name: str) -> None:
    space = default_space(name)
    assert space.names == VARIANTS[name].hyperparameters
    assert space.check(space.default()) == space.default()
    assert all(each.default is not None for each in space)
    lr = space["lr"]
    assert isinstance(lr, Float)
    assert lr.scale == "log"
    assert math.log10(lr.high / lr.low) == pytest.approx(3)
    assert {each.name: each.scale for each in space} == {"lr": "log"} | dict.fromkeys(
        {"mu", "nu"} & set(space.names), "log1m"
    )


PAPER = [  # the best learning rates of "Optimizing CNNs": sections 4.2 to 4.4, of a decaying sum 1 - mu times that of a mean
    *(pytest.param(name, 2.0, id=f"{name}, section 4.2") for name in ("cm_mean", "nag_mean")),
    *(pytest.param(name, 0.2, id=f"{name}, section 4.2 with mu .9") for name in ("cm", "nag")),
    pytest.param("sgd", 1.0, id="sgd, section 4.2"),
    *(pytest.param(name, 0.001, id=f"{name}, L1") for name in ("l1_adagrad_mean", "l1_adam", "l1_nadam")),
    *(
        pytest.param(name, 0.002, id=f"{name}, L2")
        for name in ("l2_adagrad_mean", "rmsprop", "adam", "nadam")
    ),
    *(
        pytest.param(name, 0.005, id=f"{name}, maximum norm")
        for name in ("linf_adagrad_mean", "adamax", "linf_nadam")
    ),
]


@pytest.mark.parametrize(("name", "rate"), PAPER)
def test_the_papers_best_rate_is_well_inside(name: str, rate: float) -> None:
    lr = default_space(name)["lr"]
    assert 0.25 <= lr.to_unit(rate) <= 0.8


COMBINATIONS = [
    # Momentum alone: the rates of its mean, a tenth of them for its sum.
    ("cm-unscaled-mean-bias_corrected", (0.01, 2, 10)),
    ("nag-unscaled-sum-handcrafted", (1e-3, 0.2, 1)),
    # Norms: the default of each, a tenth of its rates for a mean without bias correction, the maximum apart.
    ("l1-mean-bias_corrected", (1e-4, 1e-3, 0.1)),
    ("l2-mean-true_mean", (1e-4, 2e-3, 0.1)),
    ("linf-mean-handcrafted", (1e-4, 5e-3, 0.1)),
    ("l1-mean-constant", (1e-5, 1e-4, 0.01)),
    ("l2-mean-constant", (1e-5, 2e-4, 0.01)),
    ("linf-mean-constant", (1e-4, 5e-3, 0.1)),
    ("l2-sum-constant", (1e-4, 0.01, 0.1)),
    # Second order, whose rates are those of equilibrated gradient descent.
    ("l2-mean-true_mean-second", (1e-3, 0.1, 1)),
    ("l2-sum-constant-second", (1e-3, 0.1, 1)),
    ("l2-mean-constant-second", (1e-4, 0.01, 0.1)),
    # Both: momentum as a mean changes nothing, as a sum it divides the rates of the norm by ten.
    ("cm-scaled-mean-constant+linf-mean-bias_corrected", (1e-4, 5e-3, 0.1)),
    ("nag-scaled-sum-constant+l2-mean-bias_corrected", (1e-5, 2e-4, 0.01)),
    ("cm-unscaled-sum-constant+l1-mean-constant", (1e-6, 1e-5, 1e-3)),
    ("cm-unscaled-sum-constant+linf-mean-constant", (1e-5, 5e-4, 0.01)),
]


@pytest.mark.parametrize(("name", "rates"), COMBINATIONS)
def test_a_combination_has_the_rates_of_its_parts(name: str, rates: tuple[float, float, float]) -> None:
    lr = default_space(name)["lr"]
    assert isinstance(lr, Float)
    assert (lr.low, lr.default, lr.high) == pytest.approx(rates, rel=1e-9)


def test_a_variant_of_unknown_parts_has_the_rates_of_most() -> None:
    assert combination_rates({}) == (1e-4, 1e-3, 0.1)
    assert combination_rates({"momentum": "none", "adaptive": "none"}) == RATES["sgd"]
    assert combination_rates({"momentum": "nag", "adaptive": "none", "sign": True}) == RATES["signsgd"]


@pytest.mark.parametrize(
    ("name", "values"),
    [("mu", (0.9, 0.95)), ("nu", (0.9, 0.999)), ("epsilon", (1e-8,)), ("p", (1, 2, math.inf))],
)
def test_what_the_paper_tried_is_in_the_usual_domain(name: str, values: tuple[float, ...]) -> None:
    for value in values:
        assert hyperparameter(name).check(value) == value


def test_a_usual_hyperparameter_can_be_changed() -> None:
    assert hyperparameter("p") == Ordinal("p", (1, 2, math.inf), 2)
    assert hyperparameter("mu", default=0.95) == Float("mu", 0.5, 0.99, "log1m", 0.95)
    assert hyperparameter("lr", low=1, high=10) == Float("lr", 1, 10, "log")
    assert hyperparameter("p", levels=[1, 2]) == Ordinal("p", (1, 2))
    space = SearchSpace(*default_space("adam"), hyperparameter("epsilon"))
    assert space.names == ("lr", "mu", "nu", "epsilon")


OPTIMIZER = ("lr", "mu", "nu", "p", "epsilon", "mu_schedule", "nu_schedule", "period", *NEUTRAL)


@pytest.mark.parametrize("name", OPTIMIZER)
def test_a_usual_hyperparameter_of_the_optimizer_is_one_that_it_has(name: str) -> None:
    assert any(name in each.accepts or name in each.fixed for each in VARIANTS.values())


@pytest.mark.parametrize("name", NEUTRAL)
def test_a_setting_that_is_not_the_papers_is_neutral_by_default(name: str) -> None:
    assert hyperparameter(name).default == NEUTRAL[name]


@pytest.mark.parametrize("name", STANDARD)
def test_a_usual_hyperparameter_comes_by_its_name_and_has_a_readable_default(name: str) -> None:
    usual = hyperparameter(name)
    assert usual.name == name
    assert usual.check(usual.default_value()) == usual.default_value()
    assert (
        usual.default is not None or name == "weight_decay"
    )  # the default is to have none, which no log scale holds


TRANSFORMERS = [("gpt/text", ("heads", "context", "qk_norm")), ("vit/digits", ("heads", "patch", "qk_norm"))]


@pytest.mark.parametrize(("name", "names"), TRANSFORMERS)
def test_a_transformer_is_built_at_every_usual_value(name: str, names: tuple[str, ...]) -> None:
    chosen = task(name)
    for usual in map(hyperparameter, names):
        assert usual.default == chosen.settings[usual.name]
        for value in usual.grid(9):
            chosen.model(torch.Generator().manual_seed(0), **{**chosen.settings, usual.name: value})


def test_all_usual_hyperparameters_make_one_space_in_which_conditions_hold() -> None:
    space = SearchSpace(*STANDARD.values())
    default = space.default()
    assert {"slope"} == {each.name for each in space.conditional} & set(default)
    cosine = space.complete({"lr_schedule": "cosine", "activation": "relu"})
    assert {each.name for each in space.conditional} & set(cosine) == {"lr_final"}
    step = space.complete({"lr_schedule": "step"})
    assert {"lr_decay", "lr_decay_every", "slope"} == {each.name for each in space.conditional} & set(step)
    assert hyperparameter("slope", when={}) == Float("slope", 1e-3, 0.3, "log", 0.01)
    assert hyperparameter("slope", high=0.1).when == {"activation": ("leaky_relu",)}


ERRORS: list[Any] = [
    pytest.param(lambda: default_space("adm"), "unknown variant 'adm'; did you mean 'adam'?", id="variant"),
    pytest.param(
        lambda: hyperparameter("lrr"),
        "unknown hyperparameter 'lrr'; did you mean 'lr'? (known: lr, mu, nu, p, epsilon,",
        id="name",
    ),
    pytest.param(
        lambda: hyperparameter("lr", lo=1), "unknown argument of lr 'lo'; did you mean 'low'?", id="argument"
    ),
    pytest.param(
        lambda: hyperparameter("p", low=1), "unknown argument of p 'low'", id="argument of another type"
    ),
    pytest.param(
        lambda: hyperparameter("mu", high=1),
        "high of mu must be below 1 on a log1m scale, got 1.0",
        id="decay of 1",
    ),
]


@pytest.mark.parametrize(("make", "message"), ERRORS)
def test_errors_name_argument_value_and_what_is_allowed(make: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert message in str(caught.value)


def test_importing_is_cheap() -> None:
    code = """
import sys
import search_spaces
from search_spaces import default_space, design_from_dict
default_space("adam").default()
design_from_dict({"kind": "grid"}).configurations(default_space("adam"))
print(*{"ray", "torch", "optuna", "scipy", "numpy"} & set(sys.modules))
"""
    assert (
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        ).stdout.strip()
        == ""
    )


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    import search_spaces

    with pytest.raises(AttributeError, match="has no attribute 'Flaot'"):
        search_spaces.Flaot  # noqa: B018
    assert all(getattr(search_spaces, name) is not None for name in search_spaces.__all__)
