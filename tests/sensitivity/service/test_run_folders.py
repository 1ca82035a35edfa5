"""The folders of a service's studies: made whole, read with suspicion, and one damaged folder concerns its
own study only."""

from __future__ import annotations

import errno
import json
import pathlib
from collections.abc import Callable

import pytest

from sensitivity.service.degraded import Degraded
from sensitivity.service.run_folders import (
    LOCK,
    LOG,
    RUN,
    SPEC,
    UNFINISHED,
    VERSION,
    Damaged,
    Run,
    RunFolders,
    is_locked,
    tail,
)

ASKED = "2026-01-01T00:00:00+00:00"


def stored(root: pathlib.Path, *names: str) -> dict[str, pathlib.Path]:
    """Return the folder of each name, made by a service that has ended."""
    folders = RunFolders(root, Degraded())
    for name in names:
        folders.make(Run(name, "queued", ASKED, 2), {"name": name})
    return {name: folders[name] for name in names}


def read(root: pathlib.Path) -> tuple[dict[str, Run], dict[str, str], dict[str, str]]:
    degraded = Degraded()
    runs, newer = RunFolders(root, degraded).read()
    return runs, newer, degraded.faults()


def changed(**values: object) -> str:
    return json.dumps({"version": 1, "name": "bad", "state": "queued", "asked": ASKED, "trials": 2, **values})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param("", "run.json cannot be read: it is empty", id="empty"),
        pytest.param('{"name": "bad", "sta', "run.json cannot be read: Unterminated", id="cut off"),
        pytest.param("[1]", "it is a list, not a mapping", id="a list"),
        pytest.param("[" * 200_000, "run.json cannot be read", id="a million brackets"),
        pytest.param("\x00" * 100, "run.json cannot be read", id="zeros, as after a loss of power"),
        pytest.param(changed(state="asleep"), "state: input should be", id="an unknown state"),
        pytest.param(changed(trials="many"), "trials: input should be", id="a word for a number"),
        pytest.param(
            changed(asked="yesterday"), "run.json cannot be read: Invalid isoformat", id="a time that is none"
        ),
        pytest.param(changed(pet="cat"), "pet: ", id="an unknown field"),
        pytest.param('{"name": "bad"}', "state: field required", id="a field that is missing"),
        pytest.param(changed(version="1"), 'version is "1", not a number', id="a version that is a word"),
        pytest.param(changed(name="\ud800"), "surrogates not allowed", id="a name that no answer can hold"),
        pytest.param(
            changed(error="\ud800"), "surrogates not allowed", id="an error that no answer can hold"
        ),
        pytest.param(
            changed(version=VERSION + 1, state="asleep"),
            "run.json has version 2, this program reads up to 1",
            id="newer",
        ),
    ],
)
def test_a_run_that_cannot_be_read_has_failed_with_the_reason_and_the_rest_is_as_it_was(
    tmp_path: pathlib.Path, content: str, reason: str
) -> None:
    (stored(tmp_path, "good", "bad")["bad"] / RUN).write_text(content)
    runs, newer, faults = read(tmp_path)
    assert runs["good"] == Run("good", "queued", ASKED, 2)
    assert runs["bad"].state == "failed"
    assert reason in str(runs["bad"].error)
    assert "\n" not in str(runs["bad"].error)
    assert list(faults) == ["study 'bad'"]
    assert list(newer) == (["bad"] if "has version" in reason else [])
    assert (tmp_path / "bad" / RUN).read_text() == content  # reading changes nothing


def test_a_folder_without_a_readable_name_is_reported_and_left_alone(tmp_path: pathlib.Path) -> None:
    folder = stored(tmp_path, "good", "bad")["bad"]
    (folder / RUN).write_text("")
    (folder / SPEC).write_text("{")
    runs, _, faults = read(tmp_path)
    assert list(runs) == ["good"]
    assert list(faults) == ["folder 'bad'"]
    assert folder.is_dir()


@pytest.mark.parametrize(
    "content",
    ['{"name": "bad", "about": "\\ud800"}', f'{{"name": "bad", "about": {"[" * 300}{"]" * 300}}}', "[]"],
    ids=["half of a surrogate pair", "too deep for an answer", "a list"],
)
def test_a_specification_that_no_answer_can_hold_is_damaged(tmp_path: pathlib.Path, content: str) -> None:
    folders = RunFolders(tmp_path, Degraded())
    folders.make(Run("bad", "queued", ASKED, 2), {"name": "bad"})
    (folders["bad"] / SPEC).write_text(content)
    with pytest.raises(Damaged, match=r"study\.json cannot be read"):
        folders.spec("bad")


