"""The random numbers of a trial: a stream of its own for every purpose of a seed."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator

import torch


def stream(seed: int, purpose: str, device: str | torch.device = "cpu") -> torch.Generator:
    """A generator of its own for every purpose of a seed, so that no two purposes share random numbers."""
    return torch.Generator(device).manual_seed(_number(seed, purpose))


@contextlib.contextmanager
def global_stream(seed: int, purpose: str, device: str | torch.device = "cpu") -> Iterator[None]:
    """PyTorch's global generators as a stream of their own, and as before afterwards.

    For what cannot be given a generator: dropout, and the initial weights of layers that draw them as they are made.
    """
    kind = torch.device(device)
    with torch.random.fork_rng(devices=[kind] if kind.type == "cuda" else []):
        torch.default_generator.manual_seed(_number(seed, purpose))
        if kind.type == "cuda":
            with torch.cuda.device(kind):
                torch.cuda.manual_seed(_number(seed, purpose))
        yield


def _number(seed: int, purpose: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{purpose}".encode()).digest()[:8]) >> 1
