"""The progress of a run on a terminal, which a pseudo-terminal stands for."""

from __future__ import annotations

import fcntl
import io
import os
import pathlib
import pty
import re
import struct
import sys
import termios

import pytest
from rich.console import Console

from sensitivity.command.terminal import variants_table

ROOT = pathlib.Path(__file__).parents[2]
STUDY = """
name: long
tasks: [mlp/digits]
variants: [sgd, adam]
design: {kind: random, n: 4}
default_setting: false
epochs: 20
limit: 200
"""
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(folder: pathlib.Path, columns: int, **environment: str) -> str:
    """Return what a command that trains writes to a terminal of so many columns."""
    (folder / "long.yaml").write_text(STUDY)
    command = ["-m", "sensitivity", "run", "long.yaml", "--no-report", "--where", "process"]
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        settings = {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT), **environment}
        os.execve(sys.executable, [sys.executable, *command], {**os.environ, **settings})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    written = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # the command has ended
            break
        if not part:
            break
        written += part
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    text = written.decode()
    assert os.waitstatus_to_exitcode(status) == 0, text
    return text


@pytest.mark.slow
@pytest.mark.parametrize("columns", [100, 40])
def test_a_terminal_shows_the_bar_and_below_it_the_state_of_the_run(
    tmp_path: pathlib.Path, columns: int
) -> None:
    shown = on_terminal(tmp_path, columns)
    lines = re.split(r"[\r\n]+", ESCAPES.sub("", shown))
    below = [
        " ".join(" ".join(lines[place + 1 : place + 4]).split())
        for place, line in enumerate(lines)
        if line.startswith("━")
    ]
    state = r"[1-7]/8 trials, \d+ diverged, 0 failed, [\d.]+ epochs/s"
    running = [text for text in below if re.match(state, text)]
    assert running, below
    assert any("best so far: sgd" in text or "best so far: adam" in text for text in running)
    assert below[0].startswith("looking for what is left to train best so far: none yet")
    assert COLOUR.search(shown)


@pytest.mark.slow
def test_without_colours_a_terminal_has_the_same_words(tmp_path: pathlib.Path) -> None:
    shown = on_terminal(tmp_path, 100, NO_COLOR="1")
    assert not re.search(r"\x1b\[(3|4)[0-9;]+m", shown)
    assert "epochs/s" in shown


@pytest.mark.parametrize(("columns", "lines"), [(200, 1), (120, 2), (80, 3)])
def test_a_narrow_terminal_shows_every_variant_and_whole_numbers(columns: int, lines: int) -> None:
    titles = ["best loss", "rank when tuned", "behind when tuned", "behind untuned", "behind at default"]
    titles += ["factor 3 costs", "diverged"]
    row = ["0.0682", "1 to 5", *["26% (22% to 30%)"] * 5]
    console = Console(width=columns, file=io.StringIO(), force_terminal=True, color_system=None)
    console.print(variants_table(console, "mlp/digits", titles, [["rmsprop", *row], ["adam", *row]]))
    shown = console.file.getvalue()
    assert "…" not in shown
    assert shown.count("rmsprop") == shown.count("adam") == 1
    assert shown.count("26%") == 10
    of_adam = shown[shown.index("adam") :].rstrip()
    assert len(of_adam.splitlines()) == lines
