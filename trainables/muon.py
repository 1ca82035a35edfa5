"""Muon of PyTorch for a whole model: hidden matrices and filters to Muon, the other parameters to AdamW."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from trainables.combined import Combined

MUON = "orthogonalised momentum for hidden matrices and filters, AdamW for the other parameters"
OPTIONS = ("lr", "weight_decay")
"""Options of a parameter group that both Muon and AdamW have."""


@contextlib.contextmanager
def as_matrices(params: Iterable[Tensor]) -> Iterator[None]:
    """Let parameters of more than two dimensions, and their gradients, be matrices with a row for every
    output.

    >>> filters = torch.nn.Parameter(torch.zeros(4, 3, 2, 2))
    >>> with as_matrices([filters]):
    ...     print(tuple(filters.shape))
    (4, 12)
    """
    shaped = [(param, param.data, param.grad) for param in params if param.ndim > 2]
    for param, data, grad in shaped:
        param.grad = None
        param.data = data.flatten(1)
        param.grad = None if grad is None else grad.flatten(1)
    try:
        yield
    finally:
        for param, data, grad in shaped:
            changed, param.grad = param.data, None
            if (
                changed.data_ptr() != data.data_ptr()
            ):  # a copy, as filters in channels-last order have no rows
                data.copy_(changed.view(data.shape))
            param.data, param.grad = data, grad


class MatrixMuon(torch.optim.Muon):
    """``torch.optim.Muon``, which takes matrices only, with filters flattened to matrices in every step."""

    title = "Muon"

    def __init__(self, params: Iterable[Any], **keywords: Any) -> None:
        groups = [dict(group) for group in params]
        with as_matrices(param for group in groups for param in group["params"]):
            super().__init__(groups, **keywords)

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take a step."""
        with as_matrices(param for group in self.param_groups for param in group["params"]):
            loss: float | None = super().step(closure)  # type: ignore[no-untyped-call]
        return loss


def muon(
    params: Iterable[Mapping[str, Any]], *, lr: float, adamw_lr: float | None = None, **keywords: Any
) -> torch.optim.Optimizer:
    """Return Muon for the groups with ``use_muon``, and AdamW for the others.

    Weight decay is the same for both. ``adjust_lr_fn="match_rms_adamw"`` gives Muon's update the size of
    AdamW's, so that a common lr is sensible. AdamW keeps its own betas (.9, .999).

    Args:
        params: parameter groups, each with ``use_muon``, and with settings of its own.
        lr: learning rate of Muon.
        adamw_lr: learning rate of AdamW; None for lr.
        keywords: further arguments of ``torch.optim.Muon``.

    Source: Jordan et al. (2024); Liu et al. (2025), section 2.2.
    """
    matrices, others = _divided(params)
    parts: list[torch.optim.Optimizer] = []
    if matrices:
        parts.append(MatrixMuon(matrices, lr=lr, **keywords))
    if others:
        decay = {name: keywords[name] for name in ("weight_decay",) if name in keywords}
        default = inspect.signature(torch.optim.Muon).parameters["weight_decay"].default
        own_lr = lr if adamw_lr is None else adamw_lr
        parts.append(torch.optim.AdamW(others, lr=own_lr, **{"weight_decay": default, **decay}))
    return Combined(parts)


def _divided(groups: Iterable[Mapping[str, Any]]) -> tuple[Sequence[Any], Sequence[Any]]:
    divided: tuple[list[Any], list[Any]] = ([], [])
    for group in groups:
        options = {name: value for name, value in group.items() if name != "use_muon"}
        divided[0 if group["use_muon"] else 1].append(options)
    return divided
