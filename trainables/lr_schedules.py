r"""Schedules of the learning rate: the factor on lr at step t.

Each is a pure function of the step t, counted from 1. With T steps in all, n of them an epoch and w of
warm-up,

.. math:: \alpha_t = \alpha \, \min(1, t / w) \, f(t)

where f is one of the functions below. Cosine and linear spend the steps after the warm-up; step and
exponential count epochs from the start.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from trainables.dotted import imported
from trainables.names import InputError, unknown


@dataclass(frozen=True)
class Decay:
    """Length of a run and settings that learning-rate schedules depend on.

    Args:
        total: steps in all.
        per_epoch: steps an epoch.
        lr_warmup: share of the steps that warm up, in [0, 1).
        lr_decay: factor of step and exponential, in (0, 1].
        lr_decay_every: epochs between two steps down, above 0.
        lr_final: share of lr that cosine and linear end at, in [0, 1].
    """

    total: int
    per_epoch: int = 1
    lr_warmup: float = 0.0
    lr_decay: float = 0.94
    lr_decay_every: float = 2
    lr_final: float = 0.0

    @property
    def warmup_steps(self) -> int:
        """Number of warm-up steps, w."""
        return round(self.lr_warmup * self.total)

    def spent(self, step: int) -> float:
        """Return the share of the steps after the warm-up that are done: 0 at the first step, below 1 at the
        last.
        """
        return max(0, step - 1 - self.warmup_steps) / max(1, self.total - self.warmup_steps)


def constant(step: int, decay: Decay) -> float:
    r"""Keep the learning rate constant.

    .. math:: f(t) = 1

    >>> constant(7, Decay(10))
    1.0
    """
    return 1.0


def step(step: int, decay: Decay) -> float:
    r"""Decay by a factor every few epochs.

    .. math:: f(t) = d^{\lfloor (t - 1) / (n k) \rfloor}

    with d = lr_decay and k = lr_decay_every.

    Source: Dozat, "Optimizing CNNs", section 4.1: .94 every two epochs.

    >>> [round(step(t, Decay(10, per_epoch=2)), 4) for t in (1, 4, 5, 9)]
    [1.0, 1.0, 0.94, 0.8836]
    """
    return float(decay.lr_decay ** math.floor((step - 1) / (decay.per_epoch * decay.lr_decay_every)))


def exponential(step: int, decay: Decay) -> float:
    r"""Decay by a factor an epoch, in every step.

    .. math:: f(t) = d^{(t - 1) / n}

    with d = lr_decay.

    >>> [round(exponential(t, Decay(10, per_epoch=2, lr_decay=0.81)), 4) for t in (1, 2, 3)]
    [1.0, 0.9, 0.81]
    """
    return float(decay.lr_decay ** ((step - 1) / decay.per_epoch))


def cosine(step: int, decay: Decay) -> float:
    r"""Decay along half a cosine.

    .. math:: f(t) = c + (1 - c) \frac{1 + \cos \pi s}{2}, \quad s = \frac{\max(0, t - 1 - w)}{T - w}

    with c = lr_final.

    Source: Loshchilov & Hutter (2017), section 3, without restarts.

    >>> [round(cosine(t, Decay(4)), 4) for t in (1, 2, 3, 4)]
    [1.0, 0.8536, 0.5, 0.1464]
    """
    return decay.lr_final + (1 - decay.lr_final) * (1 + math.cos(math.pi * decay.spent(step))) / 2


def linear(step: int, decay: Decay) -> float:
    r"""Decay along a straight line.

    .. math:: f(t) = c + (1 - c) (1 - s), \quad s = \frac{\max(0, t - 1 - w)}{T - w}

    with c = lr_final.

    >>> [linear(t, Decay(4)) for t in (1, 2, 3, 4)]
    [1.0, 0.75, 0.5, 0.25]
    """
    return decay.lr_final + (1 - decay.lr_final) * (1 - decay.spent(step))


LR_SCHEDULES: dict[str, Callable[[int, Decay], float]] = {
    "constant": constant,
    "step": step,
    "exponential": exponential,
    "cosine": cosine,
    "linear": linear,
}


def lr_factor(schedule: str, step: int, decay: Decay) -> float:
    """Return the factor on the learning rate at a step, warm-up included.

    Args:
        schedule: one of :data:`LR_SCHEDULES`, or ``package.module:function`` of a ``Callable[[int], float]``
            that gives the factor at step t.
        step: t, from 1.
        decay: length of the run and settings.

    Raises:
        InputError: with the nearest known name; for a path that cannot be imported; for a factor that is
            negative or not finite.

    >>> [lr_factor("constant", t, Decay(10, lr_warmup=0.4)) for t in (1, 2, 4, 5)]
    [0.25, 0.5, 1.0, 1.0]
    """
    warm = min(1.0, step / decay.warmup_steps) if decay.warmup_steps else 1.0
    return warm * lr_schedule(schedule)(step, decay)


def lr_schedule(name: str) -> Callable[[int, Decay], float]:
    """Return a schedule by its name or import path, without warm-up; errors as for :func:`lr_factor`."""
    if isinstance(name, str) and name in LR_SCHEDULES:
        return LR_SCHEDULES[name]
    if not isinstance(name, str) or ":" not in name:
        raise unknown("lr_schedule", name, [*LR_SCHEDULES, "package.module:function"])
    return _imported_schedule(name)


@lru_cache(maxsize=64)
def _imported_schedule(path: str) -> Callable[[int, Decay], float]:
    function = imported(path, "lr_schedule")
    if not callable(function):
        raise InputError(
            f"lr_schedule {path!r} must be a function of the step, got {type(function).__name__}"
        )

    def factor(step: int, decay: Decay) -> float:
        value = float(function(step))
        if not 0 <= value < math.inf:
            raise InputError(
                f"lr_schedule {path!r} must be at least 0 and finite, got {value} at step {step}"
            )
        return value

    return factor
