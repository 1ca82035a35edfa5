"""The studies that come with the package."""

from __future__ import annotations

from typing import Any

from search_spaces.paper import TABLES, Table

GRID = {"kind": "grid", "points": {"lr": 5, "mu": 2, "nu": 2}}
VARIANTS = ("sgd", "cm", "nag", "rmsprop", "adam", "nadam")

TITLES = {1: "momentum", 2: "norms", 3: "momentum with norms", 4: "residual networks on CIFAR-10"}


def _of_table(table: Table) -> dict[str, Any]:
    """Return a table of the paper as a study of the paper's size; seeds, epochs and data can be reduced."""
    return {
        "description": f'Table {table.number} of "Optimizing CNNs": {TITLES[table.number]}, 50 epochs, '
        f"three seeds (needs the data)",
        "tasks": [table.task],
        "variants": table.variants,
        "spaces": {name: table.space(name) for name in table.variants},
        "designs": {name: table.design(name) for name in table.variants},
        "seeds": 3,
        "epochs": 50,
    }


PRESETS: dict[str, dict[str, Any]] = {
    "quickstart": {
        "description": "six optimizers on scikit-learn's digits, lr x mu x nu, two seeds; two to four "
        "minutes on two cores",
        "tasks": ["autoencoder/digits"],
        "variants": VARIANTS,
        "design": GRID,
        "seeds": 2,
        "epochs": 2,
        "batch_size": 32,
        "limit": 768,
    },
    "mnist-quick": {
        "description": "the same on the first 2,048 images of MNIST (needs the data: --data-root or "
        "--download)",
        "tasks": ["autoencoder/mnist"],
        "variants": VARIANTS,
        "design": GRID,
        "seeds": 2,
        "epochs": 1,
        "batch_size": 32,
        "limit": 2048,
    },
    **{f"paper-table-{number}": _of_table(table) for number, table in TABLES.items()},
}
GROUPS: dict[str, tuple[str, ...]] = {"paper": tuple(name for name in PRESETS if name.startswith("paper-"))}
"""Presets that consist of several studies, run one after another."""
