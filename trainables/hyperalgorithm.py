"""The hyperalgorithm: one optimizer of which SGD, momentum, AdaGrad, RMSProp, Adam, NAdam and some 750 others are settings.

Source: Dozat, "Optimizing CNNs", Algorithm 1. The letters below are the paper's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from trainables.names import InputError, unknown
from trainables.schedules import DECAY_SCHEDULES

Number = float | Tensor
Coefficient = float | list[Tensor]
"""What multiplies a list of tensors: one number, or one broadcastable tensor for each of them (a cohort)."""

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


class Hyperalgorithm(torch.optim.Optimizer):
    r"""Algorithm 1 of "Optimizing CNNs" as a ``torch.optim.Optimizer``; the defaults are Adam.

    .. math::
        v_t &= \nu_t v_{t-1} + \{1 - \nu_t \text{ or } 1\} |h_t|^p
            \qquad (p = \infty: v_t = \max(\nu_t v_{t-1}, |h_t|)) \\
        \bar v_t &= v_t^{1/p} + \epsilon \\
        g_t &= \{1 \text{ or } \alpha_t / \bar v_t\} \nabla f_t(\theta_{t-1}) \\
        m_t &= \mu_t m_{t-1} + \{1 - \mu_t \text{ or } 1\} g_t \\
        \bar m_t &= \{m_t \text{ or } \mu_{t+1} m_t + \{1 - \mu_t \text{ or } 1\} g_t\} \\
        \theta_t &= \theta_{t-1} - \{\alpha_t / \bar v_t \text{ or } 1\} \bar m_t

    Args:
        params: parameters or parameter groups. A cohort of K models has parameters of shape ``[K, ...]``.
        lr: alpha, above 0. Like the other numbers it is a float, or for a cohort a tensor of shape ``[K]``.
        mu: decay of the momentum, in [0, 1).
        nu: decay of the adaptive denominator, in [0, 1); 1 only for ``adaptive="sum"`` with a constant schedule (AdaGrad).
        p: the norm, at least 1; ``math.inf`` is the maximum norm.
        epsilon: added to the denominator, at least 0; unused without a denominator (``adaptive="none"``).
        momentum: ``"cm"`` classical momentum, ``"nag"`` Nesterov's, or ``"none"`` (m_t = g_t).
        momentum_gradient: momentum accumulates the gradient (``"unscaled"``) or the update
            alpha_t / v_bar_t * gradient (``"scaled"``).
        momentum_accumulation: a decaying ``"mean"`` or ``"sum"``.
        adaptive: a decaying ``"mean"`` or ``"sum"`` of \|h\|^p, or ``"none"`` (v_bar_t = 1).
        order: ``"first"``: h_t is the gradient. ``"second"`` is not available yet.
        mu_schedule, nu_schedule: ``"constant"``, ``"bias_corrected"``, ``"true_mean"`` or ``"handcrafted"``
            (see :mod:`trainables.schedules`).
        period: steps between two rises of the handcrafted schedule, an integer of at least 1.
        maximize: climb instead of descend.

    Raises:
        InputError: an argument outside what is stated above.
        NotImplementedError: ``order="second"``.

    >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
    >>> optimizer = Hyperalgorithm([weight], lr=0.1)
    >>> weight.grad = torch.tensor([4.0])
    >>> optimizer.step()
    >>> round(weight.item(), 4)
    0.9
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: Number,
        mu: Number = 0.9,
        nu: Number = 0.999,
        p: Number = 2.0,
        epsilon: Number = 1e-8,
        *,
        momentum: str = "cm",
        momentum_gradient: str = "unscaled",
        momentum_accumulation: str = "mean",
        adaptive: str = "mean",
        order: str = "first",
        mu_schedule: str = "bias_corrected",
        nu_schedule: str = "bias_corrected",
        period: int = 250,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "mu": mu,
            "nu": nu,
            "p": p,
            "epsilon": epsilon,
            "momentum": momentum,
            "momentum_gradient": momentum_gradient,
            "momentum_accumulation": momentum_accumulation,
            "adaptive": adaptive,
            "order": order,
            "mu_schedule": mu_schedule,
            "nu_schedule": nu_schedule,
            "period": period,
            "maximize": maximize,
        }
        check_settings(defaults)
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with settings of their own. Raises: InputError for settings that do not fit, or complex parameters."""
        settings = {**self.defaults, **{name: each for name, each in param_group.items() if name != "params"}}
        check_settings(settings)
        super().add_param_group(param_group)
        try:
            for param in self.param_groups[-1]["params"]:
                _check_parameter(param, settings)
        except InputError:
            self.param_groups.pop()
            raise

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of every parameter that has a gradient. Args: closure: re-evaluates the loss, which is returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for step, params in self._by_step(group["params"]).items():
                self._update(group, params, step)
        return loss

    def _by_step(self, params: Sequence[Tensor]) -> dict[int, list[Tensor]]:
        """Count one more step for every parameter with a gradient; parameters grouped by the step they are at."""
        batches: dict[int, list[Tensor]] = {}
        for param in params:
            if param.grad is None:
                continue
            if param.grad.is_sparse:
                raise InputError("Hyperalgorithm needs dense gradients, got a sparse one; use sparse=False in the embedding")
            state = self.state[param]
            state["step"] = state.get("step", 0) + 1
            batches.setdefault(state["step"], []).append(param)
        return batches

    def _moments(self, params: Sequence[Tensor], name: str) -> list[Tensor]:
        for param in params:
            if name not in self.state[param]:
                self.state[param][name] = torch.zeros_like(param, memory_format=torch.preserve_format)
        return [self.state[param][name] for param in params]

    def _update(self, group: dict[str, Any], params: list[Tensor], t: int) -> None:
        gradient = [param.grad for param in params if param.grad is not None]
        if group["maximize"]:
            gradient = list(torch._foreach_neg(gradient))
        alpha, epsilon = group["lr"], _coefficient(group["epsilon"], params)
        mu_schedule, nu_schedule = DECAY_SCHEDULES[group["mu_schedule"]], DECAY_SCHEDULES[group["nu_schedule"]]
        scaled = group["momentum_gradient"] == "scaled"
        h = gradient

        v_bar: list[Tensor] | None = None
        if group["adaptive"] != "none":
            v = self._moments(params, "v")
            nu = nu_schedule(group["nu"], t, group["period"])
            weight = 1.0 if group["adaptive"] == "sum" else 1 - nu
            _accumulate_power(v, _coefficient(nu, params), _coefficient(weight, params), h, group["p"])
            v_bar = _root(v, group["p"])
            torch._foreach_add_(v_bar, epsilon)

        if group["momentum"] == "none":
            _descend(params, _coefficient(alpha, params), gradient, v_bar)
            return

        mu = mu_schedule(group["mu"], t, group["period"])
        g_weight = 1.0 if group["momentum_accumulation"] == "sum" else 1 - mu
        m = self._moments(params, "m")
        g = _step(_coefficient(alpha, params), gradient, v_bar) if scaled else gradient
        if group["momentum_accumulation"] == "mean":
            torch._foreach_lerp_(m, g, _coefficient(1 - mu, params))  # mu m + (1 - mu) g in one pass
        else:
            torch._foreach_mul_(m, _coefficient(mu, params))
            torch._foreach_add_(m, g)

        if scaled:  # the step length is in m already
            alpha, v_bar = 1.0, None
        if group["momentum"] == "cm":
            _descend(params, _coefficient(alpha, params), m, v_bar)
        else:  # m_bar is a sum of two terms: each is subtracted on its own, which saves writing the sum
            mu_next = mu_schedule(group["mu"], t + 1, group["period"])
            _descend(params, _coefficient(alpha * mu_next, params), m, v_bar)
            _descend(params, _coefficient(alpha * g_weight, params), g, v_bar)


def _coefficient(number: Number, params: Sequence[Tensor]) -> Coefficient:
    """A number as it is; a tensor with one entry per member, shaped to broadcast over each parameter ``[K, ...]``."""
    if not isinstance(number, Tensor):
        return number
    # Converted once per shape and dtype, not once per parameter.
    views: dict[tuple[int, torch.dtype, torch.device], Tensor] = {}
    shaped = []
    for param in params:
        kind = (param.ndim, param.dtype, param.device)
        if kind not in views:
            views[kind] = number.to(param.device, param.dtype).reshape([-1, *[1] * (param.ndim - 1)] if param.ndim else [])
        shaped.append(views[kind])
    return shaped


def _accumulate_power(v: list[Tensor], nu: Coefficient, weight: Coefficient, h: list[Tensor], p: Number) -> None:
    """v <- nu v + weight |h|^p, or for p = inf v <- max(nu v, |h|), in place."""
    torch._foreach_mul_(v, nu)
    if isinstance(p, Tensor):
        for i, (each_v, each_h, each_p) in enumerate(zip(v, h, _listed(p, h), strict=True)):
            size = each_h.abs()
            w = weight[i] if isinstance(weight, list) else weight
            grown = each_v + w * size ** each_p.nan_to_num(posinf=1.0)
            each_v.copy_(torch.where(each_p.isinf(), torch.maximum(each_v, size), grown))
    elif math.isinf(p):
        torch._foreach_maximum_(v, torch._foreach_abs(h))
    elif p == 2 and not isinstance(weight, list):
        torch._foreach_addcmul_(v, h, h, weight)
    else:
        power = list(torch._foreach_mul(h, h) if p == 2 else torch._foreach_abs(h))
        if p not in (1, 2):
            torch._foreach_pow_(power, p)
        _add(v, weight, power)


def _root(v: list[Tensor], p: Number) -> list[Tensor]:
    """v^(1/p) as new tensors; v itself for p = inf, its limit."""
    if isinstance(p, Tensor):
        return [torch.where(each_p.isinf(), each_v, each_v ** (1 / each_p)) for each_v, each_p in zip(v, _listed(p, v), strict=True)]
    if p == 2:
        return list(torch._foreach_sqrt(v))
    if p == 1 or math.isinf(p):
        return [each.clone() for each in v]
    return list(torch._foreach_pow(v, 1 / p))


def _listed(number: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    shaped = _coefficient(number, like)
    assert isinstance(shaped, list)
    return shaped


def _add(target: list[Tensor], weight: Coefficient, values: list[Tensor]) -> None:
    """target <- target + weight * values, in place."""
    if isinstance(weight, list):
        torch._foreach_add_(target, torch._foreach_mul(values, weight))
    else:
        torch._foreach_add_(target, values, alpha=weight)


def _step(alpha: Coefficient, direction: list[Tensor], v_bar: list[Tensor] | None) -> list[Tensor]:
    """alpha / v_bar * direction as new tensors."""
    step = torch._foreach_mul(direction, alpha)
    if v_bar is not None:
        torch._foreach_div_(step, v_bar)
    return list(step)


def _descend(theta: list[Tensor], alpha: Coefficient, direction: list[Tensor], v_bar: list[Tensor] | None) -> None:
    """theta <- theta - alpha / v_bar * direction, in place."""
    if isinstance(alpha, list):
        torch._foreach_sub_(theta, _step(alpha, direction, v_bar))
    elif v_bar is None:
        torch._foreach_add_(theta, direction, alpha=-alpha)
    else:
        torch._foreach_addcdiv_(theta, direction, v_bar, -alpha)


def check_settings(settings: dict[str, Any]) -> None:
    """Hold every setting against what the hyperalgorithm allows.

    Raises: InputError naming the argument, its value, what is allowed and the nearest valid name;
    NotImplementedError for order="second".
    """
    for name, allowed in CHOICES.items():
        if settings[name] not in allowed:
            raise unknown(name, settings[name], allowed)
    if settings["order"] == "second":
        raise NotImplementedError("order='second' (equilibrated gradient descent) is not available yet; use 'first'")
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


def _check_parameter(param: Tensor, settings: dict[str, Any]) -> None:
    if not param.is_floating_point():
        raise InputError(f"Hyperalgorithm needs real floating-point parameters, got one of {param.dtype}")
    for name in NUMBERS:
        number = settings[name]
        if isinstance(number, Tensor) and number.numel() > 1 and (param.ndim == 0 or len(param) != len(number)):
            shape = tuple(param.shape)
            raise InputError(
                f"{name} has one entry for each of {len(number)} members, so parameters need shape [{len(number)}, ...], got {shape}"
            )
