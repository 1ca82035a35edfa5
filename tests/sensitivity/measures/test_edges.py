"""Advice at the ends of ranges: where a number supports it, once, and nowhere else."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sensitivity import from_table
from sensitivity.measures import Measured, caveats
from sensitivity.questions.summary import MOST_EDGES
from sensitivity.questions.summary import caveats as sentences
from sensitivity.results.results import Results

RATES = [10.0**-power for power in range(5)]


def table(
    loss: Any,
    *,
    seeds: int = 1,
    tasks: tuple[str, ...] = ("t",),
    variants: tuple[str, ...] = ("adam",),
    **values: Any,
) -> Results:
    """A grid over lr and wd, or the values. Args: loss: of a row, as a dictionary."""
    grid = values or {"lr": RATES, "wd": [0.0, 0.1, 0.2]}
    places = [
        dict(zip(grid, row, strict=True))
        for row in np.array(np.meshgrid(*grid.values())).reshape(len(grid), -1).T.tolist()
    ]
    rows = [
        {"task": task, "variant": variant, "seed": seed, **place}
        for task in tasks
        for variant in variants
        for place in places
        for seed in range(seeds)
    ]
    frame = pd.DataFrame([{**row, "loss": loss(row)} for row in rows])
    return from_table(
        frame, metric="loss", hyperparameters=list(grid), task="task", variant="variant", seed="seed"
    )


def advice(results: Results) -> list[str]:
    found = caveats(results)
    return list(found.loc[found["kind"] == "edge", "text"])


def falling(row: dict[str, Any]) -> float:
    """Lower with a larger lr, and best in the middle of wd."""
    return 1 - 0.1 * math.log10(row["lr"]) + (row["wd"] - 0.1) ** 2


def test_advice_names_range_and_side_with_one_seed_where_the_loss_falls_towards_the_end() -> None:
    (text,) = advice(table(falling))
    assert text == (
        "adam on t does best at the highest learning rate tried (1, range 0.0001 to 1): its optimum may lie "
        "higher; try 0.01 to 100."
    )


@pytest.mark.parametrize(
    "loss",
    [
        pytest.param(
            lambda row: falling(row) + 0.3 * (row["lr"] == 0.1), id="one seed, not falling over three levels"
        ),
        pytest.param(lambda row: (math.log10(row["lr"]) + 2) ** 2, id="best inside"),
        pytest.param(lambda row: 1.0 + (row["lr"] == 1e-4), id="equal to a rival inside"),
    ],
)
def test_no_advice_without_a_reason(loss: Any) -> None:
    assert not [text for text in advice(table(loss)) if "learning rate" in text]


@pytest.mark.slow
def test_noise_alone_gives_next_to_no_advice() -> None:
    for seeds, most in ((1, 6), (3, 3)):
        count = 0
        for study in range(20):
            rng = np.random.default_rng(study)
            count += len(advice(table(lambda row, rng=rng: float(rng.normal(1, 0.1)), seeds=seeds)))
        assert count <= most, seeds  # of 40 hyperparameters, of which the best of about 20 lies at an end


def test_a_difference_within_noise_is_none_and_one_beyond_it_is() -> None:
    signs = {0: -1, 1: 0, 2: 1}
    assert not advice(table(lambda row: falling(row) + signs[row["seed"]], seeds=3))
    assert advice(table(lambda row: falling(row) + 0.001 * signs[row["seed"]], seeds=3))


def test_five_configurations_support_none_and_eight_do() -> None:
    for count, said in ((5, 0), (8, 1)):
        rates = [10.0**-power for power in range(count)]
        assert len(advice(table(lambda row: 1 - 0.1 * math.log10(row["lr"]), lr=rates))) == said


def test_nothing_is_tried_beyond_a_natural_bound() -> None:
    lowest = table(
        lambda row: 1 + row["label_smoothing"] + row["depth"],
        label_smoothing=[0.0, 0.1, 0.2, 0.3],
        depth=[1, 2, 3],
    )
    assert not advice(lowest)
    highest = table(
        lambda row: 9 - row["label_smoothing"] - row["depth"],
        label_smoothing=[0.0, 0.1, 0.2, 0.3],
        depth=[1, 2, 3],
    )
    assert sorted(text.partition("try ")[2] for text in advice(highest)) == ["0.15 to 0.45.", "2 to 4."]


def test_advice_is_given_once_for_all_tasks() -> None:
    (text,) = advice(table(falling, tasks=("a", "b")))
    assert text.startswith("adam on a and b does best at the highest learning rate tried")
    (text,) = advice(
        table(
            lambda row: falling(row) if row["task"] != "b" else (math.log10(row["lr"]) + 2) ** 2,
            tasks=("a", "b"),
        )
    )
    assert text.startswith("adam on a does best at")
    (text,) = advice(table(falling, tasks=tuple("abcde")))
    assert text.startswith("adam on all 5 tasks does best at")
    (text,) = advice(
        table(
            lambda row: falling(row) if row["task"] != "b" else (math.log10(row["lr"]) + 2) ** 2,
            tasks=tuple("abcde"),
        )
    )
    assert text.startswith("adam on 4 of 5 tasks does best at")


def test_tasks_that_disagree_get_no_numbers_that_conflict() -> None:
    opposite = table(lambda row: falling(row) if row["task"] == "a" else 2 - falling(row), tasks=("a", "b"))
    (text,) = [text for text in advice(opposite) if "learning rate" in text]
    assert text == (
        "adam does best at the low end of learning rate (0.0001) on b and at the high end (1) on a: no one "
        "range suits all tasks; widen it on both sides."
    )


def test_lowest_tried_is_said_of_the_lowest_only() -> None:
    rng = np.random.default_rng(0)
    rates = 10 ** rng.uniform(-4, 0, 60)
    frame = pd.DataFrame({"lr": rates, "loss": 1 + 0.1 * np.log10(rates)})
    (text,) = advice(from_table(frame, metric="loss"))
    assert "does best at the lowest learning rate tried" in text
    second = np.argsort(rates)[1]
    frame.loc[second, "loss"] -= 0.1
    (text,) = advice(from_table(frame, metric="loss"))
    assert f"does best near the lowest learning rate tried ({rates[second]:.4g}," in text


def test_five_lines_are_told_and_the_others_counted() -> None:
    many = table(falling, variants=tuple(f"v{number}" for number in range(8)))
    measured = Measured(many)
    told = [text for text in sentences(measured) if "does best at" in text]
    assert len(told) == MOST_EDGES
    assert (
        "And 3 more ranges with the best at an end, of v5, v6 and v7: the measure `caveats` lists all."
        in sentences(measured)
    )
    assert len(advice(many)) == 8
    assert not [text for text in sentences(Measured(table(falling))) if "more range" in text]
