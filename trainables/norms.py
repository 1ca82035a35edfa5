"""Accumulation of a p-norm: powers of small or large numbers leave the range of their dtype, norms do not."""

from __future__ import annotations

from torch import Tensor

from trainables import compat

POWERS = (1, 2, float("inf"))
"""Norms of which the power itself can be kept, as every optimizer does: in float32 |h|^2 is 0 below 1e-23,
but |h|^10 below 3e-5."""


def add_in_norm_(total: list[Tensor], more: list[Tensor], p: float | list[Tensor]) -> None:
    r"""Add in the p-norm, in place and element by element; ``more`` is overwritten.

    .. math:: r \leftarrow (r^p + x^p)^{1/p} = s \, (1 + (\min(r, x) / s)^p)^{1/p}, \quad s = \max(r, x)
        \qquad (p = \infty: r \leftarrow s)

    Args:
        total: r, at least 0.
        more: x, at least 0, of the same shapes.
        p: at least 1; one number, or for every tensor one that broadcasts.

    >>> import torch
    >>> total = [torch.tensor([3e-30, 0.0])]
    >>> add_in_norm_(total, [torch.tensor([4e-30, 0.0])], 2.0)
    >>> total[0]
    tensor([5.0000e-30, 0.0000e+00])
    """
    larger = compat.foreach_maximum(total, more)
    compat.foreach_minimum_(more, total)
    compat.foreach_div_(more, larger)
    for ratio in more:
        ratio.nan_to_num_(nan=0.0)  # 0 / 0 and inf / inf; where an input is NaN, so is the larger
    if isinstance(p, list):
        compat.foreach_pow_(more, p)
        compat.foreach_add_(more, 1)
        compat.foreach_pow_(more, [1 / norm for norm in p])
    else:
        compat.foreach_pow_(more, p)
        compat.foreach_add_(more, 1)
        compat.foreach_pow_(more, 1 / p)
    compat.foreach_mul_(more, larger)
    compat.foreach_copy_(total, more)
