"""The paper's grids: exactly the cells of its tables."""

from __future__ import annotations

import csv
import math
import pathlib
from typing import Any

import pytest

from search_spaces.paper import TABLES, UNKNOWN, table
from sensitivity.study.planning import trials
from sensitivity.study.presets import GROUPS
from sensitivity.study.study import Study
from sensitivity.study.trial import Trial
from trainables.layers import INITIALISATIONS
from trainables.lr_schedules import Decay, step
from trainables.names import InputError
from trainables.variants import variant

PUBLISHED = pathlib.Path(__file__).parents[3] / "shared" / "paper" / "tables.csv"
SIZES = {1: (4, 8), 2: (5, 10), 3: (6, 24), 4: (6, 6)}
"""Variants and cells of each table, counted in the paper."""


def cells(number: int) -> set[tuple[Any, ...]]:
    """Our cells of a table in the words of the hyperalgorithm: momentum, norm, mu, nu, and the schedules of both."""
    found = set()
    chosen = table(number)
    for name in chosen.variants:
        fixed: Any = variant(name).fixed  # type: ignore[attr-defined]
        for configuration in chosen.design(name).configurations(chosen.space(name)):
            moving, adaptive = fixed["momentum"] != "none", fixed["adaptive"] != "none"
            found.add(
                (
                    fixed["momentum"] if moving else "",
                    fixed["p"] if adaptive else None,
                    configuration.get("mu"),
                    configuration.get("nu"),
                    fixed["mu_schedule"] if moving else "",
                    fixed["nu_schedule"] if adaptive else "",
                )
            )
    return found


@pytest.mark.parametrize("number", TABLES)
def test_a_table_has_its_variants_and_cells_each_at_three_learning_rates(number: int) -> None:
    variants, count = SIZES[number]
    assert len(table(number).variants) == variants
    assert len(cells(number)) == count
    planned = trials(Study.preset(f"paper-table-{number}"))
    assert len(planned) == count * 3 * 3  # learning rates, seeds
    assert all(each.configuration["lr_schedule"] == "step" and each.epochs == 50 for each in planned)


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the paper's tables are not at hand")
@pytest.mark.parametrize("number", TABLES)
def test_the_cells_are_those_that_were_published(number: int) -> None:
    with PUBLISHED.open() as file:
        rows = [row for row in csv.DictReader(file) if int(row["table"]) == number]
    published = {
        (
            row["momentum"].lower(),
            {"": None, "inf": math.inf}.get(row["norm"], float(row["norm"] or 0)),
            float(row["mu"]) if row["mu"] else None,
            float(row["nu"]) if row["nu"] else None,
            row["mu_schedule"],
            row["nu_schedule"],
        )
        for row in rows
    }
    assert cells(number) == published
    for row in rows:
        if row["alpha0"]:  # the paper's own learning rate is among those tried
            norm, momentum = row["norm"], row["momentum"].lower()
            alone = [
                name for name in table(number).variants if "+" not in name and name.startswith(f"{momentum}-")
            ]
            named = [name for name in table(number).variants if f"l{norm}-" in name] if norm else alone
            assert all(float(row["alpha0"]) in table(number).levels(name)["lr"] for name in named)


def test_all_tables_run_one_after_another() -> None:
    beside = ("others", "unknowns")
    for group in ("paper", "paper-cpu"):
        parts = [*(f"table-{number}" for number in TABLES), *beside]
        assert GROUPS[group] == tuple(f"{group}-{part}" for part in parts)
    with pytest.raises(InputError, match="preset 'paper' is several studies; take one of paper-table-1"):
        Study.preset("paper")


@pytest.mark.parametrize("part", [name.removeprefix("paper-") for name in GROUPS["paper"]])
def test_the_reduced_size_trains_the_same_settings_with_the_same_seeds(part: str) -> None:
    whole, reduced = (trials(Study.preset(f"{group}-{part}")) for group in ("paper", "paper-cpu"))

    def settings(each: Trial) -> tuple[Any, ...]:
        sized = ("lr_decay_every", "width")
        return each.variant, each.seed, {k: v for k, v in each.configuration.items() if k not in sized}

    if part != "unknowns":  # which are tried around the batch size of each
        assert [settings(each) for each in whole] == [settings(each) for each in reduced]
    assert len(whole) == len(reduced)


def test_the_learning_rate_decays_as_far_in_the_reduced_size() -> None:
    ends = []
    for name, per_epoch in (("paper-table-1", 469), ("paper-cpu-table-1", 625)):
        one = trials(Study.preset(name))[0]
        steps = one.epochs * per_epoch
        every = one.configuration.get("lr_decay_every", 2)
        ends.append(step(steps, Decay(steps, per_epoch, lr_decay_every=every)))
    assert ends == [pytest.approx(0.94**24)] * 2


@pytest.mark.parametrize("group", ["paper", "paper-cpu"])
def test_what_the_paper_leaves_open_is_varied_one_at_a_time(group: str) -> None:
    planned = trials(Study.preset(f"{group}-unknowns"))
    centre = {"paper": 128, "paper-cpu": 16}[group]
    for name in UNKNOWN:
        tried = {
            (each.configuration["batch_size"], each.configuration["initialisation"])
            for each in planned
            if each.variant == name
        }
        sizes = {(size, "glorot_uniform") for size in (8, 16, 32, 64, 128)}
        assert tried == sizes | {(centre, how) for how in INITIALISATIONS}


def test_an_unknown_table_is_refused() -> None:
    with pytest.raises(InputError, match="the paper's tables are 1 to 4, got 5"):
        table(5)


@pytest.mark.parametrize("number", TABLES)
def test_a_preset_survives_yaml(number: int) -> None:
    study = Study.preset(f"paper-table-{number}")
    assert [each.key for each in trials(Study.from_yaml(study.to_yaml()))] == [
        each.key for each in trials(study)
    ]
