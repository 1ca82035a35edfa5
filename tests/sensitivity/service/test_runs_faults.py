"""Faults of one study in the queue: it fails, or waits, with the reason, and the others go on."""

from __future__ import annotations

import errno
import json
import os
import pathlib
import shutil
from collections.abc import Callable

import pytest

from sensitivity.service.exit_codes import ENDED
from sensitivity.service.problems import Conflict
from sensitivity.service.run_folders import RUN, SPEC
from sensitivity.service.runs import Runs
from sensitivity.service.settings import Settings
from tests.sensitivity.service.served import Held
from tests.sensitivity.service.test_runs import give, opened, states, study


def removed(folder: pathlib.Path) -> None:
    shutil.rmtree(folder)


def a_file(folder: pathlib.Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("a file")


def without_spec(folder: pathlib.Path) -> None:
    (folder / SPEC).unlink()


def empty_spec(folder: pathlib.Path) -> None:
    (folder / SPEC).write_text("")


def lock_is_a_folder(folder: pathlib.Path) -> None:
    (folder / "lock").mkdir()


@pytest.mark.parametrize("damage", [removed, a_file, without_spec, empty_spec])
def test_a_damaged_study_that_waits_fails_and_the_next_one_starts(
    settings: Settings, held: Held, damage: Callable[[pathlib.Path], None]
) -> None:
    with opened(settings, held) as runs:
        give(runs, "first", "bad", "last")
        damage(runs.folder("bad"))
        held.end(runs.folder("first"), "first", 0)
        runs.tend()
        assert states(runs) == {"first": "completed", "bad": "failed", "last": "running"}
        assert runs.all()["bad"].error == runs.degraded.faults()["study 'bad'"]


def test_a_study_whose_lock_cannot_be_opened_waits_and_the_next_one_starts(
    settings: Settings, held: Held
) -> None:
    with opened(settings, held) as runs:
        give(runs, "first", "bad", "last")
        lock_is_a_folder(runs.folder("bad"))
        held.end(runs.folder("first"), "first", 0)
        runs.tend()
        assert states(runs) == {"first": "completed", "bad": "queued", "last": "running"}
        assert "study 'bad'" in runs.degraded.faults()


def test_a_study_whose_folder_is_removed_can_be_cancelled_deleted_and_given_again(
    settings: Settings, held: Held
) -> None:
    with opened(settings, held) as runs:
        give(runs, "first", "bad")
        removed(runs.folder("bad"))
        runs.cancel("bad")
        assert states(runs)["bad"] == "cancelled"
        runs.forget("bad")
        give(runs, "bad")
        assert states(runs) == {"first": "running", "bad": "queued"}
        assert runs.degraded.faults() == {}


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"code": "0"}', "\x00\x00"],
    ids=["empty", "cut off", "a list", "a text", "zeros"],
)
def test_a_damaged_note_of_the_end_fails_its_study_and_the_next_one_starts(
    settings: Settings, held: Held, content: str
) -> None:
    with opened(settings, held) as runs:
        give(runs, "bad", "next")
        held.end(runs.folder("bad"), "bad", 0)
        (runs.folder("bad") / ENDED).write_text(content)
        runs.tend()
        assert states(runs) == {"bad": "failed", "next": "running"}
        assert str(runs.all()["bad"].error).startswith("ended.json cannot be read")


def test_a_study_that_trains_while_its_folder_is_removed_keeps_its_place_until_its_process_ends(
    settings: Settings, held: Held
) -> None:
    """The lock file is open, so its process is known to be alive; two studies at once would be more than may
    train."""
    with opened(settings, held) as runs:
        give(runs, "bad", "next")
        removed(runs.folder("bad"))
        runs.tend()
        assert states(runs) == {"bad": "running", "next": "queued"}
        os.close(held.locks.pop("bad"))
        runs.tend()
        assert states(runs) == {"bad": "failed", "next": "running"}
        assert "folder was removed" in str(runs.all()["bad"].error)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOSPC, errno.ENOMEM], ids=errno.errorcode.get)
