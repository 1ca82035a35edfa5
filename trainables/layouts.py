"""All parameters of a model as one row of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class Layout:
    """Where each parameter of a model is in a row of N numbers.

    >>> layout = Layout([torch.zeros(2, 2), torch.zeros(3)])
    >>> [each.tolist() for each in layout.views(torch.arange(7))]
    [[[0, 1], [2, 3]], [4, 5, 6]]
    """

    def __init__(self, params: Sequence[Tensor]) -> None:
        self.shapes = [param.shape for param in params]
        self.sizes = [shape.numel() for shape in self.shapes]

    def views(self, row: Tensor) -> list[Tensor]:
        """The parameters that a row holds."""
        return [
            piece.view(shape) for piece, shape in zip(torch.split(row, self.sizes), self.shapes, strict=True)
        ]

    def stacked(self, rows: Tensor) -> list[Tensor]:
        """The parameters of all members, each ``[K, ...]``. Args: rows: ``[K, N]``."""
        return [
            piece.view(len(rows), *shape)
            for piece, shape in zip(torch.split(rows, self.sizes, 1), self.shapes, strict=True)
        ]


def flat(tensors: Sequence[Tensor]) -> Tensor:
    """A row of parameters, or of anything of their shapes."""
    return torch.cat([each.detach().reshape(-1) for each in tensors])
