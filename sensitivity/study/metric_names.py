"""The direction of a metric by its name: a loss is minimised, an accuracy maximised, a score is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal

from sensitivity.study.trial import COSTS
from trainables.names import InputError

Direction = Literal["min", "max"]

MINIMISED = frozenset(
    {
        "loss", "losses", "err", "error", "errors", "mse", "rmse", "mae", "mape", "nll", "bce", "ce",
        "crossentropy", "entropy",
        "perplexity", "ppl", "bpb", "bpc", "wer", "cer", "fid", "regret", "cost",
        "costs", "brier", "ece", "kl", "misclassification", "residual", "deviance",
        "logloss", "mlogloss", "smape", "rmsle", "msle",
    }
)  # fmt: skip
"""Words of a metric's name that say it is minimised."""
MAXIMISED = frozenset(
    {
        "acc", "accuracy", "accuracies", "auc", "auroc", "auprc", "f1", "reward", "rewards", "return",
        "returns", "precision", "recall",
        "map", "iou", "miou", "dice", "bleu", "rouge", "ndcg", "psnr", "ssim", "r2", "correct", "elbo",
        "top1", "top5", "rew", "mrr", "mcc", "success", "pearson", "spearman",
    }
)  # fmt: skip
"""Words of a metric's name that say it is maximised."""
CHANGES = frozenset(
    {
        "drop", "reduction", "improvement", "gain", "gains", "decrease", "increase", "gap", "diff",
        "difference", "delta", "change", "negative", "minus", "inverse",
    }
)  # fmt: skip
"""Words that make a metric something about it, of which the name does not say the direction."""
COMPLEMENT = re.compile(r"(^|[\s./_(-])(1|one)\s*([-\u2212]|_?minus_?)\s*")
"""One minus a metric: the other direction."""
OTHER: Mapping[Direction, Direction] = {"min": "max", "max": "min"}
TOKENS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+\d*|[A-Z]+\d*|\d+")


def tokens_of(name: str) -> list[str]:
    """Split a name into its words, in lower case: at punctuation, and where a capital begins a word.

    >>> tokens_of("metrics.valAccuracy/top1"), tokens_of("AUC_ROC")
    (['metrics', 'val', 'accuracy', 'top1'], ['auc', 'roc'])
    """
    return [token.casefold() for token in TOKENS.findall(name)]


def direction_in(name: str) -> Direction | None:
    """Return the direction that a metric's name states, None if it states none.

    The last word that states a direction decides. ``neg_`` and ``1 -`` turn it round; a drop, a gap or a gain
    states none.

    >>> (direction_in("val_acc"), direction_in("episode_reward_mean"), direction_in("top1_error"),
    ... direction_in("score"))
    ('max', 'max', 'min', None)
    >>> direction_in("neg_mean_squared_error"), direction_in("1 - AUC"), direction_in("accuracy_drop")
    ('max', 'min', None)
    """
    if name in COSTS:
        return "min"
    complement = COMPLEMENT.search(name.casefold())
    tokens = tokens_of(name[complement.end() :] if complement else name)
    if CHANGES.intersection(tokens):
        return None
    turns = bool(complement) + tokens.count("neg")
    for token in reversed(tokens):
        stated: Direction | None = "min" if token in MINIMISED else "max" if token in MAXIMISED else None
        if stated is not None:
            return OTHER[stated] if turns % 2 else stated
    return None


def direction_too(names: Iterable[str]) -> str:
    """Return the end of a question for the metric: its direction, where a name does not say it.

    >>> direction_too(["val_loss"]), direction_too(["val_loss", "score"])
    ('', '; and its direction, if its name does not say it (direction=, --direction min, --direction max)')
    """
    if all(direction_in(name) for name in names):
        return ""
    return "; and its direction, if its name does not say it (direction=, --direction min, --direction max)"


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
