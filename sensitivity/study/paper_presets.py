"""The studies of "Optimizing CNNs": its tables, SGD and second order, and what it leaves open, in two sizes.

``paper`` has the size of the paper: 50 epochs of all images. ``paper-cpu`` is for two cores: fewer epochs of
the first 10,000 images, in which the learning rate decays as far as in the paper's 50. Both train the same
cells at the same learning rates with the same seeds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from search_spaces.hyperparameters import Categorical, Integer
from search_spaces.one_at_a_time import OneAtATime
from search_spaces.paper import OTHERS, TABLES, UNKNOWN, Table
from search_spaces.spaces import SearchSpace

TITLES = {1: "momentum", 2: "norms", 3: "momentum with norms", 4: "residual networks on CIFAR-10"}
EPOCHS = 50
"""Epochs of the paper."""
DECAY_EVERY = 2
"""Epochs of the paper between two decays of the learning rate (section 4.1)."""
BATCH_SIZES = (8, 128)
"""Smallest and largest batch size that is tried; the paper says none."""
INITIALISATIONS = ("glorot_uniform", "glorot_normal", "he_uniform", "he_normal")
"""Initialisations that are tried, the default first; the paper says none."""


@dataclass(frozen=True)
class Size:
    """How long and on how much the studies train.

    Attributes:
        prefix: Start of the names of the studies.
        epochs: Epochs of a trial.
        limit: Number of images of each part of the data; None for all.
        batch_sizes: Images of a step of the autoencoder and of the residual network.
        width: Factor on the channels of the residual network.
        words: Description of the size.
    """

    prefix: str
    epochs: int
    limit: int | None
    batch_sizes: tuple[int, int]
    width: float
    words: str

    @property
    def schedule(self) -> tuple[Categorical, ...]:
        """Schedule of the learning rate: .94 every two of the paper's 50 epochs, in relative time."""
        step = Categorical("lr_schedule", ("step",))
        if self.epochs == EPOCHS:
            return (step,)
        return (step, Categorical("lr_decay_every", (DECAY_EVERY * self.epochs / EPOCHS,)))


WHOLE = Size("paper", EPOCHS, None, (128, 128), 1.0, "50 epochs")
REDUCED = Size("paper-cpu", 5, 10_000, (16, 64), 0.25, "5 epochs of 10,000 images")


def paper_presets(size: Size) -> dict[str, dict[str, Any]]:
    """Return the studies of one size by name.

    Args:
        size: Epochs, images and widths.

    >>> list(paper_presets(REDUCED))[-2:]
    ['paper-cpu-others', 'paper-cpu-unknowns']
    """
    return {
        **{f"{size.prefix}-table-{number}": _of_table(table, size) for number, table in TABLES.items()},
        f"{size.prefix}-others": _study(
            OTHERS, size, "SGD and second order, for the claims of the paper about them"
        ),
        f"{size.prefix}-unknowns": _unknowns(size),
    }


def _of_table(table: Table, size: Size) -> dict[str, Any]:
    return _study(table, size, f'Table {table.number} of "Optimizing CNNs": {TITLES[table.number]}')


def _study(table: Table, size: Size, title: str) -> dict[str, Any]:
    resnet = table.task.startswith("resnet")
    width = (Categorical("width", (size.width,)),) if resnet and size.width != 1 else ()
    spaces = {name: table.space(name, *size.schedule, *width) for name in table.variants}
    return _sized(size, resnet) | {
        "description": f"{title}, {size.words}, three seeds (needs the data)",
        "tasks": [table.task],
        "variants": table.variants,
        "spaces": spaces,
        "designs": {name: table.design(name) for name in table.variants},
    }


def _sized(size: Size, resnet: bool) -> dict[str, Any]:
    limited = {"limit": size.limit} if size.limit is not None else {}
    batches = {"batch_size": size.batch_sizes[resnet]} if limited else {}
    return {"seeds": 3, "epochs": size.epochs, **batches, **limited}


def _unknowns(size: Size) -> dict[str, Any]:
    """Return the study of what the paper leaves open: one setting at a time, around the size's own."""
    low, high = BATCH_SIZES
    batch = Integer("batch_size", low, high, "log", default=size.batch_sizes[0])
    initialisation = Categorical("initialisation", INITIALISATIONS, INITIALISATIONS[0])
    spaces = {
        name: SearchSpace(
            *(Categorical(key, (value,)) for key, value in cell.items()),
            *size.schedule,
            batch,
            initialisation,
        )
        for name, cell in UNKNOWN.items()
    }
    return _sized(size, False) | {
        "description": "what the paper leaves open, batch size and initialisation, on four cells, "
        f"{size.words}, three seeds (needs the data)",
        "tasks": [TABLES[1].task],
        "variants": tuple(spaces),
        "spaces": spaces,
        "design": OneAtATime(points=5),
    }
