"""What to tune first, which setting forgives errors, and what a choice without test data costs, in sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from search_spaces import Float, SearchSpace
from search_spaces.designs import Grid
from sensitivity.measures import Measured
from sensitivity.questions import QUESTIONS
from sensitivity.results.results import Results
from tests.sensitivity.tables import bowl, noisy, results

SPACE = SearchSpace(Float("lr", 1e-3, 1.0, "log", 1e-2))
POINTS = Grid({"lr": 13}).configurations(SPACE)
BY_KEY = {question.key: question for question in QUESTIONS}
TASK = "autoencoder/digits"


def study(loss: Any, *, deviation: float = 0.002, **more: Any) -> Results:
    fields = {"space": SPACE, "configurations": POINTS, "seeds": range(3), **more}
    return results(noisy(deviation, 0, loss), **fields)


def said(table: Results, key: str) -> str:
    measured = Measured(table)
    question = BY_KEY[key]
    reason = question.reason_against(measured, TASK)
    return reason or " ".join(question.sentences(measured, TASK))


def cliff(configuration: Mapping[str, Any], seed: int) -> float:
    """A slope towards larger learning rates that ends at a cliff just above the best."""
    place = math.log10(configuration["lr"])
    return 0.8 if place > -0.9 else 0.3 - 0.05 * (place + 3)


def test_the_robust_setting_is_not_the_best_beside_a_cliff() -> None:
    text = said(study(cliff), "robust")
    assert text.startswith(
        "Another setting than the best clearly forgives errors better for adam. Safer than the best setting when "
        "every number is off by a factor of 2: adam lr "
    )
    assert "the best setting loses" in text
    assert "also loses least" in said(study(bowl), "robust")


def test_levels_too_far_apart_are_named() -> None:
    text = said(study(bowl, configurations=Grid({"lr": 4}).configurations(SPACE)), "robust")
    assert text.startswith("The levels of lr are a factor of 10 apart")


@pytest.mark.parametrize(("deviation", "sure"), [(0.002, True), (0.5, False)])
def test_what_to_tune_first_is_said_only_where_it_clearly_gains(deviation: float, sure: bool) -> None:
    text = said(study(bowl, deviation=deviation), "tuning")
    assert ("Tune lr first for adam." in text) == sure
    assert ("No hyperparameter of adam clearly improves" in text) != sure


@pytest.mark.parametrize(("shift", "words"), [(0.0, "costs nothing in test_loss"), (1.0, "costs: adam 0.")])
def test_what_a_choice_by_the_training_loss_costs(shift: float, words: str) -> None:
    """The test loss has its best a decade below that of the training loss, or at the same place."""
    table = study(bowl)
    rates = table.trials.set_index("key")["config/lr"]
    epochs = table.epochs.assign(
        test_loss=[
            0.1 + 0.1 * (math.log10(rates[key]) + 1.5 + shift) ** 2 + 0.001 * (number % 3)
            for number, key in enumerate(table.epochs["key"])
        ]
    )
    text = said(replace(table, reported=epochs), "choosing")
    assert words in text
    assert "train_loss_end" in text


def test_a_study_without_a_test_metric_says_so() -> None:
    assert "needs a metric of the test data" in said(study(bowl), "choosing")


def test_what_fewer_epochs_would_have_decided() -> None:
    table = study(bowl, variants=("adam", "cm"), deviation=0.01, epochs=4)
    text = said(table, "epochs")
    assert "Decided pairs of variants: " in text
    assert " after 1 epoch, " in text
    assert " after 4 epochs." in text
    assert "Decided pairs" not in said(study(bowl, variants=("adam", "cm"), epochs=1), "epochs")
