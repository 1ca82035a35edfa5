"""The page "Where things are": every module and function that it names exists, and every room has a row."""

from __future__ import annotations

import ast
import pathlib
import re

ROOT = pathlib.Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "where.md").read_text(encoding="utf-8")
HOP = re.compile(r"`((?:sensitivity|search_spaces|trainables)(?:\.\w+)*):([\w.]+)`")
LINK = re.compile(r"\]\(([^)#]+)\)")


def defined(module: str, name: str) -> bool:
    """True if a module defines a function or class of that name; ``Class.method`` names a method."""
    path = ROOT.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.exists():
        return False
    body: list[ast.stmt] = ast.parse(file.read_text(encoding="utf-8")).body
    for part in name.split("."):
        definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        body = next((node.body for node in body if isinstance(node, definitions) and node.name == part), [])
    return bool(body)


def test_every_hop_exists() -> None:
    hops = HOP.findall(PAGE)
    assert len(hops) > 20
    assert [f"{module}:{name}" for module, name in hops if not defined(module, name)] == []


def test_every_room_has_a_row() -> None:
    rooms = {path.parent.name for path in (ROOT / "sensitivity").glob("*/__init__.py")}
    assert rooms == set(re.findall(r"\[`(\w+)`\]\(\.\./sensitivity/\w+\)", PAGE))


def test_the_links_of_contributing_lead_somewhere() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = [link for link in LINK.findall(text) if "://" not in link] + re.findall(
        r"`(tests/[\w/.]+)`", text
    )
    assert len(paths) > 5
    assert [path for path in paths if not (ROOT / path).exists()] == []
