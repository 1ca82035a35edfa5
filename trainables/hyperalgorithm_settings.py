"""What the hyperalgorithm's settings may be."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from trainables.names import InputError, unknown
from trainables.schedules import DECAY_SCHEDULES, decay_schedule

CHOICES: dict[str, tuple[str, ...]] = {
    "momentum": ("none", "cm", "nag"),
    "momentum_gradient": ("unscaled", "scaled"),
    "momentum_accumulation": ("mean", "sum"),
    "adaptive": ("none", "mean", "sum"),
    "order": ("first", "second"),
    "mu_schedule": tuple(DECAY_SCHEDULES),
    "nu_schedule": tuple(DECAY_SCHEDULES),
}
NUMBERS = ("lr", "mu", "nu", "p", "epsilon")


def check_settings(settings: dict[str, Any]) -> None:
    """Hold every setting against what the hyperalgorithm allows.

    Raises: InputError naming the argument, its value, what is allowed and the nearest valid name.
    """
    for name, allowed in CHOICES.items():
        chosen = settings[name]
        if chosen in allowed:
            continue
        if name in ("mu_schedule", "nu_schedule") and isinstance(chosen, str) and ":" in chosen:
            decay_schedule(chosen)  # a function of the user's own: it can be imported
        else:
            raise unknown(name, chosen, allowed)
    accumulates = settings["adaptive"] == "sum" and settings["nu_schedule"] == "constant"
    _check_number("lr", settings["lr"], lambda x: (x > 0) & (x < math.inf), "above 0 and finite")
    _check_number("mu", settings["mu"], lambda x: (x >= 0) & (x < 1), "in [0, 1)")
    if accumulates:
        _check_number("nu", settings["nu"], lambda x: (x >= 0) & (x <= 1), "in [0, 1]")
    else:
        rule = "in [0, 1) (1 needs adaptive='sum' with nu_schedule='constant')"
        _check_number("nu", settings["nu"], lambda x: (x >= 0) & (x < 1), rule)
    _check_number("p", settings["p"], lambda x: x >= 1, "at least 1 (inf is the maximum norm)")
    _check_number("epsilon", settings["epsilon"], lambda x: (x >= 0) & (x < math.inf), "at least 0 and finite")
    if isinstance(settings["period"], bool) or not isinstance(settings["period"], int) or settings["period"] < 1:
        raise InputError(f"period must be an integer of at least 1, got {settings['period']!r}")
    if not isinstance(settings["maximize"], bool):
        raise InputError(f"maximize must be True or False, got {settings['maximize']!r}")
    lengths = {name: len(settings[name]) for name in NUMBERS if isinstance(settings[name], Tensor) and settings[name].ndim}
    if len(set(lengths.values())) > 1:
        raise InputError(f"hyperparameters of one cohort need one entry per member each, got lengths {lengths}")


def _check_number(name: str, number: object, holds: Callable[[Any], Any], rule: str) -> None:
    if isinstance(number, Tensor):
        fits = number.ndim <= 1 and number.numel() > 0 and not number.is_complex() and bool(torch.as_tensor(holds(number)).all())
    else:
        fits = isinstance(number, (int, float)) and not isinstance(number, bool) and bool(holds(number))
    if not fits:
        shown = number.tolist() if isinstance(number, Tensor) else number
        raise InputError(f"{name} must be {rule}, got {shown!r}")


def check_parameter(param: Tensor, settings: dict[str, Any]) -> None:
    if not param.is_floating_point():
        raise InputError(f"Hyperalgorithm needs real floating-point parameters, got one of {param.dtype}")
    for name in NUMBERS:
        number = settings[name]
        if isinstance(number, Tensor) and number.numel() > 1 and (param.ndim == 0 or len(param) != len(number)):
            shape = tuple(param.shape)
            raise InputError(
                f"{name} has one entry for each of {len(number)} members, so parameters need shape [{len(number)}, ...], got {shape}"
            )
