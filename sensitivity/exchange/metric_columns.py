"""The metric of a table: the one result that it can be judged by, and its direction, or a question."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from sensitivity.exchange.column_names import bare_name
from sensitivity.exchange.columns import RESULT_NAMES, RESULT_TOKENS, Column, is_missing
from sensitivity.study.metric_names import (
    OTHER,
    Direction,
    direction_in,
    direction_or_question,
    direction_too,
    tokens_of,
)
from trainables.names import InputError, unknown

SPREADS = frozenset(
    {
        "std",
        "stderr",
        "sem",
        "var",
        "variance",
        "ci",
        "lower",
        "upper",
        "count",
        "rank",
        "delta",
        "num",
        "n",
        "time",
        "seconds",
        "initial",
    }
)
"""Words of results that no trial is judged by."""
HELD_OUT = frozenset(
    {"val", "valid", "validation", "test", "eval", "evaluation", "dev", "heldout", "holdout"}
)
TRAINED = frozenset({"train", "training", "minibatch", "batch"})
WORDS = {"min": "Lower", "max": "Higher"}


def metric_of(
    columns: Mapping[str, Column], results: Sequence[str], source: str, *, directed: Collection[str] = ()
) -> str:
    """Return the column of the metric: the only result, held-out data before training data.

    Args:
        columns: of the table, by name.
        results: columns of results.
        source: of the table, for the message.
        directed: columns whose direction is known.

    Raises:
        InputError: no result or several could be the metric; the message lists them and names the option.
    """
    candidates = [name for name in results if _is_main(columns[name])]
    candidates = candidates or [
        name for name in results if columns[name].group == "results" and _is_plain(columns[name])
    ]
    if set(candidates) == {"value", "loss"} and _sign(columns) is not None:
        return "value"
    best = max((_held_out(name) for name in candidates), default=0)
    chosen = [name for name in candidates if _held_out(name) == best]
    if len(chosen) == 1:
        return chosen[0]
    if not chosen:
        raise InputError(
            f"name the column of the metric (metric=, --metric): {source} has {', '.join(columns)}"
            + direction_too(bare_name(name) for name in columns if name not in directed)
        )
    raise InputError(
        f"name the column of the metric (metric=, --metric): {source} has the results {', '.join(chosen)}"
        + direction_too(bare_name(name) for name in chosen if name not in directed)
    )


def direction_of(
    columns: Mapping[str, Column], metric: str, wanted: Direction | None, source: str
) -> tuple[Direction, list[str]]:
    """Return the direction of a metric, and the sentence that states it.

    The direction is the argument, or is told by the metric's name or the column ``loss``.

    Args:
        columns: of the table, by name.
        metric: column of the metric.
        wanted: by the user; None where the name decides.
        source: of the table, for the message.

    Raises:
        InputError: the direction is none, or the name states none.
    """
    if wanted is not None:
        if wanted not in ("min", "max"):
            raise unknown("direction", wanted, ("min", "max"))
        return wanted, []
    sign = _sign(columns) if metric == "value" else None
    if sign is not None:
        direction: Direction = "max" if sign < 0 else "min"
        return direction, [
            f"{WORDS[direction]} value is better, by the column loss (--direction {OTHER[direction]} if not)."
        ]
    name = bare_name(metric)
    stated: Direction | None = (
        "min" if "(minimize)" in name else "max" if "(maximize)" in name else direction_in(name)
    )
    if stated is None:
        stated = direction_or_question(metric, source)
    return stated, [f"{WORDS[stated]} {name} is better, by its name (--direction {OTHER[stated]} if not)."]


def _is_plain(column: Column) -> bool:
    tokens = set(tokens_of(bare_name(column.name)))
    return not tokens & (
        SPREADS | {"epoch", "step", "timestamp", "runtime", "system", "wandb", "epochs", "iteration"}
    )


def _is_main(column: Column) -> bool:
    return (
        column.names_result
        and not column.tokens & SPREADS
        and (column.leaf in RESULT_NAMES or bool(column.tokens & RESULT_TOKENS))
    )


def _held_out(name: str) -> int:
    tokens = set(tokens_of(name))
    return 2 if tokens & HELD_OUT else 0 if tokens & TRAINED else 1


def _sign(columns: Mapping[str, Column]) -> int | None:
    """Return 1 if the column loss is the value, capped or not, -1 if it is its negative, None otherwise."""
    if "value" not in columns or "loss" not in columns:
        return None
    pairs = [
        (float(value), float(loss))
        for value, loss in zip(columns["value"].cells, columns["loss"].cells, strict=True)
        if _is_finite(value) and _is_finite(loss)
    ]
    if not pairs:
        return None
    for sign in (1, -1):
        equal = sum(math.isclose(sign * value, loss, rel_tol=1e-9, abs_tol=1e-12) for value, loss in pairs)
        capped = sum(sign * value > loss for value, loss in pairs)
        if equal + capped == len(pairs) and (2 * equal >= len(pairs)):
            return sign
    return None


def _is_finite(value: object) -> bool:
    return (
        not is_missing(value)
        and isinstance(value, (int, float))
        and not isinstance(value, bool)
        and math.isfinite(value)
    )
