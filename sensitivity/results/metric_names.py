"""The direction of a metric by its name: a loss is minimised, an accuracy maximised, a score is asked for."""

from __future__ import annotations

import re
from typing import Literal

from trainables.names import InputError

Direction = Literal["min", "max"]

MINIMISED = frozenset(
    {
        "loss", "losses", "err", "error", "errors", "mse", "rmse", "mae", "mape", "nll", "bce", "ce",
        "crossentropy", "entropy",
        "perplexity", "ppl", "bpb", "bpc", "wer", "cer", "fid", "regret", "cost",
        "costs", "brier", "ece", "kl", "misclassification", "residual", "deviance",
    }
)  # fmt: skip
"""Words of a metric's name that say it is minimised."""
MAXIMISED = frozenset(
    {
        "acc", "accuracy", "accuracies", "auc", "auroc", "auprc", "f1", "reward", "rewards", "return",
        "returns", "precision", "recall",
        "map", "iou", "miou", "dice", "bleu", "rouge", "ndcg", "psnr", "ssim", "r2", "correct", "elbo",
        "top1", "top5",
    }
)  # fmt: skip
"""Words of a metric's name that say it is maximised."""
TOKENS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+\d*|[A-Z]+\d*|\d+")


def tokens_of(name: str) -> list[str]:
    """Split a name into its words, in lower case: at punctuation, and where a capital begins a word.

    >>> tokens_of("metrics.valAccuracy/top1"), tokens_of("AUC_ROC")
    (['metrics', 'val', 'accuracy', 'top1'], ['auc', 'roc'])
    """
    return [token.casefold() for token in TOKENS.findall(name)]


def direction_in(name: str) -> Direction | None:
    """Return the direction that a metric's name states, None if it states none.

    The last word that states a direction decides.

    >>> (direction_in("val_acc"), direction_in("episode_reward_mean"), direction_in("top1_error"),
    ... direction_in("score"))
    ('max', 'max', 'min', None)
    """
    for token in reversed(tokens_of(name)):
        if token in MINIMISED:
            return "min"
        if token in MAXIMISED:
            return "max"
    return None


def direction_or_question(name: str, source: str) -> Direction:
    """Return the direction that a metric's name states.

    Args:
        name: of the metric.
        source: where the metric was found, for the message.

    Raises:
        InputError: the name states no direction; the message names the option that does.
    """
    direction = direction_in(name)
    if direction is None:
        raise InputError(
            f"is {name!r} of {source} better when it is lower or higher? Its name does not say; give "
            "direction='min' or 'max' (--direction min, --direction max)"
        )
    return direction
