"""A note, a caveat or an explanation of a report is gone from a study in which it would be false."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from sensitivity.measures import Measured
from sensitivity.questions.overview import how_to_read, overview
from sensitivity.questions.summary import MOST_EDGES, caveats
from sensitivity.reporting.contents import chapters
from sensitivity.reporting.page import ROWS, sheet
from sensitivity.reporting.provenance import lead, provenance
from sensitivity.results.results import ASSUMED_ADAPTIVE, Results
from tests.sensitivity.questions import studies as of
from tests.sensitivity.questions.answers import measured, tasks_of
from tests.sensitivity.questions.designs import place, rates
from tests.sensitivity.questions.test_decided import made

LOSING = made(0.30, 0.31, 0.32)
SIX = [f"v{number}" for number in range(MOST_EDGES + 1)]
FALLING, FALLING_FEW = (
    rates(lambda c, seed: 0.5 - 0.1 * place(c), variants=names) for names in (SIX, SIX[1:])
)
ON_GPU = replace(of.VALLEY, runs=({"workers": 1, "hosts": ["a"], "devices": {"NVIDIA H200": 1}},))
ON_CPU = replace(of.VALLEY, runs=({"workers": 1, "hosts": ["a"], "devices": {"EPYC": 1}},))
OWN_TASK = replace(ON_CPU, spec={**ON_CPU.spec, "tasks": ["my_tasks.py:blobs"]})
OWN_TASKS = replace(ON_CPU, spec={**ON_CPU.spec, "tasks": ["my_tasks.py:blobs", "my_tasks.py:rings"]})
STOPPED = rates(of.bowl, status=lambda c, seed: "stopped" if c["lr"] > 0.9 else "completed")
ONE_STOPPED = rates(of.bowl, seeds=1, status=lambda c, seed: "stopped" if c["lr"] > 0.9 else "completed")
HALF_ADAPTIVE = replace(of.VALLEYS, designs={"cm": "adaptive"})
TAKEN_FOR_ADAPTIVE = replace(of.ADAPTIVE, notes=(ASSUMED_ADAPTIVE,))

FALSE: Mapping[str, tuple[Results, Results]] = {
    "How sensitive is adam to its hyperparameters? 39 trials (39 completed), 3 seeds, grid design": (
        of.VALLEY, of.VALLEYS,
    ),
    "How sensitive is each of 2 variants to its hyperparameters? ": (of.VALLEYS, of.VALLEY),
    "36 completed, 3 failed": (of.FAILED, of.VALLEY),
    "judged by the training loss after the last epoch.": (of.VALLEY, of.NOISE),
    "judged by loss.": (of.NOISE, of.VALLEY),
    "Rank: the places that a variant can have when tuned": (of.VALLEYS, of.ADAPTIVE),
    "in percent of what training gains; losses are capped at the initial loss.": (of.VALLEYS, of.MU),
    "in percent of the distance from the worst result to the best; losses are capped at the worst that any trial": (
        of.MU, of.VALLEYS,
    ),
    " At default: how far the default setting is behind": (LOSING, of.MU),
    " Factor 3: what a learning rate that is wrong by a factor of 3 costs": (of.VALLEYS, of.MU),
    " Good range: decades of learning rate within a tenth of what training gains": (of.VALLEYS, of.MU),
    "Sensitivity: mean excess of the loss over the variant's own best": (of.ADAPTIVE, of.VALLEYS),
    ", over the range of learning rates (Wortsman et al. 2023).": (of.ADAPTIVE, of.NO_UNIT_MU),
    ", over all configurations (Wortsman et al. 2023).": (of.NO_UNIT_MU, of.ADAPTIVE),
    " Robust width: decades of learning rate within 10% of the best loss.": (of.ADAPTIVE, of.VALLEYS),
    "not ranked: did not learn": (of.USELESS, of.VALLEYS),
    "on a GPU, results depend on how many trials train together, by no more than": (ON_GPU, ON_CPU),
    "results of my_tasks.py:blobs, a task of your own, may depend on how many trials": (OWN_TASK, ON_CPU),
    "results of my_tasks.py:blobs and my_tasks.py:rings, tasks of your own, may depend ": (OWN_TASKS, OWN_TASK),
    "3 × out of memory": (of.FAILED, of.VALLEY),
    "3 × none given": (of.FAILED_SILENTLY, of.FAILED),
    "3 of 39 trials failed and are left out; `sensitivity trials --status failed` shows why.": (
        of.FAILED, of.VALLEY,
    ),
    "3 of 39 trials were stopped early and are left out: they have no result at the full budget.": (
        STOPPED, of.VALLEY,
    ),
    "1 of 13 trials was stopped early and is left out: it has no result at the full budget.": (
        ONE_STOPPED, STOPPED,
    ),
    "3 of 39 trials have not finished; run the study again to complete it.": (of.UNFINISHED, of.VALLEY),
    "One seed: differences may be luck, and seed noise is unknown.": (of.DIVERGED_ONCE, of.UNEVEN),
    "One seed for cm on ": (of.ONE_SEED_OF_CM, of.VALLEYS),
    "The configurations were chosen by an optimizer, which crowds near the best": (of.ADAPTIVE, HALF_ADAPTIVE),
    "The configurations of cm were chosen by an optimizer, ": (HALF_ADAPTIVE, of.ADAPTIVE),
    "If an optimizer chose the configurations, it crowds near the best": (TAKEN_FOR_ADAPTIVE, of.ADAPTIVE),
    "adam, cm and sgd have only 7 configurations on autoencoder/digits; 8 are needed.": (of.ALIKE, of.VALLEYS),
    "cm has only 1 configuration on ": (of.HALF, of.VALLEYS),
    "The ranges of lr differ, so what is measured over them does, too: ": (of.UNEQUAL, of.NOISE),
    "cm on autoencoder/digits never did better than the initial loss: ": (of.USELESS, of.VALLEYS),
    "has the same loss at every configuration: none of its hyperparameters has an effect": (
        of.CONSTANT, of.VALLEY,
    ),
    "adam on autoencoder/digits does best at the highest learning rate tried (1, ": (of.AT_HIGHEST, of.VALLEYS),
    "And 1 more range with the best at an end, of v": (FALLING, FALLING_FEW),
}  # fmt: skip
"""Parts of notes: a study in which they are true, and one in which they would be false."""

NOTES: dict[int, str] = {}


def notes(study: Results) -> str:
    """All that a report of a study says beside the answers to its questions."""
    if id(study) not in NOTES:
        found = measured(study)
        tables = [overview(found, task) for task in tasks_of(study)]
        NOTES[id(study)] = "\n".join(
            [
                lead(study),
                *(how_to_read(found, task) for task in tasks_of(study)),
                *(str(cell) for table in tables for cell in table.to_numpy().ravel()),
                *(value for _, value in provenance(study)),
                *caveats(found),
            ]
        )
    return NOTES[id(study)]


@pytest.mark.parametrize("part", FALSE)
def test_a_note_is_gone_where_it_would_be_false(part: str) -> None:
    true, false = map(notes, FALSE[part])
    assert part in true
    assert part not in false


def test_a_failure_is_told_where_there_is_one() -> None:
    words = "danger_zone could not be computed (ZeroDivisionError: by zero); whatever needs it is left out."
    found = Measured(of.VALLEY)
    assert words not in caveats(found)
    found.fail("danger_zone", ZeroDivisionError("by zero"))
    assert caveats(found)[-1] == words


def test_a_table_that_is_cut_says_so() -> None:
    table = of.VALLEY.trials[["key", "variant", "loss"]]
    longer = table.sample(ROWS + 1, replace=True, random_state=0)
    assert sheet("one", "trials", longer).note == f"The first {ROWS} of {ROWS + 1} rows; the CSV has all."
    assert sheet("one", "trials", longer.iloc[1:]).note == ""


def test_the_details_are_the_answers_without_the_summary() -> None:
    """What a reader sees folded is what the tables of false sentences hold: answers, or the reason for none."""
    found = measured(of.STEEPER)
    (chapter,) = chapters(found)
    for part in chapter.parts:
        answers = part.question.sentences(found, part.task)
        assert part.sentences == [text for text in answers if text not in chapter.summary]
    assert len(chapter.parts) + len(chapter.unanswered) == 10
    assert (
        dict(chapter.unanswered)["Does it carry over to other tasks?"]
        == "Needs at least two tasks with results."
    )
