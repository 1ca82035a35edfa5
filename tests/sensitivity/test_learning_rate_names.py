"""The learning rate by its name."""

from __future__ import annotations

import pytest

from sensitivity.exchange.learning_rate_names import could_be_rates, learning_rate_in


@pytest.mark.parametrize(
    "name",
    [
        "lr", "LR", "learning_rate", "learning rate", "learningRate", "learningrate", "learning_rate_init", "eta", "eta0", "lr0", "lr_max",
        "max_lr", "peak_lr", "base_lr", "initial_lr", "optimizer.lr", "optimizer/learning_rate", "optimizer_lr", "optim.kwargs.lr",
        "step_size", "initial_learning_rate",
    ],
)  # fmt: skip
def test_names_of_the_learning_rate(name: str) -> None:
    assert learning_rate_in(["batch_size", name, "weight_decay", "lr_decay", "min_lr"]) == name


@pytest.mark.parametrize(
    "name",
    [
        "lr_decay",
        "lr_min",
        "log_lr",
        "lr_schedule",
        "beta",
        "alpha",
        "step",
        "eta_min",
        "warmup_lr",
        "lr_factor",
        "clr",
    ],
)
def test_names_of_something_else(name: str) -> None:
    assert learning_rate_in(["batch_size", name]) is None


@pytest.mark.parametrize(
    "names",
    [
        ["actor_lr", "critic_lr"],
        ["learning_rate", "eta"],
        ["encoder.lr", "head.lr"],
        ["learning_rate", "head_lr"],
        [],
    ],
)
def test_a_doubt_is_no_learning_rate(names: list[str]) -> None:
    assert learning_rate_in(names) is None


def test_the_name_lr_wins() -> None:
    assert learning_rate_in(["learning_rate", "lr", "eta"]) == "lr"


@pytest.mark.parametrize(
    ("name", "column", "rates"),
    [
        ("learning_rate", [0.1, 1], True),
        ("learning_rate", [0.0, 0.1], False),
        ("learning_rate", ["constant", "adaptive"], False),
        ("learning_rate", [True, 0.1], False),
        ("learning_rate", [], False),
        ("eta", [0.3, 2.0], True),
        ("eta", [2, 3], False),
        ("step_size", [10, 30], False),
    ],
)
def test_values_that_a_learning_rate_can_have(name: str, column: list[object], rates: bool) -> None:
    assert could_be_rates(name, column) is rates
