"""The tables of the page on the paper, as text: a head and rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from sensitivity.measures.noise import NOISE
from sensitivity.paper.claims import CLAIMS
from sensitivity.results.results import records
from sensitivity.text.wording import number, with_interval

SIDES = {"low": "above {0:.3g}", "high": "below {1:.3g}", "both": "{0:.3g} to {1:.3g}"}
"""Where a claim puts its value: above the lower end, below the upper end, or between both."""
Rows = tuple[Sequence[str], list[list[str]]]


def claim_rows(claims: pd.DataFrame, *, measured: bool = True) -> Rows:
    """Return head and rows of the claims, as text.

    Args:
        claims: Table of the claims.
        measured: True for a column that says how each was measured.
    """
    rows: list[list[str]] = []
    sides = _sides()
    for row in records(claims):
        rows.append(
            [
                row["verdict"],
                row["name"],
                f"{row['claim']} ({row['where']})",
                *([row["measured"]] if measured else []),
                row["task"],
                _interval(row),
                sides[row["name"]],
                str(row["n"]),
                _p(row["p"]),
                row["note"],
                row.get("decides", ""),
            ]
        )
    return (
        "verdict",
        "claim",
        "the paper (section)",
        *(["measured"] if measured else []),
        "task",
        "value (95%)",
        "claimed",
        "trials",
        "p",
        "note",
        "what would decide it",
    ), rows


def _sides() -> dict[str, str]:
    """Return where each claim puts its value, as text."""
    texts = {}
    for claim in CLAIMS:
        low, high = claim.side
        kind = (
            "both" if math.isfinite(low) and math.isfinite(high) else "low" if math.isfinite(low) else "high"
        )
        texts[claim.name] = SIDES[kind].format(low, high)
    return texts


def _p(p: float) -> str:
    return "" if p != p else "< 0.001" if p < 0.001 else f"{p:.3f}"


def share_rows(shares: pd.DataFrame) -> Rows:
    """Return head and rows of the shares of the variance: a family a row, a setting a column."""
    effects = [name for name in dict.fromkeys(shares["effect"]) if name]
    effects.sort(key=lambda name: (name == NOISE, name == "interactions"))
    rows = []
    for (task, family), part in shares[shares["effect"] != ""].groupby(["task", "family"], sort=False):
        by_effect = {row["effect"]: with_interval(row, form=".0%") for row in records(part)}
        trials = str(int(part["n"].max()))
        rows.append([str(task), str(family), *(by_effect.get(name, "") for name in effects), trials])
    return ("task", "family", *effects, "trials"), rows


def move_rows(moves: pd.DataFrame) -> Rows:
    """Return head and rows of what moving one setting does, as text."""
    rows = [
        [
            row["task"],
            row["family"],
            row["setting"],
            f"{row['from']} to {row['to']}",
            _interval(row),
            str(row["n"]),
            _p(row["p"]),
            row["note"],
        ]
        for row in records(moves)
        if row["n"]
    ]
    return ("task", "family", "setting", "moved", "loss times (95%)", "trials", "p", "note"), rows


def unsaid_rows(table: pd.DataFrame) -> Rows:
    """Return head and rows of what the paper does not say, as text."""
    rows = [
        [
            row["variant"],
            row["setting"].replace("_", " "),
            row["level"],
            f"{1000 * row['loss']:.3g}",
            "" if row["level"] == row["usual"] else _interval(row),
            str(row["n"]),
            _p(row["p"]),
            row["note"],
        ]
        for row in records(table)
    ]
    return ("variant", "setting", "level", "MSE x 1000", "times the usual (95%)", "trials", "p", "note"), rows


def agreement_rows(agreement: pd.DataFrame) -> Rows:
    """Return head and rows of the rank correlations, as text."""
    rows = [
        [
            str(row["table"]),
            row["metric"],
            _interval(row),
            f"{row['n']} of {row['cells']}",
            str(row["trials"]),
            row["note"],
        ]
        for row in records(agreement)
    ]
    return ("table", "metric", "Spearman (95%)", "cells", "trials", "note"), rows


def cell_rows(cells: pd.DataFrame, table: int) -> Rows:
    """Return head and rows of one table of the paper, as text."""
    rows = []
    for row in records(cells[cells["table"] == table]):
        setting = [_number(row[name]) for name in ("lr", "mu", "nu")]
        times = "" if row["ratio"] != row["ratio"] else f"{row['ratio']:.3g}"
        paper = "diverged" if row["paper"] != row["paper"] else number(row["paper"])
        rows.append(
            [
                row["variant"],
                *setting,
                row["metric"],
                paper,
                _interval(row),
                times,
                str(row["n"]),
                _number(row["best_lr"]),
                row["note"],
            ]
        )
    return (
        "variant",
        "lr",
        "mu",
        "nu",
        "metric",
        "paper",
        "here (95%)",
        "ratio",
        "trials",
        "best lr",
        "note",
    ), rows


def _interval(row: Mapping[str, Any]) -> str:
    return (
        "" if row["value"] != row["value"] else f"{row['value']:.3g} ({row['low']:.3g} to {row['high']:.3g})"
    )


def _number(value: float) -> str:
    return "" if value != value else number(value)
