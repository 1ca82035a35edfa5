"""One bad folder never stops the other studies: it fails with its reason, and the service says what is degraded."""

from __future__ import annotations

import errno
import json
import logging
import os
import pathlib
import shutil

import pytest

from sensitivity.service.problems import Conflict
from sensitivity.service.run_folders import RUN, SPEC, UNFINISHED, VERSION
from sensitivity.service.runner import ENDED
from sensitivity.service.settings import Settings
from tests.sensitivity.service.served import SPEC as STUDY
from tests.sensitivity.service.served import Held, served
from tests.sensitivity.service.test_runs import give, opened, states, study


def contents(settings: Settings, name: str) -> pathlib.Path:
    return settings.data.absolute() / "studies" / name


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        pytest.param(shutil.rmtree, "its folder was removed", id="folder removed"),
        pytest.param(lambda folder: (folder / SPEC).unlink(), "study.json cannot be read: No such file", id="study.json removed"),
        pytest.param(lambda folder: (folder / SPEC).write_text(""), "study.json cannot be read: it is empty", id="study.json empty"),
        pytest.param(lambda folder: (folder / SPEC).write_bytes(b"\xff{"), "study.json cannot be read", id="study.json damaged"),
        pytest.param(lambda folder: (folder / SPEC).write_text("[" * 100_000), "study.json cannot be read", id="study.json nested"),
    ],
)
def test_a_queued_study_that_is_damaged_fails_and_the_next_one_trains(
    settings: Settings, held: Held, damage: object, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(settings, held) as runs, caplog.at_level(logging.WARNING):
        give(runs, "a", "b", "c")
        damage(runs.folder("b"))  # type: ignore[operator]
        held.end(runs.folder("a"), "a", 0)
        for _ in range(5):
            runs.tend()
        assert states(runs) == {"a": "completed", "b": "failed", "c": "running"}
        assert reason in str(runs.all()["b"].error)
        assert reason in runs.degraded.faults()["study 'b'"]
        assert sum(reason in record.getMessage() for record in caplog.records) == 1
        give(runs, "d")
        runs.cancel("d")
        assert states(runs)["d"] == "cancelled"
        runs.forget("b")
        assert "study 'b'" not in runs.degraded.faults()
        assert runs.submit(study("b"), 2, None)
        assert states(runs)["b"] == "queued"


@pytest.mark.parametrize("ended", ["", "{", "[]", '{"code": "x"}', '{"cod'])
def test_a_damaged_note_of_an_end_fails_its_study_only(settings: Settings, held: Held, ended: str) -> None:
    with opened(settings, held) as runs:
        give(runs, "a", "b")
        (runs.folder("a") / ENDED).write_text(ended)
        held.end(runs.folder("a"), "a", None)
        runs.tend()
        assert states(runs) == {"a": "failed", "b": "running"}
        assert f"{ENDED} cannot be read" in str(runs.all()["a"].error)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param("", "run.json cannot be read: it is empty", id="empty"),
        pytest.param("[]", "run.json cannot be read: it is a list, not a mapping", id="a list"),
        pytest.param('{"name": "a", "state": "walking"', "run.json cannot be read", id="half"),
        pytest.param(
            json.dumps({"name": "a", "state": "walking", "asked": "2026-01-01T00:00:00+00:00", "trials": 2}), "state", id="a state"
        ),
        pytest.param(json.dumps({"name": "a", "state": "queued", "asked": "soon", "trials": 2}), "cannot be read", id="a time"),
        pytest.param(json.dumps({"name": "a", "version": VERSION + 1, "mode": {}}), "install a newer release", id="newer"),
    ],
)
def test_a_damaged_or_newer_run_is_one_line_and_the_others_go_on(settings: Settings, held: Held, content: str, reason: str) -> None:
    with opened(settings, held) as runs:
        give(runs, "a", "b")
        held.end(runs.folder("a"), "a", 0)
        runs.tend()
        file = runs.folder("a") / RUN
    file.write_text(content)
    with opened(settings, held) as runs:
        runs.tend()
        assert states(runs) == {"a": "failed", "b": "running"}
        assert reason in str(runs.all()["a"].error)
        assert "\n" not in str(runs.all()["a"].error)
        assert file.read_text() == content
        if reason == "install a newer release":
            with pytest.raises(Conflict, match=reason):
                runs.submit(study("a"), 2, None)
        else:
            runs.submit(study("a"), 2, None)
            assert states(runs)["a"] == "queued"


def test_a_run_without_a_version_is_of_the_first(settings: Settings, held: Held) -> None:
    with opened(settings, held) as runs:
        give(runs, "a")
        file = runs.folder("a") / RUN
    fields = json.loads(file.read_text())
    assert fields.pop("version") == VERSION
    file.write_text(json.dumps(fields))
    with opened(settings, held) as runs:
        assert states(runs) == {"a": "running"}


@pytest.mark.parametrize("fails", [SPEC, RUN])
def test_a_name_is_free_where_its_folder_could_not_be_written(
    settings: Settings, held: Held, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    replace = pathlib.Path.replace

    def full(file: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
        if target.name == fails:
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace(file, target)

    with opened(settings, held) as runs:
        with monkeypatch.context() as patched:
            patched.setattr(pathlib.Path, "replace", full)
            with pytest.raises(OSError, match="No space left"):
                runs.submit(study("a"), 2, None)
        assert not list(contents(settings, "").glob("[!.]*"))
        assert not list(contents(settings, "").glob(f"{UNFINISHED}*"))
        assert runs.submit(study("a", epochs=2), 2, None)


@pytest.mark.parametrize("name", ["a", f"{UNFINISHED}x"])
def test_half_a_folder_is_cleaned_at_the_start(settings: Settings, held: Held, name: str) -> None:
    folder = contents(settings, name)
    folder.mkdir(parents=True)
    (folder / SPEC).write_text(json.dumps({**STUDY, "name": "a"}))
    with opened(settings, held) as runs:
        assert not folder.exists()
        assert states(runs) == {}
        assert runs.submit(study("a", epochs=2), 2, None)


def test_a_machine_without_descriptors_starts_the_study_later(settings: Settings, held: Held) -> None:
    lacking = [True]

    def launch(folder: pathlib.Path, settings: Settings, lock: int) -> None:
        if lacking:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        held(folder, settings, lock)

    with opened(settings, launch) as runs:
        give(runs, "a")
        assert states(runs) == {"a": "queued"}
        assert "Too many open files" in runs.degraded.faults()["study 'a'"]
        lacking.clear()
        runs.tend()
        assert states(runs) == {"a": "running"}
        assert not runs.degraded.faults()


def test_the_service_says_what_is_degraded_and_takes_other_studies(settings: Settings, held: Held) -> None:
    with served(settings, held) as client:
        for name in ("a", "b"):
            assert client.post("/api/v1/studies", json={**STUDY, "name": name}).status_code < 300
        assert client.get("/readyz").json() == {"status": "ok"}
        shutil.rmtree(contents(settings, "b"))
        held.end(contents(settings, "a"), "a", 0)
        assert client.post("/api/v1/studies", json={**STUDY, "name": "c"}).status_code < 300
        assert client.get("/api/v1/studies/b").json()["state"] == "failed"
        answer = client.get("/readyz")
        assert answer.status_code == 200
        assert answer.json() == {"status": "degraded", "degraded": ["study 'b': its folder was removed; what it reported is in the store"]}
        assert client.get("/healthz").json() == {"status": "ok"}
        assert "sensitivity_degraded_parts 1.0" in client.get("/metrics").text
