"""The datasets: what they hold, and what is said when they are not there."""

from __future__ import annotations

import hashlib
import pathlib

import pytest
import torch

from trainables.datasets import Dataset, load
from trainables.names import InputError

SHARED = pathlib.Path(__file__).parents[2].parent / "shared" / "data"


def test_digits_have_their_shapes_and_range() -> None:
    data = load("digits")
    assert (tuple(data.x_train.shape), tuple(data.x_test.shape)) == ((1437, 1, 28, 28), (360, 1, 28, 28))
    assert (tuple(data.y_train.shape), tuple(data.y_test.shape)) == ((1437,), (360,))
    assert (data.x_train.dtype, data.y_train.dtype) == (torch.float32, torch.int64)
    assert (data.x_train.min(), data.x_train.max()) == (0, 1)
    assert set(data.y_train.tolist()) == set(data.y_test.tolist()) == set(range(10))


def test_the_split_of_digits_is_fixed() -> None:
    data = load("digits")
    order = bytes(torch.cat([data.y_train, data.y_test]).tolist())
    assert hashlib.sha256(order).hexdigest()[:16] == "62128d18bd7d7c62"


def test_digits_are_scikit_learns_own() -> None:
    from sklearn.datasets import load_digits

    small, labels = load_digits(return_X_y=True)
    data = load("digits")
    assert sorted(torch.cat([data.y_train, data.y_test]).tolist()) == sorted(labels.tolist())
    means = torch.cat([data.x_train, data.x_test]).mean(dim=(1, 2, 3)).sort().values
    # Enlarging by 3.5 keeps an image's mean but for the border, whose pixels count a little more or less.
    torch.testing.assert_close(means, torch.tensor(small.mean(1) / 16, dtype=torch.float32).sort().values, rtol=0.05, atol=0.01)


def test_mnist_has_its_shapes_and_range() -> None:
    if not (SHARED / "MNIST" / "raw").is_dir():
        pytest.skip(f"no MNIST under {SHARED}")
    data = load("mnist", data_root=SHARED)
    assert (tuple(data.x_train.shape), tuple(data.x_test.shape)) == ((60_000, 1, 28, 28), (10_000, 1, 28, 28))
    assert (data.x_train.dtype, data.y_train.dtype) == (torch.float32, torch.int64)
    assert (data.x_train.min(), data.x_train.max()) == (0, 1)
    assert torch.bincount(data.y_train).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]


@pytest.mark.parametrize("files", [(), ("train-images-idx3-ubyte",)], ids=["nothing there", "cut short"])
def test_missing_mnist_is_said_with_the_way_out(tmp_path: pathlib.Path, files: tuple[str, ...]) -> None:
    for file in files:
        (tmp_path / "MNIST" / "raw").mkdir(parents=True)
        (tmp_path / "MNIST" / "raw" / file).write_bytes(b"\0")
    with pytest.raises(InputError, match="no MNIST under data_root") as caught:
        load("mnist", data_root=tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "--data-root" in str(caught.value)


def test_an_unknown_dataset_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"unknown dataset 'minst'; did you mean 'mnist'\? \(known: digits, mnist\)"):
        load("minst")


def tiny() -> Dataset:
    return Dataset("tiny", torch.rand(5, 1, 2, 2), torch.arange(5), torch.rand(3, 1, 2, 2), torch.arange(3))


@pytest.mark.parametrize(("limit", "train", "test"), [(None, 5, 3), (1, 1, 1), (4, 4, 3), (5, 5, 3), (6, 5, 3)])
def test_a_limit_keeps_the_first_images_of_both_parts(limit: int | None, train: int, test: int) -> None:
    whole = tiny()
    some = whole.limited(limit)
    for part, left in (("x_train", train), ("y_train", train), ("x_test", test), ("y_test", test)):
        assert torch.equal(getattr(some, part), getattr(whole, part)[:left])
    assert (len(whole.x_train), len(whole.x_test)) == (5, 3)


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_image_is_refused(limit: int) -> None:
    with pytest.raises(InputError, match=f"limit must be at least 1 training image, got {limit}"):
        tiny().limited(limit)


def test_every_part_moves_to_the_device() -> None:
    moved = tiny().to("meta")
    assert {getattr(moved, part).device.type for part in ("x_train", "y_train", "x_test", "y_test")} == {"meta"}
