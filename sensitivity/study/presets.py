"""The studies that come with the package."""

from __future__ import annotations

from typing import Any

from sensitivity.study.paper_presets import REDUCED, WHOLE, paper_presets

GRID = {"kind": "grid", "points": {"lr": 5, "mu": 2, "nu": 2}}
VARIANTS = ("sgd", "cm", "nag", "rmsprop", "adam", "nadam")

GOOD_RATES = {"sgd": 0.08, "cm": 0.01, "nag": 0.01, "rmsprop": 0.001, "adam": 0.003, "nadam": 0.003}
"""Learning rates at which each variant of the quickstart trained well in a pilot with other seeds."""
REACH = 10**1.5
"""Factor from the good rate to either end of its range: three decades for every variant."""


def _rates_around(rate: float) -> list[dict[str, Any]]:
    """Return a space of lr alone, three decades around a good rate."""
    low = float(f"{rate / REACH:.2g}")
    return [{"name": "lr", "low": low, "high": 1000 * low, "scale": "log", "default": rate}]


def _around(variant: str) -> list[dict[str, Any]]:
    """Return the space of a variant of the quickstart: lr around its good rate, and mu where it has one.

    Eight learning rates over three decades are a factor of 2.7 apart, so that what a factor of 3 costs is
    measured.
    """
    (lr,) = _rates_around(GOOD_RATES[variant])
    mu = {"name": "mu", "low": 0.5, "high": 0.95, "scale": "log1m", "default": 0.9}
    return [lr] if variant in ("sgd", "rmsprop") else [lr, mu]


GPT_RATES = {"sgd": 0.1, "nag": 0.01, "rmsprop": 1e-4, "adam": 3e-3, "nadam": 3e-3}
"""Learning rates at which each variant had the lowest loss after an epoch of gpt/text in a pilot with another
seed (100), of rates about half a decade apart, both neighbours of the best included: 2.74, 2.74, 2.86, 2.56
and 2.59 nats a byte.
"""


PRESETS: dict[str, dict[str, Any]] = {
    "quickstart": {
        "description": "six optimizers on scikit-learn's digits, lr x mu and each default setting, five "
        "seeds; two to three minutes on two cores",
        "tasks": ["mlp/digits"],
        "variants": VARIANTS,
        "spaces": {variant: _around(variant) for variant in VARIANTS},
        "design": {"kind": "grid", "points": {"lr": 8, "mu": 2}},
        "seeds": 5,
        "epochs": 3,
        "batch_size": 32,
    },
    "autoencoder-quick": {
        "description": "six optimizers on the paper's autoencoder and scikit-learn's digits, lr x mu x nu, "
        "two seeds; two to four minutes on two cores",
        "tasks": ["autoencoder/digits"],
        "variants": VARIANTS,
        "design": GRID,
        "default_setting": False,
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
        "default_setting": False,
        "seeds": 2,
        "epochs": 1,
        "batch_size": 32,
        "limit": 2048,
    },
    "gpt-quick": {
        "description": "five optimizers on a small GPT and Python's own documentation, eight learning rates "
        "over three decades each, three seeds; about 20 minutes on two cores",
        "tasks": ["gpt/text"],
        "variants": tuple(GPT_RATES),
        "spaces": {variant: _rates_around(rate) for variant, rate in GPT_RATES.items()},
        "design": {"kind": "grid", "points": {"lr": 8}},
        "seeds": 3,
        "epochs": 2,
        "metric": "test_loss",
    },
    **paper_presets(WHOLE),
    **paper_presets(REDUCED),
}
GROUPS: dict[str, tuple[str, ...]] = {size.prefix: tuple(paper_presets(size)) for size in (WHOLE, REDUCED)}
"""Presets that consist of several studies, run one after another."""
