"""Augmentation against a transcription in loops, and its statistics."""

from __future__ import annotations

import pytest
import torch

from trainables.augmentation import PADDING, crop_and_flip
from trainables.names import InputError


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def placed(image: torch.Tensor, top: int, left: int, flipped: bool) -> torch.Tensor:
    """One crop of one image, pixel by pixel."""
    _, height, width = image.shape
    crop = torch.zeros_like(image)
    for row in range(height):
        for column in range(width):
            y, x = row + top - PADDING, (width - 1 - column if flipped else column) + left - PADDING
            if 0 <= y < height and 0 <= x < width:
                crop[:, row, column] = image[:, y, x]
    return crop


def test_every_image_is_one_of_its_crops() -> None:
    images = torch.rand(12, 2, 6, 5, generator=generator())
    for image, changed in zip(images, crop_and_flip(images, generator(1)), strict=True):
        places = [(top, left, flipped) for top in range(9) for left in range(9) for flipped in (False, True)]
        assert any(torch.equal(placed(image, *place), changed) for place in places)


def test_places_are_uniform_and_half_the_images_are_mirrored() -> None:
    n, size = 20_000, 12
    images = torch.zeros(1, 1, size, size)
    images[0, 0, 5, 5], images[0, 0, 5, 6] = (
        1,
        2,
    )  # a pair of neighbours says where it went, and whether mirrored
    changed = crop_and_flip(images.expand(n, -1, -1, -1), generator()).flatten(1)
    assert (changed.sum(1) == 3).all()
    one, two = (changed == 1).int().argmax(1), (changed == 2).int().argmax(1)
    mirrored = two < one
    assert mirrored.float().mean().item() == pytest.approx(0.5, abs=5 * 0.5 / n**0.5)
    for moved in (one // size - 1, one[~mirrored] % size - 1):  # 9 places each: 5 + 4 - 8 = 1 is the first
        shares = torch.bincount(moved, minlength=9) / len(moved)
        torch.testing.assert_close(
            shares, torch.full((9,), 1 / 9), rtol=0, atol=5 * (8 / 81 / len(moved)) ** 0.5
        )


def test_the_generator_names_the_outcome_and_the_input_stays() -> None:
    images = torch.rand(8, 3, 32, 32, generator=generator())
    before = images.clone()
    one, same, other = (crop_and_flip(images, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(images, before)
    assert one.shape == images.shape


def test_without_padding_an_image_is_itself_or_mirrored() -> None:
    images = torch.rand(50, 1, 3, 4, generator=generator())
    same = [
        torch.equal(one, other)
        for one, other in zip(images, crop_and_flip(images, generator(), padding=0), strict=True)
    ]
    flipped = [
        torch.equal(one.flip(2), other)
        for one, other in zip(images, crop_and_flip(images, generator(), padding=0), strict=True)
    ]
    assert all(a != b for a, b in zip(same, flipped, strict=True))
    assert 10 < sum(same) < 40


def test_what_is_not_images_is_refused() -> None:
    with pytest.raises(
        InputError,
        match=r"augmentation needs images of shape \[batch, channels, height, width\], got \[4, 10\]",
    ):
        crop_and_flip(torch.rand(4, 10), generator())
