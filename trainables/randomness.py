"""Random numbers of a trial: a separate stream for every purpose of a seed."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator

import torch


def stream(seed: int, purpose: str, device: str | torch.device = "cpu") -> torch.Generator:
    """Return the generator of one purpose of a seed; no two purposes share random numbers."""
    return torch.Generator(device).manual_seed(_number(seed, purpose))


@contextlib.contextmanager
def global_stream(seed: int, purpose: str, device: str | torch.device = "cpu") -> Iterator[None]:
    """Seed PyTorch's global generators for one purpose of a seed; their state is restored on exit.

    For code that takes no generator: dropout, and layers that draw their initial weights in the constructor.
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
