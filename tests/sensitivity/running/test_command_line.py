"""The command line of a sweep: placeholders, environment variables, and what is refused."""

from __future__ import annotations

import pathlib

import pytest

from sensitivity.running.command_line import CommandLine
from trainables.names import InputError

VALUES = {"lr": 1e-05, "nesterov": False, "fused": True, "kind": "adam"}
OTHERS = {"seed": 3, "folder": "/runs/t"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(
            ["python", "t.py", "{args}"],
            ["python", "t.py", "--lr=1e-05", "--fused", "--kind=adam"],
            id="options, a flag only where it is true",
        ),
        pytest.param(
            ["python", "t.py", "{overrides}"],
            ["python", "t.py", "lr=1e-05", "nesterov=False", "fused=True", "kind=adam"],
            id="overrides of Hydra",
        ),
        pytest.param(
            ["t", "--lr", "{lr}", "--seed={seed}", "-o", "{folder}/x"],
            ["t", "--lr", "1e-05", "--seed=3", "-o", "/runs/t/x"],
            id="single values",
        ),
        pytest.param(["t", "--beta={beta}"], ["t"], id="a hyperparameter that is not active"),
        pytest.param(["t", "a=b"], ["t", "a=b"], id="an assignment after the program"),
    ],
)
def test_words_are_filled_in(words: list[str], expected: list[str]) -> None:
    assert CommandLine(tuple(words)).filled(VALUES, OTHERS) == expected


def test_assignments_before_the_program_are_environment_variables() -> None:
    line = CommandLine(("LR={lr}", "BETA={beta}", "MODE=fast", "python", "t.py"))
    assert line.program == ("python", "t.py")
    assert line.environment(VALUES, OTHERS) == {"LR": "1e-05", "MODE": "fast"}


def test_an_edited_script_is_another_program(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    script, line = tmp_path / "t.py", CommandLine(("python", "t.py", "{args}"))
    script.write_text("a = 1")
    before = line.digest()
    assert line.digest() == before
    script.write_text("a = 2")
    assert line.digest() != before != CommandLine(("python", "t.py")).digest()
    (tmp_path / "c.yaml").write_text("a: 1")
    line = CommandLine(("python", "t.py", "--config=c.yaml"))
    before = line.digest()
    (tmp_path / "c.yaml").write_text("a: 2")
    assert line.digest() != before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param([], "a sweep needs a command after --", id="no command"),
        pytest.param(["LR={lr}"], "a sweep needs a command after --", id="no program"),
        pytest.param(["no-such-program-at-all"], "is not found", id="no such program"),
        pytest.param(["sh", "no_such.py"], "no file 'no_such.py'", id="no such script"),
        pytest.param(["sh", "{lrr}"], r"unknown placeholder 'lrr'; did you mean 'lr'\?", id="a typing error"),
        pytest.param(["sh", "--x={args}"], "are words of their own", id="all within a word"),
    ],
)
def test_what_cannot_be_run_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        checked(CommandLine(tuple(words)))


def checked(line: CommandLine) -> None:
    line.check_program()
    line.check_placeholders(["lr", "beta"])
