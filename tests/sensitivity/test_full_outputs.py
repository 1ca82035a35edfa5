"""What a command prints goes to a full disk: training goes on, and any other command says so in one line."""

from __future__ import annotations

import errno
import io
import os
import pathlib
import sys

import pytest
from rich.console import Console

from sensitivity.command import main as cli
from sensitivity.running import progress as module
from sensitivity.running.progress import Progress
from sensitivity.running.run import run
from sensitivity.store.store import Store
from sensitivity.study.study import Study

STUDY = Study(name="s", tasks=["function/ishigami"], design={"kind": "random", "n": 4}, epochs=2)
FULL = pathlib.Path("/dev/full")


class Filling(io.StringIO):
    """A log on a disk that is full after so many lines."""

    def __init__(self, lines: int) -> None:
        super().__init__()
        self.lines = lines

    def write(self, text: str) -> int:
        if self.getvalue().count("\n") >= self.lines:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(text)


def test_progress_goes_on_without_its_log_and_into_it_when_there_is_room() -> None:
    log = Filling(0)
    progress = Progress(Console(file=log, width=200))
    with progress:
        progress.begin(STUDY, 4, {})
        progress.report("", {"epoch": 1, "key": "k"}, ("completed", 0.5))
        progress.say("store unreachable")
        progress.wait("waiting for 4 CPUs")
        progress.note("a note")
        log.lines = 100
        progress.note("another")
    assert progress.epochs == 1
    assert "another" in log.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("lines", [0, 3])
def test_a_study_is_trained_although_its_log_is_full(
    cluster: None, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, lines: int
) -> None:
    monkeypatch.setattr(module, "LOG_EVERY", 0.0)
    log = Filling(lines)
    results = run(
        STUDY, store=tmp_path / "s.sqlite", workers=1, progress=Progress(Console(file=log, width=200))
    )
    assert list(results.trials["status"]) == ["completed"] * 4
    assert log.getvalue().count("\n") == lines


@pytest.mark.skipif(not FULL.exists(), reason="a system without /dev/full")
def test_a_command_whose_output_is_full_is_one_line(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Store(tmp_path / "s.sqlite").close()
    monkeypatch.setattr(
        sys, "argv", ["sensitivity", "studies", "--store", str(tmp_path / "s.sqlite"), "--json"]
    )
    output = FULL.open("w", buffering=1)
    monkeypatch.setattr(sys, "stdout", output)
    try:
        with pytest.raises(SystemExit) as ended:
            cli.main()
    finally:
        monkeypatch.undo()
        with pytest.raises(OSError, match="No space"):
            output.close()
    assert ended.value.code == 2
    assert capsys.readouterr().err == "Error: No space left on device\n"
