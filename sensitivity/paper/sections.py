"""The sections of the page on the paper: headings, sentences and tables, from results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from search_spaces.paper import TABLES
from sensitivity.measures.noise import NOISE
from sensitivity.measures.variance_shares import INTERACTIONS
from sensitivity.paper import unsaid
from sensitivity.paper.carried import carried_over
from sensitivity.paper.claims import CONTRADICTED, SUPPORTED, UNDECIDED, VERDICTS, claims
from sensitivity.paper.effects import moves, shares
from sensitivity.paper.prices import prices, seconds_of
from sensitivity.paper.rows import (
    Rows,
    agreement_rows,
    cell_rows,
    claim_rows,
    move_rows,
    share_rows,
    unsaid_rows,
)
from sensitivity.paper.tables import agreement, cells
from sensitivity.results.repeats import seeds_in_words
from sensitivity.results.results import records
from sensitivity.text.wording import listed, with_interval

if TYPE_CHECKING:
    from sensitivity.results.results import Results

HOW = (
    "A claim is supported where the 95% interval of what is measured lies wholly on its side, contradicted "
    "where it lies wholly on the other, and undecided otherwise. Losses are capped at the initial loss, "
    "which is what a trial that diverged counts as; ratios are of geometric means."
)
BESIDE = (
    "The paper's value beside the mean over the seeds of ours at the learning rate that the paper's caption "
    "gives, which is not always the best of those that were run (best lr)."
)
SHARE = (
    "The first table: share of the variance of the logarithm of the loss, over the learning rates and "
    "settings that were run, with 95% intervals."
)
MOVED = (
    "The second: what moving one setting multiplies the loss by, at the paper's learning rates, everything "
    "else the same."
)


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        title: Heading.
        words: Sentences before the tables, a paragraph each.
        tables: Tables, each a head and rows.
        figure: Number of the paper's figure that the section ends with.
    """

    title: str
    words: tuple[str, ...] = ()
    tables: tuple[Rows, ...] = ()
    figure: int | None = None


