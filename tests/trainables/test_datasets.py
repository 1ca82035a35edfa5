"""The datasets: what they hold, and what is said when they are not there."""

from __future__ import annotations

import hashlib
import pathlib
from typing import Any

import numpy
import pytest
import torch

from trainables.dataset import Dataset
from trainables.datasets import load, summary
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


LAYOUTS = [  # dataset, what it is called, the folder, the first file of it
    pytest.param("mnist", "MNIST", "MNIST/raw", "train-images-idx3-ubyte", id="mnist"),
    pytest.param("fashion_mnist", "Fashion-MNIST", "FashionMNIST/raw", "train-images-idx3-ubyte", id="fashion_mnist"),
    pytest.param("cifar10", "CIFAR-10", "cifar-10-batches-py", "data_batch_1", id="cifar10"),
]


@pytest.mark.parametrize(("name", "called", "folder", "file"), LAYOUTS)
@pytest.mark.parametrize("begun", [False, True], ids=["nothing there", "cut short"])
def test_missing_data_are_said_with_the_way_out(
    tmp_path: pathlib.Path, name: str, called: str, folder: str, file: str, begun: bool
) -> None:
    if begun:
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / file).write_bytes(b"\0")
    with pytest.raises(InputError, match=f"no {called} under data_root") as caught:
        load(name, data_root=tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "--data-root" in str(caught.value)


@pytest.mark.parametrize("kind", ["mnist", "fashion_mnist"])
def test_torchvisions_files_are_read(tmp_path: pathlib.Path, kind: str) -> None:
    raw = tmp_path / {"mnist": "MNIST", "fashion_mnist": "FashionMNIST"}[kind] / "raw"
    raw.mkdir(parents=True)
    for part, count in (("train", 3), ("t10k", 2)):
        pixels = bytes(index % 256 for index in range(count * 784))
        (raw / f"{part}-images-idx3-ubyte").write_bytes(
            bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in (count, 28, 28)) + pixels
        )
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1]) + count.to_bytes(4, "big") + bytes(range(count)))
    data = load(kind, data_root=tmp_path)
    assert (tuple(data.x_train.shape), tuple(data.x_test.shape)) == ((3, 1, 28, 28), (2, 1, 28, 28))
    assert data.x_train.flatten()[:3].tolist() == pytest.approx([0, 1 / 255, 2 / 255])
    assert (data.y_train.tolist(), data.y_test.tolist()) == ([0, 1, 2], [0, 1])


def test_cifar10_is_read_from_arrays_where_its_archive_is_absent(tmp_path: pathlib.Path) -> None:
    images = numpy.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=numpy.uint8)
    labels = numpy.arange(5)
    numpy.savez(tmp_path / "cifar10.npz", x_train=images, y_train=labels, x_test=images[:2], y_test=labels[:2])
    data = load("cifar10", data_root=tmp_path)
    assert (data.name, tuple(data.x_train.shape), tuple(data.x_test.shape)) == ("cifar10", (5, 3, 32, 32), (2, 3, 32, 32))
    assert data.x_train[4, 1, 2, 3] == images[4, 2, 3, 1] / numpy.float32(255)


def test_the_summaries_say_what_the_datasets_are() -> None:
    for name in ("digits", "synthetic", "ill_conditioned"):
        data, known = load(name), summary(name)
        assert (tuple(data.x_train.shape[1:]), len(data.x_train), len(data.x_test)) == (known.shape, known.train, known.test)
        assert known.classes is None or set(data.y_train.tolist()) == set(range(known.classes))
    digits = load("digits").x_train
    assert (summary("digits").mean[0], summary("digits").std[0]) == pytest.approx((digits.mean().item(), digits.std().item()), abs=1e-4)
    assert len(load("none").x_train) == 0


def test_a_callable_gives_the_dataset_that_it_returns() -> None:
    assert load(tiny).name == "tiny"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param(lambda: [1, 2], r"must return a trainables.Dataset, got list", id="a callable that returns something else"),
        pytest.param(5, r"dataset must be a name or a callable that returns a Dataset, got 5", id="a number"),
    ],
)
def test_a_dataset_of_another_kind_is_refused(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(given)


def test_an_unknown_dataset_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"unknown dataset 'minst'; did you mean 'mnist'\? \(known: digits, mnist, fashion_mnist, cifar10"):
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
