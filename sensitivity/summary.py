"""What the study found, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from sensitivity.measures.caveats import caveats as _caveats
from sensitivity.measures.effects import INTERACTIONS, NOISE
from sensitivity.planning import METRICS
from sensitivity.results import COUNTED, records
from sensitivity.wording import listed, number

if TYPE_CHECKING:
    from sensitivity.measures import Measured
    from sensitivity.results import Results

MINOR = 0.05
"""Effects below this share are not spoken of."""


def summary(measured: Measured, task: str) -> list[str]:
    """Sentences on one task: best, least and most sensitive, what cannot be told apart, what matters, what diverged."""
    table = measured.overview
    table = table[table["task"] == task]
    if table.empty:
        return ["No trial has ended yet."]
    best = table.sort_values("best_loss").iloc[0]
    title = best_title(measured.results)
    sentences = [
        f"{title[0].upper()}{title[1:]}: {best['variant']}, {best_words(measured.results, best)} at {setting(best['configuration'])}."
    ]
    ranked = table[table["learned"]].sort_values("sensitivity")
    if len(ranked) > 1:
        least, most = ranked.iloc[0], ranked.iloc[-1]
        to, over = ("its learning rate", "the range searched") if measured.compared_over == "lr" else ("its hyperparameters", "the space")
        sentences.append(
            f"Least sensitive to {to}: {least['variant']}, whose loss is on average {with_interval(least, 'sensitivity')} "
            f"above its best over {over}; most sensitive: {most['variant']}, {with_interval(most, 'sensitivity')}."
        )
        sentences += _ties(measured, task, str(least["variant"]), set(ranked["variant"]))
    idle = list(table.loc[~table["learned"], "variant"])
    if idle:
        sentences.append(f"Never better than the initial loss, so not ranked: {listed(idle)}.")
    sentences += _effects(measured, task)
    sentences += _diverged(measured.results, task)
    return sentences


def caveats(measured: Measured) -> list[str]:
    """What the reader should not believe without a second look, and what was assumed of results that were read from elsewhere."""
    return [*_caveats(measured.results)["text"], *measured.results.notes]


def setting(configuration: dict[str, object]) -> str:
    """A configuration as words.

    >>> setting({"lr": 0.001, "p": 2})
    'lr 0.001, p 2'
    """
    return ", ".join(f"{name} {number(each)}" for name, each in configuration.items())


def best_words(results: Results, row: Mapping[str, Any] | pd.Series) -> str:
    """The best of a row of the overview, as the metric itself: what is maximised is measured by its negative."""
    if results.direction == "min":
        return with_interval(row, "best_loss")
    ends = {"": -row["best_loss"], "_low": -row["best_loss_high"], "_high": -row["best_loss_low"]}
    return with_interval({f"best{end}": each for end, each in ends.items()}, "best")


def best_title(results: Results) -> str:
    """What a column of :func:`best_words` is called."""
    return "best loss" if results.metric in METRICS else f"best {results.metric}"


def with_interval(row: Mapping[str, Any] | pd.Series, name: str) -> str:
    """A measured value and its interval, in three digits: no interval here is known better.

    >>> with_interval({"loss": 0.04978, "loss_low": 0.02421, "loss_high": 0.06913}, "loss")
    '0.0498 (0.0242 to 0.0691)'
    """
    value, low, high = (f"{row[f'{name}{end}']:.3g}" for end in ("", "_low", "_high"))
    return f"{value} ({low} to {high})"


def _ties(measured: Measured, task: str, least: str, ranked: set[str]) -> list[str]:
    pairs = measured.differences
    pairs = pairs[(pairs["task"] == task) & ((pairs["a"] == least) | (pairs["b"] == least)) & (pairs["low"] <= 0) & (pairs["high"] >= 0)]
    others = [row["b"] if row["a"] == least else row["a"] for row in records(pairs)]
    others = [name for name in others if name in ranked]
    if not others:
        return []
    return [f"The difference in sensitivity between {least} and {listed(others)} is within seed noise."]


def _effects(measured: Measured, task: str) -> list[str]:
    shares = measured.main_effects
    shares = shares[(shares["task"] == task) & shares["value"].notna()]
    sentences = []
    for variant, part in shares.groupby("variant", sort=False):
        large = part[(part["value"] >= MINOR) & ~part["effect"].isin((INTERACTIONS, NOISE))].sort_values("value", ascending=False)
        if part["note"].str.contains("poor surrogate", regex=False).any():
            sentences.append(f"For {variant}, there are too few trials to say what matters: a forest cannot predict the loss from them.")
            continue
        if large.empty:
            continue
        words = [f"{row['effect']} {row['value']:.0%} ({row['low']:.0%} to {row['high']:.0%})" for row in records(large)]
        noise = part.loc[part["effect"] == NOISE, "value"]
        seeds = f"; seed noise {noise.iloc[0]:.0%}" if len(noise) else ""
        sentences.append(f"For {variant}, the variance of the loss comes from {listed(words)}{seeds}.")
    return sentences


def _diverged(results: Results, task: str) -> list[str]:
    trials = results.usable[results.usable["task"] == task]
    rates = trials.assign(diverged=trials["status"] == "diverged").groupby("variant", sort=False)["diverged"].agg(["sum", "count"])
    some = rates[rates["sum"] > 0]
    if some.empty:
        return ["No trial diverged."]
    words = [f"{variant} {row['sum']} of {row['count']}" for variant, row in some.iterrows()]
    usual = "the initial loss" if results.metric in METRICS else "the worst that ended"
    counted = {"the initial loss": "at the initial loss"}.get(results.spec.get(COUNTED, usual), "as the worst that ended")
    return [f"Diverged trials, counted {counted}: {listed(words)}."]
