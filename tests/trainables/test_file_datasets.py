"""A user's own data: what is read, and what is said when it cannot be."""

from __future__ import annotations

import os
import pathlib
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from trainables.datasets import load, summary
from trainables.names import InputError


def arrays(**changes: Any) -> dict[str, Any]:
    """Four training and two test images of 2 x 5 pixels and 3 channels, channels last."""
    random = np.random.default_rng(0)
    whole = {
        "x_train": random.integers(0, 256, (4, 2, 5, 3), dtype=np.uint8),
        "y_train": np.array([0, 2, 1, 2]),
        "x_test": random.integers(0, 256, (2, 2, 5, 3), dtype=np.uint8),
        "y_test": np.array([1, 0], dtype=np.uint8),
    }
    return {name: each for name, each in {**whole, **changes}.items() if each is not None}


def written(folder: pathlib.Path, **changes: Any) -> str:
    file = folder / "mine.npz"
    np.savez(file, **arrays(**changes))
    return f"arrays:{file}"


def test_bytes_are_scaled_and_channels_come_first(tmp_path: pathlib.Path) -> None:
    data, given = load(written(tmp_path)), arrays()
    assert (tuple(data.x_train.shape), tuple(data.x_test.shape)) == ((4, 3, 2, 5), (2, 3, 2, 5))
    assert (data.x_train.dtype, data.y_train.dtype, data.y_test.dtype) == (
        torch.float32,
        torch.int64,
        torch.int64,
    )
    np.testing.assert_array_equal(
        data.x_train.numpy(), given["x_train"].transpose(0, 3, 1, 2) / np.float32(255)
    )
    assert (data.y_train.tolist(), data.y_test.tolist()) == ([0, 2, 1, 2], [1, 0])


SHAPES = [  # of x_train as it is written, of one input as it is read
    pytest.param((4, 3, 5, 3), (3, 5, 3), id="channels first where both would do"),
    pytest.param((4, 6, 5, 1), (1, 6, 5), id="one channel last"),
    pytest.param((4, 1, 6, 5), (1, 6, 5), id="one channel first"),
    pytest.param((4, 6, 5), (1, 6, 5), id="no channels: grey"),
    pytest.param((4, 7), (7,), id="features"),
]


@pytest.mark.parametrize(("shape", "read"), SHAPES)
def test_shapes_are_understood(tmp_path: pathlib.Path, shape: tuple[int, ...], read: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=shape)
    data = load(written(tmp_path, x_train=x, x_test=x[:2]))
    assert tuple(data.x_train.shape[1:]) == read
    assert data.x_train.dtype == torch.float32
    assert sorted(data.x_train.flatten().tolist()) == sorted(x.astype(np.float32).flatten().tolist())


def test_a_summary_has_sizes_and_statistics(tmp_path: pathlib.Path) -> None:
    name = written(tmp_path)
    known, x = summary(name), load(name).x_train
    assert (known.shape, known.classes, known.train, known.test) == ((3, 2, 5), 3, 4, 2)
    assert known.mean == pytest.approx(x.mean((0, 2, 3)).tolist(), abs=1e-6)
    assert known.std == pytest.approx(x.std((0, 2, 3), correction=0).tolist(), abs=1e-6)
    flat = summary(written(tmp_path, x_train=np.zeros((4, 2, 5, 3), dtype=np.uint8)))
    assert flat.std == (1, 1, 1)  # what never varies can still be divided by


def test_real_numbers_as_targets_are_no_classes(tmp_path: pathlib.Path) -> None:
    name = written(tmp_path, y_train=np.array([0.5, 1, 2, 3]), y_test=np.array([[0.5], [1.0]]))
    assert summary(name).classes is None
    assert load(name).y_test.tolist() == [0.5, 1.0]


