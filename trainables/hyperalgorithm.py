"""The hyperalgorithm: one optimizer with SGD, AdaGrad, RMSProp, Adam, NAdam and some 750 more as settings.

Source: Dozat, "Optimizing CNNs", Algorithm 1. The letters below are the paper's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from trainables import compat
from trainables.hyperalgorithm_settings import (
    CHOICES,
    NEUTRAL,
    check_choices,
    check_group_names,
    check_parameter,
    check_settings,
    plain,
)
from trainables.member_rates import member_rates
from trainables.names import InputError
from trainables.update_rule import Number, numbers_at, update

__all__ = ["CHOICES", "Hyperalgorithm"]

add_param_group = compat.eager("add_param_group")


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

    Three settings that came after the paper change :math:`\bar m_t`, in this order, before theta moves; their
    defaults leave Algorithm 1 as it is, and without state of their own:

    .. math::
        s_t &= \sigma s_{t-1} + (1 - \sigma) g_t, \quad \bar m_t \leftarrow \bar m_t + w s_t
            \qquad (\mathtt{slow\_weight}\ w > 0, \mathtt{slow\_mu}\ \sigma) \\
        \bar m_t &\leftarrow \mathrm{sign}(\bar m_t)
            \qquad (\mathtt{sign}: \text{times } \alpha_t \text{, of scaled gradients too}) \\
        \bar m_t &\leftarrow \bar m_t [\bar m_t \nabla f_t > 0] \, d / (n + 1)
            \qquad (\mathtt{cautious}: n \text{ of a parameter's } d \text{ entries are left})

    Args:
        params: parameters or parameter groups. A cohort of K models has parameters of shape ``[K, ...]``.
        lr: alpha, above 0. Like the other numbers it is a float, or for a cohort a tensor of shape ``[K]``.
            The schedulers of ``torch.optim.lr_scheduler`` drive either, each member from its own lr;
            OneCycleLR and CyclicLR give all members the rates that they were given, and ReduceLROnPlateau,
            which follows one loss, is refused. Their ``cycle_momentum`` must be False: it writes mu into
            ``momentum``.
        mu: decay of the momentum, in [0, 1).
        nu: decay of the adaptive denominator, in [0, 1); 1 only for ``adaptive="sum"`` with a constant
            schedule (AdaGrad).
        p: the norm, at least 1; ``math.inf`` is the maximum norm.
        epsilon: added to the denominator, at least 0; unused without a denominator (``adaptive="none"``). One
            that the parameters' dtype rounds to 0 is refused: float16 needs at least 6e-8.
        momentum: ``"cm"`` classical momentum, ``"nag"`` Nesterov's, or ``"none"`` (m_t = g_t).
        momentum_gradient: momentum accumulates the gradient (``"unscaled"``) or the update alpha_t / v_bar_t
            * gradient (``"scaled"``).
        momentum_accumulation: a decaying ``"mean"`` or ``"sum"``.
        adaptive: a decaying ``"mean"`` or ``"sum"`` of \|h\|^p, or ``"none"`` (v_bar_t = 1).
        order: ``"first"``: h_t is the gradient. ``"second"``: it is what :meth:`step` gets as ``curvature``;
            a step without one leaves v as it is, and the schedule of nu counts the updates of v.
        mu_schedule: ``"constant"``, ``"bias_corrected"``, ``"true_mean"`` or ``"handcrafted"`` (see
            :mod:`trainables.schedules`), or ``"package.module:function"`` of a user's function.
        nu_schedule: ``"constant"``, ``"bias_corrected"``, ``"true_mean"`` or ``"handcrafted"`` (see
            :mod:`trainables.schedules`), or ``"package.module:function"`` of a user's function.
        period: steps between two rises of the handcrafted schedule, an integer of at least 1.
        maximize: climb instead of descend.
        slow_mu: decay of the slow momentum, in [0, 1); unused without one (``slow_weight=0``).
        slow_weight: weight of a second, slow momentum, at least 0 (AdEMAMix's alpha). The slow momentum is a
            mean whatever ``momentum_accumulation`` is, its decay is constant and its bias is left in it.
            ``adam`` with it is the AdEMAMix of Pagliardini et al. (2024), arXiv:2409.03137, with constant
            alpha and beta_3, and so is pytorch_optimizer's with ``t_alpha_beta3=None``, epsilon included; the
            paper's warm-up of the two is no setting. A weight above 0 holds ``m_slow``, as large as theta.
        sign: the update is the sign of m_bar_t times alpha; needs ``adaptive="none"``. Without momentum it is
            signSGD, with ``"cm"`` Signum (Bernstein et al., 2018), and with ``"nag"`` and a constant mu it is
            Lion (Chen et al., 2023, arXiv:2302.06675) with the betas (mu^2, mu), since a decaying mean then
            has m_bar_t = mu^2 m_{t-1} + (1 - mu^2) g_t; Lion's own betas, (.9, .99), are no setting.
        cautious: entries of the update whose sign is not the gradient's are 0 and the others are scaled up
            (Liang et al., 2024, arXiv:2411.16085; :func:`trainables.caution.keep_agreeing_`), in a cohort by
            each member's own count, which needs a number that is a tensor of one entry a member. The gradient
            is that of the step, coupled weight decay included. It is the update that is masked, the slow
            momentum with it; pytorch_optimizer's AdEMAMix masks the fast one alone.

    A parameter group may have settings of its own, by these names. The state of a parameter holds ``step``,
    and ``m``, ``v`` and ``m_slow`` as far as they take part; for any p but 1, 2 and infinity, and where p is
    a tensor, it holds ``root``, :math:`v^{1/p}`, instead of ``v``, which could underflow.

    Raises:
        InputError: an argument outside what is stated above. A step raises it for a choice that was changed
            in a group to an unknown one.

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
        slow_mu: Number = 0.9999,
        slow_weight: Number = 0.0,
        sign: bool = False,
        cautious: bool = False,
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
            "slow_mu": slow_mu,
            "slow_weight": slow_weight,
            "sign": sign,
            "cautious": cautious,
        }
        defaults = plain(defaults)
        check_settings(defaults)
        super().__init__(params, defaults)

    zero_grad = compat.eager("zero_grad")
    state_dict = compat.eager("state_dict")
    load_state_dict = compat.eager("load_state_dict")

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with settings of their own.

        Raises:
            InputError: for settings that are unknown or do not fit, or parameters that are not real.
        """
        param_group = plain(param_group)
        check_group_names(param_group)
        settings = {
            **self.defaults,
            **{name: value for name, value in param_group.items() if name != "params"},
        }
        check_settings(settings)
        add_param_group(self, param_group)
        param_group["lr"] = member_rates(param_group["lr"])
        try:
            for param in self.param_groups[-1]["params"]:
                check_parameter(param, settings)
        except InputError:
            self.param_groups.pop()
            raise

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a pickled optimizer; ``load_state_dict`` ends with this call too."""
        super().__setstate__(state)
        for group in self.param_groups:
            if "lr" in group:
                group["lr"] = member_rates(group["lr"])
            for name, value in NEUTRAL.items():  # a state that was saved before there was the setting
                group.setdefault(name, value)

    @property
    def second_order(self) -> bool:
        """True if the steps of any group take a curvature."""
        return any(_is_second(group) for group in self.param_groups)

    @torch.no_grad()
    def step(  # type: ignore[override]
        self, closure: Callable[[], float] | None = None, *, curvature: Sequence[Tensor] | None = None
    ) -> float | None:
        """Update every parameter that has a gradient.

        Args:
            closure: re-evaluates the loss, which is returned.
            curvature: h_t for ``order="second"``: one tensor for every parameter with a gradient, in the
                order of the groups and of the parameters in each (see
                :func:`trainables.curvature.curvature`). Groups of first order do not look at theirs.

        Raises:
            InputError: when second order lacks its first curvature, or gets one that does not fit the
                parameters; for a choice of a group that is unknown by now. Nothing has moved then.
        """
        for group in self.param_groups:
            check_choices(group)
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        h = self._curvature_of(curvature) if self.second_order else None
        for group in self.param_groups:
            second = _is_second(group)
            for (step, updates), params in self._by_step(
                group["params"], h if second else None, second=second
            ).items():
                self._update(
                    group,
                    params,
                    step,
                    [h[param] for param in params] if second and h is not None else None,
                    updates,
                )
        return loss

    def _curvature_of(self, curvature: Sequence[Tensor] | None) -> dict[Tensor, Tensor] | None:
        """Return the curvature of each parameter, checked before any parameter changes."""
        if curvature is None:
            waiting = (param for group in self.param_groups if _is_second(group) for param in group["params"])
            if any(
                param.grad is not None and not {"v", "root"} & self.state.get(param, {}).keys()
                for param in waiting
            ):
                raise InputError(
                    "order='second' needs step(curvature=...) before it can do without; see "
                    "trainables.curvature"
                )
            return None
        params = [param for group in self.param_groups for param in group["params"] if param.grad is not None]
        if [tensor.shape for tensor in curvature] != [param.shape for param in params]:
            shapes, wanted = (
                [tuple(tensor.shape) for tensor in curvature],
                [tuple(param.shape) for param in params],
            )
            raise InputError(
                f"curvature needs one tensor for each parameter with a gradient, of shapes {wanted}, got "
                f"{shapes}"
            )
        return dict(zip(params, curvature, strict=True))

    def _by_step(
        self, params: Sequence[Tensor], h: dict[Tensor, Tensor] | None, *, second: bool
    ) -> dict[tuple[int, int], list[Tensor]]:
        """Count a step for every parameter with a gradient; group them by step and number of updates of v."""
        batches: dict[tuple[int, int], list[Tensor]] = {}
        for param in params:
            if param.grad is None:
                continue
            if param.grad.is_sparse:
                raise InputError(
                    "Hyperalgorithm needs dense gradients, got a sparse one; use sparse=False in the "
                    "embedding"
                )
            state = self.state[param]
            step = state["step"] = state.get("step", 0) + 1
            updates = step
            if second:
                updates = state["updates"] = state.get("updates", 0) + (h is not None)
            batches.setdefault((step, updates), []).append(param)
        return batches

    def _moments(self, params: Sequence[Tensor], name: str) -> list[Tensor]:
        for param in params:
            if name not in self.state[param]:
                self.state[param][name] = torch.zeros_like(param, memory_format=torch.preserve_format)
        return [self.state[param][name] for param in params]

    def _update(
        self,
        group: dict[str, Any],
        params: list[Tensor],
        t: int,
        curvature: list[Tensor] | None,
        updates: int,
    ) -> None:
        """Apply Algorithm 1 to parameters at step t; ``updates`` counts the updates of v."""
        gradient = [param.grad for param in params if param.grad is not None]
        if group["maximize"]:
            gradient = list(compat.foreach_neg(gradient))
        h = gradient if group["order"] == "first" else curvature
        numbers = numbers_at(group, t, updates if h is not None else None)
        update(group, numbers, params, gradient, h, functools.partial(self._moments, params))


def _is_second(group: dict[str, Any]) -> bool:
    return bool(group["order"] == "second" and group["adaptive"] != "none")
