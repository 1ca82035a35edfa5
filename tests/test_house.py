"""The house: one direction of imports, Ray in its rooms, prints in the command only, cheap imports, rooms of
a size."""

from __future__ import annotations

import ast
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
FLOORS = {"trainables": 0, "search_spaces": 1, "sensitivity": 2}
RAY_ROOMS = {"trainables/ray_tune.py", "search_spaces/adaptive.py"}
RAY_ROOMS |= {
    "sensitivity/clusters/jobs.py",
    "sensitivity/running/local_ray.py",
    "sensitivity/running/recorder.py",
    "sensitivity/running/run.py",
}
VAGUE = {"utils.py", "helpers.py", "common.py", "misc.py", "manager.py", "handler.py", "tools.py"}
FILES = sorted(path for package in FLOORS for path in (ROOT / package).rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in FILES]


def imports(path: pathlib.Path) -> set[str]:
    """Top-level packages that a file imports anywhere."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_imports_go_one_way_and_ray_stays_in_its_rooms(path: pathlib.Path) -> None:
    name = str(path.relative_to(ROOT))
    used = imports(path)
    assert not [each for each in used & set(FLOORS) if FLOORS[each] > FLOORS[name.split("/")[0]]]
    assert "ray" not in used or name in RAY_ROOMS


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_only_the_command_prints(path: pathlib.Path) -> None:
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    prints = any(isinstance(each, ast.Name) and each.id == "print" for each in calls)
    assert not prints or path.name == "main.py"


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_room_has_one_subject(path: pathlib.Path) -> None:
    assert path.name not in VAGUE
    assert path.read_text().count("\n") <= 350
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        ("trainables, search_spaces, sensitivity", "torch ray optuna pandas plotly sklearn scipy sqlalchemy"),
        ("sensitivity.command.main", "torch ray optuna pandas plotly sklearn scipy sqlalchemy pydantic"),
        (
            "trainables.training, trainables.tasks, trainables.variants",
            "ray optuna pandas plotly sklearn sqlalchemy torchvision",
        ),
        ("sensitivity.measures, sensitivity.figures, sensitivity.reporting", "ray optuna"),
    ],
)
def test_importing_is_cheap(modules: str, heavy: str) -> None:
    code = f"import {modules}, sys; print(*sorted(set({heavy.split()!r}) & set(sys.modules)))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout.split()
    assert not loaded


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_share_is_written_as_an_axis_writes_it(path: pathlib.Path) -> None:
    texts = [
        each.value
        for each in ast.walk(ast.parse(path.read_text()))
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ]
    assert not [each for each in texts if re.search(r"(\d|^) %([ ,.;:)]|$)", each)]
