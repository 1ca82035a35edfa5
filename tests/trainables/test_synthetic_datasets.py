"""The synthetic data against what is known of them."""

from __future__ import annotations

import math

import pytest
import torch

from trainables.datasets import load
from trainables.synthetic_datasets import CONDITION, Quadratic, curvature, minimum, optimum
from trainables.tasks import task
from trainables.training import TrainingLoop
from trainables.variants import variant


def loss_at(theta: torch.Tensor, part: str) -> float:
    bowl = Quadratic(torch.Generator().manual_seed(0)).double()
    bowl.curvature = curvature()
    with torch.no_grad():
        bowl.theta.copy_(theta)
    return float(bowl(getattr(load("ill_conditioned"), part).double()).mean().detach())


def test_the_eigenvalues_span_the_condition_number() -> None:
    eigenvalues = torch.linalg.eigvalsh(curvature())
    assert eigenvalues.max().item() == pytest.approx(1)
    assert (eigenvalues.max() / eigenvalues.min()).item() == pytest.approx(CONDITION)


@pytest.mark.parametrize("part", ["x_train", "x_test"])
def test_the_optimum_has_the_minimum_on_both_parts(part: str) -> None:
    """The samples are float32: their mean is exact to 1e-7."""
    assert loss_at(optimum(), part) == pytest.approx(minimum(), rel=1e-6)
    away = torch.randn(10, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected = minimum() + float(away @ curvature() @ away) / 2
    assert loss_at(optimum() + away, part) == pytest.approx(expected, rel=1e-5)


def test_gradient_descent_shrinks_each_eigendirection_as_theory_says() -> None:
    """Whole batches and lr 1 leave (1 - eigenvalue) of the distance a step."""
    data = load("ill_conditioned")
    loop = TrainingLoop(
        task("quadratic/ill_conditioned"),
        variant("sgd"),
        {"lr": 1.0},
        0,
        data=data,
        epochs=20,
        batch_size=len(data.x_train),
    )
    eigenvalues, basis = torch.linalg.eigh(curvature())
    before = basis.T @ (loop.model.theta.detach().double() - optimum())
    reports = list(loop)
    after = basis.T @ (loop.model.theta.detach().double() - optimum())
    torch.testing.assert_close(after, before * (1 - eigenvalues) ** 20, rtol=1e-4, atol=1e-5)
    assert reports[-1]["train_loss_end"] == pytest.approx(
        minimum() + float((eigenvalues * after**2).sum()) / 2, rel=1e-4
    )


def test_the_two_classes_overlap_and_logistic_regression_beats_a_guess() -> None:
    loop = TrainingLoop(
        task("logistic/synthetic"), variant("adam"), {"lr": 0.05}, 0, data=load("synthetic"), epochs=5
    )
    assert loop.initial_loss == pytest.approx(math.log(2), rel=1e-6)
    *_, last = loop
    assert 0.2 < last["test_loss"] < 0.55
    data = load("synthetic")
    assert 0.4 < data.y_train.float().mean() < 0.6
