"""Config entries that are hyperparameters.

An entry is a hyperparameter if it differs between trials and is no path, id, device or function.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sensitivity.exchange.private_columns import is_private_entry
from sensitivity.study.metric_names import tokens_of
from trainables.names import InputError

LOGGERS = frozenset(
    {
        "wandb",
        "mlflow",
        "neptune",
        "comet",
        "tensorboard",
        "logger",
        "logging",
        "callbacks",
        "env_vars",
        "runtime_env",
    }
)
"""Outer entries that configure what writes logs."""
LABELS = frozenset(
    {"id", "ids", "uuid", "tag", "tags", "notes", "project", "entity", "description", "timestamp", "date"}
)
PLACES = frozenset(
    {
        "dir",
        "directory",
        "path",
        "paths",
        "file",
        "filename",
        "folder",
        "root",
        "url",
        "uri",
        "logdir",
        "outdir",
        "checkpoint",
    }
)
MACHINES = frozenset(
    {
        "device", "devices", "gpu", "gpus", "cpu", "cpus", "worker", "workers", "jobs", "port", "host",
        "hostname", "node", "pid",
        "threads", "verbose", "debug",
    }
)  # fmt: skip
"""Last words of entries that name a trial, a place or a machine."""
WHOLE = frozenset(
    {
        "name",
        "runname",
        "expname",
        "experimentname",
        "trialname",
        "rank",
        "localrank",
        "globalrank",
        "worldsize",
    }
)
"""Last words of entries that name a trial, a place or a machine if the name has no other word.

The name of an optimizer and the rank of a matrix are hyperparameters.
"""
NUMBERINGS = frozenset({"index", "idx", "number", "nr", "no", "trial", "run", "num"})
"""Last words of entries that count the trials."""
MOST_TEXTS = 20


def hyperparameters_of(
    configs: Sequence[Mapping[str, Any]], used: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return the hyperparameters, and a sentence on the differing entries that were left out.

    Args:
        configs: of the trials, nested entries as ``outer/inner``.
        used: entries that are something else.

    Raises:
        InputError: no entry differs.
    """
    entries = [
        name for name in dict.fromkeys(name for config in configs for name in config) if name not in used
    ]
    values = {name: [config.get(name) for config in configs] for name in entries}
    differing = [
        name for name in entries if len({json.dumps(value, default=repr) for value in values[name]}) > 1
    ]
    differing = [
        name for name in differing if not all(value is None or is_object(value) for value in values[name])
    ]
    chosen = [name for name in differing if not _is_label(name, values[name])]
    if not chosen:
        chosen = [
            name for name in entries if not any(value is None or is_object(value) for value in values[name])
        ][:1]
    if not chosen:
        raise InputError(
            f"no entry of the config differs between the trials (entries: {', '.join(entries) or 'none'})"
        )
    left = [name for name in differing if name not in chosen]
    if not left:
        return chosen, []
    return chosen, [
        f"Hyperparameters: {', '.join(chosen)}. Left out, naming a trial, a place or a machine: "
        f"{', '.join(left)} (hyperparameters=, --hyperparameter names all)."
    ]


def is_object(value: Any) -> bool:
    """Return True for the text of an object such as a function.

    Ray Tune writes such an object with its address, which differs in every process.
    """
    return callable(value) or (isinstance(value, str) and value.startswith("<") and " at 0x" in value)


def _is_label(name: str, values: Sequence[Any]) -> bool:
    outer, inner = name.split("/")[:-1], name.split("/")[-1]
    tokens = tokens_of(inner)
    if inner.startswith("_") or LOGGERS.intersection(part.casefold() for part in outer) or not tokens:
        return True
    if is_private_entry(name, values):
        return True
    if tokens[-1] in LABELS | PLACES | MACHINES or (not outer and "".join(tokens) in WHOLE):
        return True
    if tokens[-1] in NUMBERINGS and _count_up(values):
        return True
    texts = [value for value in values if isinstance(value, str)]
    if texts and all(text.startswith(("/", "~/", "./")) or "://" in text for text in texts):
        return True
    return len(set(texts)) > MOST_TEXTS or (len(texts) > 3 and len(set(texts)) == len(texts) == len(values))


def _count_up(values: Sequence[Any]) -> bool:
    """Return True for 0, 1, 2 ... or 1, 2, 3 ... in any order, a number a trial."""
    if not all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return False
    return sorted(values) in (list(range(len(values))), list(range(1, len(values) + 1)))
