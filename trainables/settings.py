"""Parts of a configuration: settings of the optimizer, of the training loop and of the model.

a name that the variant accepts    the optimizer
else a name of :class:`LoopSettings`   the loop
else a setting of the task         the model

``weight_decay`` of torch.optim.AdamW is thus the optimizer's, and of adam the loop's.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from trainables.lr_schedules import Decay, lr_schedule
from trainables.names import InputError, unknown
from trainables.role_names import check_role

if TYPE_CHECKING:
    import torch
    from torch import nn

    from trainables.task_definition import Task
    from trainables.variant_definition import Optimizable

DECAY_KINDS = ("coupled", "decoupled")
SAMPLED = ("cross_entropy", "binary_cross_entropy")
"""Losses of models whose outputs are the chances of classes."""
SECOND_ORDER = ("curvature_every", "curvature_samples")


@dataclass(frozen=True)
class LoopSettings:
    r"""Hyperparameters of the training loop.

    Args:
        batch_size: images a step; None is the batch size of the trial.
        weight_decay: w, at least 0.
        weight_decay_kind: ``coupled`` adds w theta to the gradient, after clipping, as ``torch.optim.SGD``
            does; ``decoupled`` multiplies theta by :math:`1 - \alpha_t w` before the step, as
            ``torch.optim.AdamW`` does. Neither changes the curvature of second order.
        clip_norm: largest norm of the whole gradient, above 0; a longer one is scaled down to it. None does
            not clip.
        lr_schedule: see :mod:`trainables.lr_schedules`.
        lr_warmup: see :mod:`trainables.lr_schedules`.
        lr_decay: see :mod:`trainables.lr_schedules`.
        lr_decay_every: see :mod:`trainables.lr_schedules`.
        lr_final: see :mod:`trainables.lr_schedules`.
        curvature_every: steps from one curvature to the next, at least 1 (Dauphin et al.: 20).
        curvature_samples: random vectors each time.

    Raises:
        InputError: for a value outside these.

    >>> LoopSettings(clip_norm=0)
    Traceback (most recent call last):
    trainables.names.InputError: clip_norm must be above 0 and finite, got 0
    """

    batch_size: int | None = None
    weight_decay: float = 0.0
    weight_decay_kind: str = "coupled"
    clip_norm: float | None = None
    lr_schedule: str = "constant"
    lr_warmup: float = 0.0
    lr_decay: float = 0.94
    lr_decay_every: float = 2
    lr_final: float = 0.0
    curvature_every: int = 1
    curvature_samples: int = 1

    def __post_init__(self) -> None:
        for name in ("batch_size", *SECOND_ORDER):
            value = getattr(self, name)
            optional = name == "batch_size" and value is None
            if not optional and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise InputError(f"{name} must be an integer of at least 1, got {value!r}")
        if self.weight_decay_kind not in DECAY_KINDS:
            raise unknown("weight_decay_kind", self.weight_decay_kind, DECAY_KINDS)
        rules: dict[str, tuple[Callable[[float], bool], str]] = {
            "weight_decay": (lambda x: 0 <= x < math.inf, "at least 0 and finite"),
            "clip_norm": (lambda x: 0 < x < math.inf, "above 0 and finite"),
            "lr_warmup": (lambda x: 0 <= x < 1, "a share of the steps in [0, 1)"),
            "lr_decay": (lambda x: 0 < x <= 1, "in (0, 1]"),
            "lr_decay_every": (lambda x: 0 < x < math.inf, "above 0 epochs and finite"),
            "lr_final": (lambda x: 0 <= x <= 1, "a share of lr in [0, 1]"),
        }
        for name, (holds, rule) in rules.items():
            value = getattr(self, name)
            if name == "clip_norm" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not holds(value):
                raise InputError(f"{name} must be {rule}, got {value!r}")
        lr_schedule(self.lr_schedule)

    def decay(self, *, total: int, per_epoch: int) -> Decay:
        """Return the settings of the learning-rate schedule for a run of ``total`` steps."""
        names = [field.name for field in dataclasses.fields(Decay) if field.name.startswith("lr_")]
        return Decay(total, per_epoch, **{name: getattr(self, name) for name in names})


LOOP = tuple(field.name for field in dataclasses.fields(LoopSettings))


class Routed(NamedTuple):
    """The parts of a configuration."""

    optimizer: dict[str, Any]
    loop: dict[str, Any]
    model: dict[str, Any]


def accepted(task: Task, variant: Optimizable) -> tuple[str, ...]:
    """Return every name that a configuration of a variant on a task may have: the optimizer's, the loop's,
    the model's.

    Names of second order are left out for variants of first order.
    """
    loop = [name for name in LOOP if name not in SECOND_ORDER or _may_be_second_order(variant)]
    return tuple(dict.fromkeys([*sorted(variant.accepts), *loop, *task.settings]))


def route(task: Task, variant: Optimizable, configuration: Mapping[str, Any]) -> Routed:
    """Return the parts of a configuration.

    Raises:
        InputError: for an unknown name, listing all known names; for weight_decay_kind if the optimizer has
            its own weight decay.
    """
    allowed = accepted(task, variant)
    routed = Routed({}, {}, {})
    for name, value in configuration.items():
        if "." in name:
            check_role(name, variant.name, variant.accepts)
            routed.optimizer[name] = value
            continue
        if name not in allowed:
            raise unknown(f"hyperparameter of {variant.name}", name, allowed)
        part = routed.optimizer if name in variant.accepts else routed.loop if name in LOOP else routed.model
        part[name] = value
    if "weight_decay_kind" in routed.loop and "weight_decay" in variant.accepts:
        raise InputError(
            f"weight_decay_kind has no effect on {variant.name}, which has a weight_decay of its own"
        )
    return routed


def check_configuration(task: Task, variant: Optimizable, configuration: Mapping[str, Any]) -> None:
    """Check the names of a configuration, and the values for the optimizer and the loop.

    Neither data nor model are loaded: the optimizer is made for two numbers. The model checks its own
    settings when it is made.

    Raises:
        InputError: naming the argument, its value, what is allowed and the nearest known name.
    """
    from torch import nn, zeros

    routed = route(task, variant, configuration)
    LoopSettings(**routed.loop)
    check_labels(getattr(variant, "adapter", None), task, variant.name)
    variant.optimizer([nn.Parameter(zeros(1)), nn.Parameter(zeros(1, 1))], routed.optimizer)


def _may_be_second_order(variant: Optimizable) -> bool:
    fixed: Mapping[str, Any] = getattr(variant, "fixed", {})
    if getattr(getattr(variant, "adapter", None), "curvature", "none") == "sampled":
        return True
    return "order" in variant.accepts or fixed.get("order") == "second"


def model_optimizer(
    variant: Optimizable, model: nn.Module, configuration: Mapping[str, Any], run: Any
) -> torch.optim.Optimizer:
    """Return the optimizer of a configuration for a model.

    Args:
        variant: the variant; one without ``for_model`` takes the parameters only.
        model: the model.
        configuration: settings of the optimizer.
        run: numbers of the trial (:class:`trainables.adapters.Run`).

    Raises:
        InputError: for settings by role of a variant without ``for_model``.
    """
    for_model = getattr(variant, "for_model", None)
    if for_model is not None:
        optimizer: torch.optim.Optimizer = for_model(model, configuration, run)
        return optimizer
    for name in configuration:
        if "." in name:
            raise InputError(f"{variant.name} has no settings by role, got {name!r}")
    return variant.optimizer(model.parameters(), configuration)


def check_labels(adapter: Any, task: Task, name: str) -> None:
    """Check that labels can be drawn from the outputs of a task's model, where an optimizer needs them.

    Raises:
        InputError: for a loss that is not a cross entropy.
    """
    loss = getattr(task.loss, "__name__", "")
    if getattr(adapter, "curvature", "none") == "sampled" and loss not in SAMPLED:
        raise InputError(
            f"{name} draws labels from the model, so it needs a task with the loss {' or '.join(SAMPLED)}, "
            f"got {task.name} with {loss or 'another'}"
        )
