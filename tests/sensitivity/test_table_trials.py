"""The trials of a table: an empty cell is no NaN, repetitions are seeds, budgets are epochs."""

from __future__ import annotations

import math
import pathlib
from typing import Any

import pandas as pd
import pytest

from sensitivity import from_table
from trainables.names import InputError

WORDS = ["finished", "killed", "crashed", "CANCELLED", "running", "finished", "preempted", None]


def rows(cell: str, words: list[str | None] = WORDS) -> str:
    """Return CSV with a finished trial, and then a trial with a cell and each of the words."""
    lines = [f"{0.1 * i:.1f},{cell},{word or ''}" for i, word in enumerate(words, 2)]
    return "\n".join(["lr,loss,status", "0.1,0.5,finished", *lines]) + "\n"


def statuses(place: pathlib.Path, text: str, **named: Any) -> list[str]:
    (place / "t.csv").write_text(text)
    return list(from_table(place / "t.csv", **named).trials["status"])[1:]


def test_a_blank_result_is_what_its_status_says(tmp_path: pathlib.Path) -> None:
    assert statuses(tmp_path, rows("", WORDS[:-1])) == [
        "failed",
        "stopped",
        "failed",
        "stopped",
        "running",
        "failed",
        "stopped",
    ]


def test_text_that_is_not_finite_is_a_trial_that_diverged(tmp_path: pathlib.Path) -> None:
    for cell in ("nan", "NaN", "inf", "Infinity"):
        found = statuses(tmp_path, rows(cell))
        assert found == [
            "diverged",
            "diverged",
            "failed",
            "diverged",
            "running",
            "diverged",
            "diverged",
            "diverged",
        ]


def test_a_word_in_place_of_a_result_says_how_the_trial_ended(tmp_path: pathlib.Path) -> None:
    text = "lr,loss\n0.1,0.5\n0.2,diverged\n0.3,0.7\n0.4,OOM\n0.5,0.6\n"
    assert statuses(tmp_path, text) == ["diverged", "completed", "failed", "completed"]
    words = rows("diverged", ["finished", "killed", "running"])
    assert statuses(tmp_path, words, metric="loss") == ["diverged", "stopped", "running"]
    with pytest.raises(InputError, match="column 'loss' must hold numbers, got 'odd' in row 2"):
        statuses(tmp_path, text.replace("diverged", "odd"), metric="loss")


def test_a_flag_says_which_trials_diverged(tmp_path: pathlib.Path) -> None:
    text = "lr,loss,diverged\n0.1,0.5,{no}\n0.2,,{yes}\n0.3,0.7,{no}\n0.4,9,{yes}\n"
    for no, yes in ((False, True), (0, 1)):
        found = text.format(no=no, yes=yes)
        assert statuses(tmp_path, found) == ["diverged", "completed", "diverged"]
        assert from_table(tmp_path / "t.csv").spaces["t"].names == ("lr",)
    with pytest.raises(InputError, match="column 'loss' is empty in 1 of 4 trials, and no status says why"):
        statuses(tmp_path, found, status="none")


@pytest.mark.parametrize("empty", ["diverged", "failed"])
def test_a_blank_result_without_a_status_is_one_question(tmp_path: pathlib.Path, empty: str) -> None:
    text = "lr,loss\n0.1,0.5\n0.2,\n0.3,0.7\n"
    with pytest.raises(
        InputError, match=r"^column 'loss' is empty in 1 of 3 trials, .*\(--empty diverged, --empty failed\)$"
    ):
        statuses(tmp_path, text)
    assert statuses(tmp_path, text, empty=empty) == [empty, "completed"]
    with pytest.raises(InputError, match="--empty diverged"):
        statuses(tmp_path, rows("", [None, "killed"]))
    assert statuses(tmp_path, rows("", [None, "killed"]), empty=empty) == [empty, "stopped"]


