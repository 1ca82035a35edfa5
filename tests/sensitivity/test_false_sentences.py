"""A sentence of the summary is gone from a study in which it would be false."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from search_spaces.grid import Grid
from sensitivity.measures import Measured
from sensitivity.questions.overview import MISSED, overview
from sensitivity.questions.summary import summary
from sensitivity.results.results import Results
from tests.sensitivity.questions import studies as of
from tests.sensitivity.questions.test_decided import made
from tests.sensitivity.tables import SPACE, noisy, results

TASK = "autoencoder/digits"
Loss = Callable[[Mapping[str, Any], int], float]


def study(
    *,
    worse: str = "cm",
    by: float = 0.1,
    noise: float = 0.005,
    seeds: int = 3,
    levels: int = 13,
    highest: float = math.inf,
    mu: int = 1,
    change: Callable[[float, Mapping[str, Any]], float] = lambda loss, configuration: loss,
    variants: tuple[str, ...] = ("adam", "cm"),
) -> Results:
    """Two variants with a valley of the learning rate, of which one is worse everywhere."""
    loss = noisy(noise)
    points = [row for row in Grid({"lr": levels, "mu": mu}).configurations(SPACE) if row["lr"] < highest]
    return results(
        lambda c, seed: change(loss(c, seed) + by * (c["variant"] == worse), c),
        variants=variants,
        configurations=points,
        seeds=range(seeds),
    )


def diverging(loss: float, configuration: Mapping[str, Any]) -> float:
    return math.inf if configuration["lr"] > 0.05 else loss


def diverging_beside(loss: float, configuration: Mapping[str, Any]) -> float:
    """A miss by a factor of 3 leads between a level that trains and one that diverges."""
    return math.inf if configuration["lr"] > 0.08 else loss


def useless(loss: float, configuration: Mapping[str, Any]) -> float:
    return 1.5 + loss if configuration["variant"] == "cm" else loss


def by_mu(loss: float, configuration: Mapping[str, Any]) -> float:
    return 0.3 + (configuration["mu"] > 0.7) * 0.3 + loss / 100


BETTER, TIED = study(), study(by=0.0)
OPEN = study(noise=0.1, by=0.06, seeds=2, levels=3)
LOSING, EQUAL = made(0.30, 0.31, 0.32), made(0.10, 0.11, 0.10)
FALSE: dict[str, tuple[Results, Results]] = {
    "Use adam at ": (BETTER, study(worse="adam")),
    "(mean of 3 seeds)": (BETTER, study(seeds=2)),
    "(one seed)": (study(seeds=1), BETTER),
    " at learning rates from about ": (BETTER, study(levels=1)),
    "A learning rate that is wrong by a factor of 3 costs adam ": (BETTER, study(highest=0.04)),
    "A learning rate 3 times too small costs adam ": (study(highest=0.04), BETTER),
    "A learning rate that is wrong by a factor of 3 may lead to where ": (study(change=diverging_beside), BETTER),
    "A learning rate that is wrong by a factor of 3 costs adam 100%": (study(change=diverging), BETTER),
    "adam loses 2": (LOSING, EQUAL),
    "adam cannot be told from the best setting": (
        EQUAL, LOSING,
    ),
    "adam is better than the best setting": (
        made(0.04, 0.05, 0.05), LOSING,
    ),
    "Tuned, adam is better than every other variant.": (BETTER, TIED),
    "cannot be told apart.": (TIED, BETTER),
    "Untuned, adam loses least of ": (BETTER, study(worse="adam")),
    "; cm loses most, ": (BETTER, study(worse="adam")),
    "Never better than the initial loss, so not ranked: cm.": (study(change=useless), BETTER),
    "Untuned, the only pair is decided.": (BETTER, OPEN),
    "Untuned, 0 of 1 pair is decided. Not decided: adam against cm": (OPEN, BETTER),
    " seeds in all would decide)": (OPEN, BETTER),
    "To decide the first with a chance of 80%: `sensitivity run ": (OPEN, BETTER),
    "Most important, as a share of the variance of the loss: lr for adam": (
        study(mu=2), study(mu=2, change=by_mu),
    ),
    "mu for adam": (study(mu=2, change=by_mu), study(mu=2)),
    "lr matters most for all 3 variants": (
        study(mu=2, variants=("adam", "cm", "nadam")),
        study(mu=2, variants=("adam", "cm", "nadam"), change=by_mu),
    ),
    "; 1 more in the table.": (of.NINE, BETTER),
    "The conclusion depends on choices of this study: without the highest learning rate, cm would be named.": (
        of.AT_HIGHEST, BETTER,
    ),
    "without the highest learning rate, adam against cm would turn round": (of.BAD_AT_HIGHEST, of.AT_HIGHEST),
    "with half the margin, adam against cm would differ by more than the margin": (of.BAD_AT_HIGHEST, BETTER),
    " configurations of each would decide)": (of.DRAWN, OPEN),
    "No trial diverged.": (BETTER, study(change=diverging)),
    "Diverged trials, counted at the initial loss: ": (study(change=diverging), BETTER),
    "No sensitivity is measured of adam and cm: ": (study(levels=1), BETTER),
}  # fmt: skip
"""Beginnings, or parts, of sentences: a study in which they are true, and one in which they would be false."""


SAID: dict[int, list[str]] = {}


def said(made: Results) -> list[str]:
    """The summary of a study, which several parts share."""
    if id(made) not in SAID:
        SAID[id(made)] = summary(Measured(made), TASK)
    return SAID[id(made)]


@pytest.mark.parametrize("part", FALSE)
def test_a_sentence_is_gone_where_it_would_be_false(part: str) -> None:
    true, false = map(said, FALSE[part])
    assert any(part in sentence for sentence in true), true
    assert not any(part in sentence for sentence in false), false


def test_the_table_has_a_bound_where_the_sentence_has_one() -> None:
    cells = [overview(Measured(made), TASK)[MISSED].iloc[0] for made in (study(highest=0.04), BETTER)]
    assert [cell.startswith("too small: ") for cell in cells] == [True, False]


def test_a_study_without_a_result_says_nothing_else() -> None:
    empty = replace(BETTER, trials=BETTER.trials.iloc[:0])
    assert summary(Measured(empty), TASK) == ["No trial has ended yet."]