def test_two_folders_of_one_study_are_one_study_and_a_fault(tmp_path: pathlib.Path) -> None:
    folders = stored(tmp_path, "a", "b")
    (folders["b"] / RUN).write_bytes((folders["a"] / RUN).read_bytes())
    runs, _, faults = read(tmp_path)
    assert list(runs) == ["a"]
    assert list(faults) == ["folder 'b'"]


def test_a_file_of_an_earlier_release_has_no_version(tmp_path: pathlib.Path) -> None:
    folder = stored(tmp_path, "bad")["bad"]
    (folder / RUN).write_text(
        json.dumps({key: value for key, value in json.loads(changed()).items() if key != "version"})
    )
    assert read(tmp_path)[0]["bad"].state == "queued"


def half(folder: pathlib.Path) -> None:
    folder.mkdir()
    (folder / SPEC).write_text('{"name": "half"}')


def locked_half(folder: pathlib.Path) -> None:
    half(folder)
    (folder / LOCK).touch()


def half_file(folder: pathlib.Path) -> None:
    half(folder)
    (folder / "run.new").write_text("{")


@pytest.mark.parametrize(
    "leave",
    [pathlib.Path.mkdir, half, locked_half, half_file],
    ids=["nothing", "spec", "lock", "half a file"],
)
@pytest.mark.parametrize("name", ["half", f"{UNFINISHED}x"])
def test_half_a_folder_is_removed_and_its_name_is_free(
    tmp_path: pathlib.Path, leave: Callable[[pathlib.Path], None], name: str
) -> None:
    leave(tmp_path / name)
    assert read(tmp_path) == ({}, {}, {})
    assert not list(tmp_path.iterdir())


def test_a_folder_with_results_is_not_removed(tmp_path: pathlib.Path) -> None:
    half(tmp_path / "half")
    (tmp_path / "half" / LOG).write_text("a log")
    read(tmp_path)
    assert (tmp_path / "half" / LOG).exists()


@pytest.mark.parametrize("file", [SPEC, RUN])
def test_a_disk_that_fills_up_leaves_no_folder(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    replace = pathlib.Path.replace

    def full(self: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
        if target.name == file:
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace(self, target)

    folders = RunFolders(tmp_path, Degraded())
    with monkeypatch.context() as patch:
        patch.setattr(pathlib.Path, "replace", full)
        with pytest.raises(OSError, match="No space left"):
            folders.make(Run("a", "queued", ASKED, 2), {"name": "a"})
    assert not list(tmp_path.iterdir())
    folders.make(Run("a", "queued", ASKED, 2), {"name": "a"})
    assert list(read(tmp_path)[0]) == ["a"]


def test_a_folder_that_an_earlier_release_named_is_found_under_its_name(tmp_path: pathlib.Path) -> None:
    """It named ``a b`` by 24 bits: ``a_b-c8687a``. The study of that very name has another folder."""
    earlier = tmp_path / "a_b-c8687a"
    stored(tmp_path, "a b")["a b"].rename(earlier)
    folders = RunFolders(tmp_path, Degraded())
    folders.read()
    assert folders["a b"] == earlier
    assert folders["a_b-c8687a"] != earlier
    folders.make(Run("a_b-c8687a", "queued", ASKED, 2), {"name": "a_b-c8687a"})
    assert sorted(read(tmp_path)[0]) == ["a b", "a_b-c8687a"]


def test_a_lock_is_free_where_there_is_none(tmp_path: pathlib.Path) -> None:
    assert not is_locked(tmp_path / LOCK)


def test_the_end_of_a_log_is_read_and_not_the_log(tmp_path: pathlib.Path) -> None:
    (tmp_path / LOG).write_bytes(b"x" * 10_000 + "é".encode() + b"end")
    assert tail(tmp_path / LOG, 3) == "end"
    assert tail(tmp_path / LOG, 4) == "\ufffdend"
    assert tail(tmp_path / "none", 4) == ""