@dataclass(frozen=True)
class Paper:
    """Everything that the page says, as tables.

    Attributes:
        results: The studies.
        claims: Every claim with its verdict, and ``decides``: what would decide it.
        cells: The cells of the tables beside the paper's.
        agreement: Rank correlations with the paper's tables.
        shares: Shares of the variance by family and setting.
        moves: What moving one setting multiplies the loss by.
        carried: Rank correlations between the autoencoder and the residual network.
        unsaid: Effects of what the paper does not say.
    """

    results: tuple[Results, ...]
    claims: pd.DataFrame
    cells: pd.DataFrame
    agreement: pd.DataFrame
    shares: pd.DataFrame
    moves: pd.DataFrame
    carried: pd.DataFrame
    unsaid: pd.DataFrame

    @classmethod
    def measured(cls, results: Sequence[Results]) -> Paper:
        """Measure all of it.

        Raises:
            InputError: as :func:`sensitivity.paper.claims.claims`.
        """
        table = claims(results)
        return cls(
            tuple(results),
            table.assign(decides=prices(results, table)),
            cells(results),
            agreement(results),
            shares(results),
            moves(results),
            carried_over(results),
            unsaid.unsaid(results),
        )

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by the names of their files."""
        names = ("claims", "cells", "agreement", "shares", "moves", "carried", "unsaid")
        return {name: getattr(self, name) for name in names}


def sections(paper: Paper, *, measured: bool = True) -> list[Section]:
    """Return the sections of the page, in order; those of which nothing was run are left out.

    Args:
        paper: What the page says.
        measured: True for a column of the claims that says how each was measured.
    """
    found = [
        Section("Claims", (HOW, *survival(paper.claims)), (claim_rows(paper.claims, measured=measured),)),
        Section("Which setting matters", matters(paper), (share_rows(paper.shares), move_rows(paper.moves))),
        Section("From the autoencoder to a residual network", carried_words(paper.carried)),
    ]
    if len(paper.unsaid):
        words = unsaid.in_words(paper.unsaid)
        found.append(
            Section(
                "What the paper does not say", (f"{words}.",) if words else (), (unsaid_rows(paper.unsaid),)
            )
        )
    found.append(Section("Tables: rank correlation", (BESIDE,), (agreement_rows(paper.agreement),)))
    found += [
        Section(f"Table {table}", (), (cell_rows(paper.cells, table),), table)
        for table in TABLES
        if (paper.cells.loc[paper.cells["table"] == table, "n"] > 0).any()
    ]
    return [section for section in found if section.words or any(rows for _, rows in section.tables)]


def lead(paper: Paper) -> str:
    """Return how many claims have which verdict, and from which studies."""
    counts = paper.claims["verdict"].value_counts()
    counted = ", ".join(f"{counts.get(verdict, 0)} {verdict}" for verdict in VERDICTS)
    sizes = []
    for one in paper.results:
        images = f", the first {one.spec['limit']:,} images" if one.spec.get("limit") else ""
        whole = "" if len(one.usable) == len(one.trials) else f" of {len(one.trials)}"
        sizes.append(
            f"{one.study} ({len(one.usable)}{whole} trials, {one.trials['epochs'].max()} epochs, "
            f"{seeds_in_words(one)}{images})"
        )
    return (
        f"{len(paper.claims)} claims: {counted}. From {listed(sizes)}. The paper trained for 50 epochs, each "
        "setting once."
    )


def survival(claims: pd.DataFrame) -> list[str]:
    """Return a sentence for each verdict with the claims that have it."""
    words = {
        SUPPORTED: "Hold with seeds and intervals",
        CONTRADICTED: "Do not hold here",
        UNDECIDED: "Not decided",
    }
    return [
        f"{text}: {'; '.join(dict.fromkeys(claims.loc[claims['verdict'] == verdict, 'name']))}."
        for verdict, text in words.items()
        if (claims["verdict"] == verdict).any()
    ]


def matters(paper: Paper) -> tuple[str, ...]:
    """Return a sentence for each family: the settings with the largest shares, and the dearest move."""
    sentences = []
    known = paper.shares.dropna(subset=["value"])
    for (task, family), part in known.groupby(["task", "family"], sort=False):
        by_effect = {row["effect"]: row for row in records(part)}
        beside = [by_effect.pop(name) for name in (INTERACTIONS, NOISE) if name in by_effect]
        ordered = sorted(by_effect.values(), key=lambda row: -row["value"])
        sentence = f"{_capital(str(family))} ({task}): {', then '.join(map(_share, ordered[:2]))}"
        sentence += f" ({', '.join(map(_share, beside))})" if beside else ""
        dear = paper.moves[(paper.moves["task"] == task) & (paper.moves["family"] == family)]
        dear = dear[dear["low"] > 1]
        if len(dear):
            row = records(dear.sort_values("value", ascending=False).head(1))[0]
            sentence += (
                f"; the dearest move is {row['setting']} from {row['from']} to {row['to']}, which multiplies "
                f"the loss by {with_interval(row)}"
            )
        sentences.append(f"{sentence}.")
    return (SHARE, MOVED, *sentences) if sentences else ()


def _share(row: Mapping[str, Any]) -> str:
    return f"{row['effect']} {with_interval(row, form='.0%')}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def carried_words(carried: pd.DataFrame) -> tuple[str, ...]:
    """Return what the ranking on the autoencoder says of that on the residual network."""
    sentences = []
    for row in records(carried):
        if math.isnan(row["value"]):
            continue
        against = "train" if "train" in row["metric"] else "test"
        sure = "" if row["low"] > 0 or row["high"] < 0 else "; whether it carries over is not decided"
        sentences.append(
            f"The six settings of Table 4 rank on the autoencoder as by the {against} loss of the residual "
            f"network with Spearman's {with_interval(row, form='.2f')} ({row['trials']} trials){sure}."
        )
    return tuple(sentences)


def run_words(results: Sequence[Results]) -> str:
    """Return how many trials ran, on what, and how long they took together."""
    count = sum(len(one.usable) for one in results)
    hours = sum(float(one.usable["seconds"].sum()) for one in results) / 3600
    runs = [run for one in results for run in one.runs]
    devices = list(dict.fromkeys(str(device) for run in runs for device in run.get("devices", ())))
    where = f" on {listed(devices)}" if devices else ""
    means = listed([f"{task} {mean:.0f} s" for task, mean in seconds_of(results).items()])
    return (
        f"{count:,} trials, {hours:.1f} hours of training by single workers{where}, in {len(runs)} "
        f"run{'s' * (len(runs) != 1)}; a trial takes on average: {means}."
    )
