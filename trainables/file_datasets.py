"""Datasets from a user's files: ``images:DIR``, a folder of pictures for each class, ``arrays:FILE.npz``,
NumPy arrays, and ``text:FILE``, the bytes of any file.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from trainables.dataset import Dataset, Summary
from trainables.names import InputError
from trainables.text_datasets import windows

if TYPE_CHECKING:
    import numpy

PARTS = ("x_train", "y_train", "x_test", "y_test")
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})
GREY, COLOUR = frozenset({"1", "L", "LA"}), frozenset({"RGB", "RGBA", "P", "PA", "CMYK", "YCbCr"})
CHUNK = 1000
"""Images converted to float at once to take the mean: all of CIFAR-10 would need 600 MB."""

Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Read:
    """The parts of a dataset as they were read (bytes are not scaled yet), and a hash of the files."""

    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor
    content: str


def load(name: str) -> Dataset:
    """Load a dataset.

    Raises:
        InputError: for files that are missing or malformed.
    """
    read = _read(name)
    if name.startswith("text:"):
        return Dataset(name, read.x_train, read.y_train, read.x_test, read.y_test)
    return Dataset(name, _scaled(read.x_train), read.y_train, _scaled(read.x_test), read.y_test)


def summary(name: str) -> Summary:
    """Return sizes, statistics and content hash of a dataset.

    Raises:
        InputError: for files that are missing or malformed.
    """
    return _summary(*_place(name))


def absolute(name: str) -> str:
    """Return the name with an absolute path, for a process with another working directory."""
    return f"{name.partition(':')[0]}:{pathlib.Path(name.partition(':')[2]).expanduser().resolve()}"


def _place(name: str) -> tuple[str, str, Stamp]:
    """Return kind, path, and size and time of every file: the key of the cache, so that a changed file is
    read again.
    """
    prefix, _, place = name.partition(":")
    path = pathlib.Path(place).expanduser()
    if prefix == "arrays":
        if not path.is_file():
            raise InputError(
                f"no file {place!r} for dataset {name!r}; give the path of an .npz file with "
                f"{', '.join(PARTS)}"
            )
        files = [path]
    elif prefix == "text":
        if not path.is_file():
            found = "is a folder" if path.is_dir() else "does not exist"
            raise InputError(f"{place!r} of dataset {name!r} {found}; give the path of a text file")
        files = [path]
    else:
        for part in ("train", "test"):
            if not (path / part).is_dir():
                raise InputError(
                    f"no folder {str(path / part)!r} for dataset {name!r}; it needs DIR/train/CLASS/*.png "
                    "and DIR/test/CLASS/*.png"
                )
        files = sorted(
            file
            for part in ("train", "test")
            for file in (path / part).glob("*/*")
            if file.suffix.lower() in PICTURES
        )
    states = ((str(file), file.stat()) for file in files)
    return prefix, str(path), tuple((file, state.st_size, state.st_mtime_ns) for file, state in states)


def _read(name: str) -> Read:
    return _read_once(*_place(name))


@lru_cache(maxsize=2)
def _read_once(prefix: str, place: str, stamp: Stamp) -> Read:
    if prefix == "text":
        text = _bytes(place)
        return Read(**windows(text, place), content=hashlib.sha256(text).hexdigest()[:16])
    content = hashlib.sha256()
    for file, _, _ in stamp:
        if prefix == "images":
            content.update(os.fsencode(pathlib.Path(file).relative_to(place).as_posix()) + b"\0")
        try:
            with pathlib.Path(file).open("rb") as stream:
                content.update(hashlib.file_digest(stream, "sha256").digest())
        except OSError as error:
            raise InputError(f"{file} cannot be read: {error}") from error
    parts = (
        _arrays(place)
        if prefix == "arrays"
        else _images(pathlib.Path(place), [pathlib.Path(file) for file, _, _ in stamp])
    )
    return Read(**parts, content=content.hexdigest()[:16])


@lru_cache(maxsize=8)
def _summary(prefix: str, place: str, stamp: Stamp) -> Summary:
    read = _read_once(prefix, place, stamp)
    if prefix == "text":
        shape = tuple(read.x_train.shape[1:])
        return Summary(shape, None, len(read.x_train), len(read.x_test), content=read.content)
    whole = not read.y_train.is_floating_point()
    classes = int(max(read.y_train.max(), read.y_test.max())) + 1 if whole else None
    mean, std = _statistics(read.x_train) if read.x_train.ndim == 4 else ((), ())
    shape = tuple(read.x_train.shape[1:])
    return Summary(shape, classes, len(read.x_train), len(read.x_test), mean, std, read.content)


def _bytes(place: str) -> bytes:
    try:
        return pathlib.Path(place).read_bytes()
    except OSError as error:
        raise InputError(f"{place} cannot be read: {error}") from error


def _scaled(values: Tensor) -> Tensor:
    return values.float().div_(255) if values.dtype == torch.uint8 else values.float()


def _statistics(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation per channel; the deviation of a constant channel is 1, as models
    divide by it.
    """
    total, squares = (
        torch.zeros(images.shape[1], dtype=torch.float64),
        torch.zeros(images.shape[1], dtype=torch.float64),
    )
    for some in torch.split(images, CHUNK):
        values = _scaled(some)
        total += values.sum((0, 2, 3), dtype=torch.float64)
        squares += values.square().sum((0, 2, 3), dtype=torch.float64)
    pixels = images[:, 0].numel()
    mean = total / pixels
    variance = (squares / pixels - mean.square()).clamp(min=0)
    std = torch.where(variance > 1e-12, variance.sqrt(), 1.0)
    return tuple(round(number, 6) for number in mean.tolist()), tuple(
        round(number, 6) for number in std.tolist()
    )


