"""The questions: each is answered with the measures' own numbers, or says why it is not."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sensitivity.measures import Measured
from sensitivity.questions import QUESTIONS, Question
from sensitivity.questions.epochs import late_gains
from sensitivity.questions.overview import overview
from sensitivity.questions.question import refusal
from sensitivity.questions.summary import expected_words
from sensitivity.results.results import Results, records
from tests.sensitivity.tables import INITIAL, bowl, maximised, noisy, results

TASK = "autoencoder/digits"
BY_KEY = {each.key: each for each in QUESTIONS}


def on_two_tasks() -> Results:
    """The same study on two tasks, with noise of its own on each."""
    one, two = (
        results(noisy(0.02, seed=seed), variants=("adam", "cm"), task=task)
        for seed, task in enumerate(("toy", "real"))
    )
    for table in (two.trials, two.epochs):
        table["key"] += "-real"
    trials, epochs = (
        pd.concat(pair, ignore_index=True) for pair in ((one.trials, two.trials), (one.epochs, two.epochs))
    )
    return replace(one, trials=trials, reported=epochs)


STUDIES = {
    "a grid": results(noisy(0.05), variants=("adam", "cm")),
    "a random design": results(noisy(0.05), design="random"),
    "an adaptive design": results(noisy(0.05), variants=("adam", "cm"), design="adaptive"),
    "one trial": results(bowl, configurations=[{"lr": 0.1, "mu": 0.9}], seeds=(0,)),
    "one seed": results(noisy(0.05), seeds=(0,), variants=("adam", "cm")),
    "all diverged": results(lambda configuration, seed: math.inf, variants=("adam", "cm")),
    "a constant loss": results(lambda configuration, seed: 0.5),
    "two tasks": on_two_tasks(),
}


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda each: each.key)
def test_a_question_is_answered_or_says_why_not(question: Question, name: str) -> None:
    measured = Measured(STUDIES[name])
    task = measured.results.groups[0][0]
    reason = question.why_not(measured, task)
    said = [reason] if reason else question.sentences(measured, task)
    assert said
    assert question.applies(measured, task) == (not reason)
    for sentence in said:
        assert sentence[0].isupper() or sentence.startswith(tuple(measured.results.spaces))
        assert sentence.endswith(".")
        assert not re.search(r"\b(nan|NaN|None|inf)\b", sentence)


def test_names_are_unique_and_every_figure_has_its_table() -> None:
    assert len(BY_KEY) == len(QUESTIONS)
    tables = [name for question in QUESTIONS for name, _ in question.tables]
    assert len(tables) == len(set(tables))
    for question in QUESTIONS:
        assert {each.table for each in question.figures} <= {name for name, _ in question.tables}


def test_sentences_have_the_numbers_of_the_measures() -> None:
    measured = Measured(results(noisy(0.05)))
    row = measured.budget_within.iloc[0]
    words = (
        f"adam needs about {row['value']:.0f} ({row['low']:.0f} to {row['high']:.0f}) random configurations"
    )
    assert BY_KEY["tuning"].sentences(measured, TASK)[1].startswith(words)
    row = measured.table_named("valley").iloc[0]
    cell = overview(measured, TASK)["good range (decades)"].iloc[0]
    assert cell.endswith(f"{row['value']:.2g} ({row['low']:.2g} to {row['high']:.2g})")
    said = " ".join(BY_KEY["sensitive"].sentences(measured, TASK))
    assert "Within 10% of its best loss" not in said  # one number for one thing
    row = measured.ridges.iloc[0]
    assert (row["one"], row["other"]) == ("lr", "mu")
    assert (
        f"adam {row['value']:.3g} ({row['low']:.3g} to {row['high']:.3g})"
        in BY_KEY["tradeoffs"].sentences(measured, TASK)[1]
    )


def test_an_interval_of_what_is_maximised_is_told_from_low_to_high() -> None:
    measured = Measured(maximised())
    for row in records(measured.overview):
        value, low, high = map(float, re.findall(r"[\d.]+", expected_words(measured.results, row)))
        assert low < value < high


@pytest.mark.parametrize(
    ("shift", "said"),
    [
        (0.5, ("Untuned, adam is better than cm.", "adam is better than cm by 41%")),
        (0.0, ("Equivalent within 0.0429: adam with cm.",)),
    ],
)
def test_a_difference_beyond_noise_is_said_and_no_other(shift: float, said: tuple[str, ...]) -> None:
    truth = noisy(0.01)
    steeper = results(
        lambda c, seed: truth(c, seed) + shift * (c["variant"] == "cm") * abs(math.log10(c["lr"]) + 1.5),
        variants=("adam", "cm"),
    )
    sentences = BY_KEY["comparing"].sentences(Measured(steeper), TASK)
    assert [part in sentence for part, sentence in zip(said, sentences, strict=True)] == [True] * len(said)


def test_what_the_last_quarter_of_the_epochs_brought() -> None:
    one = results(lambda configuration, seed: 0.5, epochs=8, seeds=(0,))
    losses = {1: 0.9, 2: 0.8, 3: 0.7, 4: 0.6, 5: 0.5, 6: 0.4, 7: 0.3, 8: 0.2}
    measured = Measured(
        replace(one, reported=one.epochs.assign(train_loss_end=one.epochs["epoch"].map(losses)))
    )
    row = late_gains(measured, TASK).iloc[0]
    assert row["value"] == pytest.approx((losses[6] - losses[8]) / (INITIAL - losses[8]))
    assert "from the last 2 of 8 epochs" in BY_KEY["epochs"].sentences(measured, TASK)[0]


CROSSING = {"adam": (0.9, 0.6, 0.2), "cm": (0.8, 0.4, 0.3)}
"""The metric of a variant after epochs 1, 4 and 8, and between them on straight lines."""


@pytest.mark.parametrize(
    ("direction", "curves", "said"),
    [
        ("min", CROSSING, "was not the best at the end: cm at half, adam at the end."),
        ("max", CROSSING, "was not the best at the end: adam at half, cm at the end."),
        ("min", {**CROSSING, "cm": (0.8, 0.7, 0.6)}, "was best at the end, too: adam."),
        ("max", {**CROSSING, "cm": (0.8, 0.7, 0.6)}, "was best at the end, too: cm."),
    ],
)
def test_the_variant_that_was_best_at_half_of_the_epochs_is_named(
    direction: str, curves: dict[str, tuple[float, float, float]], said: str
) -> None:
    one = results(lambda configuration, seed: 0.5, variants=tuple(curves), epochs=8, seeds=(0,))
    variants = one.epochs["key"].str.partition("-")[0]
    values = [
        float(np.interp(epoch, (1, 4, 8), curves[variant]))
        for epoch, variant in zip(one.epochs["epoch"], variants, strict=True)
    ]
    crossing = replace(one, reported=one.epochs.assign(train_loss_end=values), direction=direction)
    sentences = BY_KEY["epochs"].sentences(Measured(crossing), TASK)
    assert sentences[2] == f"The variant that was best after half of the epochs (4) {said}"


def test_reasons_are_those_of_the_measures() -> None:
    measured = Measured(STUDIES["an adaptive design"])
    assert (
        BY_KEY["tuning"].why_not(measured, TASK).startswith("Adaptive design: its trials follow each other")
    )
    assert refusal(measured.budget_within)
    assert not refusal(measured.best_loss)


def test_estimators_of_many_configurations_are_those_of_some_and_say_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sensitivity.measures.thinning.FEW", 10)
    table = Measured(STUDIES["a random design"]).estimators
    assert set(table.loc[table["value"].notna(), "n"]) <= {10, 20}
    assert table["note"].str.endswith("of the first 10 configurations of each variant").all()
    assert not Measured(STUDIES["a grid"]).estimators["note"].str.contains("of the first").any()


@pytest.mark.slow
def test_workers_measure_what_one_process_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensitivity.measures.measured.LARGE", 1)
    monkeypatch.setattr("sensitivity.measures.measured.SLOWEST", ("budget_within", "cross_task_sensitivity"))
    measured, alone = Measured(STUDIES["a grid"]).compute(), Measured(STUDIES["a grid"])
    assert "budget_within" in vars(measured)
    pd.testing.assert_frame_equal(measured.budget_within, alone.budget_within)
    assert refusal(measured.cross_task_sensitivity) == refusal(alone.cross_task_sensitivity)


def test_how_the_run_went() -> None:
    failed = results(
        bowl, status=lambda configuration, seed: "failed" if configuration["lr"] == 1.0 else "completed"
    )
    errors = ["out of memory" if each == "failed" else None for each in failed.trials["status"]]
    measured = Measured(replace(failed, trials=failed.trials.assign(error=errors)))
    said = BY_KEY["course"].sentences(measured, TASK)
    assert (
        said[0]
        == "From 2026-01-01 00:00 to 2026-01-01 00:00 UTC 24 trials ran, up to 2 at a time, 2.0 on average."
    )
    assert said[1] == "Errors, which no measure counts: out of memory (6 trials)."
    table = BY_KEY["course"].table("course", measured, TASK)
    assert dict(zip(table["status"], table["n"], strict=True)) == {"completed": 18, "failed": 6}
    unknown = measured.results.trials.drop(columns=["started", "finished"])
    assert (
        BY_KEY["course"].why_not(Measured(replace(failed, trials=unknown)), TASK)
        == "When these trials ran is not known."
    )
