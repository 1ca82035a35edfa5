"""One step of the hyperalgorithm on lists of tensors, for one model or a cohort of stacked models.

Source: Dozat, "Optimizing CNNs", Algorithm 1. The letters below are the paper's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from trainables import compat
from trainables.caution import keep_agreeing_
from trainables.hyperalgorithm_settings import NUMBERS
from trainables.norms import POWERS, add_in_norm_
from trainables.schedules import decay_schedule

Number = float | Tensor
Coefficient = float | list[Tensor]
"""What multiplies a list of tensors: one number, or one broadcastable tensor for each of them (a cohort)."""


class Numbers(NamedTuple):
    """The numbers of one step: each a float, or for a cohort a tensor with one entry per member.

    Attributes:
        alpha: of the step.
        epsilon: of the step.
        mu: mu_t, and
        mu_next: mu_{t+1}, both 0 where they take no part.
        nu: nu_t, None where v is left alone.
        slow_weight: of the slow momentum, None where there is none.
        slow_rest: 1 - slow_mu.
        mu_rest: 1 - mu_t and 1 - nu_t where mu and nu are in the parameters' dtype already, which has too few
            digits for a difference from 1; else None.
        nu_rest: 1 - mu_t and 1 - nu_t where mu and nu are in the parameters' dtype already, which has too few
            digits for a difference from 1; else None.
    """

    alpha: Number
    epsilon: Number
    mu: Number
    mu_next: Number
    nu: Number | None
    mu_rest: Number | None = None
    nu_rest: Number | None = None
    slow_weight: Number | None = None
    slow_rest: Number = 1.0


def numbers_at(settings: Mapping[str, Any], t: int, updates: int | None) -> Numbers:
    """Return the numbers of step t by their schedules.

    Args:
        settings: settings of the hyperalgorithm.
        t: step, counted from 1.
        updates: updates of v so far, this step included; None if v is not updated.
    """
    mu: Number = 0.0
    mu_next: Number = 0.0
    nu: Number | None = None
    if settings["momentum"] != "none":
        schedule = decay_schedule(settings["mu_schedule"])
        mu = schedule(settings["mu"], t, settings["period"])
        if settings["momentum"] == "nag":
            mu_next = schedule(settings["mu"], t + 1, settings["period"])
    if settings["adaptive"] != "none" and updates is not None:
        nu = decay_schedule(settings["nu_schedule"])(settings["nu"], updates, settings["period"])
    numbers = Numbers(settings["lr"], settings["epsilon"], mu, mu_next, nu)
    slow_weight = settings["slow_weight"]
    if not isinstance(slow_weight, Tensor) and slow_weight == 0:  # reading a tensor would wait for the device
        return numbers
    return numbers._replace(slow_weight=slow_weight, slow_rest=1 - settings["slow_mu"])


def update(
    settings: Mapping[str, Any],
    numbers: Numbers,
    params: list[Tensor],
    gradient: list[Tensor],
    h: list[Tensor] | None,
    moments: Callable[[str], list[Tensor]],
    pieces: Callable[[Tensor], list[Tensor]] | None = None,
) -> None:
    """Take one step, in place.

    Args:
        settings: of the hyperalgorithm; its choices and p count here.
        numbers: of this step.
        params: theta.
        gradient: gradient of the loss; not changed.
        h: h_t, None where v is left alone.
        moments: the state by its name, ``m``, ``v``, ``root`` or ``m_slow``, as tensors like theta.
        pieces: the parameters in a tensor like theta, as views ``[K, ...]``, where theta is the rows of a
            stack; None where every tensor of theta is a parameter.
    """
    alpha = numbers.alpha
    scaled = settings["momentum_gradient"] == "scaled"
    v_bar: list[Tensor] | None = None
    if settings["adaptive"] != "none":
        p, nu = settings["p"], numbers.nu
        weight = (
            1.0
            if settings["adaptive"] == "sum" or nu is None
            else 1 - nu
            if numbers.nu_rest is None
            else numbers.nu_rest
        )
        if isinstance(p, Tensor) or p not in POWERS:
            v_bar = moments("root")
            if h is not None and nu is not None:
                _accumulate_norm(v_bar, nu, weight, h, p)
            v_bar = [norm.clone() for norm in v_bar]
        else:
            v = moments("v")
            if h is not None and nu is not None:
                _accumulate_power(v, _coefficient(nu, params), _coefficient(weight, params), h, p)
            v_bar = list(compat.foreach_sqrt(v)) if p == 2 else [norm.clone() for norm in v]
        compat.foreach_add_(v_bar, _coefficient(numbers.epsilon, params))

    momentum, slow = settings["momentum"], numbers.slow_weight is not None
    if momentum == "none" and not slow:
        scaled = False  # the step is the same
    mu_rest = 1 - numbers.mu if numbers.mu_rest is None else numbers.mu_rest
    g_weight = 1.0 if settings["momentum_accumulation"] == "sum" else mu_rest
    g = _step(_coefficient(alpha, params), gradient, v_bar) if scaled else gradient
    m = g
    if momentum != "none":
        m = moments("m")
        if settings["momentum_accumulation"] == "mean":
            compat.foreach_lerp_(m, g, _coefficient(mu_rest, params))  # mu m + (1 - mu) g in one pass
        else:
            compat.foreach_mul_(m, _coefficient(numbers.mu, params))
            compat.foreach_add_(m, g)

    if scaled:  # the step length is in m already
        alpha, v_bar = 1.0, None
    if slow or settings["sign"] or settings["cautious"]:
        m_bar = _m_bar(momentum, numbers.mu_next, g_weight, m, g)
        if numbers.slow_weight is not None:
            m_slow = moments("m_slow")
            compat.foreach_lerp_(m_slow, g, _coefficient(numbers.slow_rest, params))
            _add(m_bar, _coefficient(numbers.slow_weight, params), m_slow)
        if settings["sign"]:  # which has no length, of scaled gradients neither
            compat.foreach_sign_(m_bar)
            alpha = numbers.alpha
        if settings["cautious"]:
            _keep_agreeing(m_bar, gradient, settings, pieces)
        _descend(params, _coefficient(alpha, params), m_bar, v_bar)
    elif (
        momentum == "nag"
    ):  # m_bar is a sum of two terms: each is subtracted on its own, which saves writing it
        _descend(params, _coefficient(alpha * numbers.mu_next, params), m, v_bar)
        _descend(params, _coefficient(alpha * g_weight, params), g, v_bar)
    else:
        _descend(params, _coefficient(alpha, params), m, v_bar)


def _m_bar(
    momentum: str, mu_next: Number, g_weight: Number, m: list[Tensor], g: list[Tensor]
) -> list[Tensor]:
    """Return m_bar as new tensors."""
    if momentum != "nag":
        return [tensor.clone() for tensor in m]
    m_bar = list(compat.foreach_mul(m, _coefficient(mu_next, m)))
    _add(m_bar, _coefficient(g_weight, m), g)
    return m_bar


def _keep_agreeing(
    m_bar: list[Tensor],
    gradient: list[Tensor],
    settings: Mapping[str, Any],
    pieces: Callable[[Tensor], list[Tensor]] | None,
) -> None:
    """Apply :func:`trainables.caution.keep_agreeing_` to every parameter, of every member on its own."""
    members = pieces is not None or any(
        isinstance(settings[name], Tensor) and settings[name].numel() > 1 for name in NUMBERS
    )
    for direction, slope in zip(m_bar, gradient, strict=True):
        pairs = [(direction, slope)] if pieces is None else zip(pieces(direction), pieces(slope), strict=True)
        for one, other in pairs:
            keep_agreeing_(one, other, members=members)


def _coefficient(number: Number, params: Sequence[Tensor]) -> Coefficient:
    """Return a number unchanged; a tensor with one entry a member, shaped to broadcast over each parameter
    ``[K, ...]``.
    """
    if not isinstance(number, Tensor):
        return number
    if all(
        number.dtype == param.dtype and number.ndim == param.ndim > 0 and number.device == param.device
        for param in params
    ):
        return [number] * len(params)
    # Converted once per shape and dtype, not once per parameter.
    views: dict[tuple[int, torch.dtype, torch.device], Tensor] = {}
    shaped = []
    for param in params:
        kind = (param.ndim, param.dtype, param.device)
        if kind not in views:
            views[kind] = number.to(param.device, param.dtype).reshape(
                [-1, *[1] * (param.ndim - 1)] if param.ndim else []
            )
        shaped.append(views[kind])
    return shaped


def _accumulate_power(
    v: list[Tensor], nu: Coefficient, weight: Coefficient, h: list[Tensor], p: float
) -> None:
    """v <- nu v + weight |h|^p for p = 1 or 2, or for p = inf v <- max(nu v, |h|), in place."""
    compat.foreach_mul_(v, nu)
    if math.isinf(p):
        compat.foreach_maximum_(v, compat.foreach_abs(h))
    elif p == 2:
        if isinstance(weight, list):
            compat.foreach_addcmul_(v, compat.foreach_mul(h, weight), h)
        else:
            compat.foreach_addcmul_(v, h, h, weight)
    else:
        _add(v, weight, list(compat.foreach_abs(h)))


def _accumulate_norm(root: list[Tensor], nu: Number, weight: Number, h: list[Tensor], p: Number) -> None:
    """root <- (nu root^p + weight |h|^p)^(1/p), or where p = inf max(nu root, |h|), in place."""
    compat.foreach_mul_(root, _coefficient(_rooted(nu, p, nu), h))
    size = list(compat.foreach_abs(h))
    compat.foreach_mul_(size, _coefficient(_rooted(weight, p, 1.0), h))
    add_in_norm_(root, size, _coefficient(p, h))


def _rooted(number: Number, p: Number, infinite: Number) -> Number:
    """Return number^(1/p), and ``infinite`` where p = inf."""
    if not isinstance(p, Tensor):
        return number ** (1 / p)
    base, limit = (part.to(p.device) if isinstance(part, Tensor) else part for part in (number, infinite))
    # Not a power: a CPU computes powers that do not fill its vectors by another function, and a member's
    # value would depend on its neighbours.
    whole = (
        base.double()
        if isinstance(base, Tensor)
        else torch.full((), base, dtype=torch.float64, device=p.device)
    )
    return torch.where(p.isinf(), limit, torch.exp(torch.log(whole) / p.double()))


def _add(target: list[Tensor], weight: Coefficient, values: list[Tensor]) -> None:
    """target <- target + weight * values, in place."""
    if isinstance(weight, list):
        compat.foreach_add_(target, compat.foreach_mul(values, weight))
    else:
        compat.foreach_add_(target, values, alpha=weight)


def _step(alpha: Coefficient, direction: list[Tensor], v_bar: list[Tensor] | None) -> list[Tensor]:
    """Return alpha / v_bar * direction as new tensors."""
    step = compat.foreach_mul(direction, alpha)
    if v_bar is not None:
        compat.foreach_div_(step, v_bar)
    return list(step)


def _descend(
    theta: list[Tensor], alpha: Coefficient, direction: list[Tensor], v_bar: list[Tensor] | None
) -> None:
    """theta <- theta - alpha / v_bar * direction, in place."""
    if v_bar is None:
        if isinstance(alpha, list):
            compat.foreach_addcmul_(theta, direction, alpha, -1.0)
        else:
            compat.foreach_add_(theta, direction, alpha=-alpha)
    elif isinstance(alpha, list):
        compat.foreach_addcdiv_(theta, compat.foreach_mul(direction, alpha), v_bar, -1.0)
    else:
        compat.foreach_addcdiv_(theta, direction, v_bar, -alpha)
