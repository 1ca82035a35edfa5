"""A last batch of one image: refused beforehand, and only where batch norm could not train on it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import nn

from tests.trainables.test_loop_settings import loop, points
from trainables.batch_norm import check_last_batch
from trainables.names import InputError
from trainables.task_definition import Task
from trainables.tasks import task


def flat() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))


@pytest.mark.parametrize(
    ("batch_size", "images", "nearest"), [(8, 41, 7), (40, 41, 39), (1, 40, 2), (2, 41, 3), (1, 2, 2)]
)
def test_a_single_image_is_refused_when_the_loop_is_made(batch_size: int, images: int, nearest: int) -> None:
    message = (
        rf"no batch of a single image, got {batch_size} for {images} training images; the nearest "
        rf"that does is {nearest}$"
    )
    with pytest.raises(InputError, match=message):
        loop("sgd", {"lr": 0.01, "norm": True}, data=points(train=images), batch_size=batch_size)
    (report, _) = list(loop("sgd", {"lr": 0.01, "norm": True}, data=points(train=images), batch_size=nearest))
    assert report["status"] == "running"


def test_a_single_training_image_is_refused() -> None:
    with pytest.raises(InputError, match=r"needs at least 2 training images, got 1 \(batch_size 16\)"):
        loop("sgd", {"lr": 0.01, "norm": True}, data=points(train=1))


@pytest.mark.parametrize("batch_size", [8, 1])
def test_a_model_that_trains_on_one_image_does(batch_size: int) -> None:
    assert (
        list(loop("sgd", {"lr": 0.01}, data=points(train=41), batch_size=batch_size))[-1]["status"]
        == "completed"
    )


@pytest.mark.slow
def test_maps_of_several_pixels_are_no_single_value() -> None:
    data = dataclasses.replace(points(5, 2), x_train=torch.rand(5, 1, 8, 8), x_test=torch.rand(2, 1, 8, 8))
    data = dataclasses.replace(data, y_train=torch.arange(5), y_test=torch.arange(2))
    resnet = task("resnet/digits")

    def small(generator: torch.Generator) -> nn.Module:
        return resnet.model(generator, depth=1, width=0.25)

    tried = Task("small/images", "images", small, resnet.loss)
    assert list(loop("sgd", {"lr": 0.01}, task=tried, data=data, batch_size=2))[-1]["status"] == "completed"


def test_the_trial_leaves_no_trace() -> None:
    model: Any = nn.Sequential(nn.Conv1d(3, 4, 1), nn.BatchNorm1d(4), nn.Dropout(0.5))
    check_last_batch(model, torch.rand(9, 3, 5), 2)
    assert (model[1].running_mean.tolist(), model[1].num_batches_tracked.item(), model.training) == (
        [0] * 4,
        0,
        False,
    )
    with pytest.raises(InputError):
        check_last_batch(flat(), torch.rand(9, 3), 2)


def test_another_error_of_the_model_stays_what_it_is() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise ValueError("odd")

    with pytest.raises(ValueError, match=r"^odd$"):
        check_last_batch(Odd(), torch.rand(9, 3), 2)
