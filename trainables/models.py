"""Models that the tasks train. Their weights come from a generator, so that a seed names them exactly."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class ConvAutoencoder(nn.Module):
    """The convolutional autoencoder of "Optimizing CNNs", section 4.1: 28 x 28 pixels to 16 numbers and back, 224,177 parameters.

    conv 1-16, conv 16-16, pool, conv 16-32, pool (28-26-24-12-10-5), dense 800-128-16-128-800, then upsample,
    conv 32-16, upsample, conv 16-16, conv 16-1, where each decoder convolution grows its map by 2. Leaky ReLU between
    layers, linear output.

    The paper's text says 7 x 7 filters, but only 3 x 3 gives its own 800 inputs to the first dense layer and its 224,177 parameters.

    Args: generator: draws the Glorot-uniform weights; biases are zero. slope: of the leaky ReLU below zero.
    Shapes: ``[batch, 1, 28, 28]`` to the same.
    """

    def __init__(self, generator: torch.Generator | None = None, *, slope: float = 0.01) -> None:
        super().__init__()
        self.slope = slope
        self.encode_1 = nn.Conv2d(1, 16, 3)
        self.encode_2 = nn.Conv2d(16, 16, 3)
        self.encode_3 = nn.Conv2d(16, 32, 3)
        self.narrow_1 = nn.Linear(800, 128)
        self.narrow_2 = nn.Linear(128, 16)
        self.widen_1 = nn.Linear(16, 128)
        self.widen_2 = nn.Linear(128, 800)
        # A convolution padded by 2 grows the map by 2 as a transposed one would.
        self.decode_1 = nn.Conv2d(32, 16, 3, padding=2)
        self.decode_2 = nn.Conv2d(16, 16, 3, padding=2)
        self.decode_3 = nn.Conv2d(16, 1, 3, padding=2)
        initialise(self, generator)

    def encode(self, images: Tensor) -> Tensor:
        """``[batch, 1, 28, 28]`` to ``[batch, 16]``."""
        maps = self._active(self.encode_2(self._active(self.encode_1(images))))
        maps = self._active(self.encode_3(functional.max_pool2d(maps, 2)))
        flat = functional.max_pool2d(maps, 2).flatten(1)
        return self._active(self.narrow_2(self._active(self.narrow_1(flat))))

    def decode(self, codes: Tensor) -> Tensor:
        """``[batch, 16]`` to ``[batch, 1, 28, 28]``."""
        maps = self._active(self.widen_2(self._active(self.widen_1(codes)))).reshape(-1, 32, 5, 5)
        maps = self._active(self.decode_1(functional.interpolate(maps, scale_factor=2.0)))
        maps = self._active(self.decode_2(functional.interpolate(maps, scale_factor=2.0)))
        images: Tensor = self.decode_3(maps)
        return images

    def forward(self, images: Tensor) -> Tensor:
        return self.decode(self.encode(images))

    def _active(self, values: Tensor) -> Tensor:
        return functional.leaky_relu(values, self.slope)


@torch.no_grad()
def initialise(model: nn.Module, generator: torch.Generator | None) -> None:
    """Glorot-uniform weights and zero biases for every convolution and dense layer (Glorot & Bengio, 2010)."""
    for layer in model.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.xavier_uniform_(layer.weight, generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
