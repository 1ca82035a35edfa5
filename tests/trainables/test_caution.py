"""The mask of cautious optimizers: entries that disagree with the gradient are left out, the others scaled
up."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from trainables.caution import keep_agreeing_


def kept_of(update: Tensor, gradient: Tensor, *, members: bool = False) -> Tensor:
    result = update.clone()
    keep_agreeing_(result, gradient, members=members)
    return result


@pytest.mark.parametrize("shape", [(), (1,), (7,), (4, 3), (2, 3, 2, 2)])
def test_it_is_the_packages(shape: tuple[int, ...]) -> None:
    package = pytest.importorskip("pytorch_optimizer", reason="needs the extra optimizers")
    generator = torch.Generator().manual_seed(0)
    update, gradient = (torch.randn(shape, generator=generator) for _ in range(2))
    theirs = update.clone()
    package.base.optimizer.BaseOptimizer.apply_cautious(theirs, gradient)
    torch.testing.assert_close(kept_of(update, gradient), theirs)  # which multiplies by a reciprocal


@pytest.mark.parametrize("shape", [(3,), (3, 5), (3, 2, 4)])
def test_each_member_counts_its_own(shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(1)
    update, gradient = (torch.randn(shape, generator=generator) for _ in range(2))
    alone = torch.stack([kept_of(*pair) for pair in zip(update, gradient, strict=True)])
    assert torch.equal(kept_of(update, gradient, members=True), alone)


def test_a_view_of_rows_is_masked_in_place() -> None:
    rows, gradient = torch.ones(2, 5), torch.tensor([[1.0, 1, -1, 1, 1], [-1, -1, 1, 1, 1]])
    keep_agreeing_(rows[:, :3].view(2, 3), gradient[:, :3], members=True)
    assert rows.tolist() == [[1, 1, 0, 1, 1], [0, 0, 1.5, 1, 1]]


@pytest.mark.parametrize("size", [1e-30, 1e-45])
def test_numbers_whose_product_is_zero_in_float32_agree(size: float) -> None:
    small = torch.full((3,), size)
    assert torch.equal(kept_of(small, small), small * 0.75)
    assert not kept_of(small, -small).any()


def test_nothing_agrees_with_a_gradient_of_zero() -> None:
    assert kept_of(torch.ones(4), torch.zeros(4)).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_stays_in_its_entry_and_its_member(bad: float) -> None:
    update = torch.tensor([[bad, 1.0], [1.0, 1.0]])
    result = kept_of(update, torch.ones(2, 2), members=True)
    assert not result[0, 0].isfinite()
    assert bool(result.flatten()[1:].isfinite().all())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_more_entries_than_half_precision_counts_are_counted(dtype: torch.dtype) -> None:
    update = torch.ones(200_000, dtype=dtype)
    assert torch.equal(kept_of(update, update), update)
