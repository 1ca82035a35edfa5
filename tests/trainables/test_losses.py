"""The losses and metrics that tasks name."""

from __future__ import annotations

import math

import pytest
import torch

from trainables.losses import LOSSES, accuracy, loss_of, metrics_of
from trainables.names import InputError

X = torch.rand(4, 1, 2, 2, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0, 1, 2, 1])


def test_losses_are_means_over_the_images() -> None:
    assert LOSSES["reconstruction"](X + 0.5, X, Y).item() == pytest.approx(0.25)
    assert LOSSES["cross_entropy"](torch.zeros(4, 3), X, Y).item() == pytest.approx(math.log(3))
    assert LOSSES["mse"](Y + 2.0, X, Y).item() == LOSSES["mse"](Y[:, None] + 2.0, X, Y).item() == 4
    assert LOSSES["mean_output"](torch.arange(4.0), X, Y).item() == 1.5


def test_binary_cross_entropy_is_that_of_two_classes_with_log_odds() -> None:
    odds, y = torch.tensor([-1.0, 0.0, 2.0, 3.0]), torch.tensor([0, 1, 1, 0])
    both = torch.stack([torch.zeros(4), odds], 1)
    for shaped in (odds, odds[:, None]):
        torch.testing.assert_close(
            LOSSES["binary_cross_entropy"](shaped, X, y), LOSSES["cross_entropy"](both, X, y)
        )
        assert accuracy(shaped, X, y) == accuracy(both, X, y) == 0.5


def test_accuracy_is_the_share_of_the_right_classes() -> None:
    scores = torch.eye(3)[torch.tensor([0, 1, 1, 1])]
    assert accuracy(scores, X, Y).item() == 0.75


def test_a_name_or_a_callable_gives_a_loss_or_metric() -> None:
    assert loss_of("mse") is loss_of(LOSSES["mse"])
    assert metrics_of(["accuracy"]) == metrics_of("accuracy") == metrics_of({"accuracy": accuracy})
    assert metrics_of(()) == {}


def test_what_is_neither_is_refused() -> None:
    with pytest.raises(InputError, match="unknown loss 'cross_entrop'; did you mean 'cross_entropy'"):
        loss_of("cross_entrop")
    with pytest.raises(
        InputError, match=r"loss must be a callable of \(outputs, x, y\) or one of .*mse.*; got 3"
    ):
        loss_of(3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="unknown metric 'acuracy'; did you mean 'accuracy'"):
        metrics_of(["acuracy"])
    with pytest.raises(InputError, match="metric 'top5' must be a callable"):
        metrics_of({"top5": 5})  # type: ignore[dict-item]
