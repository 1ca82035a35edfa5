"""How many members train together: measured in two steps, by memory and by time, and nothing moves."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from tests.trainables.test_cohorts import Setting, numbers, parameters
from trainables.cohort_sizes import chosen, fitting, pays, rehearsal
from trainables.stackable import moving_buffers
from trainables.stacks import Stack

BYTES = 1000
Rehearse = Callable[[int], tuple[float, int]]


def machine(seconds: Callable[[int], float], limit: float = math.inf) -> Rehearse:
    """A device on which so many members take that long, and which has memory for ``limit`` of them."""

    def rehearse(size: int) -> tuple[float, int]:
        if size > limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return seconds(size), BYTES * size

    return rehearse


@pytest.mark.parametrize(
    ("rehearse", "largest", "free", "size"),
    [
        pytest.param(machine(lambda size: 1.0), 100, math.inf, 100, id="an idle device takes all"),
        pytest.param(machine(lambda size: 1.0), 1, math.inf, 1, id="one is one"),
        pytest.param(machine(lambda size: float(size)), 256, math.inf, 1, id="a busy device takes one"),
        pytest.param(
            machine(lambda size: max(1.0, size / 16)), 256, math.inf, 16, id="until the device is full"
        ),
        pytest.param(machine(lambda size: 1.0), 256, 100 * BYTES, 64, id="within four fifths of the memory"),
        pytest.param(
            machine(lambda size: 1.0, limit=20), 256, math.inf, 16, id="below what ran out of memory"
        ),
    ],
)
def test_the_number_is_doubled_while_it_fits_and_pays(
    rehearse: Callable[[int], tuple[float, int]], largest: int, free: int, size: int
) -> None:
    assert chosen(rehearse, largest, free) == size


@pytest.mark.parametrize(
    ("model", "together"),
    [("mlp", True), ("autoencoder", False), ("resnet", False), ("gpt", False), ("vit", False)],
)
def test_on_a_cpu_small_dense_models_train_together(model: str, together: bool) -> None:
    loop = Setting(model, "adam", numbers(1)).loop(0)
    assert pays(loop) == together
    assert fitting(loop, 12) == (12 if together else 1)


def test_a_rehearsal_moves_nothing() -> None:
    setting = Setting("resnet", "adam", numbers(3), [0, 1, 2])
    loops = [setting.loop(k) for k in range(3)]
    before = [parameters(loop) for loop in loops]
    stack = Stack(loops, list(moving_buffers(loops)))
    seconds, _ = rehearsal(stack)
    stack.dissolve()
    assert seconds > 0
    assert all(torch.equal(parameters(loop), each) for loop, each in zip(loops, before, strict=True))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_on_cuda_the_number_is_measured() -> None:
    loop = Setting("mlp", "adam", numbers(1), device="cuda").loop(0)
    before = parameters(loop)
    assert 1 < fitting(loop, 32) <= 32
    assert torch.equal(parameters(loop), before)
