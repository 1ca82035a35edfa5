"""Datasets held on the device as tensors: a training and a test part, in a fixed split."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from trainables.names import InputError, unknown


@dataclass(frozen=True)
class Dataset:
    """Images and labels. Shapes: x ``[n, channels, height, width]`` float32 in [0, 1]; y ``[n]`` int64."""

    name: str
    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor

    def to(self, device: str | torch.device) -> Dataset:
        """The same on a device."""
        parts = {part: getattr(self, part).to(device) for part in ("x_train", "y_train", "x_test", "y_test")}
        return replace(self, **parts)

    def limited(self, images: int | None) -> Dataset:
        """The first ``images`` training images, and at most as many test images."""
        if images is None:
            return self
        if images < 1:
            raise InputError(f"limit must be at least 1 training image, got {images}")
        parts = {part: getattr(self, part)[:images] for part in ("x_train", "y_train", "x_test", "y_test")}
        return replace(self, **parts)


def load(name: str, *, data_root: str | pathlib.Path | None = None, download: bool = False) -> Dataset:
    """A dataset by name, on the CPU.

    Args: name: ``digits`` (scikit-learn's, part of the installation) or ``mnist``. data_root: the folder that holds ``MNIST/raw``.
        download: fetch what is missing there.
    Raises: InputError for an unknown name or missing data.
    """
    if name == "digits":
        return digits()
    if name == "mnist":
        return mnist(data_root, download=download)
    raise unknown("dataset", name, ("digits", "mnist"))


@lru_cache(maxsize=1)
def digits() -> Dataset:
    """The 1,797 handwritten digits that scikit-learn ships (8 x 8), enlarged bilinearly to 28 x 28: 1,437 train, 360 test.

    The split is fixed: a permutation drawn with seed 0.
    Source: Alpaydin & Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository (1998).
    """
    from sklearn.datasets import load_digits

    small, labels = load_digits(return_X_y=True)
    pixels = torch.as_tensor(small, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16
    images = torch.nn.functional.interpolate(pixels, size=(28, 28), mode="bilinear", align_corners=False)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    images, targets = images[order].contiguous(), torch.as_tensor(labels, dtype=torch.int64)[order]
    return Dataset("digits", images[:1437], targets[:1437], images[1437:], targets[1437:])


def mnist(data_root: str | pathlib.Path | None, *, download: bool = False) -> Dataset:
    """MNIST in torchvision's layout: 60,000 train, 10,000 test.   Source: LeCun, Cortes & Burges (1998).

    Args: data_root: the folder that holds ``MNIST/raw``; ``data`` in the working directory when not given.
    """
    from torchvision.datasets import MNIST

    root = pathlib.Path(data_root) if data_root is not None else pathlib.Path("data")
    try:
        parts = [MNIST(str(root), train=train, download=download) for train in (True, False)]
    except RuntimeError as error:
        if download:
            raise InputError(f"MNIST could not be downloaded to {root}: {error}") from error
        raise InputError(f"no MNIST under data_root {str(root)!r}; give --data-root DIR (with DIR/MNIST/raw), or --download") from error
    except OSError as error:
        raise InputError(f"MNIST under data_root {str(root)!r} cannot be read: {error}") from error
    images = [(part.data.float() / 255).unsqueeze(1) for part in parts]
    return Dataset("mnist", images[0], parts[0].targets.long(), images[1], parts[1].targets.long())
