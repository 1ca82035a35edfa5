"""Settings of the hyperalgorithm, and the checks of their values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from numbers import Integral, Real
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
NUMBERS = ("lr", "mu", "nu", "p", "epsilon", "slow_mu", "slow_weight")
SWITCHES = ("sign", "cautious", "maximize")
SETTINGS = (*NUMBERS, *CHOICES, "period", *SWITCHES)
NEUTRAL: dict[str, Any] = {"slow_mu": 0.9999, "slow_weight": 0.0, "sign": False, "cautious": False}
"""Defaults of the settings that are not Algorithm 1's: with them a step is Algorithm 1 and no more."""
TORCHS_OWN = (
    "params",
    "param_names",
    "initial_lr",
    "max_lr",
    "min_lr",
    "base_momentum",
    "max_momentum",
    "swa_lr",
)
"""Further keys of a parameter group, which PyTorch's optimizers and schedulers store there."""


def plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with numbers of other types, such as NumPy's, converted to Python's: ``torch.load``
    restores no others.

    >>> import numpy
    >>> plain({"lr": numpy.float32(0.5), "period": numpy.int64(2), "order": "first"})
    {'lr': 0.5, 'period': 2, 'order': 'first'}
    """
    changed = dict(settings)
    for name, value in settings.items():
        if isinstance(value, bool) or type(value) in (int, float):
            continue
        if name in (*NUMBERS, "period") and isinstance(value, Integral):
            changed[name] = int(value)
        elif name in NUMBERS and isinstance(value, Real):
            changed[name] = float(value)
    return changed


def check_group_names(param_group: Mapping[str, Any]) -> None:
    """Check the names in a parameter group.

    Raises:
        InputError: with the nearest known name.
    """
    for name in param_group:
        if name not in SETTINGS and name not in TORCHS_OWN:
            raise unknown("setting of a parameter group", name, SETTINGS)


def check_choices(settings: Mapping[str, Any]) -> None:
    """Check every setting that is not a number.

    Every step checks every group, since groups can be changed: 1 us of some 400 us.

    Raises:
        InputError: naming the argument, its value, what is allowed and the nearest valid name.
    """
    for name, allowed in CHOICES.items():
        chosen = settings[name]
        if chosen in allowed:
            continue
        if name in ("mu_schedule", "nu_schedule") and isinstance(chosen, str) and ":" in chosen:
            decay_schedule(chosen)  # a function of the user's own: it can be imported
        elif name == "momentum" and isinstance(chosen, Real):
            raise InputError(
                f"momentum must be one of {', '.join(allowed)}, and mu its number, got {chosen!r}; "
                "OneCycleLR and CyclicLR write one unless cycle_momentum=False"
            )
        else:
            raise unknown(name, chosen, allowed)
    for name in SWITCHES:
        if not isinstance(settings[name], bool):
            raise InputError(f"{name} must be True or False, got {settings[name]!r}")
    if settings["sign"] and settings["adaptive"] != "none":
        raise InputError(
            "sign must be False unless adaptive='none', since a norm does not change a sign, got True with "
            f"adaptive={settings['adaptive']!r}"
        )


def check_settings(settings: Mapping[str, Any]) -> None:
    """Check every setting.

    Raises:
        InputError: naming the argument, its value, what is allowed and the nearest valid name.
    """
    check_choices(settings)
    accumulates = settings["adaptive"] == "sum" and settings["nu_schedule"] == "constant"
    _check_number("lr", settings["lr"], lambda x: (x > 0) & (x < math.inf), "above 0 and finite")
    _check_number("mu", settings["mu"], lambda x: (x >= 0) & (x < 1), "in [0, 1)")
    if accumulates:
        _check_number("nu", settings["nu"], lambda x: (x >= 0) & (x <= 1), "in [0, 1]")
    else:
        rule = "in [0, 1) (1 needs adaptive='sum' with nu_schedule='constant')"
        _check_number("nu", settings["nu"], lambda x: (x >= 0) & (x < 1), rule)
    _check_number("p", settings["p"], lambda x: x >= 1, "at least 1 (inf is the maximum norm)")
    _check_number(
        "epsilon", settings["epsilon"], lambda x: (x >= 0) & (x < math.inf), "at least 0 and finite"
    )
    _check_number("slow_mu", settings["slow_mu"], lambda x: (x >= 0) & (x < 1), "in [0, 1)")
    _check_number(
        "slow_weight", settings["slow_weight"], lambda x: (x >= 0) & (x < math.inf), "at least 0 and finite"
    )
    if (
        isinstance(settings["period"], bool)
        or not isinstance(settings["period"], int)
        or settings["period"] < 1
    ):
        raise InputError(f"period must be an integer of at least 1, got {settings['period']!r}")
    lengths = {
        name: len(settings[name])
        for name in NUMBERS
        if isinstance(settings[name], Tensor) and settings[name].ndim
    }
    if len(set(lengths.values())) > 1:
        raise InputError(
            f"hyperparameters of one cohort need one entry per member each, got lengths {lengths}"
        )


def _check_number(name: str, number: object, holds: Callable[[Any], Any], rule: str) -> None:
    if isinstance(number, Tensor):
        fits = (
            number.ndim <= 1
            and number.numel() > 0
            and not number.is_complex()
            and bool(torch.as_tensor(holds(number)).all())
        )
    else:
        fits = isinstance(number, (int, float)) and not isinstance(number, bool) and bool(holds(number))
    if not fits:
        shown = number.tolist() if isinstance(number, Tensor) else number
        kind = "" if isinstance(number, (int, float, Tensor)) else f" of type {type(number).__name__}"
        raise InputError(f"{name} must be {rule}, got {shown!r}{kind}")


def check_parameter(param: Tensor, settings: Mapping[str, Any]) -> None:
    """Check that a parameter fits its settings.

    Raises:
        InputError: for a wrong dtype or shape.
    """
    if not param.is_floating_point():
        raise InputError(f"Hyperalgorithm needs real floating-point parameters, got one of {param.dtype}")
    for name in NUMBERS:
        number = settings[name]
        if (
            isinstance(number, Tensor)
            and number.numel() > 1
            and (param.ndim == 0 or len(param) != len(number))
        ):
            shape = tuple(param.shape)
            raise InputError(
                f"{name} has one entry for each of {len(number)} members, so parameters need shape "
                f"[{len(number)}, ...], got {shape}"
            )
    if settings["adaptive"] != "none":
        epsilon = torch.as_tensor(settings["epsilon"], dtype=torch.float64)
        if bool(((epsilon > 0) & (epsilon.to(param.dtype) == 0)).any()):
            kind = torch.finfo(param.dtype)
            least = kind.smallest_normal * kind.eps
            raise InputError(
                f"epsilon must be at least {least:.0e} (or 0) for {param.dtype}, which rounds it to 0, got "
                f"{epsilon.tolist()}"
            )
