"""The words that tools write for how a trial ended."""

from __future__ import annotations

import math

import pytest

from sensitivity.exchange.status_words import statuses_of
from sensitivity.exchange.trial import ENDED
from trainables.names import InputError

TOOLS = {
    "Weights & Biases": {"finished": "completed", "crashed": "failed", "failed": "failed", "killed": "stopped", "running": "running",
        "preempted": "stopped", "preempting": "running", "pending": "pending"},
    "MLflow": {"FINISHED": "completed", "FAILED": "failed", "KILLED": "stopped", "RUNNING": "running", "SCHEDULED": "pending"},
    "Optuna": {"COMPLETE": "completed", "TrialState.PRUNED": "stopped", "FAIL": "failed", "RUNNING": "running", "WAITING": "pending"},
    "Ray Tune": {"TERMINATED": "completed", "ERROR": "failed", "PAUSED": "running", "PENDING": "pending"},
    "Keras Tuner": {"COMPLETED": "completed", "INVALID": "failed", "STOPPED": "stopped", "IDLE": "pending", "FAILED": "failed"},
    "Ax": {"TrialStatus.EARLY_STOPPED": "stopped", "ABANDONED": "failed", "CANDIDATE": "pending", "STAGED": "pending"},
    "SMAC": {"StatusType.SUCCESS": "completed", "TIMEOUT": "failed", "CRASHED": "failed", "MEMORYOUT": "failed", "MEMOUT": "failed",
        "ABORT": "stopped", "CAPPED": "stopped", "STOP": "stopped", "DONOTADVANCE": "completed"},
    "SLURM": {"COMPLETED": "completed", "CANCELLED": "stopped", "CANCELLED by 1000": "stopped", "CANCELLED+": "stopped",
        "OUT_OF_MEMORY": "failed", "NODE_FAIL": "failed", "TIMEOUT": "failed", "PREEMPTED": "stopped"},
    "a person": {" Done ": "completed", "timed out": "failed", "early-stopped": "stopped", "NaN": "diverged", "Diverged": "diverged"},
}  # fmt: skip


@pytest.mark.parametrize("tool", TOOLS)
def test_words_of_tools(tool: str) -> None:
    assert statuses_of(TOOLS[tool]) == list(TOOLS[tool].values())


def test_no_word_says_that_the_trial_ended() -> None:
    assert statuses_of([None, math.nan, "", " "]) == [ENDED] * 4


@pytest.mark.parametrize("word", [0, 1, 3.0, "3", "weird", True])
def test_numbers_and_unknown_words_are_asked_for(word: object) -> None:
    with pytest.raises(
        InputError,
        match=r"^what does '\w+' in column 'state' mean\? Give statuses= \(--status-word \w+=STATUS, "
        r".*--status none\)",
    ):
        statuses_of(["finished", word], column="state")


def test_what_the_user_says_of_words() -> None:
    assert statuses_of([1, 3.0, "Weird", "killed"], {"1": "completed", "3": "failed", "weird": "stopped", "KILLED": "diverged"}) == [
        "completed", "failed", "stopped", "diverged"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"weird": "crash"}, "unknown status for the word 'weird' (statuses=, --status-word) 'crash'"),
        (
            {"wierd": "failed"},
            "unknown word in statuses (--status-word), of column 'status' 'wierd'; did you mean 'weird'?",
        ),
    ],
)
def test_what_the_user_cannot_say(given: dict[str, str], message: str) -> None:
    with pytest.raises(InputError) as refused:
        statuses_of(["weird"], given)
    assert message in str(refused.value)
