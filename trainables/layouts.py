"""Layout: all parameters of a model as one row of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class Layout:
    """Positions of a model's parameters in a row of N numbers.

    >>> layout = Layout([torch.zeros(2, 2), torch.zeros(3)])
    >>> [each.tolist() for each in layout.views(torch.arange(7))]
    [[[0, 1], [2, 3]], [4, 5, 6]]
    """

    def __init__(self, params: Sequence[Tensor]) -> None:
        self.shapes = [param.shape for param in params]
        self.sizes = [shape.numel() for shape in self.shapes]

    def views(self, row: Tensor) -> list[Tensor]:
        """Return the parameters in a row, as views of it."""
        return [
            piece.view(shape) for piece, shape in zip(torch.split(row, self.sizes), self.shapes, strict=True)
        ]

    def stacked(self, rows: Tensor) -> list[Tensor]:
        """Return the parameters of all members, each ``[K, ...]``, as views.

        Args:
            rows: ``[K, N]``.
        """
        return [
            piece.view(len(rows), *shape)
            for piece, shape in zip(torch.split(rows, self.sizes, 1), self.shapes, strict=True)
        ]


def flat(tensors: Sequence[Tensor]) -> Tensor:
    """Return tensors joined to one row of numbers."""
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])
