"""The convolutional autoencoder of the paper."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables import layers
from trainables.layers import initialise, widened


class ConvAutoencoder(nn.Module):
    """The convolutional autoencoder of "Optimizing CNNs", section 4.1: 28 x 28 pixels to 16 numbers and back,
    224,177 parameters.

    conv 1-16, conv 16-16, pool, conv 16-32, pool (28-26-24-12-10-5), dense 800-128-16-128-800, then upsample,
    conv 32-16, upsample, conv 16-16, conv 16-1, where each decoder convolution grows its map by 2. Leaky ReLU
    between layers, linear output.

    The paper's text says 7 x 7 filters, but only 3 x 3 gives its own 800 inputs to the first dense layer and
    its 224,177 parameters.

    Args:
        generator: draws the weights; biases are zero.
        activation: ``leaky_relu`` or ``relu``. The paper: with ReLU, large learning rates "killed" every
            single node.
        slope: of the leaky ReLU below zero.
        initialisation: one of :data:`trainables.layers.INITIALISATIONS`.
        width: factor on the channels and the 128 hidden units; the code stays 16 numbers.

    Shapes: ``[batch, 1, 28, 28]`` to the same.

    Raises:
        InputError: for a setting out of range.
    """

    def __init__(
        self,
        generator: torch.Generator | None = None,
        *,
        activation: str = "leaky_relu",
        slope: float = 0.01,
        initialisation: str = "glorot_uniform",
        width: float = 1.0,
    ) -> None:
        super().__init__()
        few, many, hidden = widened(16, width), widened(32, width), widened(128, width)
        self.active = layers.activation(activation, slope)
        self.encode_1 = nn.Conv2d(1, few, 3)
        self.encode_2 = nn.Conv2d(few, few, 3)
        self.encode_3 = nn.Conv2d(few, many, 3)
        self.narrow_1 = nn.Linear(many * 25, hidden)
        self.narrow_2 = nn.Linear(hidden, 16)
        self.widen_1 = nn.Linear(16, hidden)
        self.widen_2 = nn.Linear(hidden, many * 25)
        # A convolution padded by 2 grows the map by 2 as a transposed one would.
        self.decode_1 = nn.Conv2d(many, few, 3, padding=2)
        self.decode_2 = nn.Conv2d(few, few, 3, padding=2)
        self.decode_3 = nn.Conv2d(few, 1, 3, padding=2)
        initialise(self, generator, initialisation)

    def encode(self, images: Tensor) -> Tensor:
        """``[batch, 1, 28, 28]`` to ``[batch, 16]``."""
        maps = self.active(self.encode_2(self.active(self.encode_1(images))))
        maps = self.active(self.encode_3(functional.max_pool2d(maps, 2)))
        flat = functional.max_pool2d(maps, 2).flatten(1)
        codes: Tensor = self.active(self.narrow_2(self.active(self.narrow_1(flat))))
        return codes

    def decode(self, codes: Tensor) -> Tensor:
        """``[batch, 16]`` to ``[batch, 1, 28, 28]``."""
        maps = self.active(self.widen_2(self.active(self.widen_1(codes)))).unflatten(1, (-1, 5, 5))
        maps = self.active(self.decode_1(functional.interpolate(maps, scale_factor=2.0)))
        maps = self.active(self.decode_2(functional.interpolate(maps, scale_factor=2.0)))
        images: Tensor = self.decode_3(maps)
        return images

    def forward(self, images: Tensor) -> Tensor:
        return self.decode(self.encode(images))
