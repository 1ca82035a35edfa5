"""``sensitivity compare``: is one variant less sensitive than another, with a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sensitivity.command.options import DEFAULT_STORE, AsJson, Metric, MetricDirection, StorePlace, the_study
from sensitivity.command.terminal import in_words, show
from trainables.names import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

SPACE = "space"
WORDS = {
    "sensitivity": ("less sensitive{over} than", "more sensitive{over} than"),
    "best_loss": ("better than", "worse than"),
}
LEVEL = 0.05


def compare(
    a: Annotated[str, typer.Argument(help="A variant.", metavar="A")],
    b: Annotated[str | None, typer.Argument(help="Another.", metavar="B", show_default="every other")] = None,
    study: Annotated[
        str | None, typer.Option("--study", help="Of the store.", show_default="the only one")
    ] = None,
    of: Annotated[str, typer.Option(help="sensitivity, best_loss or mean_loss.")] = "sensitivity",
    over: Annotated[
        str | None,
        typer.Option(
            help="The hyperparameter of the sensitivity, or space.",
            show_default="lr where all have it, else space",
        ),
    ] = None,
    store: StorePlace = DEFAULT_STORE,
    metric: Metric = None,
    direction: MetricDirection = None,
    as_json: AsJson = False,
) -> None:
    """Test if variant A is less sensitive than B (or better, with --of best_loss).

    The table also has the smallest difference that the study would have detected with 80% power.

    The difference is A minus B with its 95% interval and p (Holm's correction for all rows); paired by
    configuration and seed where both have the same.
    """
    from sensitivity.measures import Measured
    from sensitivity.measures.comparison import compare as compared
    from sensitivity.results.results import Results, records
    from sensitivity.store.store import Store

    opened = Store(store, create=False)
    try:
        results = Results.from_store(opened, the_study(opened, study), metric=metric, direction=direction)
    finally:
        opened.close()
    if over is None:
        over = Measured(results).compared_over
    over = None if over == SPACE or of == "best_loss" else over
    rows = records(compared(results, a, b, of=of, over=over))
    if not rows:
        others = b or "another variant"
        raise InputError(
            f"no task has results of both {a} and {others}"
            + (f" with different values of {over}" if over else "")
        )
    if as_json:
        show(rows, as_json)
        return
    for row in rows:
        typer.echo(verdict(row, of, over))
    typer.echo("")
    show([{name: in_words(cell) for name, cell in row.items()} for row in rows], as_json)


def verdict(row: Mapping[str, Any], of: str = "sensitivity", over: str | None = None) -> str:
    """Put a row of :func:`sensitivity.measures.comparison.compare` into a sentence.

    >>> row = {"a": "adam", "b": "sgd", "task": "t", "value": -0.2, "low": -0.3, "high": -0.1,
    ...     "p_holm": 0.002, "detectable": 0.14}
    >>> verdict(row, over="lr")
    'On t, adam is less sensitive to lr than sgd: by 0.2 (0.1 to 0.3), p 0.002.'
    """
    a, b, p = row["a"], row["b"], f"{row['p_holm']:.2g}" if row["p_holm"] >= 0.001 else "< 0.001"
    value, low, high = (float(row[name]) for name in ("value", "low", "high"))
    if not row["p_holm"] < LEVEL:
        seen = f"a difference of {row['detectable']:.3g} would have been seen four times out of five"
        return (
            f"On {row['task']}, {a} and {b} cannot be told apart: {value:.3g} ({low:.3g} to {high:.3g}), p "
            f"{p}; {seen}."
        )
    less, more = WORDS.get(of, ("lower in mean loss than", "higher in mean loss than"))
    words = (less if value < 0 else more).format(over=f" to {over}" if over not in (None, SPACE) else "")
    near, far = sorted((abs(low), abs(high)))
    return f"On {row['task']}, {a} is {words} {b}: by {abs(value):.3g} ({near:.3g} to {far:.3g}), p {p}."
