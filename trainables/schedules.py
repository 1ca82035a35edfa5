r"""Schedules of a decay (mu or nu): the fraction of a moving average that remains at step t.

Each is a pure function of the decay d and the step t, counted from 1; d is a number or a tensor with one
entry per cohort member.

Source: Dozat, "Optimizing CNNs", sections 2.1 and 3.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from trainables.dotted import imported
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from torch import Tensor

    Decay = TypeVar("Decay", float, Tensor, float | Tensor)
else:
    Decay = TypeVar("Decay")


def constant(decay: Decay, step: int, period: int = 250) -> Decay:
    r"""Keep the decay constant.

    .. math:: d_t = d

    >>> constant(0.9, 1)
    0.9
    """
    return decay


def bias_corrected(decay: Decay, step: int, period: int = 250) -> Decay:
    r"""Decay that removes the bias of a zero-initialised mean: 0 at the first step, ``decay`` in the limit.

    .. math:: d_t = d \, \frac{1 - d^{t-1}}{1 - d^t}

    Args:
        decay: d, in [0, 1).
        step: t, counted from 1.

    Source: Kingma & Ba (2015) as rewritten by Dozat, section 2.1.

    >>> [round(bias_corrected(0.9, t), 4) for t in (1, 2, 1000)]
    [0.0, 0.4737, 0.9]
    """
    return decay * (1 - decay ** (step - 1)) / (1 - decay**step)


def true_mean(decay: Decay, step: int, period: int = 250) -> Decay:
    r"""Decay that makes the moving average the mean of all values so far, for every ``decay``.

    .. math:: d_t = \frac{t - 1}{t}

    The limit of :func:`bias_corrected` as d approaches 1.

    Source: Dozat, section 3.

    >>> [true_mean(0.9, t) for t in (1, 2, 4)]
    [0.0, 0.5, 0.75]
    """
    return decay * 0 + (step - 1) / step


def handcrafted(decay: Decay, step: int, period: int = 250) -> Decay:
    r"""Decay that rises in steps of ``period`` towards ``decay``, starting at 0.

    .. math:: d_t = \min\left(1 - \frac{1}{\lfloor (t - 1) / \mathrm{period} \rfloor + 1},\; d\right)

    Args:
        period: steps between two rises, at least 1.

    Source: Sutskever et al. (2013), adapted by Dozat (section 4.2) so that d_1 = 0.

    >>> [handcrafted(0.9, t) for t in (1, 250, 251, 100_000)]
    [0.0, 0.0, 0.5, 0.9]
    """
    risen = 1 - 1 / ((step - 1) // period + 1)
    if isinstance(decay, (int, float)):
        return min(risen, decay)
    return decay.clamp(max=risen)


DECAY_SCHEDULES: dict[str, Callable[..., Any]] = {
    "constant": constant,
    "bias_corrected": bias_corrected,
    "true_mean": true_mean,
    "handcrafted": handcrafted,
}


def decay_schedule(name: str) -> Callable[..., Any]:
    """Return a schedule of mu or nu by its name, or a user's function by its import path.

    Args:
        name: one of :data:`DECAY_SCHEDULES`, or ``package.module:function`` of a ``Callable[[int], float]``
            that gives the value at step t, counted from 1; the decay and the period are then not used.

    Raises:
        InputError: with the nearest known name, or for a path that cannot be imported.

    >>> decay_schedule("true_mean")(0.9, 4)
    0.75
    """
    known = DECAY_SCHEDULES.get(name) if isinstance(name, str) else None
    if known is not None:
        return known
    if not isinstance(name, str) or ":" not in name:
        raise unknown("schedule", name, [*DECAY_SCHEDULES, "package.module:function"])
    return _imported_schedule(name)


@lru_cache(maxsize=64)
def _imported_schedule(path: str) -> Callable[..., float]:
    function = imported(path, "schedule")
    if not callable(function):
        raise InputError(f"schedule {path!r} must be a function of the step, got {type(function).__name__}")

    def schedule(decay: Any, step: int, period: int = 250) -> float:
        value = float(function(step))
        if not 0 <= value < 1:
            raise InputError(f"schedule {path!r} must stay in [0, 1), got {value} at step {step}")
        return value

    return schedule
