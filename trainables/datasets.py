"""Datasets held on the device as tensors: a training and a test part, in a fixed split."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pathlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainables import file_datasets, synthetic_datasets, text_datasets
from trainables.dataset import Dataset, Summary
from trainables.named_tasks import kind_of_files
from trainables.names import InputError, unknown

KNOWN = {
    "digits": Summary((1, 28, 28), 10, 1437, 360, (0.3049,), (0.3244,)),
    "mnist": Summary((1, 28, 28), 10, 60_000, 10_000, (0.1307,), (0.3081,)),
    "fashion_mnist": Summary((1, 28, 28), 10, 60_000, 10_000, (0.2860,), (0.3530,)),
    "cifar10": Summary((3, 32, 32), 10, 50_000, 10_000, (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "synthetic": Summary((10,), 2, 400, 200),
    "ill_conditioned": Summary((10,), None, 256, 256),
    "text": Summary((text_datasets.WINDOW,), None, text_datasets.TRAIN, text_datasets.TEST),
    "none": Summary((), None, 0, 0),
}
"""Named datasets. ``none``, without data, is the dataset of functions with known answers."""


def summary(name: str) -> Summary:
    """Return sizes and statistics of a dataset.

    Raises:
        InputError: for an unknown name, and for files that are missing or malformed.
    """
    if name in KNOWN:
        return KNOWN[name]
    if kind_of_files(name) is not None:
        return file_datasets.summary(name)
    raise _unknown(name)


def load(
    name: str | Callable[[], Dataset], *, data_root: str | pathlib.Path | None = None, download: bool = False
) -> Dataset:
    """Load a dataset by name, on the CPU.

    Args:
        name: one of :data:`KNOWN`, ``images:DIR``, ``arrays:FILE.npz`` or ``text:FILE`` (see
            :mod:`trainables.file_datasets`), or a callable without arguments that returns a
            :class:`Dataset`.
        data_root: the folder that holds ``MNIST/raw``, ``FashionMNIST/raw``, ``cifar-10-batches-py`` or
            ``cifar10.npz``; ``data`` in the working directory when not given.
        download: fetch what is missing there.

    Raises:
        InputError: for an unknown name or missing data.
    """
    if not isinstance(name, str):
        return _called(name)
    root = pathlib.Path(data_root) if data_root is not None else pathlib.Path("data")
    if name == "digits":
        return digits()
    if name == "mnist":
        return mnist(root, download=download)
    if name == "fashion_mnist":
        return fashion_mnist(root, download=download)
    if name == "cifar10":
        return cifar10(root, download=download)
    if name == "synthetic":
        return synthetic_datasets.synthetic()
    if name == "ill_conditioned":
        return synthetic_datasets.ill_conditioned()
    if name == "text":
        return text_datasets.text()
    if name == "none":
        return Dataset("none", *(torch.zeros(0, dtype=dtype) for dtype in (torch.float32, torch.int64) * 2))
    if kind_of_files(name) is not None:
        return file_datasets.load(name)
    raise _unknown(name)


def _unknown(name: object) -> InputError:
    return unknown(
        "dataset",
        name,
        [*(dataset for dataset in KNOWN if dataset != "none"), "images:DIR", "arrays:FILE.npz", "text:FILE"],
    )


def _called(make: Callable[[], Dataset]) -> Dataset:
    """Return the dataset that a user's callable makes."""
    if not callable(make):
        raise InputError(f"dataset must be a name or a callable that returns a Dataset, got {make!r}")
    try:
        dataset = make()
    except Exception as error:  # a user's callable may raise anything
        message = " ".join(str(error).split())
        raise InputError(
            f"dataset {getattr(make, '__name__', make)!r} raises {type(error).__name__}: {message}"
        ) from error
    if not isinstance(dataset, Dataset):
        raise InputError(
            f"dataset {getattr(make, '__name__', make)!r} must return a trainables.Dataset, got "
            f"{type(dataset).__name__}"
        )
    return dataset


