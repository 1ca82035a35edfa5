"""Default spaces of optimizer classes lie around the defaults of the class."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from search_spaces.class_defaults import class_defaults, default_outside
from search_spaces.defaults import default_space, hyperparameter
from search_spaces.hyperparameters import Float
from trainables.names import InputError
from trainables.torch_variants import TORCH_DEFAULTS


class Lionish(torch.optim.Optimizer):
    def __init__(self, params: Any, lr: float = 1e-4, betas: tuple[float, float] = (0.95, 0.98)) -> None:
        super().__init__(params, {"lr": lr, "betas": betas})


class Factor(torch.optim.Optimizer):
    def __init__(self, params: Any, lr: float = 1.0, momentum: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainables.dotted.SHIPPED", {"mine:Lionish": Lionish, "mine:Factor": Factor})


def test_the_space_of_a_class_is_in_decades_around_its_own_defaults() -> None:
    assert str(default_space("mine:Lionish")) == (
        "lr: 1e-05 to 0.01, log, default 0.0001\n"
        "mu: 0.5 to 0.99, log1m, default 0.95\n"
        "nu: 0.9 to 0.999, log1m, default 0.98"
    )
    assert str(default_space("mine:Factor")) == (
        "lr: 0.01 to 10.0, log, default 1.0\nmu: 0.0 to 0.99, log1m, default 0.0"
    )


def test_defaults_of_our_own_spaces_lie_inside() -> None:
    for name in TORCH_DEFAULTS:
        if hasattr(torch.optim, name.rpartition(".")[2]):
            space = default_space(name)
            assert default_outside(name, {domain.name: domain for domain in space}) == []


def test_a_range_without_the_default_of_the_class_is_found() -> None:
    domains = {"lr": Float("lr", 1e-4, 0.1, "log"), "mu": Float("mu", 0.5, 0.9, "log1m")}
    assert default_outside("mine:Lionish", domains) == [("mu", 0.95)]
    assert default_outside("mine:Factor", domains) == [("lr", 1.0)]
    assert default_outside("adam", domains) == []
    assert default_outside("nowhere:Adam", domains) == []


def test_a_hyperparameter_of_a_role_has_the_usual_domain() -> None:
    assert hyperparameter("lr.head", default=0.01) == Float("lr.head", 1e-4, 0.1, "log", 0.01)
    with pytest.raises(InputError, match=r"unknown role in 'lr\.tail' 'tail'"):
        hyperparameter("lr.tail")


def test_every_name_of_pytorch_optimizer_has_a_space_around_its_lr() -> None:
    package = pytest.importorskip("pytorch_optimizer", reason="needs the extra optimizers")
    for name in package.get_supported_optimizers():
        full = f"pytorch_optimizer:{package.load_optimizer(name).__name__}"
        try:
            space = default_space(full)
        except InputError:
            continue  # refused by name
        defaults = class_defaults(full)
        for domain in space:
            if domain.name in defaults and isinstance(domain, Float):
                assert domain.default == defaults[domain.name]
                assert domain.low <= defaults[domain.name] <= domain.high
