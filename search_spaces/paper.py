"""Grids of "Optimizing CNNs": the cells of its Tables 1 to 4, each with several learning rates.

A cell is a combination (:mod:`trainables.variant_names`) with values of mu and nu. The learning rate is
multiplied by .94 every two epochs, as in section 4.1. Table 1 was searched over {.5, 1, 2} (section 4.2). The
norms are best at .001, .002 and .005 (section 4.3), and are tried at these rates and their neighbours.

Source: Dozat, "Optimizing CNNs", sections 4.2 to 5.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from search_spaces.grid import Grid
from search_spaces.hyperparameters import Categorical, Float
from search_spaces.spaces import SearchSpace
from trainables.names import InputError

RATES = {
    "momentum": (0.5, 1.0, 2.0),
    "l1": (5e-4, 1e-3, 2e-3),
    "l2": (1e-3, 2e-3, 5e-3),
    "linf": (2e-3, 5e-3, 0.01),
}
"""Learning rates of momentum alone (the paper's best is the last) and of each norm (the middle)."""
STEP = Categorical("lr_schedule", ("step",))
"""Schedule of the learning rate, whose defaults are the paper's."""


@dataclass(frozen=True)
class Table:
    """A table of the paper.

    Args:
        number: number of the table, 1 to 4; 0 for variants that no table has.
        task: name of the task.
        cells: variants, each with its levels of mu and of nu; empty if the variant does not use mu or nu.
    """

    number: int
    task: str
    cells: tuple[tuple[str, tuple[float, ...], tuple[float, ...]], ...]

    @property
    def variants(self) -> tuple[str, ...]:
        """Names of the variants, in the order of the table."""
        return tuple(name for name, _, _ in self.cells)

    def space(self, variant: str, *settings: Categorical) -> SearchSpace:
        """Return the space that contains a variant's cells and their learning rates.

        Args:
            variant: name of a variant of the table.
            settings: hyperparameters beside lr, mu and nu; the paper's schedule if there are none.
        """
        levels = self.levels(variant)
        decays = [
            Float(name, min(levels[name]), max(levels[name]), "log1m")
            for name in ("mu", "nu")
            if name in levels
        ]
        return SearchSpace(
            Float("lr", min(levels["lr"]), max(levels["lr"]), "log"), *decays, *(settings or (STEP,))
        )

    def design(self, variant: str) -> Grid:
        """Return the grid of a variant's cells, each at every learning rate."""
        return Grid(points={}, levels=self.levels(variant))

    def levels(self, variant: str) -> dict[str, tuple[float, ...]]:
        """Return the levels of lr, and of mu and nu if the variant uses them."""
        mu, nu = next((mu, nu) for name, mu, nu in self.cells if name == variant)
        norm = variant.partition("+")[2] or variant
        rates = RATES.get(norm.split("-")[0], RATES["momentum"])
        return {"lr": rates, **({"mu": mu} if mu else {}), **({"nu": nu} if nu else {})}


def _table_1() -> Iterator[tuple[str, tuple[float, ...], tuple[float, ...]]]:
    for momentum in ("cm", "nag"):
        for schedule in ("constant", "bias_corrected"):
            yield f"{momentum}-unscaled-mean-{schedule}", (0.9, 0.95), ()


def _table_2() -> Iterator[tuple[str, tuple[float, ...], tuple[float, ...]]]:
    for norm, schedules in (
        ("l1", ("constant", "bias_corrected")),
        ("l2", ("constant", "bias_corrected")),
        ("linf", ("constant",)),
    ):
        for schedule in schedules:
            yield f"{norm}-mean-{schedule}", (), (0.9, 0.999)


def _combined(
    pairs: Iterable[tuple[str, str]], mu: tuple[float, ...], nu: tuple[float, ...]
) -> Iterator[Any]:
    for momentum, norm in pairs:
        yield f"{momentum}-unscaled-mean-bias_corrected+{norm}-mean-bias_corrected", mu, nu


def _table_4() -> Iterator[tuple[str, tuple[float, ...], tuple[float, ...]]]:
    yield "nag-unscaled-mean-bias_corrected", (0.9,), ()
    for norm in ("l2", "l1"):
        yield f"{norm}-mean-bias_corrected", (), (0.999,)
    yield from _combined((("cm", "l2"), ("cm", "l1"), ("nag", "l2")), (0.9,), (0.999,))


TABLES = {
    1: Table(1, "autoencoder/mnist", tuple(_table_1())),
    2: Table(2, "autoencoder/mnist", tuple(_table_2())),
    3: Table(
        3,
        "autoencoder/mnist",
        tuple(
            _combined(
                [(m, p) for p in ("l1", "l2", "linf") for m in ("cm", "nag")], (0.9, 0.95), (0.9, 0.999)
            )
        ),
    ),
    4: Table(4, "resnet/cifar10", tuple(_table_4())),
}
OTHERS = Table(0, "autoencoder/mnist", (("sgd", (), ()), ("l2-mean-bias_corrected-second", (), (0.9,))))
"""Variants of which the paper makes claims, and prints no number: SGD and equilibrated gradient descent."""
UNKNOWN: dict[str, dict[str, float]] = {
    "cm-unscaled-mean-constant": {"lr": 2.0, "mu": 0.9},
    "nag-unscaled-mean-bias_corrected": {"lr": 2.0, "mu": 0.9},
    "l2-mean-bias_corrected": {"lr": 0.002, "nu": 0.9},
    "cm-unscaled-mean-bias_corrected+l2-mean-bias_corrected": {"lr": 0.002, "mu": 0.9, "nu": 0.9},
}
"""Cells of Tables 1 to 3 on which to try what the paper leaves open, at its learning rates.

They are the best of Table 1, one at the edge of diverging, and one each of Tables 2 and 3.
"""


def table(number: int) -> Table:
    """Return a table of the paper.

    Args:
        number: number of the table, 1 to 4.

    Raises:
        InputError: the paper has no such table.

    >>> [len(table(n).variants) for n in TABLES]
    [4, 5, 6, 6]
    """
    if number not in TABLES:
        raise InputError(f"the paper's tables are 1 to {max(TABLES)}, got {number!r}")
    return TABLES[number]
