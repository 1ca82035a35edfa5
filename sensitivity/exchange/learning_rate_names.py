"""The names of the learning rate in other tools: a hyperparameter that is one is called ``lr`` in Results."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from sensitivity.study.metric_names import tokens_of

LR = "lr"
CORES = frozenset({"lr", "lr0", "lrate", "learningrate", "learningrate0"})
"""A name without its affixes that is the learning rate."""
LETTERS = frozenset({"eta", "eta0", "stepsize"})
"""Names of learning rates that also name a reduction factor or a period.

A value below 1 decides for the learning rate.
"""
AFFIXES = frozenset(
    {
        "max", "maximum", "peak", "base", "initial", "init", "start", "optimizer", "optimiser", "optim",
        "opt", "train", "training",
        "trainer", "solver",
    }
)  # fmt: skip
"""Words around the name that leave it the learning rate."""
OTHER = frozenset(
    {
        "min", "minimum", "final", "end", "decay", "schedule", "scheduler", "sched", "warmup", "factor",
        "gamma", "mult", "multiplier",
        "ratio", "power", "patience", "step", "steps", "policy", "type", "scale", "scaling", "mode", "log",
        "cycle",
    }
)  # fmt: skip
"""Words that make a name something about the learning rate."""


def learning_rate_in(names: Iterable[str]) -> str | None:
    """Return the name that is the learning rate, None where no name or more than one could be.

    Args:
        names: of hyperparameters that hold positive numbers, nested ones as ``outer.inner`` or
            ``outer/inner``.

    >>> (learning_rate_in(["batch_size", "optimizer.lr"]), learning_rate_in(["max_lr", "lr_min"]),
    ... learning_rate_in(["lr", "eta"]))
    ('optimizer.lr', 'max_lr', 'lr')
    >>> (learning_rate_in(["actor_lr", "critic_lr"]), learning_rate_in(["lr_decay"]),
    ... learning_rate_in(["learning_rate", "head_lr"]))
    (None, None, None)
    """
    listed = list(names)
    if LR in listed:
        return LR
    candidates = [name for name in listed if _is_learning_rate(name)]
    rivals = [name for name in listed if name not in candidates and _holds_learning_rate(name)]
    return candidates[0] if len(candidates) == 1 and not rivals else None


def _is_learning_rate(name: str) -> bool:
    return _bare(name) in CORES | LETTERS


def _bare(name: str) -> str:
    """Return the inner name without its affixes, as one word."""
    inner = name.replace("/", ".").rpartition(".")[2]
    return "".join(token for token in tokens_of(inner) if token not in AFFIXES)


def _holds_learning_rate(name: str) -> bool:
    tokens = tokens_of(name)
    return not OTHER.intersection(tokens) and ("lr" in tokens or "learningrate" in "".join(tokens))


def could_be_rates(name: str, column: Sequence[Any]) -> bool:
    """Return True if all values are positive finite numbers.

    For an ambiguous name, at least one value must be below 1.

    >>> (could_be_rates("learning_rate", [0.1, 3.0]), could_be_rates("learning_rate", ["adaptive"]),
    ... could_be_rates("eta", [2, 3]))
    (True, False, False)
    """
    numbers = [
        value
        for value in column
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf
    ]
    if not numbers or len(numbers) < len(column):
        return False
    return _bare(name) not in LETTERS or min(numbers) < 1
