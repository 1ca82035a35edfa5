"""Verdicts of the same trials after a share of their epochs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sensitivity import from_table
from sensitivity.measures import verdicts, verdicts_by_epoch
from sensitivity.measures.verdicts import UNDECIDED
from sensitivity.results.rereading import after_share
from sensitivity.results.results import Results
from tests.sensitivity.measures.test_common_reference import good, study
from tests.sensitivity.tables import INITIAL
from trainables.names import InputError

EPOCHS = 8
Course = Callable[[float, int], float]


def trained(courses: dict[str, Course], *, noise: float = 0.01, epochs: int = EPOCHS) -> Results:
    """A grid whose loss after every epoch is a function of log10 lr and the epoch; NaN once it diverges."""
    made = study({name: lambda x, of=name: courses[of](x, epochs) for name in courses}, noise=0.0)
    rng = np.random.default_rng(0)
    curves, rows = [], []
    for _, trial in made.trials.iterrows():
        x, error = math.log10(trial["config/lr"]), noise * rng.standard_normal()
        losses = [courses[trial["variant"]](x, epoch) + error for epoch in range(1, epochs + 1)]
        end = next((place + 1 for place, loss in enumerate(losses) if math.isnan(loss)), epochs)
        last = losses[end - 1]
        fits = not math.isnan(last)
        rows.append(
            {
                "status": "completed" if fits else "diverged",
                "value": last,
                "loss": min(last, INITIAL) if fits else INITIAL,
                "epochs_done": end,
            }
        )
        curves += [
            {"key": trial["key"], "epoch": epoch, "train_loss_end": losses[epoch - 1], "seconds": 0.5}
            for epoch in range(1, end + 1)
        ]
    trials = made.trials.assign(epochs=epochs, **pd.DataFrame(rows, index=made.trials.index))
    return replace(made, trials=trials, reported=pd.DataFrame(curves))


def fast(x: float, epoch: int) -> float:
    """Ends early, at 0.3."""
    return 0.3 + 0.1 * (x + 1.5) ** 2 + 0.4 * math.exp(-epoch)


def slow(x: float, epoch: int) -> float:
    """Falls to the last epoch, to below ``fast``."""
    return 0.1 + 0.1 * (x + 1.5) ** 2 + 0.5 * (1 - epoch / EPOCHS)


def test_curves_that_cross_turn_a_pair_round() -> None:
    made = trained({"fast": fast, "slow": slow})
    table = verdicts_by_epoch(made)
    assert list(table["epochs"]) == [2, 4, 8]
    assert list(table["share"]) == [0.25, 0.5, 1.0]
    assert list(table["leader"]) == ["fast", "fast", "slow"]
    assert list(table["value"]) == [1.0, 1.0, 0.0]
    assert list(table["reversed"]) == ["fast against slow", "fast against slow", ""]
    assert list(table["decided"]) == [1, 1, 1]
    assert table[["low", "high"]].isna().all(axis=None)
    assert set(table["n"]) == {len(made.trials)}


def test_the_last_share_has_the_verdicts_of_the_study() -> None:
    made = trained({"fast": fast, "slow": slow, "same": fast}, noise=0.05)
    row = verdicts_by_epoch(made, shares=[1.0]).iloc[0]
    assert row["decided"] == (verdicts(made)["verdict"] != UNDECIDED).sum()
    assert row["value"] == 0
    assert after_share(made, 1.0) is made


def test_a_trial_is_at_the_cap_once_it_has_diverged_and_not_before() -> None:
    """Two rates diverge, in the third epoch: the metric is NaN there, and no later epoch is stored."""

    def late(x: float, epoch: int) -> float:
        return math.nan if x > -0.5 and epoch >= 3 else fast(x, epoch)

    made = trained({"fast": fast, "late": late}, noise=0.0)
    before, after = after_share(made, 0.25).trials, after_share(made, 0.5).trials
    ends_badly = (made.trials["status"] == "diverged").to_numpy()
    assert ends_badly.sum() == 2 * 3 * 3
    assert set(before["status"]) == {"completed"}
    assert (before["loss"][ends_badly] < 0.9).all()
    np.testing.assert_array_equal(after["status"] == "diverged", ends_badly)
    assert (after["loss"][ends_badly] == INITIAL).all()
    pd.testing.assert_series_equal(after["loss"][~ends_badly], before["loss"][~ends_badly], rtol=0.5)


def test_a_metric_without_an_initial_loss_is_capped_by_the_worst_at_that_time() -> None:
    made = trained({"fast": lambda x, epoch: math.nan if x > -0.1 and epoch > 1 else -fast(x, epoch)})
    maximised = replace(made, metric="accuracy", direction="max").trials
    assert "accuracy" not in maximised
    epochs = made.epochs.rename(columns={"train_loss_end": "accuracy"})
    found = after_share(replace(made, metric="accuracy", direction="max", reported=epochs), 0.25).trials
    fine = found[found["status"] == "completed"]
    assert set(found["initial_loss"]) == {fine["loss"].max()}
    assert (found.loc[found["status"] == "diverged", "loss"] == fine["loss"].max()).all()


def test_trials_without_a_stored_epoch_by_then_are_left_out_and_counted() -> None:
    made = trained({"fast": fast, "slow": slow})
    first = made.trials["key"].iloc[0]
    late = (made.epochs["key"] != first) | (made.epochs["epoch"] > 2)
    part = replace(made, reported=made.epochs[late])
    table = verdicts_by_epoch(part)
    assert list(table["n"]) == [143, 144, 144]
    assert table["note"].tolist() == ["1 of 144 trials have no stored epoch by then", "", ""]


def test_variants_that_had_not_learned_by_then_are_named() -> None:
    made = trained(
        {"fast": fast, "slow": slow, "idle": lambda x, epoch: 1.0 if epoch < 5 else fast(x, epoch)},
        noise=0.001,
    )
    table = verdicts_by_epoch(made, shares=(0.5, 1))
    assert table["note"].tolist() == ["not compared, having hardly learned: idle", ""]
    assert list(table["decided"]) == [1, 3]


def test_results_without_earlier_epochs_are_refused() -> None:
    made = trained({"fast": fast, "slow": slow})
    last = replace(made, reported=made.epochs.query("epoch == 8"))
    for part in (last, replace(made, reported=pd.DataFrame())):
        with pytest.raises(InputError, match="verdicts_by_epoch needs train_loss_end of earlier epochs"):
            verdicts_by_epoch(part)
    frame = pd.DataFrame(
        {"lr": [0.1, 0.01, 0.001] * 2, "seed": [0] * 3 + [1] * 3, "loss": [0.1, 0.2, 0.3] * 2}
    )
    with pytest.raises(InputError, match="earlier epochs"):
        verdicts_by_epoch(from_table(frame, seed="seed"))


@pytest.mark.parametrize("shares", [0, [0.5, 1.5], [-1], ["a"], [math.nan], [True]])
def test_bad_shares_are_named(shares: object) -> None:
    with pytest.raises(InputError, match="shares must be above 0 and at most 1"):
        verdicts_by_epoch(study({"a": good, "b": good}), shares=shares)  # type: ignore[arg-type]


def test_a_table_with_a_row_for_every_epoch_is_accepted() -> None:
    made = trained({"fast": fast, "slow": slow})
    names = {"config/lr": "lr", "config/mu": "mu"}
    rows = made.epochs.merge(made.trials.rename(columns=names)[["key", "variant", "seed", *names.values()]])
    table = from_table(
        rows.drop(columns=["key", "seconds"]),
        metric="train_loss_end",
        epoch="epoch",
        variant="variant",
        seed="seed",
        initial_loss=INITIAL,
    )
    assert list(verdicts_by_epoch(table)["leader"]) == ["fast", "fast", "slow"]
