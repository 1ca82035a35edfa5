"""What diverged trials count as is what is said."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from sensitivity import from_table
from sensitivity.measures import Measured, caveats
from sensitivity.questions import QUESTIONS
from sensitivity.questions.overview import how_to_read
from sensitivity.questions.sensitive import diverged, ranking
from sensitivity.results.capping import INITIAL, MIXED, WORST, cap_of
from sensitivity.results.results import Results

INITIALS = {
    "none": {"a": math.nan, "b": math.nan},
    "given": {"a": 2.0, "b": 2.0},
    "of one task": {"a": 2.0, "b": math.nan},
}


def table(initial: dict[str, float] | None = None, loss: float | None = None, **more: Any) -> Results:
    rows = [
        {
            "task": task,
            "lr": 10.0**-power,
            "loss": loss or (math.nan if power == 0 else 0.1 * power),
            "start": (initial or {}).get(task, math.nan),
        }
        for task in ("a", "b")
        for power in range(9)
    ]
    named = {"initial_loss": "start"} if initial else {}
    return from_table(pd.DataFrame(rows), metric="loss", task="task", hyperparameters=["lr"], **named, **more)


@pytest.mark.parametrize(
    ("found", "caps", "words"),
    [
        pytest.param(
            table(),
            (WORST, WORST, WORST),
            ("as the worst that ended", "as the worst that ended"),
            id="no initial loss",
        ),
        pytest.param(
            table(INITIALS["none"]),
            (WORST, WORST, WORST),
            ("as the worst that ended",) * 2,
            id="an empty column",
        ),
        pytest.param(
            table(INITIALS["given"]), (INITIAL, INITIAL, INITIAL), ("at the initial loss",) * 2, id="a column"
        ),
        pytest.param(
            table(INITIALS["of one task"]),
            (INITIAL, WORST, MIXED),
            ("at the initial loss", "as the worst that ended"),
            id="of one task",
        ),
    ],
)
def test_the_cap_of_a_task_is_named(
    found: Results, caps: tuple[str, str, str], words: tuple[str, str]
) -> None:
    assert tuple(cap_of(found, task) for task in ("a", "b", None)) == caps
    measured = Measured(found)
    for task, counted in zip(("a", "b"), words, strict=True):
        assert diverged(measured, task) == [f"Diverged trials, counted {counted}: table 1 of 9."]
        loss = found.trials.loc[
            (found.trials["task"] == task) & (found.trials["status"] == "diverged"), "loss"
        ].iloc[0]
        assert loss == (2.0 if counted.endswith("initial loss") else 0.8)
    for task, cap in zip(("a", "b"), caps, strict=False):
        text = how_to_read(measured, task)
        assert ("capped at the initial loss" in text) == (cap == INITIAL)
        assert ("the worst that any trial of the task ended with" in text) == (cap != INITIAL)


@pytest.mark.parametrize(("initial", "count"), [("none", 2), ("given", 0), ("of one task", 1)])
def test_a_note_counts_those_without_an_initial_loss(initial: str, count: int) -> None:
    notes = [note for note in table(INITIALS[initial]).notes if "no initial loss was given" in note]
    assert notes == ([] if not count else notes[:1])
    assert not count or f"Diverged, having no finite loss: {count} of 18 trials" in notes[0]


def test_a_trial_without_its_own_initial_loss_makes_the_cap_of_its_task_a_mixed_one() -> None:
    rows = [
        {
            "lr": 10.0**-power,
            "loss": math.nan if power < 2 else 0.1 * power,
            "start": math.nan if power == 0 else 2.0,
        }
        for power in range(9)
    ]
    found = from_table(pd.DataFrame(rows), metric="loss", initial_loss="start", hyperparameters=["lr"])
    assert diverged(Measured(found), "table") == [
        "Diverged trials, counted at the initial loss where it is known, else as the worst that ended: table "
        "2 of 9."
    ]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        pytest.param(table(loss=0.5), "the worst result of the task", id="no initial loss"),
        pytest.param(table(INITIALS["given"], loss=3.0), "the initial loss", id="an initial loss"),
    ],
)
def test_what_never_learned_is_compared_with_what_there_is(found: Results, words: str) -> None:
    (other,) = {"the worst result of the task", "the initial loss"} - {words}
    question = next(question for question in QUESTIONS if question.key == "effects")
    for text in (
        " ".join(caveats(found)["text"]),
        *ranking(Measured(found), "a"),
        question.why_not(Measured(found), "a"),
    ):
        assert words in text
        assert other not in text
