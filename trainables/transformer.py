"""Transformers: a decoder of bytes, and an encoder of images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.layers import whole
from trainables.names import InputError

BYTES = 256
"""Values of a byte."""
SPREAD = 0.02
"""Standard deviation of fresh weights (Radford et al., 2019)."""


class Attention(nn.Module):
    """Attention of every position to every position, or to itself and the earlier ones.

    With normalised queries and keys each head's are brought to mean 0 and variance 1, and scaled by learned
    factors, so that no learning rate lets the scores grow without bound.

    Args:
        width: numbers of a position.
        heads: how many; width is a multiple of it.
        qk_norm: normalise queries and keys.
        causal: a position sees itself and the earlier ones only.

    Source: Dehghani et al., "Scaling Vision Transformers to 22 Billion Parameters" (2023), section 2;
        Wortsman et al., "Small-scale proxies for large-scale Transformer training instabilities" (2023),
        section 3.1.1.
    """

    def __init__(self, width: int, heads: int, *, qk_norm: bool, causal: bool) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.project = nn.Linear(width, 3 * width, bias=False)
        self.join = nn.Linear(width, width, bias=False)
        size = width // heads
        self.norms = nn.ModuleList(nn.LayerNorm(size, bias=False) for _ in range(2 * qk_norm))

    def forward(self, values: Tensor) -> Tensor:
        batch, length, width = values.shape
        parts = self.project(values).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        if len(self.norms):
            query, key = self.norms[0](query), self.norms[1](key)
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=self.causal)
        return cast(Tensor, self.join(seen.transpose(1, 2).reshape(batch, length, width)))


class Block(nn.Module):
    """Attention, then a perceptron of four times the width, each after a norm and within a shortcut."""

    def __init__(self, width: int, heads: int, *, qk_norm: bool, causal: bool) -> None:
        super().__init__()
        self.norm_1 = nn.LayerNorm(width, bias=False)
        self.attention = Attention(width, heads, qk_norm=qk_norm, causal=causal)
        self.norm_2 = nn.LayerNorm(width, bias=False)
        self.widen = nn.Linear(width, 4 * width, bias=False)
        self.narrow = nn.Linear(4 * width, width, bias=False)

    def forward(self, values: Tensor) -> Tensor:
        values = values + self.attention(self.norm_1(values))
        return values + cast(Tensor, self.narrow(functional.gelu(self.widen(self.norm_2(values)))))


POSITIONS = {"positions": "embedding"}
"""Role of the learned positions, which are a table as embeddings are (:mod:`trainables.roles`)."""


class Gpt(nn.Module):
    """A decoder that predicts each byte of a text from those before it.

    Learned positions, pre-norm blocks, no biases. A window longer than ``context`` is read as several of
    ``context`` bytes, each on its own.

    Args:
        generator: draws the weights.
        shape: bytes of a window.
        width: numbers of a position, a multiple of heads.
        depth: blocks.
        heads: of the attention.
        context: bytes that a prediction sees at most; divides the window.
        qk_norm: normalise queries and keys (:class:`Attention`).

    Shapes: bytes ``[batch, window]`` to the scores of the next byte, ``[batch, window, 256]``.

    Raises:
        InputError: for a setting out of range.

    Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), section 2.3.

    >>> [sum(weights.numel() for weights in Gpt(width=width, depth=depth, heads=heads).parameters())
    ...     for width, depth, heads in ((64, 2, 4), (512, 9, 8))]
    [135488, 28616192]
    """

    def __init__(
        self,
        generator: torch.Generator | None = None,
        *,
        shape: Sequence[int] = (256,),
        width: int = 64,
        depth: int = 2,
        heads: int = 4,
        context: int = 64,
        qk_norm: bool = False,
    ) -> None:
        super().__init__()
        width, heads = _divided(width, heads)
        self.context = whole("context", context, 1)
        if shape[0] % self.context:
            allowed = ", ".join(str(n) for n in range(1, shape[0] + 1) if shape[0] % n == 0)
            raise InputError(
                f"context must divide the {shape[0]} bytes of a window ({allowed}), got {context!r}"
            )
        self.bytes = nn.Embedding(BYTES, width)
        self.positions = nn.Parameter(torch.empty(self.context, width))
        self.parameter_roles = POSITIONS
        self.blocks = _blocks(width, depth, heads, qk_norm, causal=True)
        self.norm = nn.LayerNorm(width, bias=False)
        self.dense = nn.Linear(width, BYTES, bias=False)
        _draw(self, generator)

    def forward(self, windows: Tensor) -> Tensor:
        values = self.bytes(windows.reshape(-1, self.context).int()) + self.positions
        scores: Tensor = self.dense(self.norm(self.blocks(values)))
        return scores.reshape(*windows.shape, BYTES)


class Vit(nn.Module):
    """An encoder of images: patches as positions, attention among them, a dense layer on their mean.

    Args:
        generator: draws the weights.
        shape: channels, height and width of an image; zeros fill it up to a multiple of the patch.
        classes: how many.
        width: numbers of a position, a multiple of heads.
        depth: blocks.
        heads: of the attention.
        patch: pixels of a patch's side.
        qk_norm: normalise queries and keys (:class:`Attention`).

    Shapes: ``[batch, channels, height, width]`` to ``[batch, classes]``.

    Raises:
        InputError: for a setting out of range.

    Source: Dosovitskiy et al., "An Image is Worth 16x16 Words" (2021), section 3.1; the mean instead of a
        position of its own is from Beyer, Zhai & Kolesnikov, "Better plain ViT baselines for ImageNet-1k"
        (2022).
    """

    def __init__(
        self,
        generator: torch.Generator | None = None,
        *,
        shape: Sequence[int] = (3, 32, 32),
        classes: int = 10,
        width: int = 64,
        depth: int = 2,
        heads: int = 4,
        patch: int = 4,
        qk_norm: bool = False,
    ) -> None:
        super().__init__()
        width, heads = _divided(width, heads)
        self.patch = whole("patch", patch, 1)
        self.grid = high, wide = (math.ceil(shape[1] / self.patch), math.ceil(shape[2] / self.patch))
        self.padding = (0, wide * self.patch - shape[2], 0, high * self.patch - shape[1])
        self.patches = nn.Linear(shape[0] * self.patch**2, width, bias=False)
        self.positions = nn.Parameter(torch.empty(high * wide, width))
        self.parameter_roles = POSITIONS
        self.blocks = _blocks(width, depth, heads, qk_norm, causal=False)
        self.norm = nn.LayerNorm(width, bias=False)
        self.dense = nn.Linear(width, classes, bias=False)
        _draw(self, generator)

    def forward(self, images: Tensor) -> Tensor:
        (batch, channels), (high, wide), side = images.shape[:2], self.grid, self.patch
        padded = functional.pad(images, self.padding)
        tiles = padded.reshape(batch, channels, high, side, wide, side).permute(0, 2, 4, 1, 3, 5)
        values = self.patches(tiles.reshape(batch, high * wide, -1)) + self.positions
        scores: Tensor = self.dense(self.norm(self.blocks(values)).mean(1))
        return scores


def _divided(width: int, heads: int) -> tuple[int, int]:
    """Return width and heads, of which the first is a multiple of the second."""
    units, many = whole("width", width, 1), whole("heads", heads, 1)
    if units % many:
        below = units // many * many
        nearest = f"{below} and {below + many} are" if below else f"{many} is"
        raise InputError(f"width must be a multiple of heads ({many}), got {width!r}; {nearest}")
    return units, many


def _blocks(width: int, depth: int, heads: int, qk_norm: bool, *, causal: bool) -> nn.Sequential:
    if qk_norm not in (False, True):
        raise InputError(f"qk_norm must be True or False, got {qk_norm!r}")
    many = range(whole("depth", depth, 1))
    return nn.Sequential(*(Block(width, heads, qk_norm=qk_norm, causal=causal) for _ in many))


@torch.no_grad()
def _draw(model: Gpt | Vit, generator: torch.Generator | None) -> None:
    """Draw all weights from N(0, 0.02), those that end a shortcut smaller by the root of their number."""
    for name, weights in model.named_parameters():
        if weights.ndim > 1:
            ends = name.endswith(("join.weight", "narrow.weight"))
            std = SPREAD / math.sqrt(2 * len(model.blocks)) if ends else SPREAD
            nn.init.normal_(weights, std=std, generator=generator)