def test_content_follows_the_bytes_not_the_path(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, same = written(tmp_path / "a"), written(tmp_path / "b")
    assert summary(one).content == summary(same).content
    other = written(tmp_path / "b", y_train=np.array([1, 2, 1, 2]))
    os.utime(
        other.removeprefix("arrays:"), ns=(1, 1)
    )  # a file that changes is read anew, whatever the clock's resolution
    assert summary(one).content != summary(other).content
    assert load(other).y_train.tolist() == [1, 2, 1, 2]


BAD_ARRAYS = [
    pytest.param(
        {"y_test": None},
        r"lacks y_test; it needs x_train, y_train, x_test, y_test \(has: x_train, y_train, x_test\)",
        id="array",
    ),
    pytest.param(
        {"y_train": np.arange(3)},
        "x_train has 4 entries and y_train has 3; give one label for each",
        id="lengths",
    ),
    pytest.param(
        {"y_train": np.eye(4)},
        r"y_train must be whole or real numbers of shape \[n\], got float64 of shape \[4, 4\]",
        id="one-hot",
    ),
    pytest.param(
        {"y_train": np.array(list("abcd"))}, "y_train must be whole or real numbers", id="text labels"
    ),
    pytest.param(
        {"y_train": np.array([0, -1, 2, 3])}, "y_train must hold classes from 0, got -1", id="negative class"
    ),
    pytest.param(
        {"x_train": np.ones((4, 2, 5, 3), int)},
        r"x_train must be uint8 \(0 to 255\) or floating, got int64",
        id="int64 pixels",
    ),
    pytest.param(
        {"x_train": np.ones(4)}, r"x_train must have shape \[n, features\].*, got \[4\]", id="no features"
    ),
    pytest.param(
        {"x_train": np.ones((4, 1, 1, 1, 1))},
        r"at most 4 dimensions, got shape \[4, 1, 1, 1, 1\]",
        id="video",
    ),
    pytest.param(
        {"x_train": np.full((4, 2, 5, 3), np.nan)}, "x_train holds values that are not finite", id="nan"
    ),
    pytest.param(
        {"x_test": np.ones((2, 7))}, r"one shape, got x_train \[3, 2, 5\] and x_test \[7\]", id="shapes"
    ),
    pytest.param({"x_test": np.ones((0, 2, 5, 3)), "y_test": np.ones(0, int)}, "x_test is empty", id="empty"),
    pytest.param(
        {"y_test": np.array([{}, {}])},
        "cannot be read as an .npz file: Object arrays cannot be loaded",
        id="pickles",
    ),
]


@pytest.mark.parametrize(("changes", "message"), BAD_ARRAYS)
def test_bad_arrays_give_one_line(tmp_path: pathlib.Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load(written(tmp_path, **changes))
    assert "mine.npz" in str(caught.value)
    assert "\n" not in str(caught.value)


BAD_FILES = [
    pytest.param(b"not a zip", "cannot be read as an .npz file", id="no archive"),
    pytest.param(b"", "cannot be read as an .npz file", id="empty file"),
    pytest.param(b"PK\x03\x04 cut short", "cannot be read as an .npz file", id="cut short"),
]


@pytest.mark.parametrize(("content", "message"), BAD_FILES)
def test_bad_files_give_one_line(tmp_path: pathlib.Path, content: bytes, message: str) -> None:
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(InputError, match=message):
        load(f"arrays:{tmp_path}/bad.npz")


def test_a_single_array_is_not_enough(tmp_path: pathlib.Path) -> None:
    np.save(tmp_path / "one.npy", np.ones(3))
    with pytest.raises(InputError, match="is a single array; it needs x_train"):
        load(f"arrays:{tmp_path}/one.npy")


def test_missing_files_are_said() -> None:
    with pytest.raises(
        InputError,
        match=r"no file 'nowhere.npz' for dataset 'arrays:nowhere.npz'; give the path of an .npz file with "
        r"x_train",
    ):
        load("arrays:nowhere.npz")
    with pytest.raises(
        InputError, match=r"no folder 'nowhere/train' for dataset 'images:nowhere'; it needs DIR/train/CLASS"
    ):
        load("images:nowhere")


def folder(
    root: pathlib.Path,
    mode: str = "RGB",
    train: tuple[str, ...] = ("cat", "dog"),
    test: tuple[str, ...] = ("cat", "dog"),
) -> str:
    """Two pictures of 5 x 4 a class, of which the second is brighter."""
    for part, classes in (("train", train), ("test", test)):
        (root / part).mkdir(parents=True)
        for position, name in enumerate(classes):
            (root / part / name).mkdir()
            for picture in range(2):
                Image.new("RGB", (5, 4), (10 * position, 20 * picture, 255)).convert(mode).save(
                    root / part / name / f"{picture}.png"
                )
    return f"images:{root}"


@pytest.mark.parametrize(("mode", "channels"), [("RGB", 3), ("RGBA", 3), ("P", 3), ("L", 1), ("1", 1)])
def test_folders_of_pictures_are_read(tmp_path: pathlib.Path, mode: str, channels: int) -> None:
    name = folder(tmp_path / "mine", mode)
    data = load(name)
    assert (tuple(data.x_train.shape), data.y_train.tolist()) == ((4, channels, 4, 5), [0, 0, 1, 1])
    assert (summary(name).shape, summary(name).classes, summary(name).test) == ((channels, 4, 5), 2, 4)
    if mode == "RGB":
        assert data.x_train[3].mean((1, 2)).tolist() == pytest.approx([10 / 255, 20 / 255, 1])


def test_files_that_are_no_pictures_are_left_alone(tmp_path: pathlib.Path) -> None:
    name = folder(tmp_path / "mine")
    before = summary(name).content
    (tmp_path / "mine" / "train" / "cat" / "notes.txt").write_text("nothing")
    (tmp_path / "mine" / "train" / ".DS_Store").write_text("nothing")
    assert summary(name).content == before
    Image.new("RGB", (5, 4)).save(tmp_path / "mine" / "train" / "cat" / "2.png")
    assert summary(name).content != before


def spoilt(root: pathlib.Path, how: str) -> str:
    name = folder(root, test=("cat", "eel") if how == "class" else ("cat",))
    place = root / "test" / "cat" / "1.png"
    if how == "size":
        Image.new("RGB", (6, 4)).save(place)
    elif how == "file":
        place.write_bytes(b"no picture")
    elif how == "depth":
        Image.new("I;16", (5, 4)).save(place)
    elif how == "empty":
        for each in (root / "test" / "cat").iterdir():
            each.unlink()
    return name


@pytest.mark.parametrize(
    ("how", "message"),
    [
        pytest.param(
            "size",
            "all pictures must have one size; .*1.png is 6 x 4 and .*0.png is 5 x 4|.*0.png is 5 x 4 and "
            ".*1.png is 6 x 4",
            id="size",
        ),
        pytest.param(
            "file", "a picture in .* cannot be read: cannot identify image file .*1.png", id="no picture"
        ),
        pytest.param("depth", "1.png has mode 'I;16'; give 8 bits for each channel", id="16 bits"),
        pytest.param(
            "class",
            r"has classes that train lacks: eel \(train has: cat, dog\)",
            id="class of the test set only",
        ),
        pytest.param("empty", "no pictures in .*test.*; they belong in test/CLASS", id="nothing there"),
    ],
)
def test_bad_folders_give_one_line(tmp_path: pathlib.Path, how: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load(spoilt(tmp_path / "mine", how))
    assert "\n" not in str(caught.value)
