"""Tables 1 to 4 of "Optimizing CNNs", cell by cell, beside measurements."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from search_spaces.paper import TABLES
from sensitivity.measures.designs import joined
from sensitivity.measures.losses import Array, losses
from sensitivity.measures.resampling import DRAWS, interval, resampled
from sensitivity.paper.trials import NORM_RATES, as_list, is_of_unsaid
from sensitivity.results.results import PREFIX, records
from trainables.outcomes import capped_losses

if TYPE_CHECKING:
    from sensitivity.results.results import Results

PUBLISHED = pathlib.Path(__file__).with_name("tables.csv")
"""File of the cells as the paper prints them."""
TEST_LOSS = "test_cross_entropy"
"""Metric of the published cells that is not the training loss."""
WORDS = {1.0: "l1", 2.0: "l2", math.inf: "linf"}
ONE_SEED = "one seed: seed noise is not known"
RATE_UNSAID = "the paper does not say this cell's learning rate: that of its norm in Table 2"
COLUMNS = [
    "table",
    "task",
    "variant",
    "lr",
    "mu",
    "nu",
    "metric",
    "paper",
    "value",
    "low",
    "high",
    "ratio",
    "n",
    "best_lr",
    "note",
]
"""Columns of :func:`cells`; ``best_lr`` is the learning rate with the smallest mean in the cell, of those
run."""


def published() -> pd.DataFrame:
    r"""Return every cell of the paper's tables.

    The columns are table, task, variant by its name in this package, lr, mu, nu (NaN where unused), metric,
    and the paper's value. The learning rate is the one that the table's caption gives, not the best of the
    three that were searched for a cell: 2 in Table 1, and in Tables 2 and 3 .001, .002 and .005 for
    :math:`L_1`, :math:`L_2` and :math:`L_\infty`. Section 5 gives 1 for the NAG of Table 4 and none for its
    norms, which stand at the rates of Table 2 with a note.

    >>> published().groupby("table").size().to_dict()
    {1: 8, 2: 10, 3: 24, 4: 12}
    """
    table = pd.read_csv(PUBLISHED)
    rows = []
    for row in records(table):
        p, has_rate = row["norm"], not math.isnan(row["alpha0"])
        rows.append(
            {
                "table": row["table"],
                "task": TABLES[row["table"]].task,
                "variant": _variant(row),
                "lr": row["alpha0"] if has_rate else NORM_RATES[p],
                **{name: row[name] for name in ("mu", "nu", "metric")},
                "paper": row["value"],
                "note": "" if has_rate else RATE_UNSAID,
            }
        )
    return pd.DataFrame(rows)


def _variant(row: Mapping[str, Any]) -> str:
    parts = []
    if isinstance(row["momentum"], str):
        parts.append(f"{row['momentum'].lower()}-{row['gradient']}-mean-{row['mu_schedule']}")
    if not math.isnan(row["norm"]):
        parts.append(f"{WORDS[row['norm']]}-mean-{row['nu_schedule']}")
    return "+".join(parts)


def cells(results: Results | Sequence[Results]) -> pd.DataFrame:
    """Return every published cell with its measured value, in the paper's units.

    ``value`` is the mean over the seeds, at the paper's learning rate, of the capped loss after the last
    epoch, times 1000 where the paper's is. ``low`` and ``high`` are its 95% interval over the seeds
    (:func:`sensitivity.measures.resampling.resampled`). ``ratio`` is value over the paper's. A cell that was
    not run is NaN, with a note.
    """
    table, _ = measured_cells(results)
    return table


def agreement(results: Results | Sequence[Results], *, seed: int = 0) -> pd.DataFrame:
    """Return Spearman's rank correlation between the paper's cells and the measured ones.

    There is one row for each table and metric. Ties share their mean rank; a cell that diverged in the paper
    (nan) is its worst. ``p`` is of no correlation, by permuting the cells. The interval is a bootstrap over
    cells and seeds, 95%. ``n`` is cells, ``trials`` their trials. Fewer than four cells give NaN.

    Args:
        results: Results of one study or of several.
        seed: Seed of the bootstrap and the permutations.

    Source: Spearman, "The Proof and Measurement of Association between Two Things", American Journal of
    Psychology 15 (1904).
    """
    table, draws = measured_cells(results)
    rows = []
    for (number, metric), part in table.groupby(["table", "metric"], sort=False):
        run = part.dropna(subset="value")
        row = {
            "table": number,
            "metric": metric,
            "n": len(run),
            "cells": len(part),
            "trials": int(run["n"].sum()),
        }
        if len(run) < 4:
            nothing = dict.fromkeys(("value", "low", "high", "p"), math.nan)
            rows.append(row | nothing | {"note": f"{len(run)} of {len(part)} cells were run (at least 4)"})
            continue
        rng = np.random.default_rng(seed)
        chosen = rng.integers(len(run), size=(DRAWS, len(run)))
        paper, ours = run["paper"].fillna(np.inf).to_numpy(float), run["value"].to_numpy(float)
        noisy = draws[run.index.to_numpy()].T[np.arange(DRAWS)[:, None], chosen]
        value = float(spearman(paper[None], ours[None])[0])
        low, high = interval(spearman(paper[chosen], noisy))
        remark = f"{len(part) - len(run)} of {len(part)} cells were not run" if len(run) < len(part) else ""
        row |= {
            "value": value,
            "low": min(low, value),
            "high": max(high, value),
            "p": _permuted(paper, ours, value, rng),
        }
        known = [
            remark
            for remark in (RATE_UNSAID, ONE_SEED)
            if run["note"].str.contains(remark, regex=False).any()
        ]
        rows.append(row | {"note": joined(remark, *known)})
    return pd.DataFrame(
        rows, columns=["table", "metric", "value", "low", "high", "n", "p", "cells", "trials", "note"]
    )


def spearman(one: Array, other: Array) -> Array:
    """Return the rank correlation of each row; NaN where all values are equal.

    Args:
        one: Values, ``[draws, cells]``.
        other: Values, ``[draws, cells]``.

    Returns:
        ``[draws]``.
    """
    from scipy.stats import rankdata

    ranks = [rankdata(sample, axis=1) for sample in (one, other)]
    a, b = (rank - rank.mean(axis=1, keepdims=True) for rank in ranks)
    size = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.asarray(np.divide((a * b).sum(axis=1), size, out=np.full(len(a), np.nan), where=size > 0))


def _permuted(paper: Array, ours: Array, value: float, rng: np.random.Generator) -> float:
    """Return the two-sided p-value of a rank correlation by permutation.

    It is the share of 9,999 permutations, and of the observation, that are at least as far from 0.
    """
    again = rng.permuted(np.broadcast_to(ours, (9999, len(ours))), axis=1)
    as_far = np.abs(spearman(np.broadcast_to(paper, again.shape), again)) >= abs(value) - 1e-12
    return float((as_far.sum() + 1) / 10_000)


def measured_cells(results: Results | Sequence[Results]) -> tuple[pd.DataFrame, Array]:
    """Return the table of :func:`cells`, and bootstrap draws of the value of each row, ``[rows, draws]``."""
    studies = [one for one in as_list(results) if not is_of_unsaid(one)]
    judged = {False: studies, True: [judged_by_test(one) for one in studies]}
    rows, drawn = [], []
    for place, cell in enumerate(records(published())):
        tried = (_cell(one, cell, place) for one in judged[cell["metric"] == TEST_LOSS])
        measured = next((candidate for candidate in tried if candidate is not None), None)
        row, again = measured or ({"note": joined(cell["note"], "not run")}, np.full(DRAWS, np.nan))
        rows.append(cell | {"n": 0} | row)
        drawn.append(again)
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["ratio"] = table["value"] / table["paper"]
    return table, np.array(drawn)


def trials_of(one: Results, cell: Mapping[str, Any]) -> pd.DataFrame:
    """Return the usable trials of a cell, at every learning rate."""
    trials = one.group(cell["task"], cell["variant"])
    for decay in ("mu", "nu"):
        if not math.isnan(cell[decay]) and f"{PREFIX}{decay}" in trials:
            trials = trials[np.isclose(trials[f"{PREFIX}{decay}"].astype(float), cell[decay], rtol=1e-6)]
    return trials


def _cell(one: Results, cell: Mapping[str, Any], seed: int) -> tuple[dict[str, Any], Array] | None:
    """Return a cell in one study; None where the study does not have it."""
    trials = trials_of(one, cell)
    at_cell = (
        trials[np.isclose(trials[f"{PREFIX}lr"].astype(float), cell["lr"], rtol=1e-6)]
        if len(trials)
        else trials
    )
    if not np.isfinite(at_cell["loss"].astype(float)).any():
        return None
    scale = 1000.0 if cell["metric"].endswith("x1000") else 1.0
    group = losses(one, cell["task"], cell["variant"])
    wanted = at_cell.iloc[0]
    at = next(
        i
        for i, configuration in enumerate(group.configurations)
        if all(wanted[f"{PREFIX}{name}"] == value for name, value in configuration.items())
    )
    draws = resampled(group, draws=DRAWS, seed=seed).mean[:, at] * scale
    low, high = interval(draws)
    row = {
        "value": float(group.mean[at]) * scale,
        "low": low,
        "high": high,
        "n": int(np.isfinite(group.loss[at]).sum()),
    }
    remarks = joined(cell["note"], ONE_SEED if group.loss.shape[1] == 1 else "", _diverged(at_cell))
    rates = trials.groupby(f"{PREFIX}lr")["loss"].mean().dropna()
    return row | {"best_lr": min(rates.items(), key=lambda pair: pair[1])[0], "note": remarks}, draws


def judged_by_test(one: Results) -> Results:
    """Return the same trials judged by the test loss after their last epoch, capped at the initial loss."""
    last = one.epochs.groupby("key")["test_loss"].nth(-1).to_numpy() if "test_loss" in one.epochs else np.nan
    by_key = pd.Series(last, index=one.epochs["key"].drop_duplicates(keep="last"))
    value = one.trials["key"].map(by_key).where(one.trials["status"] == "completed")
    known = (one.trials["status"] == "diverged") | value.notna()
    loss = pd.Series(
        capped_losses(value, one.trials["initial_loss"].fillna(np.inf)), index=value.index
    ).where(known)
    trials = one.trials[known].assign(value=value, loss=loss)
    return replace(one, trials=trials, defaults=trials.iloc[:0], metric="test_loss")


def _diverged(trials: pd.DataFrame) -> str:
    bad = int((trials["status"] == "diverged").sum())
    return f"{bad} of {len(trials)} diverged" if bad else ""
