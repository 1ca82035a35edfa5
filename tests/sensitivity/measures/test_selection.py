"""Configurations that one metric chooses, reported by another."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from search_spaces.designs import Grid
from sensitivity import from_table
from sensitivity.measures import best_loss, selected_on
from sensitivity.measures.selection import selection
from sensitivity.results.rereading import judged_by, metrics_of
from sensitivity.results.results import Results
from tests.sensitivity.measures.test_common_reference import good, poor, study
from tests.sensitivity.tables import SPACE, noisy, results
from trainables.names import InputError


def two_metrics(shift: float = 0.0, *, noise: float = 0.01, **more: Any) -> Results:
    """A study that also stored a validation loss whose optimum is ``shift`` decades higher, and extras."""
    made = study({"adam": good, "sgd": poor}, noise=noise, **more)
    of = made.epochs["key"].map(made.trials.set_index("key")["config/lr"]).map(math.log10)
    rng = np.random.default_rng(1)
    loss = 0.1 + 0.1 * (of - shift + 1.5) ** 2 + noise * rng.standard_normal(len(of))
    epochs = made.epochs.assign(val_loss=loss, val_accuracy=1 - loss, score=-loss, name="text")
    return replace(made, reported=epochs)


def means(made: Results, variant: str) -> pd.DataFrame:
    """Mean loss of every configuration, by its lr and mu."""
    trials = made.trials[made.trials["variant"] == variant]
    return trials.groupby(["config/lr", "config/mu"])["loss"].mean()


def test_the_choice_and_the_report_are_the_means_of_the_two_metrics() -> None:
    made = two_metrics(0.5)
    row = selected_on(made, "val_loss").set_index("variant").loc["adam"]
    last = made.epochs[made.epochs["epoch"] == 2].set_index("key")["val_loss"]
    trials = made.trials[made.trials["variant"] == "adam"].assign(q=lambda table: table["key"].map(last))
    chosen = trials.groupby(["config/lr", "config/mu"])["q"].mean().idxmin()
    assert tuple(row["configuration"].values()) == chosen
    assert row["value"] == pytest.approx(means(made, "adam")[chosen])
    assert row["best"] == pytest.approx(best_loss(made).set_index("variant").loc["adam", "value"])
    assert row["gap"] == pytest.approx(row["value"] - row["best"])
    assert row["low"] < row["value"] < row["high"]
    assert 0 < row["gap_low"] < row["gap"] < row["gap_high"]


def test_no_gap_is_below_zero() -> None:
    for seeds in (1, 2, 3):
        table = selected_on(two_metrics(noise=0.05, seeds=seeds), "val_loss")
        assert (table["gap"] >= 0).all()
        if seeds == 1:
            assert table[["low", "high", "gap_low", "gap_high"]].isna().all(axis=None)
        else:
            assert (table["gap_low"] >= 0).all()
            assert (table["gap_high"] >= table["gap"]).all()


def test_the_metric_of_the_study_selects_the_best_observed_and_its_gap_holds_zero() -> None:
    made = two_metrics(noise=0.03)
    table = selected_on(made, "train_loss_end")
    best = best_loss(made)
    assert list(table["configuration"]) == list(best["configuration"])
    np.testing.assert_allclose(table["value"], best["observed"])
    assert (table["gap"] == 0).all()
    assert (table["gap_low"] == 0).all()
    assert judged_by(made, "train_loss_end") is made


def test_the_noise_of_a_choice_that_is_clearly_the_best_is_that_of_the_best() -> None:
    """So its distance from the best is known far better than its loss."""
    made = results(
        noisy(0.03, 0, lambda c, seed: 0.2 if (c["lr"], c["mu"]) == (0.1, 0.9) else 0.8),
        configurations=Grid(levels={"lr": [0.001, 0.01, 0.1, 1.0], "mu": [0.5, 0.9, 0.99]}).configurations(
            SPACE
        ),
    )
    row = selected_on(made, "train_loss_end").iloc[0]
    assert row["gap_high"] < (row["high"] - row["value"]) / 2


def test_the_name_states_the_direction_or_the_argument_does() -> None:
    made = two_metrics(0.5)
    by_loss = list(selected_on(made, "val_loss")["configuration"])
    assert list(selected_on(made, "val_accuracy")["configuration"]) == by_loss
    assert list(selected_on(made, "score", direction="max")["configuration"]) == by_loss
    assert list(selected_on(made, "score", direction="min")["configuration"]) != by_loss
    with pytest.raises(InputError, match="'score' better when it is lower or higher"):
        selected_on(made, "score")
    with pytest.raises(InputError, match="did you mean 'max'"):
        selected_on(made, "score", direction="maxi")  # type: ignore[arg-type]


def test_an_unknown_metric_is_answered_with_the_nearest() -> None:
    made = two_metrics()
    assert metrics_of(made) == ["train_loss_end", "val_loss", "val_accuracy", "score"]
    for name in ("val_los", "Val_Loss"):
        with pytest.raises(InputError, match="did you mean 'val_loss'"):
            selected_on(made, name)
    for name in ("epoch", "seconds", "key", "name", "lr"):
        with pytest.raises(InputError, match="unknown metric"):
            selected_on(made, name)


def test_a_diverged_trial_is_at_the_cap_of_the_metric_that_selects() -> None:
    """The metric that selects is best exactly where trials diverge."""
    made = two_metrics(0.5)
    worst = made.trials["config/lr"] > 0.05
    trials = made.trials.assign(
        status=np.where(worst, "diverged", "completed"),
        loss=np.where(worst, 1.0, made.trials["loss"]),
    )
    row = selected_on(replace(made, trials=trials), "val_loss").iloc[0]
    assert row["configuration"]["lr"] < 0.05
    judged = judged_by(replace(made, trials=trials), "val_loss").trials
    assert set(judged.loc[worst, "loss"]) == {judged.loc[~worst, "value"].max()}
    assert judged_by(made, "val_loss").spec["diverged trials count as"] == {
        "autoencoder/digits": "the worst that ended"
    }


def test_trials_without_the_metric_are_no_candidates() -> None:
    made = two_metrics(0.5)
    keys = made.trials.loc[made.trials["variant"] == "sgd", "key"]
    hidden = made.epochs["key"].isin(keys)
    part = replace(made, reported=made.epochs.assign(val_loss=made.epochs["val_loss"].where(~hidden)))
    rows = selected_on(part, "val_loss").set_index("variant")
    assert math.isnan(rows.loc["sgd", "value"])
    assert rows.loc["sgd", "note"] == "val_loss is not known of any trial"
    assert rows.loc["adam", "note"] == ""
    few = made.epochs["key"] == made.trials["key"].iloc[0]
    part = replace(made, reported=made.epochs.assign(val_loss=made.epochs["val_loss"].where(~few)))
    assert selected_on(part, "val_loss").iloc[0]["note"] == "val_loss of 2 to 3 seeds"


def test_ties_are_said() -> None:
    made = two_metrics()
    part = replace(made, reported=made.epochs.assign(val_loss=0.5))
    assert set(selected_on(part, "val_loss")["note"]) == {
        "24 configurations are equal by val_loss: the first of them"
    }


def test_a_table_keeps_its_other_results_for_the_selection() -> None:
    made = two_metrics(0.5)
    last = made.epochs[made.epochs["epoch"] == 2].set_index("key")
    frame = made.trials[["key", "variant", "seed", "config/lr", "config/mu", "value"]].rename(
        columns={"value": "test_loss", "config/lr": "lr", "config/mu": "mu"}
    )
    frame = frame.assign(val_loss=frame["key"].map(last["val_loss"])).drop(columns="key")
    table = from_table(frame, metric="test_loss", variant="variant", seed="seed")
    assert metrics_of(table) == ["test_loss", "val_loss"]
    found, expected = (selected_on(one, "val_loss") for one in (table, made))
    assert list(found["configuration"]) == list(expected["configuration"])
    np.testing.assert_allclose(found["value"], expected["value"])
    with pytest.raises(InputError, match="did you mean 'val_loss'"):
        selected_on(table, "val_lss")
    beside = replace(made, trials=made.trials.assign(held_out_loss=made.trials["key"].map(last["val_loss"])))
    assert list(selected_on(beside, "held_out_loss")["configuration"]) == list(expected["configuration"])


@pytest.mark.slow
def test_the_interval_of_the_gap_holds_the_truth() -> None:
    """40 studies; 34 of 40 has a chance of 1% at 95%."""
    held = 0
    for number in range(40):
        name = f"adam{number}"
        made = study({name: good}, noise=0.03)
        of = made.epochs["key"].map(made.trials.set_index("key")["config/lr"]).map(math.log10)
        rng = np.random.default_rng(number)
        loss = of.map(lambda x: good(x - 0.4)) + 0.03 * rng.standard_normal(len(of))
        row = selected_on(replace(made, reported=made.epochs.assign(val_loss=loss)), "val_loss").iloc[0]
        levels = np.log10(made.trials["config/lr"].unique())
        gap = good(math.log10(row["configuration"]["lr"])) - min(map(good, levels))
        held += row["gap_low"] <= gap + 1e-9 <= row["gap_high"] + 2e-9
    assert held >= 34


def test_a_task_without_the_test_metric_is_left_out() -> None:
    one, other = (study({"adam": good, "sgd": poor}) for _ in range(2))
    moved = other.trials.assign(task="mlp/digits", key="b" + other.trials["key"])
    tested = one.epochs.assign(test_loss=one.epochs["train_loss_end"] * 1.1)
    untested = other.epochs.assign(key="b" + other.epochs["key"], test_loss=np.nan)
    both = replace(
        one,
        trials=pd.concat([one.trials, moved], ignore_index=True),
        reported=pd.concat([tested, untested], ignore_index=True),
    )
    table = selection(both)
    assert set(table["task"]) == set(one.trials["task"])
    assert (table["report"] == "test_loss").all()
    assert table["value"].notna().all()