def test_nan_of_a_frame_is_nan_unless_the_status_says_that_the_trial_did_not_end() -> None:
    words = ["finished", "finished", "killed", "running", "failed", "diverged"]
    frame = pd.DataFrame(
        {"lr": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], "loss": [0.5, *[math.nan] * 5], "status": words}
    )
    assert list(from_table(frame).trials["status"]) == [
        "completed",
        "diverged",
        "stopped",
        "running",
        "failed",
        "diverged",
    ]
    assert list(from_table(frame.drop(columns="status")).trials["status"]) == ["completed"] + ["diverged"] * 5
    none = frame.assign(loss=pd.array([0.5, *[None] * 5], dtype="Float64"))
    assert list(from_table(none).trials["status"]) == [
        "completed",
        "failed",
        "stopped",
        "running",
        "failed",
        "diverged",
    ]


def test_epochs_that_were_not_measured_are_passed_over(tmp_path: pathlib.Path) -> None:
    lines = [f"{lr},{step},{'' if step % 2 else lr / step}" for lr in (0.1, 0.2) for step in (1, 2, 3, 4)]
    (tmp_path / "t.csv").write_text("lr,step,loss\n" + "\n".join(lines) + "\n")
    results = from_table(tmp_path / "t.csv")
    assert list(results.epochs["epoch"]) == [2, 4, 2, 4]
    assert list(results.trials["value"]) == [0.025, 0.05]


def test_repetitions_with_equal_results_are_seeds_and_counted() -> None:
    frame = pd.DataFrame({"lr": [0.1, 0.1, 0.1, 0.2, 0.2, 0.3], "acc": [0.5, 0.5, 0.6, 0.7, 0.7, 0.8]})
    results = from_table(frame)
    assert list(results.trials["seed"]) == [0, 1, 2, 0, 1, 0]
    assert (
        "Repetitions of 2 configurations have the same acc to the last digit (4 rows); they count as seeds."
        in results.notes
    )
    differing = from_table(frame.assign(acc=[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]))
    assert not [note for note in differing.notes if "to the last digit" in note]


def test_a_table_that_is_there_twice_is_refused() -> None:
    frame = pd.DataFrame({"lr": [0.1, 0.2, 0.3], "acc": [0.5, 0.6, 0.7]})
    with pytest.raises(
        InputError,
        match=r"every row of the table is there 2 times: rows 1 and 4 are the same trial twice .*seed=, "
        r"--seed",
    ):
        from_table(pd.concat([frame, frame]))


@pytest.mark.parametrize(
    ("column", "values", "seconds"),
    [
        ("duration", ["0 days 00:00:05.5", "0 days 01:00:00"], [5.5, 3600.0]),
        ("Runtime", [10, 20], [10.0, 20.0]),
        ("elapsed", pd.to_timedelta([1, 2], unit="min"), [60.0, 120.0]),
    ],
)
def test_durations_are_seconds(column: str, values: Any, seconds: list[float]) -> None:
    results = from_table(pd.DataFrame({"lr": [0.1, 0.2], "loss": [1.0, 2.0], column: values}))
    assert list(results.trials["seconds"]) == seconds
    assert results.spaces["table"].names == ("lr",)


def test_seeds_of_trials_that_did_not_finish_may_be_missing() -> None:
    frame = pd.DataFrame(
        {
            "lr": [0.1, 0.2, 0.3],
            "loss": [1.0, math.nan, 2.0],
            "seed": [7, None, 8],
            "state": ["done", "crashed", "done"],
        }
    )
    assert list(from_table(frame).trials["seed"]) == [7, 0, 8]
    with pytest.raises(InputError, match="column 'seed' must hold whole numbers, got nan in row 2"):
        from_table(frame.assign(state="done"))


def test_large_seeds_stay_apart() -> None:
    seeds = [2**62 + 1, 2**62 + 2]
    results = from_table(pd.DataFrame({"lr": [0.1, 0.1], "loss": [1.0, 2.0], "seed": seeds}))
    assert list(results.trials["seed"]) == seeds