def test_a_study_waits_while_the_machine_lacks_something(settings: Settings, held: Held, number: int) -> None:
    lacking = [True]

    def launch(folder: pathlib.Path, settings: Settings, lock: int) -> None:
        if lacking[0]:
            raise OSError(number, os.strerror(number))
        held(folder, settings, lock)

    with opened(settings, launch) as runs:
        give(runs, "a")
        runs.tend()
        assert states(runs) == {"a": "queued"}
        assert runs.degraded.faults() == {"study 'a'": os.strerror(number)}
        lacking[0] = False
        runs.tend()
        assert states(runs) == {"a": "running"}
        assert runs.all()["a"].attempts == 1
        assert runs.degraded.faults() == {}


def test_a_study_that_cannot_be_started_at_all_fails_and_the_next_one_starts(
    settings: Settings, held: Held
) -> None:
    def launch(folder: pathlib.Path, settings: Settings, lock: int) -> None:
        if folder.name == "bad":
            raise RuntimeError("no such program")
        held(folder, settings, lock)

    with opened(settings, launch) as runs:
        give(runs, "bad", "next")
        assert states(runs) == {"bad": "failed", "next": "running"}
        assert runs.all()["bad"].error == "its process could not be started: RuntimeError: no such program"


def test_a_service_starts_with_a_newer_study_which_only_a_newer_release_may_change(
    settings: Settings, held: Held
) -> None:
    with opened(settings, held) as runs:
        give(runs, "newer")
        file = runs.folder("newer") / RUN
        held.end(runs.folder("newer"), "newer", 0)
        runs.tend()
    file.write_text(json.dumps({**json.loads(file.read_text()), "version": 99}))
    with opened(settings, held) as runs:
        with pytest.raises(Conflict, match=r"run\.json has version 99"):
            runs.submit(study("newer"), 2, None)
        give(runs, "next")
        assert states(runs) == {"newer": "failed", "next": "running"}
        assert json.loads(file.read_text())["version"] == 99


@pytest.mark.parametrize("other", ["ADAM", "\uff41dam", "Adam"], ids=["case", "wide letter", "first letter"])
def test_a_name_that_a_reader_cannot_tell_from_another_is_refused(
    settings: Settings, held: Held, other: str
) -> None:
    with opened(settings, held) as runs:
        give(runs, "adam")
        with pytest.raises(Conflict, match="only in case or in Unicode form"):
            runs.submit(study(other), 2, None)
        assert list(runs.all()) == ["adam"]


def test_two_forms_of_an_accent_are_one_name(settings: Settings, held: Held) -> None:
    with opened(settings, held) as runs:
        give(runs, "caf\u00e9")
        with pytest.raises(Conflict, match="Unicode form"):
            runs.submit(study("cafe\u0301"), 2, None)


def test_a_name_is_free_after_half_a_write(settings: Settings, held: Held) -> None:
    """A kill between two files of a folder, by an earlier release."""
    half = settings.data / "studies" / "a"
    half.mkdir(parents=True)
    (half / SPEC).write_text(json.dumps({"name": "a", "epochs": 99}))
    with opened(settings, held) as runs:
        give(runs, "a")
        assert states(runs) == {"a": "running"}


def test_a_full_disk_takes_no_name(settings: Settings, held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: pathlib.Path, content: object) -> None:
        if file.name == RUN:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with opened(settings, held) as runs:
        with monkeypatch.context() as patch:
            patch.setattr("sensitivity.service.run_folders.write", full)
            with pytest.raises(OSError, match="No space"):
                runs.submit(study("a"), 2, None)
        assert runs.all() == {}
        give(runs, "a")


def test_an_error_in_one_look_does_not_end_the_thread(
    settings: Settings, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    with opened(settings, held) as runs:

        def tend(self: Runs) -> None:
            looks.append(1)
            if len(looks) == 3:
                runs._stop.set()
            raise ZeroDivisionError("division by zero")

        monkeypatch.setattr(Runs, "tend", tend)
        monkeypatch.setattr("sensitivity.service.runs.LOOK_EVERY", 0.0)
        runs._tending()
        assert len(looks) == 3
        assert "the queue of studies" in runs.degraded.faults()
