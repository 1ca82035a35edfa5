"""The metric of a table and its direction, or a question."""

from __future__ import annotations

import pathlib

import pandas as pd
import pytest

from sensitivity import from_table
from sensitivity.results.results import Results
from tests.sensitivity.tables import maximised, noisy
from tests.sensitivity.tables import results as made_up
from trainables.names import InputError


def read(*names: str, **named: object) -> Results:
    """Read a table with these columns of results."""
    frame = pd.DataFrame({"lr": [0.01, 0.1, 1.0]})
    return from_table(frame.assign(**{name: [0.1 + i, 0.2, 0.3] for i, name in enumerate(names)}), **named)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("names", "metric", "direction"),
    [
        (["loss"], "loss", "min"),
        (["val_loss", "train_loss"], "val_loss", "min"),
        (["loss", "val_loss"], "val_loss", "min"),
        (["train/loss", "loss"], "loss", "min"),
        (["train_acc", "test_acc"], "test_acc", "max"),
        (["acc"], "acc", "max"),
        (["AUC"], "AUC", "max"),
        (["episode_reward_mean"], "episode_reward_mean", "max"),
        (["mean_return"], "mean_return", "max"),
        (["f1", "train_loss"], "f1", "max"),
        (["error", "fit_time"], "error", "min"),
        (["val_loss", "val_loss_std"], "val_loss", "min"),
        (["metric:acc [0.0; 1.0] (minimize)"], "acc [0.0; 1.0] (minimize)", "min"),
    ],
)
def test_the_metric_that_a_person_would_take(names: list[str], metric: str, direction: str) -> None:
    results = read(*names)
    assert (results.metric, results.direction) == (metric, direction)
    assert any("is better, by its name (--direction" in note for note in results.notes)


@pytest.mark.parametrize(
    "names", [["val_loss", "val_acc"], ["loss", "acc"], ["test_loss", "val_loss"], ["val_loss", "score"]]
)
def test_several_are_one_question(names: list[str]) -> None:
    if "score" in names:
        assert read(*names).metric == "val_loss"
        return
    with pytest.raises(
        InputError,
        match=r"^name the column of the metric \(metric=, --metric\): the table has the results "
        + ", ".join(names),
    ):
        read(*names)
    assert read(*names, metric=names[1]).metric == names[1]


@pytest.mark.parametrize("name", ["score", "metric", "objective", "value", "fitness", "target"])
def test_names_without_a_direction_are_one_question(name: str) -> None:
    with pytest.raises(
        InputError,
        match=rf"^is '{name}' of the table better when it is lower or higher\? .*--direction min, "
        rf"--direction max\)$",
    ):
        read(name)
    for direction in ("min", "max"):
        results = read(name, direction=direction)
        assert results.direction == direction
        assert not [note for note in results.notes if "by its name" in note]


def test_a_table_without_a_result_is_asked_about() -> None:
    with pytest.raises(
        InputError,
        match=r"^name the column of the metric \(metric=, --metric\): the table has lr, width; and its direction, "
        r"if its name does not say it \(direction=, --direction min, --direction max\)$",
    ):
        read("width")
    with pytest.raises(InputError, match=r"the table has lr, width$"):
        read("width", direction="min")


def test_our_own_tables_say_their_direction(tmp_path: pathlib.Path) -> None:
    for truth, direction in ((made_up(noisy(0.01)), "min"), (maximised(), "max")):
        truth.save(tmp_path)
        found = from_table(tmp_path / "trials.csv")
        assert (found.metric, found.direction) == ("value", direction)
        assert found.trials["loss"].tolist() == truth.trials["loss"].tolist()
        assert any(
            f"{'Lower' if direction == 'min' else 'Higher'} value is better, by the column loss" in note
            for note in found.notes
        )
    assert not [note for note in found.notes if "Left out" in note]


def test_a_value_without_our_loss_is_asked_about_and_another_metric_goes_by_its_name() -> None:
    with pytest.raises(InputError, match="--direction"):
        read("value")
    notes = read("accuracy", "loss", metric="accuracy").notes
    assert any("Higher accuracy is better, by its name" in note for note in notes)
    assert not any("by the column loss" in note for note in notes)
