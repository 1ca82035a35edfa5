"""Private names of Ray, torch, NumPy, MLflow and Optuna are used in files called ``compat.py`` only."""

from __future__ import annotations

import ast
import pathlib
from collections.abc import Iterator

import pytest

ROOT = pathlib.Path(__file__).parents[1]
LIBRARIES = ("ray", "torch", "numpy", "mlflow", "optuna")
PACKAGES = ("sensitivity", "search_spaces", "trainables")


def is_private(name: str) -> bool:
    """True if a part of a dotted name begins with one underscore."""
    return any(part.startswith("_") and not part.startswith("__") for part in name.split("."))


def private_names(source: str) -> Iterator[str]:
    """The private names of the libraries in a source, as they are written there."""
    tree = ast.parse(source)
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = {alias.asname or alias.name.partition(".")[0]: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        else:
            continue
        ours = {name: module for name, module in modules.items() if module.partition(".")[0] in LIBRARIES}
        names |= set(ours)
        yield from (module for module in ours.values() if is_private(module))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            written = ast.unparse(node)
            if written.partition(".")[0] in names:
                yield written
        elif isinstance(node, ast.Call) and ast.unparse(node.func).partition(".")[0] in names:
            yield from (
                f"{ast.unparse(node.func)}({word.arg}=)"
                for word in node.keywords
                if word.arg and is_private(word.arg)
            )


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("from ray._private import state", ["ray._private.state"]),
        ("import torch\ntorch._foreach_add_([], [])", ["torch._foreach_add_"]),
        ("import ray\nray.init(_node_ip_address='1')", ["ray.init(_node_ip_address=)"]),
        ("from numpy import _core as core", ["numpy._core"]),
        ("import torch\ntorch.add(1, 2).__class__", []),
        ("import json\njson._default_decoder", []),
    ],
)
def test_a_private_name_is_found(source: str, names: list[str]) -> None:
    assert list(private_names(source)) == names


@pytest.mark.slow
def test_private_names_are_in_compat_files_only() -> None:
    files = [
        path
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.name != "compat.py"
    ]
    assert [
        f"{path.relative_to(ROOT)}: {name}"
        for path in files
        for name in private_names(path.read_text(encoding="utf-8"))
    ] == []