def _arrays(place: str) -> dict[str, Tensor]:
    import numpy as np

    try:
        with pathlib.Path(place).open("rb") as stream:
            archive = np.load(stream, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise InputError(
                    f"{place} is a single array; it needs {', '.join(PARTS)}: numpy.savez(FILE, x_train=..., "
                    "...)"
                )
            lacking = [part for part in PARTS if part not in archive.files]
            if lacking:
                have = ", ".join(archive.files) or "nothing"
                raise InputError(
                    f"{place} lacks {', '.join(lacking)}; it needs {', '.join(PARTS)} (has: {have})"
                )
            parts = {part: archive[part] for part in PARTS}
    except InputError:
        raise
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise InputError(f"{place} cannot be read as an .npz file: {error}") from error
    except Exception as error:  # zipfile and zlib have errors of their own for a file that is cut short
        raise InputError(
            f"{place} cannot be read as an .npz file: {type(error).__name__}: {error}"
        ) from error
    for part in ("train", "test"):
        x, y = parts[f"x_{part}"], parts[f"y_{part}"]
        parts[f"y_{part}"] = _labels(place, f"y_{part}", y)
        if len(x.shape) < 2:
            raise InputError(
                f"{place}: x_{part} must have shape [n, features], [n, height, width] or [n, channels, "
                f"height, width], got {list(x.shape)}"
            )
        if len(x) != len(parts[f"y_{part}"]):
            raise InputError(
                f"{place}: x_{part} has {len(x)} entries and y_{part} has {len(y)}; give one label for each"
            )
        if len(x) == 0:
            raise InputError(f"{place}: x_{part} is empty")
        parts[f"x_{part}"] = _pixels(place, f"x_{part}", x)
    if parts["x_train"].shape[1:] != parts["x_test"].shape[1:]:
        shapes = " and ".join(f"x_{part} {list(parts[f'x_{part}'].shape[1:])}" for part in ("train", "test"))
        raise InputError(f"{place}: the inputs of both parts must have one shape, got {shapes}")
    return {part: torch.as_tensor(np.ascontiguousarray(values)) for part, values in parts.items()}


def _labels(place: str, part: str, y: numpy.ndarray[Any, Any]) -> numpy.ndarray[Any, Any]:
    """Return classes from 0 as int64, or numbers to predict as float32."""
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1 or y.dtype.kind not in "uif":
        raise InputError(
            f"{place}: {part} must be whole or real numbers of shape [n], got {y.dtype} of shape "
            f"{list(y.shape)}"
        )
    if y.dtype.kind == "f":
        return y.astype("float32")
    if len(y) and y.min() < 0:
        raise InputError(f"{place}: {part} must hold classes from 0, got {y.min()}")
    return y.astype("int64")


def _pixels(place: str, part: str, x: numpy.ndarray[Any, Any]) -> numpy.ndarray[Any, Any]:
    """Return images as bytes or float32, channels first."""
    import numpy as np

    if x.dtype != np.uint8 and x.dtype.kind != "f":
        raise InputError(f"{place}: {part} must be uint8 (0 to 255) or floating, got {x.dtype}")
    if x.ndim > 4:
        raise InputError(f"{place}: {part} must have at most 4 dimensions, got shape {list(x.shape)}")
    if x.dtype.kind == "f":
        x = x.astype(np.float32)
        if not np.isfinite(x).all():
            raise InputError(f"{place}: {part} holds values that are not finite")
    if x.ndim == 3:
        return x[:, None]
    # Three or one channels at the end are channels, unless they are channels at the beginning already.
    if x.ndim == 4 and x.shape[3] in (1, 3, 4) and x.shape[1] not in (1, 3, 4):
        return x.transpose(0, 3, 1, 2)
    return x


def _images(folder: pathlib.Path, files: list[pathlib.Path]) -> dict[str, Tensor]:
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    classes = sorted({file.parent.name for file in files if file.parent.parent.name == "train"})
    for part in ("train", "test"):
        if not any(file.parent.parent.name == part for file in files):
            raise InputError(f"no pictures in {str(folder / part)!r}; they belong in {part}/CLASS/*.png")
    strange = sorted({file.parent.name for file in files} - set(classes))
    if strange:
        raise InputError(
            f"{folder / 'test'} has classes that train lacks: {', '.join(strange)} (train has: "
            f"{', '.join(classes)})"
        )
    modes, first = set(), (files[0], (0, 0))
    try:
        for position, file in enumerate(files):
            with Image.open(file) as picture:
                if picture.mode not in GREY | COLOUR:
                    raise InputError(
                        f"{file} has mode {picture.mode!r}; give 8 bits for each channel, grey or colour"
                    )
                modes.add(picture.mode)
                first = first if position else (file, picture.size)
                if picture.size != first[1]:
                    sizes = [
                        f"{picture_file} is {width} x {height}"
                        for picture_file, (width, height) in ((first[0], first[1]), (file, picture.size))
                    ]
                    raise InputError(f"all pictures must have one size; {' and '.join(sizes)}")
        form = "L" if modes <= GREY else "RGB"
        parts: dict[str, Tensor] = {}
        for part in ("train", "test"):
            mine = [file for file in files if file.parent.parent.name == part]
            pixels = []
            for file in mine:
                with Image.open(file) as picture:
                    pixels.append(np.asarray(picture.convert(form)))
            stacked = torch.as_tensor(np.stack(pixels))
            parts[f"x_{part}"] = stacked[:, None] if form == "L" else stacked.permute(0, 3, 1, 2).contiguous()
            parts[f"y_{part}"] = torch.tensor([classes.index(file.parent.name) for file in mine])
    except (UnidentifiedImageError, OSError) as error:
        raise InputError(f"a picture in {folder} cannot be read: {error}") from error
    return parts
