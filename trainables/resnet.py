"""The residual network for small images."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables import layers
from trainables.layers import initialise, whole, widened


class Block(nn.Module):
    """Two 3 x 3 convolutions with batch norm and the shortcut around them (He et al., 2015, figure 2).

    Where the block halves the map and doubles the channels, its shortcut is option A: every second pixel, and
    zeros for the new channels, so it has no parameters.
    """

    def __init__(self, before: int, after: int, stride: int, activation: str, slope: float) -> None:
        super().__init__()
        self.stride, self.added = stride, after - before
        self.active = layers.activation(activation, slope)
        self.conv_1 = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        self.norm_1 = nn.BatchNorm2d(after)
        self.conv_2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.norm_2 = nn.BatchNorm2d(after)

    def forward(self, maps: Tensor) -> Tensor:
        residual = self.norm_2(self.conv_2(self.active(self.norm_1(self.conv_1(maps)))))
        shortcut = maps
        if self.stride != 1:
            shortcut = shortcut[:, :, :: self.stride, :: self.stride]
        if self.added:
            shortcut = functional.pad(shortcut, (0, 0, 0, 0, 0, self.added))
        summed: Tensor = self.active(residual + shortcut)
        return summed


class CifarResNet(nn.Module):
    """The CIFAR ResNet of 6 n + 2 layers.

    A convolution, three stages of n blocks with 16, 32 and 64 channels, the mean over the map, one dense
    layer. n = 3 is ResNet-20, with 269,722 parameters for 3 channels and 10 classes.

    Args:
        generator: draws the weights of convolutions and the dense layer. Batch norm begins as scale 1 and
            shift 0, and with running statistics of mean 0 and variance 1, which say nothing of the data:
            evaluated with them a fresh model has a cross entropy of 20 on noise where it trains with 3.7, and
            it takes about 20 steps until they can be trusted.
        shape: channels, height and width of an image.
        classes: how many.
        mean: per channel, of the training set's pixels in [0, 1]; the model standardises its input with them,
            so that data stay in [0, 1] for every model. Nothing where not given.
        std: per channel, of the training set's pixels in [0, 1]; the model standardises its input with them,
            so that data stay in [0, 1] for every model. Nothing where not given.
        depth: n, the blocks of a stage.
        width: factor on the channels.
        activation: see :mod:`trainables.layers`.
        slope: see :mod:`trainables.layers`.
        initialisation: see :mod:`trainables.layers`.

    Shapes: ``[batch, channels, height, width]`` to ``[batch, classes]``.

    Raises:
        InputError: for a setting out of range.

    Speed: 415 images/s of 32 x 32 pixels and 3 channels, 545 of 28 x 28 and 1 (forward, backward, batch of
        128, one core of an x86 server, torch 2.14); with weights not in channels-last order 318 and 469.

    Source: He, Zhang, Ren & Sun, "Deep Residual Learning for Image Recognition" (2015), section 4.2.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        generator: torch.Generator | None = None,
        *,
        shape: Sequence[int] = (3, 32, 32),
        classes: int = 10,
        mean: Sequence[float] = (),
        std: Sequence[float] = (),
        depth: int = 3,
        width: float = 1.0,
        activation: str = "relu",
        slope: float = 0.01,
        initialisation: str = "he_normal",
    ) -> None:
        super().__init__()
        channels = [widened(units, width) for units in (16, 32, 64)]
        self.register_buffer("mean", torch.tensor(mean or (0.0,)).reshape(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std or (1.0,)).reshape(1, -1, 1, 1), persistent=False)
        self.active = layers.activation(activation, slope)
        self.conv = nn.Conv2d(shape[0], channels[0], 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels[0])
        blocks, before = [], channels[0]
        for stage, after in enumerate(channels):
            for position in range(whole("depth", depth, 1)):
                stride = 2 if stage > 0 and position == 0 else 1
                blocks.append(Block(before, after, stride, activation, slope))
                before = after
        self.blocks = nn.Sequential(*blocks)
        self.dense = nn.Linear(before, classes)
        initialise(self, generator, initialisation)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.active(self.norm(self.conv((images - self.mean) / self.std)))
        scores: Tensor = self.dense(self.blocks(maps).mean((2, 3)))
        return scores
