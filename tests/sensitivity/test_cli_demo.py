"""``sensitivity demo``: a report in an empty folder, without a network, and what it refuses."""

from __future__ import annotations

import importlib
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import urllib.request
import webbrowser

import pytest

from sensitivity.command.demo import demo
from sensitivity.measures import Measured
from sensitivity.store.store import Store
from tests.sensitivity.command import run

ROOT = pathlib.Path(__file__).parents[2]
MOST_SECONDS = 10.0
"""Of a processor, for the whole process: other tests keep the cores busy. On idle cores of 2026 it takes below five."""
OFFLINE = (
    "import socket, sys\n"
    "def refuse(*arguments): raise OSError('no network in this test')\n"
    "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
    "from sensitivity.command.main import main\n"
    "sys.argv = ['sensitivity', *sys.argv[1:]]\n"
    "main()\n"
)
command = importlib.import_module("sensitivity.command.demo")


def processor_seconds() -> float:
    """Seconds of a processor that the child processes which have ended took."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@pytest.fixture
def in_empty_folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.slow
def test_a_report_in_an_empty_folder_without_a_network(in_empty_folder: pathlib.Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "BROWSER")}
    before = processor_seconds()
    ended = subprocess.run(
        [sys.executable, "-c", OFFLINE, "demo"],
        capture_output=True,
        text=True,
        check=True,
        env={**environment, "PYTHONPATH": str(ROOT)},
    )
    seconds = processor_seconds() - before
    assert "- Use " in ended.stdout
    assert "report: runs/demo/report.html" in ended.stdout
    assert ended.stdout.rstrip().endswith("sensitivity run --preset quickstart")
    assert not ended.stderr
    assert [path.name for path in in_empty_folder.iterdir()] == ["runs"]
    written = {path.name for path in (in_empty_folder / "runs" / "demo").iterdir()}
    assert written >= {"report.html", "report.md", "tables.tex", "trials.csv", "epochs.parquet", "measures"}
    page = (in_empty_folder / "runs" / "demo" / "report.html").read_text(encoding="utf-8")
    assert "quickstart" in page
    assert not re.findall(r'<link|src="(?:https?:)?//', page)
    assert seconds < MOST_SECONDS


@pytest.fixture
def concluded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Measured, pathlib.Path, bool]]:
    """What the command concludes, instead of the report, which takes seconds."""
    calls: list[tuple[Measured, pathlib.Path, bool]] = []
    monkeypatch.setattr(command, "conclude", lambda *arguments: calls.append(arguments))
    return calls


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "0"], "--port 0 is for the dashboard; add --dashboard"),
        (["--dashboard", "--out", "x"], "--out is for a report, which --dashboard does not write; leave one out"),
        (["--dashboard", "--json"], "--json is for a report, which --dashboard does not write; leave one out"),
        (["--out", "taken"], "--out 'taken' cannot be written: 'taken' is not a writable folder"),
        (["--store", "no/such/s.sqlite"], "there is no folder"),
        (["--store", "taken"], "is not a SQLite file"),
    ],
)  # fmt: skip
def test_what_it_refuses(
    in_empty_folder: pathlib.Path,
    concluded: list[tuple[Measured, pathlib.Path, bool]],
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (in_empty_folder / "taken").write_text("not a folder, and no store")
    assert run(["demo", *arguments], monkeypatch) == 2
    said = capsys.readouterr().err.strip()
    assert message in said
    assert said.startswith("Error: ")
    assert said.count("\n") == 0
    assert not concluded
    assert [path.name for path in in_empty_folder.iterdir()] == ["taken"]


def test_what_it_needs_for_the_dashboard(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "sensitivity.dashboard.serving", None)
    monkeypatch.delitem(sys.modules, "dash", raising=False)
    assert run(["demo", "--dashboard"], monkeypatch) == 2
    assert "pip install 'optimizer-sensitivity[service]'" in capsys.readouterr().err


def test_it_adds_the_study_to_a_store(
    in_empty_folder: pathlib.Path, concluded: list[tuple[Measured, pathlib.Path, bool]]
) -> None:
    demo(store="s.sqlite", as_json=True)
    [(measured, place, as_json)] = concluded
    assert (measured.results.study, place, as_json) == ("quickstart", pathlib.Path("runs/demo"), True)
    store = Store("s.sqlite", create=False)
    assert [row["name"] for row in store.studies()] == ["quickstart"]
    store.close()


@pytest.mark.parametrize("chosen", [None, True, False])
def test_the_browser_is_opened_where_it_is_asked_for(
    in_empty_folder: pathlib.Path,
    concluded: list[tuple[Measured, pathlib.Path, bool]],
    chosen: bool | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: bool(opened.append(address)))
    demo(out=pathlib.Path("d"), browser=chosen)
    assert opened == ([(in_empty_folder / "d" / "report.html").as_uri()] if chosen else [])


def test_its_help(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert run(["demo", "--help"], monkeypatch) == 0
    said = capsys.readouterr().out
    assert "Report on a finished study in seconds" in said
    for option in ("--out", "--dashboard", "--store", "--port", "--no-browser", "--json"):
        assert option in said
    assert "runs/demo" in said


@pytest.mark.slow
def test_it_is_shown_on_the_dashboard_until_it_is_stopped(in_empty_folder: pathlib.Path) -> None:
    arguments = ["-m", "sensitivity.command.main", "demo", "--dashboard", "--port", "0", "--no-browser"]
    environment = {**os.environ, "TMPDIR": str(in_empty_folder), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as running:
        assert running.stdout is not None
        address = re.search(r"http://127\.0\.0\.1:\d+/", running.stdout.readline())
        assert address is not None
        with urllib.request.urlopen(address[0], timeout=30) as answer:
            assert '<html lang="en">' in answer.read().decode()
        assert list(in_empty_folder.glob("sensitivity-demo-*/demo.sqlite"))
        running.send_signal(signal.SIGINT)
        said, errors = running.communicate(timeout=30)
    assert "dashboard stopped" in said
    assert not errors
    assert not list(in_empty_folder.glob("sensitivity-demo-*"))


@pytest.mark.slow
def test_json(in_empty_folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo(as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert said["report"] == "runs/demo/report.html"
    assert {row["variant"] for row in said["overview"]} == {"sgd", "cm", "nag", "rmsprop", "adam", "nadam"}
