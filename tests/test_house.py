"""Rules of the house that `make lint` cannot say; each test lists every offender."""

from __future__ import annotations

import ast
import importlib
import pathlib
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

import sensitivity
from tests.house_map import ROOT, TOP, between_rooms, circles_of, floors_of, imports_of, upward

VAGUE = {"utils.py", "helpers.py", "common.py", "misc.py", "manager.py", "handler.py", "tools.py"}
MOST_LINES, MOST_FLOORS = 350, 13
QUESTION_WORDS = re.compile(r"(What|Whether|How|Where|Why)\b")
NOT_NAMES = {"each", "given", "kept", "own", "present", "here"}
"""Words that say nothing of the role of what is bound to them."""
PRINTING = "sensitivity/command/"
"""The folder of the only files that may print."""
CHEAP = {
    "trainables, search_spaces, sensitivity": "torch ray optuna pandas plotly sklearn scipy sqlalchemy",
    "sensitivity.command.main": "torch ray optuna pandas plotly sklearn scipy sqlalchemy pydantic",
    "trainables.training, trainables.tasks, trainables.variants": (
        "ray optuna pandas plotly sklearn sqlalchemy torchvision"
    ),
    "sensitivity.measures, sensitivity.figures, sensitivity.reporting": "ray optuna",
}
"""Modules, and the libraries that importing these modules must not load."""


def sources() -> Iterator[tuple[str, str, ast.Module]]:
    """Yield path, text and syntax tree of every file of the three packages."""
    for path in sorted(path for top in TOP for path in (ROOT / top).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        yield path.relative_to(ROOT).as_posix(), text, ast.parse(text)


def bound_names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the names that a module binds, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name, node.lineno


def docstrings(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the docstrings of a module, with the lines of what they belong to."""
    for node in ast.walk(tree):
        documented = isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        if documented and (text := ast.get_docstring(node)):
            yield text, getattr(node, "lineno", 1)


@pytest.mark.slow
def test_imports_go_down() -> None:
    imports = imports_of(ROOT)
    assert not circles_of(imports)
    assert not upward(imports)
    assert max(floors_of(between_rooms(imports)).values()) <= MOST_FLOORS


@pytest.mark.slow
def test_a_file_has_one_subject() -> None:
    offenders = [
        f"{name}: {text.count(chr(10))} lines"
        for name, text, tree in sources()
        if pathlib.Path(name).name in VAGUE or text.count("\n") > MOST_LINES or not ast.get_docstring(tree)
    ]
    assert not offenders


@pytest.mark.slow
def test_words() -> None:
    """Names say a role, docstrings begin with a verb or a name, and a share is written as an axis writes it."""
    offenders, texts, questions = [], 0, []
    for name, _, tree in sources():
        offenders += [f"{name}:{line}: {bound}" for bound, line in bound_names(tree) if bound in NOT_NAMES]
        for text, line in docstrings(tree):
            texts += 1
            questions += [f"{name}:{line}: {text[:60]}"] if QUESTION_WORDS.match(text) else []
        offenders += [
            f"{name}:{node.lineno}: {node.value}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
            if re.search(r"(\d|^) %([ ,.;:)]|$)", node.value)
        ]
    assert not offenders
    assert len(questions) < texts / 100, questions


@pytest.mark.slow
def test_only_the_command_prints() -> None:
    offenders = [
        f"{name}:{node.lineno}"
        for name, _, tree in sources()
        if not name.startswith(PRINTING)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not offenders


@pytest.mark.slow
def test_the_front_is_cheap_and_names_no_package() -> None:
    packages = {module.name for module in pkgutil.iter_modules(sensitivity.__path__)}
    assert not packages & set(sensitivity.__all__)
    assert not [
        name for name in sensitivity.__all__ if isinstance(getattr(sensitivity, name), type(importlib))
    ]
    offenders = {}
    for modules, libraries in CHEAP.items():
        code = f"import {modules}, sys; print(*sorted(set({libraries.split()!r}) & set(sys.modules)))"
        command = [sys.executable, "-c", code]
        loaded = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.split()
        if loaded:
            offenders[modules] = loaded
    assert not offenders
