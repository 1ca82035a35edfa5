"""Studies of the paper's tables made up so that everything is as the paper claims, or nothing is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from search_spaces.hyperparameters import Float
from search_spaces.paper import TABLES
from search_spaces.spaces import SearchSpace
from sensitivity.results.results import Results
from tests.sensitivity.tables import results
from trainables.variants import variant

Loss = Callable[[Mapping[str, Any], int], float]
TASK = "autoencoder/mnist"
EGD = "l2-mean-bias_corrected-second"


def joined(parts: list[Results], study: str) -> Results:
    """Variants with spaces of their own as one study."""
    spaces = {name: space for each in parts for name, space in each.spaces.items()}
    tables = (
        pd.concat([getattr(each, name) for each in parts], ignore_index=True) for name in ("trials", "epochs")
    )
    return replace(
        parts[0], **dict(zip(("trials", "reported"), tables, strict=True)), spaces=spaces, study=study
    )


def table(number: int, loss: Loss, seeds: int = 3) -> Results:
    """A table of the paper as its preset runs it."""
    whole = TABLES[number]
    parts = []
    for name in whole.variants:
        space = whole.space(name)
        rows = whole.design(name).configurations(space)
        parts.append(
            results(
                loss, variants=(name,), space=space, configurations=rows, seeds=range(seeds), task=whole.task
            )
        )
    return joined(parts, f"paper-table-{number}")


def others(loss: Loss, seeds: int = 3) -> Results:
    """SGD and second order, which the tables lack."""
    rates = {"sgd": (0.5, 1.0, 2.0), EGD: (0.001, 0.002, 0.005)}
    parts = [
        results(
            loss,
            variants=(name,),
            space=SearchSpace(Float("lr", lrs[0], lrs[-1], "log")),
            configurations=[{"lr": lr} for lr in lrs],
            seeds=range(seeds),
            task=TASK,
        )
        for name, lrs in rates.items()
    ]
    return joined(parts, "paper-others")


def world(loss: Loss, seeds: int = 3) -> list[Results]:
    return [*(table(number, loss, seeds) for number in (1, 2, 3)), others(loss, seeds)]


def noisy(truth: Callable[[Mapping[str, Any]], float], deviation: float) -> Loss:
    """A loss with the logarithm that the truth gives, of a configuration with its variant's settings, and
    normal noise."""
    rng = np.random.default_rng(0)

    def loss(configuration: Mapping[str, Any], seed: int) -> float:
        settings = {"order": "first", **variant(configuration["variant"]).fixed, **configuration}  # type: ignore[attr-defined]
        return (
            0.1 * math.exp(min(truth(settings), 700.0)) * math.exp(rng.normal(0, deviation))
            if truth(settings) < math.inf
            else math.inf
        )

    return loss


def as_claimed(s: Mapping[str, Any]) -> float:
    """The logarithm of how many times the usual loss, where everything is as the paper says."""
    momentum, norm = s["momentum"] != "none", s["adaptive"] != "none"
    if not norm:
        diverges = math.inf if not momentum and s["lr"] > 1 else 0.0
        return diverges + math.log(1.2) * (s["momentum"] == "nag") + math.log(1.1) * (s.get("mu", 0.9) != 0.9)
    if s["nu_schedule"] == "constant" and s.get("nu", 0.9) > 0.9:
        return math.inf
    bend = 2.0 if s["p"] == math.inf else 0.3
    best = {1: 0.001, 2: 0.002, math.inf: 0.005}[s["p"]]
    decays = math.log(1.3) * (momentum and s["mu"] != 0.9) + math.log(1.1) * (s.get("nu", 0.9) != 0.9)
    return (
        math.log(0.5) + bend * math.log(s["lr"] / best) ** 2 + decays + math.log(3) * (s["order"] == "second")
    )


def otherwise(s: Mapping[str, Any]) -> float:
    """The same where nothing is as the paper says."""
    momentum, norm = s["momentum"] != "none", s["adaptive"] != "none"
    corrected = momentum and s["mu_schedule"] == "bias_corrected"
    if not norm:
        diverges = math.inf if momentum and s["lr"] < 1 else 0.0
        return diverges + math.log(0.8) * ((s["momentum"] == "nag") + corrected + (s.get("mu", 0.9) != 0.9))
    rates = {1: (0.002, 0.0005), 2: (0.005, 0.001), math.inf: (0.01, 0.002)}[s["p"]]
    bend = 0.1 if s["p"] == math.inf else 0.6
    decays = math.log(0.9) * (momentum and s["mu"] != 0.9) + math.log(0.6) * (s.get("nu", 0.9) != 0.9)
    uncorrected = math.log(0.8) * (s["nu_schedule"] == "constant")
    second = math.log(0.2) * (s["order"] == "second")
    return math.log(2.5) + bend * math.log(s["lr"] / rates[momentum]) ** 2 + decays + uncorrected + second
