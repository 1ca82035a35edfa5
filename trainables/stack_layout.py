"""Layout of a stack: places of the model's tensors, rows of one kind, and lanes of equal seeds."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from trainables import compat
from trainables.stacked_updates import kind
from trainables.training import TrainingLoop


def places(model: nn.Module, moving: Sequence[str]) -> list[tuple[dict[str, Any], str, int]]:
    """Return the places of a model's parameters, then of the moving buffers: dictionary, name, position.

    A tied parameter has two places.

    ``torch.func.functional_call`` searches for them in every step, which is a sixth of the time of a small
    step.
    """
    buffers = dict(model.named_buffers())
    order = {
        id(tensor): i for i, tensor in enumerate([*model.parameters(), *(buffers[name] for name in moving)])
    }
    homes = [home for module in model.modules() for home in compat.tensor_homes(module)]
    return [
        (home, name, order[id(tensor)])
        for home in homes
        for name, tensor in home.items()
        if id(tensor) in order
    ]


def runs(loops: Sequence[TrainingLoop]) -> list[slice]:
    """Return the runs of neighbouring rows of one kind."""
    ends = [k for k in range(1, len(loops)) if kind(loops[k]) != kind(loops[k - 1])]
    return [slice(start, stop) for start, stop in itertools.pairwise([0, *ends, len(loops)])]


def lanes(seeds: Sequence[int], device: torch.device) -> tuple[list[list[int]], Tensor]:
    """Return the lanes (positions of the members of one seed, which share batches), and the lane of each
    member.
    """
    lanes: dict[int, list[int]] = {}
    for k, seed in enumerate(seeds):
        lanes.setdefault(seed, []).append(k)
    places = {seed: lane for lane, seed in enumerate(lanes)}
    return list(lanes.values()), torch.tensor([places[seed] for seed in seeds], device=device)
