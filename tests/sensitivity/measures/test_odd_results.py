"""Every measure on results that are odd: a table with the columns that are promised, or one clear error, and
never a warning."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import pandas as pd
import pytest

from search_spaces import Float, SearchSpace
from search_spaces.designs import FixedDesign, Grid, Morris, Random, Saltelli
from sensitivity import measures
from sensitivity.measures.losses import keeping_losses
from sensitivity.measures.measured import REFUSED, Measured
from sensitivity.results.results import Results
from tests.sensitivity.tables import SPACE, bowl, noisy, results
from trainables.names import InputError

MEASURES = {
    name: getattr(measures, name) for name in measures.__all__ if inspect.isfunction(getattr(measures, name))
}
ARGUMENTS = {"coupling": ("lr", "mu"), "best_by_level": ("lr", "mu"), "selected_on": ("train_loss_end",)}
OWN = {"sobol": Saltelli(4, seed=0), "morris": Morris(4, seed=0), "estimators": Saltelli(4, seed=0)}
"""Designs of measures that need one."""
TWELVE = SearchSpace(*SPACE, *(Float(f"x{i}", 0, 1) for i in range(10)))
PROMISED = {"value", "low", "high", "n", "note"}

Loss = Callable[[Mapping[str, Any], int], float]


def made(
    loss: Loss,
    design: FixedDesign | str,
    *,
    tasks: int = 2,
    space: SearchSpace = SPACE,
    most: int | None = None,
    **more: Any,
) -> Results:
    """Results of every configuration of a design, on several tasks."""
    planned = (
        Random(24, seed=1)
        if isinstance(design, str) or (isinstance(design, Grid) and len(space) > 2)
        else design
    )
    points = planned.configurations(space)[:most]
    kind = design if isinstance(design, str) else planned.kind
    parts = [
        results(loss, configurations=points, design=kind, space=space, task=f"task-{i}", **more)
        for i in range(tasks)
    ]
    for i, part in enumerate(parts):
        for table in (part.trials, part.epochs):
            table["key"] += f"-{i}"
    tables = {
        name: pd.concat([getattr(part, name) for part in parts], ignore_index=True)
        for name in ("trials", "reported")
    }
    return dataclasses.replace(parts[0], **tables, spec={"name": "odd", "design": planned.to_dict()})


TWO = ("adam", "sgd")
ODD: dict[str, Callable[[FixedDesign | str], Results]] = {
    "no trial has ended": lambda design: made(bowl, design, variants=TWO, status=lambda c, s: "pending"),
    "one trial": lambda design: made(bowl, design, tasks=1, seeds=(0,), most=1),
    "two configurations": lambda design: made(noisy(0.1), design, variants=TWO, most=2),
    "every trial diverged": lambda design: made(lambda c, s: math.inf, design, variants=TWO),
    "one variant": lambda design: made(noisy(0.1), design),
    "one seed": lambda design: made(noisy(0.1), design, variants=TWO, seeds=(3,)),
    "a constant loss": lambda design: made(lambda c, s: 0.3, design, variants=TWO),
    "a loss of zero": lambda design: made(lambda c, s: 0.0, design, variants=TWO),
    "a seed that failed": lambda design: made(
        noisy(0.1), design, variants=TWO, status=lambda c, s: "failed" if s else "completed"
    ),
    "nothing varies": lambda design: made(
        noisy(0.1), design, variants=TWO, space=SearchSpace(Float("lr", 0.1, 0.1))
    ),
    "twelve hyperparameters": lambda design: made(noisy(0.1), design, variants=TWO, space=TWELVE),
    "chosen by an optimizer": lambda design: made(noisy(0.1), "adaptive", variants=TWO),
}
DESIGNS = {"grid": Grid(3), "random": Random(24, seed=0), **OWN}


@functools.cache
def odd_results(odd: str, design: str) -> Results:
    """Odd results, made once for every measure, as :class:`Measured` gives them to each."""
    return keeping_losses(ODD[odd](DESIGNS[design]))


@functools.cache
def written(odd: str, design: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables of :func:`odd_results` before a measure has read them."""
    found = odd_results(odd, design)
    return found.trials.copy(), found.reported.copy()


@contextmanager
def unchanged(odd: str, design: str) -> Iterator[Results]:
    """Odd results that other tests read too: they are afterwards what they were."""
    before = written(odd, design)
    found = odd_results(odd, design)
    try:
        yield found
    finally:
        for was, now in zip(before, (found.trials, found.reported), strict=True):
            pd.testing.assert_frame_equal(now, was)


@pytest.mark.slow
@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("odd", ODD)
def test_a_measure_gives_its_table_or_one_clear_error(name: str, odd: str) -> None:
    measure = MEASURES[name]
    fewer = {
        argument: 20
        for argument in ("draws", "resamples")
        if argument in inspect.signature(measure).parameters
    }
    for design in ("grid", "random", *([name] if name in OWN else [])):
        try:
            with unchanged(odd, design) as found:
                table = measure(found, *ARGUMENTS.get(name, ()), **fewer)
        except InputError:
            continue
        assert isinstance(table, pd.DataFrame)
        if name == "caveats":
            assert list(table.columns) == ["task", "variant", "kind", "text"]
            continue
        assert set(table.columns) >= PROMISED
        assert (table["value"].isna() | (table["low"].isna() == table["high"].isna())).all()
        assert not (table["low"] > table["high"]).any()
        assert not ((table["low"] > table["value"] + 1e-9) | (table["high"] < table["value"] - 1e-9)).any()


@pytest.mark.slow
@pytest.mark.parametrize("odd", ODD)
def test_all_that_a_report_reads_is_there(odd: str) -> None:
    """A measure that refuses is an empty table, which says why."""
    with unchanged(odd, "random") as found:
        whole = Measured(found)
        for name, attribute in vars(Measured).items():
            if isinstance(attribute, cached_property) and name != "compared_over":
                table = getattr(whole, name)
                assert isinstance(table, pd.DataFrame)
                assert REFUSED not in table.attrs or table.empty
