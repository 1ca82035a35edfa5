"""Texts: windows of bytes, the documentation that comes with Python, and what is said of a user's file."""

from __future__ import annotations

import pathlib
import sys
import types

import pytest
import torch

from trainables import text_datasets
from trainables.datasets import KNOWN, load, summary
from trainables.names import InputError
from trainables.task_checks import check_task
from trainables.tasks import task, task_fingerprint, task_rows
from trainables.text_datasets import WINDOW, documentation, windows


@pytest.fixture
def other_python(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nothing of the text of this Python is remembered."""
    for each in (text_datasets.documentation, text_datasets.content, text_datasets.text):
        monkeypatch.setattr(text_datasets, each.__name__, each.__wrapped__)
    return monkeypatch


def topics(**texts: str) -> types.ModuleType:
    module = types.ModuleType("pydoc_data.topics")
    module.topics = texts  # type: ignore[attr-defined]
    return module


def written(folder: pathlib.Path, many: int, name: str = "mine.txt", first: int = 0) -> pathlib.Path:
    file = folder / name
    file.write_bytes(bytes((first + k) % 251 for k in range(many)))
    return file


def test_windows_follow_each_other_and_targets_are_the_bytes_after() -> None:
    text = bytes(k % 251 for k in range(24 * WINDOW + 9))
    parts = windows(text, "it")
    assert [len(parts[name]) for name in ("x_train", "y_train", "x_test", "y_test")] == [22, 22, 2, 2]
    x, y = (torch.cat([parts[f"{part}_train"], parts[f"{part}_test"]]).flatten() for part in "xy")
    assert bytes(x.tolist()) == text[: 24 * WINDOW]
    assert bytes(y.tolist()) == text[1 : 24 * WINDOW + 1]
    assert x.dtype == y.dtype == torch.uint8


def test_the_text_that_comes_along_has_its_sizes() -> None:
    data, known = load("text"), KNOWN["text"]
    assert (len(data.x_train), len(data.x_test)) == (known.train, known.test) == (1280, 128)
    assert tuple(data.x_train.shape[1:]) == known.shape == (WINDOW,)
    assert "def" in documentation().decode()


def test_no_paragraph_of_it_is_there_twice() -> None:
    paragraphs = documentation().split(b"\n\n")
    assert len(set(paragraphs)) == len(paragraphs)


def test_its_licence_is_in_the_list_of_tasks() -> None:
    rows = {row["name"]: row for row in task_rows()}
    assert "PSF License" in rows["gpt/text"]["description"]
    assert rows["gpt/text"]["images"] == (1280, 128)


def test_another_text_is_another_task(other_python: pytest.MonkeyPatch) -> None:
    before = task_fingerprint("gpt/text")
    other = topics(a="\n\n".join(f"paragraph {k}" for k in range(40_000)))
    other_python.setitem(sys.modules, "pydoc_data.topics", other)
    assert task_fingerprint("gpt/text") != before
    assert task_fingerprint("gpt/text", 8) != task_fingerprint("gpt/text")


def test_a_python_without_its_text_says_so(other_python: pytest.MonkeyPatch) -> None:
    other_python.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(InputError, match=r"which this Python lacks .*; install it .*, or use text:FILE"):
        load("text")
    other_python.setitem(sys.modules, "pydoc_data.topics", topics(a="short"))
    with pytest.raises(InputError, match=r"needs 360,449 bytes .* this Python has 5; use text:FILE"):
        load("text")


def test_a_users_text_is_a_task(tmp_path: pathlib.Path) -> None:
    file = written(tmp_path, 23 * WINDOW + 1)
    one = task(f"gpt/text:{file}")
    data = load(one.dataset)
    assert (len(data.x_train), len(data.x_test), summary(f"text:{file}").train) == (21, 2, 21)
    check_task(one, data)


def test_its_fingerprint_follows_its_bytes_not_its_path(tmp_path: pathlib.Path) -> None:
    files = [written(tmp_path, 3000, name, first) for name, first in (("a", 0), ("b", 0), ("c", 1))]
    one, same, other = (task_fingerprint(task(f"gpt/text:{file}")) for file in files)
    assert one == same != other


def test_a_text_that_is_not_text_is_bytes_too(tmp_path: pathlib.Path) -> None:
    (tmp_path / "it").write_bytes(bytes([255, 0]) * 300)
    assert load(f"text:{tmp_path / 'it'}").x_train.max() == 255


@pytest.mark.parametrize(
    ("many", "said"),
    [(0, "has 0 bytes"), (1, "has 1 bytes"), (512, "has 512 bytes; a text needs at least 513")],
    ids=["empty", "one", "too short"],
)
def test_a_short_text_is_refused(tmp_path: pathlib.Path, many: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        task(f"gpt/text:{written(tmp_path, many)}")
    task(f"gpt/text:{written(tmp_path, 513, 'enough')}")


def test_a_text_that_is_missing_or_a_folder_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(
        InputError, match=r"'nowhere' of dataset 'text:nowhere' does not exist; give the path"
    ):
        load("text:nowhere")
    with pytest.raises(InputError, match="is a folder; give the path of a text file"):
        load(f"text:{tmp_path}")


def test_a_text_that_cannot_be_read_is_refused(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, 3000)

    def denied(path: pathlib.Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(pathlib.Path, "read_bytes", denied)
    with pytest.raises(InputError, match=r"mine.txt cannot be read: .*Permission denied"):
        load(f"text:{file}")
