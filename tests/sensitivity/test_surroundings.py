"""What a command finds around it: folders of any name, locales, and no home. It works, or one line says what
is wrong."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from typing import Any

import optuna
import pytest

from sensitivity.command import main as cli
from sensitivity.exchange.from_tables import from_table
from sensitivity.exchange.optuna_files import studies_of
from sensitivity.store.store import Store
from sensitivity.study.planning import trials
from sensitivity.study.study import Study

ROOT = pathlib.Path(__file__).parents[2]
NOT_UTF8 = "caf\udce9"
STUDY = Study(
    name="small",
    tasks=["logistic/synthetic"],
    variants=["sgd"],
    default_setting=False,
    design={"kind": "grid", "points": {"lr": 3}},
    epochs=1,
)
SCRIPT = """
import io, json, sys, traceback
from contextlib import redirect_stderr, redirect_stdout
from sensitivity.command import main as cli
from sensitivity.service import serving

def interrupted(server, sockets): raise KeyboardInterrupt
serving.Server.run = interrupted
ended = {}
for command, arguments in json.loads(sys.argv[1]).items():
    sys.argv = ["sensitivity", *arguments]
    errors = io.StringIO()
    code = 0
    with redirect_stderr(errors), redirect_stdout(io.StringIO()):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            code = traceback.format_exc()
    ended[command] = [code, errors.getvalue()]
print(json.dumps(ended))
"""
COMMANDS = {
    "run": ["run", "small.json", "--where", "ray"],
    "report": ["report", "small"],
    "import": ["import", "table.csv", "--metric", "loss"],
    "serve": ["serve", "--port", "0"],
}
READ_ONLY = {
    "run": "'runs/small' cannot be written",
    "report": "is not writable",
    "import": "'runs/table' cannot be written",
    "serve": "is not writable",
}
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
TOO_LONG = dict.fromkeys(("run", "report", "serve"), "bytes, and SQLite takes 504; give a shorter --store")
CASES: dict[
    str, tuple[str, dict[str, str | None], dict[str, str]]
] = {  # folder, environment, what is said of a command that is refused
    "not UTF-8, ASCII, a home that cannot be": (NOT_UTF8, {**ASCII, "HOME": "/proc/nobody"}, {}),
    "spaces and signs, no home": (
        "a b\tc 'd' \"e\" $f %41 #h ?i=j {k}",
        {"LC_ALL": "POSIX", "HOME": None},
        {},
    ),
    "long, no folder for temporary files": (
        "x" * 200,
        {"TMPDIR": "/proc/none"},
        {"run": "TMPDIR='/proc/none', cannot be used"},
    ),
    "too long for SQLite": ("/".join(["x" * 200] * 3), {}, TOO_LONG),
    "read-only": ("here", {}, READ_ONLY),
}


def prepare(folder: pathlib.Path) -> None:
    """A working directory with a study that has ended, its store and a table."""
    folder.mkdir(parents=True)
    (folder / "small.json").write_text(STUDY.to_json())
    (folder / "table.csv").write_text("variant,lr,loss\na,0.1,0.5\na,0.2,0.4\nb,0.1,0.7\nb,0.2,0.1\n")
    if len(str(folder)) > 500:
        return
    store = Store(folder / "sensitivity.sqlite")
    planned = trials(STUDY)
    store.add_study(STUDY.name, STUDY.to_stored(), planned)
    rows = [{"epoch": 1, "train_loss_end": 0.1, "train_loss": 0.2, "test_loss": 0.3, "seconds": 0.1}]
    store.keep(
        [{"key": trial.key, "status": "completed", "initial_loss": 1.0, "epochs": rows} for trial in planned]
    )
    store.close()


def run_in(
    folder: pathlib.Path, environment: dict[str, str | None], commands: dict[str, list[str]], *before: str
) -> dict[str, Any]:
    """The exit code, or the traceback, and the errors of each command. Args: before: a command that starts
    another."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    ended = subprocess.run(
        [*before, sys.executable, "-c", SCRIPT, json.dumps(commands)],
        cwd=folder, env={name: value for name, value in variables.items() if value is not None}, capture_output=True, timeout=250,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_command_works_or_says_in_one_line_what_is_wrong(tmp_path: pathlib.Path, case: str) -> None:
    name, environment, refused = CASES[case]
    folder = tmp_path / name
    prepare(folder)
    before = _read_only() if case == "read-only" else ()
    for command, (code, errors) in run_in(folder, environment, COMMANDS, *before).items():
        if command in refused:
            assert code == 2, (command, code, errors)
            assert errors.startswith("Error: "), (command, errors)
            assert errors.count("\n") == 1, (command, errors)
            assert refused[command] in errors
        else:
            assert code == 0, (command, code, errors)
    for command, place in (
        ("report", "runs/small/report.html"),
        ("import", "runs/table/report.html"),
        ("serve", "service/service.lock"),
    ):
        assert (folder / place).exists() == (command not in refused)


