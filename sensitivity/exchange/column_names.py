"""Column names without the prefixes of tools.

``params.lr``, ``config/lr`` and ``hparams/lr`` are lr.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal

from sensitivity.study.metric_names import tokens_of

Group = Literal["hyperparameters", "results", "tags", ""]
PREFIXES: dict[Group, tuple[str, ...]] = {
    "hyperparameters": (
        "hyperparameters.values.", "hyperparameters.", "hyperparameters/", "hyperparameter.",
        "hyperparameter/", "hyperparameter_",
        "hyperparams.", "hyperparam.", "optimizer_hyperparams.", "config.", "config/", "configuration.",
        "configuration/", "params.",
        "params/", "params_", "param.", "param/", "param_", "parameters.", "parameters/", "hparams.",
        "hparams/", "hparam.", "hp.", "hp/",
    ),
    "results": (
        "metrics.", "metrics/", "metric.", "metric/", "metric:", "summary.", "summary/", "results.",
        "results/", "result.", "result/",
        "scores.", "values_", "_",
    ),
    "tags": ("tags.", "tags/", "tag.", "user_attrs_", "system_attrs_", "user_attrs.", "system_attrs."),
}  # fmt: skip
"""Prefixes by group: hyperparameters, results and others.

Tools: Weights & Biases, MLflow, Optuna, Ray Tune, Keras Tuner, AlgoPerf, DeepOBS, DeepCAVE, scikit-learn and
Ax.
"""
WRAPPERS = ("train_loop_config", "values", "hyperparameters", "params", "config", "optimizer_hyperparams")
"""Names of nested entries that hold all hyperparameters."""
COUNTS = frozenset({"count", "total", "m", "b", "k", "millions", "num", "number", "size", "mb", "trainable"})
"""After ``params_``: the size of a model, and no hyperparameter."""


def group_of(column: str) -> Group:
    """Return the group that a column's prefix says it belongs to.

    >>> (group_of("params.lr"), group_of("metrics.val_loss"), group_of("tags.user"), group_of("lr"),
    ... group_of("params_count"))
    ('hyperparameters', 'results', 'tags', '', '')
    """
    return _split(column)[0]


def bare_name(column: str) -> str:
    """Return a column's name without the prefix of its group.

    >>> (bare_name("params_lr"), bare_name("config/train_loop_config/lr"),
    ... bare_name("metrics.val_loss"), bare_name("config/"))
    ('lr', 'lr', 'val_loss', 'config/')
    """
    group, name = _split(column)
    while group == "hyperparameters":
        inner = next(
            (
                name[len(wrapper) + 1 :]
                for wrapper in WRAPPERS
                for end in "./"
                if name.startswith(wrapper + end)
            ),
            "",
        )
        if not inner:
            return name
        name = inner
    return name


def without_shared_path(names: Iterable[str]) -> dict[str, str]:
    """Return nested names by their full ones, without the path that all of them share.

    >>> without_shared_path(["train.lr", "train.opt.mu"])
    {'train.lr': 'lr', 'train.opt.mu': 'opt.mu'}
    >>> without_shared_path(["opt.lr", "depth"]), without_shared_path(["opt.lr"])
    ({'opt.lr': 'opt.lr', 'depth': 'depth'}, {'opt.lr': 'opt.lr'})
    """
    full = list(names)
    short = list(full)
    while len(short) > 1 and all("." in name.replace("/", ".") for name in short):
        heads = {name.replace("/", ".").partition(".")[0] for name in short}
        if len(heads) > 1:
            break
        short = [name[len(next(iter(heads))) + 1 :] for name in short]
    return dict(zip(full, short, strict=True))


def leaf_of(column: str) -> str:
    """Return the innermost name of a column as one word in lower case.

    >>> leaf_of("config.training.Random_Seed"), leaf_of("Unnamed: 0"), leaf_of("params_optimizer")
    ('randomseed', 'unnamed0', 'optimizer')
    """
    return "".join(tokens_of(bare_name(column).replace("/", ".").rpartition(".")[2]))


def column_called(name: str, columns: Collection[str]) -> str:
    """Return the column of a name, or the only column with that name after a prefix.

    The name itself is returned if no column matches.

    >>> (column_called("lr", ["params.lr", "metrics.loss"]), column_called("lr", ["lr", "params.lr"]),
    ... column_called("mu", ["lr"]))
    ('params.lr', 'lr', 'mu')
    """
    if name in columns:
        return name
    matches = [column for column in columns if bare_name(column) == name]
    return matches[0] if len(matches) == 1 else name


def _split(column: str) -> tuple[Group, str]:
    folded = column.casefold()
    for group, prefixes in PREFIXES.items():
        for prefix in prefixes:
            if folded.startswith(prefix) and len(column) > len(prefix):
                rest = column[len(prefix) :]
                if prefix in ("params_", "param_") and COUNTS.intersection(tokens_of(rest)) == set(
                    tokens_of(rest)
                ):
                    continue
                return group, rest
    return "", column
