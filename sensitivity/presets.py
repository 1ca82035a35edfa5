"""The studies that come with the package."""

from __future__ import annotations

from typing import Any

GRID = {"kind": "grid", "points": {"lr": 5, "mu": 2, "nu": 2}}
VARIANTS = ("sgd", "cm", "nag", "rmsprop", "adam", "nadam")

PRESETS: dict[str, dict[str, Any]] = {
    "quickstart": {
        "description": "six optimizers on scikit-learn's digits, lr x mu x nu, two seeds; about three minutes on two cores",
        "tasks": ["autoencoder/digits"],
        "variants": VARIANTS,
        "design": GRID,
        "seeds": 2,
        "epochs": 2,
        "batch_size": 32,
        "limit": 768,
    },
    "mnist-quick": {
        "description": "the same on the first 2,048 images of MNIST (needs the data: --data-root or --download)",
        "tasks": ["autoencoder/mnist"],
        "variants": VARIANTS,
        "design": GRID,
        "seeds": 2,
        "epochs": 1,
        "batch_size": 32,
        "limit": 2048,
    },
}