@lru_cache(maxsize=1)
def digits() -> Dataset:
    """The 1,797 handwritten digits that scikit-learn ships (8 x 8), enlarged bilinearly to 28 x 28: 1,437
    train, 360 test.

    The split is fixed: a permutation drawn with seed 0.

    Source: Alpaydin & Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository
        (1998).
    """
    table = _digits_of_scikit_learn()
    small, labels = table[:, :-1], table[:, -1]
    pixels = torch.as_tensor(small, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16
    images = torch.nn.functional.interpolate(pixels, size=(28, 28), mode="bilinear", align_corners=False)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    images, targets = images[order].contiguous(), torch.as_tensor(labels, dtype=torch.int64)[order]
    return Dataset("digits", images[:1437], targets[:1437], images[1437:], targets[1437:])


def _digits_of_scikit_learn() -> NDArray[np.float64]:
    """Return the 64 pixels and the label of each digit, from the file that ``load_digits`` reads.

    Importing scikit-learn to read it takes one to two seconds, in every process that trains.
    """
    package = importlib.util.find_spec("sklearn")
    for folder in (package.submodule_search_locations if package is not None else None) or ():
        file = pathlib.Path(folder) / "datasets" / "data" / "digits.csv.gz"
        if file.is_file():
            return np.loadtxt(file, delimiter=",")
    from sklearn.datasets import load_digits

    return np.column_stack(load_digits(return_X_y=True))


def mnist(data_root: str | pathlib.Path | None = None, *, download: bool = False) -> Dataset:
    """MNIST in torchvision's layout: 60,000 train, 10,000 test.

    Source: LeCun, Cortes & Burges (1998).

    Args:
        data_root: the folder that holds ``MNIST/raw``.
    """
    from torchvision.datasets import MNIST

    train, test = _fetched(MNIST, "MNIST", "MNIST/raw", data_root, download)
    return _grey("mnist", train, test)


def fashion_mnist(data_root: str | pathlib.Path | None = None, *, download: bool = False) -> Dataset:
    """Fashion-MNIST in torchvision's layout: 60,000 train, 10,000 test.

    Source: Xiao, Rasul & Vollgraf (2017).

    Args:
        data_root: the folder that holds ``FashionMNIST/raw``.
    """
    from torchvision.datasets import FashionMNIST

    train, test = _fetched(FashionMNIST, "Fashion-MNIST", "FashionMNIST/raw", data_root, download)
    return _grey("fashion_mnist", train, test)


def cifar10(data_root: str | pathlib.Path | None = None, *, download: bool = False) -> Dataset:
    """CIFAR-10: 50,000 train, 10,000 test.

    Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009).

    Args:
        data_root: the folder that holds ``cifar-10-batches-py`` (torchvision's layout), or else
            ``cifar10.npz`` as :mod:`trainables.file_datasets` reads it.
    """
    from torchvision.datasets import CIFAR10

    root = pathlib.Path(data_root) if data_root is not None else pathlib.Path("data")
    arrays = root / "cifar10.npz"
    if arrays.is_file() and not (root / CIFAR10.base_folder).is_dir():
        return replace(file_datasets.load(f"arrays:{arrays}"), name="cifar10")
    parts = []
    for part in _fetched(CIFAR10, "CIFAR-10", "cifar-10-batches-py, or DIR/cifar10.npz", root, download):
        pixels = torch.as_tensor(part.data).permute(0, 3, 1, 2).contiguous().float().div_(255)
        parts += [pixels, torch.as_tensor(part.targets, dtype=torch.int64)]
    return Dataset("cifar10", *parts)


def _fetched(
    kind: Any, title: str, place: str, data_root: str | pathlib.Path | None, download: bool
) -> tuple[Any, Any]:
    """Return the training and test parts of a torchvision dataset.

    Raises:
        InputError: for missing or unreadable data.
    """
    root = str(data_root if data_root is not None else "data")
    try:
        with _staging(root) if download else contextlib.nullcontext():
            return kind(root, train=True, download=download), kind(root, train=False, download=download)
    except RuntimeError as error:
        if download:
            raise InputError(f"{title} could not be downloaded to {root}: {error}") from error
        raise InputError(
            f"no {title} under data_root {root!r}; give --data-root DIR (with DIR/{place}), or --download"
        ) from error
    except OSError as error:
        raise InputError(f"{title} under data_root {root!r} cannot be read: {error}") from error


@contextlib.contextmanager
def _staging(root: str) -> Iterator[None]:
    """Lock a folder while one process of a node downloads into it; a read-only folder is complete and needs
    no lock.
    """
    import filelock

    pathlib.Path(root).mkdir(parents=True, exist_ok=True)
    if not os.access(root, os.W_OK):
        yield
        return
    with filelock.FileLock(pathlib.Path(root) / ".download.lock"):
        yield


def _grey(name: str, train: Any, test: Any) -> Dataset:
    """Return a dataset of two parts of greyscale images in torchvision's form."""
    parts = []
    for part in (train, test):
        parts += [(part.data.float() / 255).unsqueeze(1), part.targets.long()]
    return Dataset(name, *parts)
