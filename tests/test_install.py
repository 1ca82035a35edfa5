"""``make study`` and ``make test``: what each installs, in either order, and what is said meanwhile."""

from __future__ import annotations

import importlib.util
import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import tomllib
import zipfile
from types import ModuleType

import pytest

ROOT = pathlib.Path(__file__).parents[1]
STUDY, READY = ".venv/study", ".venv/ready"
INSTALLS = {STUDY: "--editable .", READY: "--editable '.[dev]'"}
"""Targets of the Makefile, and what pip is told for each."""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    found = importlib.util.spec_from_file_location("install", ROOT / ".ci" / "install.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder in which make has what it looks at, and no environment."""
    if shutil.which("make") is None:
        pytest.skip("needs make")
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").mkdir()
    return tmp_path


def installed(checkout: pathlib.Path, target: str) -> list[str]:
    """What ``make`` of a target would install, by the stamps that it would write; they are written."""
    command = ["make", "--dry-run", target]
    said = subprocess.run(command, cwd=checkout, check=True, capture_output=True, text=True).stdout
    stamps = re.findall(r"^touch (\S+)$", said, flags=re.MULTILINE)
    for place, stamp in enumerate(stamps):
        written = time.time() + place
        (checkout / stamp).touch()
        os.utime(checkout / stamp, (written, written))
        assert f"{INSTALLS[stamp]}\n" in said
    assert said.count("install.py") == len(stamps)
    return stamps


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (["study", "test"], [[STUDY], [READY]]),
        (["test", "study"], [[STUDY, READY], []]),
        (["lint", "test", "study", "study"], [[STUDY, READY], [], [], []]),
    ],
    ids=lambda value: " ".join(map(str, value)),
)
def test_each_installs_what_is_lacking(
    checkout: pathlib.Path, targets: list[str], expected: list[list[str]]
) -> None:
    assert [installed(checkout, target) for target in targets] == expected


@pytest.mark.parametrize("changed", ["pyproject.toml", "constraints.txt"])
def test_a_change_of_what_is_needed_installs_again(checkout: pathlib.Path, changed: str) -> None:
    assert installed(checkout, "test") == [STUDY, READY]
    assert installed(checkout, "test") == []
    os.utime(checkout / changed, (time.time() + 60, time.time() + 60))
    assert installed(checkout, "study") == [STUDY]
    for place, stamp in enumerate((STUDY, READY)):  # as if a minute had passed
        os.utime(checkout / stamp, (time.time() + (120 if place == 0 else 0),) * 2)
    assert installed(checkout, "study") == []
    assert installed(checkout, "test") == [READY]


def test_a_study_needs_no_test_package() -> None:
    """The extra of tests names no package that a study has, and no address of an index is anywhere."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    def names(requirements: list[str]) -> set[str]:
        return {re.split(r"[\[>=<,]", requirement)[0].lower() for requirement in requirements}

    runtime, tests = names(project["dependencies"]), names(project["optional-dependencies"]["dev"])
    assert not runtime & tests
    assert not runtime & {"pytest", "playwright", "mypy", "schemathesis", "dash", "fastapi", "mkdocs"}
    for name in ("Makefile", "constraints.txt", ".ci/install.py", "pyproject.toml"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "index-url" not in text, name
        assert "://" not in text, name


PIP = """
Obtaining file:///somewhere
  Preparing editable metadata (pyproject.toml): finished with status 'done'
Collecting torch>=2.11 (from optimizer-sensitivity==0.1.0)
  Downloading torch-2.14.1-cp311-cp311-manylinux_2_28_x86_64.whl.metadata (30 kB)
Collecting ray[tune]>=2.60 (from optimizer-sensitivity==0.1.0)
Requirement already satisfied: numpy>=2.0 in ./.venv/lib (2.4.0)
Collecting scikit-learn==1.9.1 (from -c constraints.txt (line 7))
  Using cached scikit_learn-1.9.1-cp311-cp311-manylinux_2_17_x86_64.whl (9.0 MB)
Processing /wheels/colorlog-6.12.0-py3-none-any.whl
Downloading torch-2.14.1-cp311-cp311-manylinux_2_28_x86_64.whl (899.1 MB)
\x1b[2KInstalling collected packages: torch, Scikit_Learn, ray
"""


def test_what_is_said_of_each_package(
    script: ModuleType, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = script.Progress(tmp_path)
    for line in PIP.splitlines(keepends=True):
        progress.read(line)
    earlier = tmp_path / "ray-2.0.dist-info"
    earlier.mkdir()
    (earlier / "RECORD").touch()
    os.utime(earlier / "RECORD", (1, 1))  # of the version that pip replaces
    progress.look()
    progress.look()
    (tmp_path / "torch-2.14.1.dist-info").mkdir()
    progress.look()
    (tmp_path / "torch-2.14.1.dist-info" / "RECORD").touch()
    progress.look()
    (tmp_path / "scikit_learn-1.9.1.dist-info").mkdir()
    (tmp_path / "scikit_learn-1.9.1.dist-info" / "RECORD").touch()
    progress.look()
    progress.end()
    assert capsys.readouterr().out.splitlines() == [
        "  find 1: torch",
        "  find 2: ray",
        "  find 3: scikit-learn 1.9.1",
        "  fetch 1: scikit-learn 1.9.1 (9.0 MB)",
        "  find 4: colorlog 6.12.0",
        "  fetch 2: torch 2.14.1 (899.1 MB)",
        "  install 1 of 3: torch",
        "  install 2 of 3: scikit-learn",
        "  install 3 of 3: ray",
        "  3 packages installed, 0 s",
    ]


def test_a_terminal_has_one_line(
    script: ModuleType, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "20")
    progress = script.Progress(tmp_path)
    for _ in range(2):
        progress.show("fetch 1 of 3: a very long name")
    progress.end()
    assert terminal.getvalue() == "\r\x1b[K  fetch 1 of 3: a v\r\x1b[K  nothing to instal\n"


def wheel(folder: pathlib.Path) -> pathlib.Path:
    """A package without code."""
    path = folder / "tiny_thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny_thing.py", "")
        archive.writestr(
            "tiny_thing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-thing\nVersion: 1.0\n"
        )
        archive.writestr(
            "tiny_thing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tiny_thing-1.0.dist-info/RECORD", "")
    return path


@pytest.mark.slow
def test_pip_is_run_and_its_failure_is_shown(tmp_path: pathlib.Path) -> None:
    command = [sys.executable, str(ROOT / ".ci" / "install.py"), "tiny things", "--no-index", "--target"]
    done = subprocess.run(
        [*command, str(tmp_path / "target"), str(wheel(tmp_path))], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[0] == "tiny things"
    assert re.fullmatch(r"  1 package installed, \d+ s", done.stdout.splitlines()[-1])
    assert (tmp_path / "target" / "tiny_thing.py").exists()
    failed = subprocess.run(
        [*command, str(tmp_path / "target"), "no-such-thing"], capture_output=True, text=True, check=False
    )
    assert failed.returncode == 1
    assert "No matching distribution found for no-such-thing" in failed.stdout
