"""The precision of a trial's arithmetic, as an explicit choice."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from trainables.names import unknown

PRECISIONS = ("float32", "tf32", "bf16")


def check_precision(name: str) -> str:
    """Return the name of a precision.

    Raises:
        InputError: with the nearest known name.
    """
    if name not in PRECISIONS:
        raise unknown("precision", name, PRECISIONS)
    return name


@contextlib.contextmanager
def arithmetic(name: str) -> Iterator[None]:
    """Set the precision of CUDA's matrix products and convolutions; the previous setting is restored on exit.

    ``float32`` is exact to float32's 24 bits: TensorFloat-32, which PyTorch allows for convolutions, is off.
    ``tf32`` allows it, for 10 bits of mantissa. Neither changes anything on a CPU. ``bf16`` leaves what is
    not autocast in float32 (see :func:`autocast`).
    """
    mode = "tf32" if check_precision(name) == "tf32" else "ieee"
    cudnn: Any = torch.backends.cudnn
    homes: list[Any] = [torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn]
    before = [home.fp32_precision for home in homes]
    try:
        for home in homes:
            home.fp32_precision = mode
        yield
    finally:
        for home, precision in zip(homes, before, strict=True):
            home.fp32_precision = precision


def pin_products() -> None:
    """Have MKL sum matrix products in an order that does not depend on where in memory their operands lie.

    Otherwise the last digits of a row of a stack depend on its position, wherever a batch, a layer or the
    inputs have a number of entries that does not fill the CPU's vectors. The setting is ``MKL_CBWR``, which
    the environment may have already. It holds from the first matrix product of the process on, and has no
    effect after one: import :mod:`trainables.cohorts`, which calls this, before it. Its cost is not
    measurable.
    """
    os.environ.setdefault("MKL_CBWR", "AUTO")


def autocast(name: str, device: torch.device) -> torch.autocast | contextlib.nullcontext[None]:
    """Return the context of the forward pass and the loss: autocast to bfloat16 for ``bf16``."""
    return torch.autocast(device.type, torch.bfloat16) if name == "bf16" else contextlib.nullcontext()


def forward_pass(
    name: str, device: torch.device, *, twice: bool, stacked: bool = False
) -> contextlib.AbstractContextManager[None]:
    """Return the context of a forward pass and a loss: :func:`autocast`, and attention by plain products
    where PyTorch's faster ways do not do.

    Args:
        name: of the precision.
        device: of the data.
        twice: the loss is differentiated twice, which the faster ways cannot be.
        stacked: ``torch.func.vmap`` computes it, which takes the faster way of a CPU member by member.
    """
    cast: Any = autocast(name, device)
    return _plain_attention(cast) if twice or (stacked and device.type == "cpu") else cast


@contextlib.contextmanager
def _plain_attention(cast: contextlib.AbstractContextManager[Any]) -> Iterator[None]:
    with cast, sdpa_kernel(SDPBackend.MATH):
        yield
