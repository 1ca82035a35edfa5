"""What the study found, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sensitivity.measures.effects import INTERACTIONS, NOISE
from sensitivity.planning import METRICS
from sensitivity.results import COUNTED, IMPORTED, records

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
    sentences = [f"Best loss: {best['variant']}, {with_interval(best, 'best_loss')} at {setting(best['configuration'])}."]
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
        sentences.append(f"Never better than the initial loss, so not ranked: {_listed(idle)}.")
    sentences += _effects(measured, task)
    sentences += _diverged(measured.results, task)
    return sentences


def caveats(measured: Measured) -> list[str]:
    """What the reader should not believe without a second look."""
    results, found = measured.results, []
    failed = int((results.trials["status"] == "failed").sum())
    unfinished = int(results.trials["status"].isin(("pending", "running")).sum())
    if failed:
        where = "trials.csv says" if IMPORTED in results.spec else "`sensitivity trials --status failed` shows"
        found.append(f"{failed} of {len(results.trials)} trials failed and are left out; {where} why.")
    stopped = int((results.trials["status"] == "stopped").sum())
    if stopped:
        found.append(
            f"{stopped} of {len(results.trials)} trials were stopped early and are left out: they have no result at the full budget."
        )
    if unfinished:
        found.append(f"{unfinished} of {len(results.trials)} trials have not finished; run the study again to complete it.")
    if results.usable["seed"].nunique() == 1:
        found.append("One seed: differences may be luck, and seed noise is unknown.")
    if results.design == "adaptive":
        found.append(
            "The configurations were chosen by an optimizer, which crowds near the best: sensitivities and shares describe "
            "where it looked, not the "
            "range. Use a grid, random or sobol design to measure sensitivity."
        )
    found += _at_the_edge(measured)
    found += results.notes
    return found


def setting(configuration: dict[str, object]) -> str:
    """A configuration as words.

    >>> setting({"lr": 0.001, "p": 2})
    'lr 0.001, p 2'
    """
    return ", ".join(f"{name} {number(each)}" for name, each in configuration.items())


def number(value: object) -> str:
    """Four significant digits of a number; anything else as it is."""
    return f"{value:.4g}" if isinstance(value, (int, float, np.number)) and not isinstance(value, bool) else str(value)


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
    return [f"The difference in sensitivity between {least} and {_listed(others)} is within seed noise."]


def _effects(measured: Measured, task: str) -> list[str]:
    shares = measured.main_effects
    shares = shares[(shares["task"] == task) & shares["value"].notna()]
    sentences = []
    for variant, part in shares.groupby("variant", sort=False):
        large = part[(part["value"] >= MINOR) & ~part["effect"].isin((INTERACTIONS, NOISE))].sort_values("value", ascending=False)
        if large.empty:
            continue
        words = [f"{row['effect']} {row['value']:.0%} ({row['low']:.0%} to {row['high']:.0%})" for row in records(large)]
        noise = part.loc[part["effect"] == NOISE, "value"]
        seeds = f"; seed noise {noise.iloc[0]:.0%}" if len(noise) else ""
        sentences.append(f"For {variant}, the variance of the loss comes from {_listed(words)}{seeds}.")
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
    return [f"Diverged trials, counted {counted}: {_listed(words)}."]


def _at_the_edge(measured: Measured) -> list[str]:
    results, found = measured.results, []
    for row in records(measured.overview):
        lr = row["configuration"].get("lr")
        if lr is None:
            continue
        trials = results.group(row["task"], row["variant"])["config/lr"].astype(float)
        if trials.nunique() > 1 and lr in (trials.min(), trials.max()):
            end, way = ("lowest", "lower") if lr == trials.min() else ("highest", "higher")
            found.append(
                f"{row['variant']} on {row['task']} does best at the {end} learning rate tried ({number(lr)}, range "
                f"{number(trials.min())} to {number(trials.max())}): its optimum may lie {way}."
            )
    return found


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