def _read_only() -> tuple[str, ...]:
    """A command that starts another in a working directory that cannot be written, also by root."""
    script = 'mount --bind . . && mount -o remount,ro,bind . && cd "$PWD" && exec "$@"'
    command = ("unshare", "--mount", "sh", "-c", script, "sh")
    try:
        allowed = subprocess.run([*command, "true"], cwd="/usr", capture_output=True).returncode == 0
    except FileNotFoundError:
        allowed = False
    if not allowed:
        pytest.skip("a read-only mount needs unshare and the right to mount")
    return command


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [
        pytest.param(
            {"HOME": "/proc/nobody", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
            id="no home, ASCII",
        ),
        pytest.param({"HOME": None, "RAY_TMPDIR": "NEW"}, id="no HOME, a new folder for temporary files"),
    ],
)
def test_a_study_trains_in_a_hostile_folder(
    tmp_path: pathlib.Path, environment: dict[str, str | None]
) -> None:
    folder, temporary = tmp_path / "a b" / NOT_UTF8 / "é", pathlib.Path(f"/tmp/new-{os.getpid()}")
    folder.mkdir(parents=True)
    (folder / "small.json").write_text(STUDY.to_json())
    place = {name: str(temporary) if value == "NEW" else value for name, value in environment.items()}
    named = [*COMMANDS["run"], "--workers", "1", "--store", f"{NOT_UTF8}.sqlite", "--out", NOT_UTF8]
    ended = run_in(
        folder,
        place,
        {"run": named, "report": ["report", "--store", f"{NOT_UTF8}.sqlite", "--out", f"r{NOT_UTF8}"]},
    )
    assert {command: code for command, (code, _) in ended.items()} == {"run": 0, "report": 0}, ended
    assert (folder / NOT_UTF8 / "trials.parquet").is_file()


def test_names_that_are_not_utf8_are_read_and_written(tmp_path: pathlib.Path) -> None:
    table = tmp_path / f"{NOT_UTF8}.csv"
    table.write_text("lr,loss\n0.1,0.5\n0.2,0.4\n")
    results = from_table(table, metric="loss")
    assert results.study == "caf?"
    results.save(tmp_path / NOT_UTF8)
    assert (
        len(
            from_table(
                tmp_path / NOT_UTF8 / "trials.parquet",
                metric="value",
                direction="min",
                hyperparameters=["config/lr"],
            ).trials
        )
        == 2
    )


@pytest.mark.parametrize("name", [NOT_UTF8, "a?timeout=0", "a%41b", "{a}#b"])
def test_a_store_and_optunas_are_the_file_of_that_name(tmp_path: pathlib.Path, name: str) -> None:
    store = Store(tmp_path / f"{name}.sqlite")
    try:
        with store.optuna_storage() as storage:
            optuna.create_study(storage=storage, study_name="one").add_trial(
                optuna.trial.create_trial(value=1.0)
            )
    finally:
        store.close()
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.sqlite"}
    found, _ = studies_of(str(tmp_path / f"{name}.sqlite"), ())
    assert [study.study_name for study in found] == ["one"]


def test_a_working_directory_that_is_gone_is_one_line(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gone").mkdir()
    before = pathlib.Path.cwd()
    os.chdir(tmp_path / "gone")
    try:
        (tmp_path / "gone").rmdir()
        with pytest.raises(SystemExit) as ended:
            cli.main()
    finally:
        os.chdir(before)
    assert ended.value.code == 2
    assert (
        capsys.readouterr().err
        == "Error: the working directory cannot be used: No such file or directory; change to another\n"
    )
