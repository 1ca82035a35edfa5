"""The direction of a metric by its name."""

import pytest

from sensitivity.study.metric_names import direction_in, direction_or_question, tokens_of
from trainables.names import InputError


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("loss", "min"),
        ("val_loss", "min"),
        ("metrics.val-error", "min"),
        ("top1_error", "min"),
        ("accuracy_loss", "min"),
        ("RMSE", "min"),
        ("val_acc", "max"),
        ("valAccuracy", "max"),
        ("test/AUC", "max"),
        ("macro_f1", "max"),
        ("episode_reward_mean", "max"),
        ("env_runners/episode_return_mean", "max"),
        ("error_accuracy", "max"),
        ("rollout/ep_rew_mean", "max"),
        ("validation_0-logloss", "min"),
        ("neg_mean_squared_error", "max"),
        ("test_neg_log_loss", "max"),
        ("neg_loss_neg", "min"),
        ("1-acc", "min"),
        ("1 - AUC", "min"),
        ("one_minus_accuracy", "min"),
        ("val/1 - error", "max"),
        ("top1-acc", "max"),
        ("layer1-acc", "max"),
        ("acc1 - loss", "min"),
        ("accuracy_drop", None),
        ("loss_reduction", None),
        ("negative_loss", None),
        ("score", None),
        ("metric", None),
        ("objective", None),
        ("value", None),
        ("accumulate", None),  # a word within a word states nothing
        ("glossary", None),
        ("terror", None),
        ("", None),
    ],
)
def test_direction_in_a_name(name: str, direction: str | None) -> None:
    assert direction_in(name) == direction


def test_a_name_without_a_direction_is_asked_for_in_one_line() -> None:
    with pytest.raises(InputError, match=r"'score' of 'a.csv' .*--direction") as raised:
        direction_or_question("score", "'a.csv'")
    assert "\n" not in str(raised.value)
    assert direction_or_question("val_acc", "'a.csv'") == "max"


def test_tokens_split_at_punctuation_and_capitals() -> None:
    assert tokens_of("train/episodeReward_2x.mean") == ["train", "episode", "reward", "2", "x", "mean"]
