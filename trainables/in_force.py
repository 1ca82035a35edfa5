"""The learning rate and the decays that an optimizer's last step used."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trainables.hyperalgorithm import Hyperalgorithm
from trainables.schedules import decay_schedule
from trainables.torch_variants import decay_place

if TYPE_CHECKING:
    import torch


def in_force(optimizer: torch.optim.Optimizer) -> dict[str, float]:
    """Return lr, mu and nu of the last step of an optimizer's first group; NaN for one that it does not have.

    >>> from torch import nn, optim, zeros
    >>> in_force(optim.RMSprop([nn.Parameter(zeros(1))], lr=0.1, alpha=0.9))
    {'lr': 0.1, 'mu': 0.0, 'nu': 0.9}
    """
    group = optimizer.param_groups[0]
    lr = float(group.get("lr", math.nan))
    # The rate of optimizers that estimate the distance to the optimum is d times lr.
    force = {"lr": lr * float(group["d"]) if "d" in group else lr}
    if isinstance(optimizer, Hyperalgorithm):
        states = optimizer.state.values()
        step = max((state["step"] for state in states), default=1)
        updates = max((state.get("updates", state["step"]) for state in states), default=1)
        for name, part, t in (("mu", "momentum", step), ("nu", "adaptive", updates)):
            schedule = decay_schedule(group[f"{name}_schedule"])
            force[name] = (
                float(schedule(group[name], t, group["period"])) if group[part] != "none" else math.nan
            )
        return force
    for name in ("mu", "nu"):
        place = decay_place(name, group)
        value = (
            math.nan if place is None else group[place[0]] if place[1] is None else group[place[0]][place[1]]
        )
        force[name] = float(value)
    return force
