"""Texts as bytes, in windows: the documentation that comes with Python, and a user's file.

A window is 256 bytes, and its target the byte after each of them. The last eleventh of the windows is held
out.
"""

from __future__ import annotations

import hashlib
import importlib
from functools import lru_cache

import torch
from torch import Tensor

from trainables.dataset import Dataset
from trainables.names import InputError

WINDOW = 256
"""Bytes of a window."""
TRAIN, TEST = 1280, 128
"""Windows of Python's documentation. That of Python 3.11 would fill 1,461."""
TOTAL = TRAIN + TEST
ONE_IN = 11
"""One window of so many is held out."""


def windows(text: bytes, place: str) -> dict[str, Tensor]:
    """Return the parts of a dataset: bytes and the byte after each, ``[windows, 256]``, uint8.

    Args:
        text: its end, less than a window, is left out.
        place: of the text, for errors.

    Raises:
        InputError: for a text of fewer than two windows.
    """
    total = (len(text) - 1) // WINDOW
    if total < 2:
        least = 2 * WINDOW + 1
        raise InputError(
            f"{place} has {len(text)} bytes; a text needs at least {least}: a window of {WINDOW} to train, "
            "one to test, and the byte after them"
        )
    values = torch.frombuffer(bytearray(text[: total * WINDOW + 1]), dtype=torch.uint8)
    x, y = values[:-1].view(total, WINDOW), values[1:].clone().view(total, WINDOW)
    train = total - max(1, total // ONE_IN)
    return {"x_train": x[:train], "y_train": y[:train], "x_test": x[train:], "y_test": y[train:]}


@lru_cache(maxsize=1)
def documentation() -> bytes:
    """Return the text of ``help("if")`` and the other topics of Python's ``pydoc``, each paragraph once.

    Topics repeat paragraphs of each other, which would be trained on and held out. It differs from one
    version of Python to the next, so its hash (:func:`content`) is part of the names of trials.

    Licence: Python Software Foundation License, version 2 (the files of ``pydoc_data`` are part of Python).

    Raises:
        InputError: for a Python without it.
    """
    try:
        topics: dict[str, str] = importlib.import_module("pydoc_data.topics").topics
    except ImportError as error:
        raise InputError(
            "dataset 'text' is the documentation that comes with Python, which this Python lacks "
            f"({error}); install it (pydoc_data), or use text:FILE"
        ) from error
    paragraphs = (part.strip("\n") for name in sorted(topics) for part in topics[name].split("\n\n"))
    text = "\n\n".join(dict.fromkeys(part for part in paragraphs if part.strip())).encode()
    if len(text) <= TOTAL * WINDOW:
        raise InputError(
            f"dataset 'text' needs {TOTAL * WINDOW + 1:,} bytes of Python's documentation, and this Python "
            f"has {len(text):,}; use text:FILE"
        )
    return text[: TOTAL * WINDOW + 1]


@lru_cache(maxsize=1)
def content() -> str:
    """Return the hash of :func:`documentation`."""
    return hashlib.sha256(documentation()).hexdigest()[:16]


@lru_cache(maxsize=1)
def text() -> Dataset:
    """Python's documentation in windows: 1,280 to train, 128 held out."""
    return Dataset("text", **windows(documentation(), "Python's documentation"))
