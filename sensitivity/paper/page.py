"""The page on "Optimizing CNNs": claims with verdicts, tables cell by cell, and figures.

:func:`claims`, :func:`cells` and :func:`agreement` compute; :func:`write_paper` writes them as a page, as
Markdown and as CSV.
"""

from __future__ import annotations

import html
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from search_spaces.paper import TABLES
from sensitivity.paper.claims import VERDICTS, claims
from sensitivity.paper.tables import agreement, cells
from sensitivity.results.repeats import seeds_in_words
from sensitivity.results.results import records
from sensitivity.text.csv_text import csv_text
from sensitivity.text.wording import listed, number
from trainables.names import InputError

if TYPE_CHECKING:
    import pandas as pd

    from sensitivity.results.results import Results

__all__ = ["agreement", "cells", "claims", "write_paper"]

SOURCE = 'Dozat, "Optimizing CNNs"'
HOW = (
    "A claim is supported where the 95% interval of what is measured lies wholly on its side, contradicted "
    "where it lies wholly on the other, and undecided otherwise. Losses are capped at the initial loss, "
    "which is what a trial that diverged counts as; ratios are of geometric means."
)
BESIDE = (
    "The paper's value beside the mean over the seeds of ours at the learning rate that the paper's caption "
    "gives, which is not always the best of those that were run (best lr)."
)
Rows = tuple[Sequence[str], list[list[str]]]


def write_paper(
    results: Sequence[Results], folder: str | pathlib.Path
) -> tuple[pathlib.Path, pd.DataFrame, pd.DataFrame]:
    """Write the page ``paper.html``, which opens offline, and its contents as Markdown and CSV.

    The other files are ``paper.md``, ``claims.csv``, ``cells.csv`` and ``agreement.csv``.

    Args:
        results: Results of one study or of several.
        folder: Folder of the files.

    Returns:
        The path of the page, the claims and the agreement.

    Raises:
        InputError: if the folder cannot be written, no trial is finished, or as
            :func:`sensitivity.paper.claims.claims`.
    """
    if all(result.usable.empty for result in results):
        raise InputError(f"no trial of {listed([result.study for result in results])} is finished yet")
    place = pathlib.Path(folder)
    tables = {"claims": claims(results), "cells": cells(results), "agreement": agreement(results)}
    texts = {"paper.html": page(results, **tables), "paper.md": markdown(results, **tables)}
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            (place / f"{name}.csv").write_text(csv_text(table), encoding="utf-8", newline="")
        for name, text in texts.items():
            (place / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write the page to {str(folder)!r}: {error}") from None
    return place / "paper.html", tables["claims"], tables["agreement"]


def page(
    results: Sequence[Results], claims: pd.DataFrame, cells: pd.DataFrame, agreement: pd.DataFrame
) -> str:
    """Return one self-contained HTML page."""
    from plotly.offline import get_plotlyjs

    from sensitivity.paper.figures import paper_figure

    parts = [f"<h1>{_text(SOURCE)}, measured</h1><p class='lead'>{_text(_lead(results, claims))}</p>"]
    parts.append(f"<h2>Claims</h2><p class='note'>{_text(HOW)}</p>{_html(*claim_rows(claims))}")
    parts.append(
        f"<h2>Tables: rank correlation</h2>{_html(*agreement_rows(agreement))}<p "
        f"class='note'>{_text(BESIDE)}</p>"
    )
    for table in TABLES:
        figure = paper_figure(results, table)
        if (cells.loc[cells["table"] == table, "n"] > 0).any():
            parts.append(f"<h2>Table {table}</h2>{_html(*cell_rows(cells, table))}")
        if figure is not None:
            drawn = figure.to_html(
                full_html=False,
                include_plotlyjs=False,
                config={"displaylogo": False, "showSendToCloud": False, "responsive": True},
            )
            parts.append(f"<figure>{drawn}</figure>")
    body = "\n".join(parts)
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><meta name='viewport' "
        f"content='width=device-width, initial-scale=1'><title>{_text(SOURCE)}, "
        f"measured</title><style>{STYLE}</style><script>{get_plotlyjs()}</script></head><body><main>{body}</main></body></html>\n"
    )


def markdown(
    results: Sequence[Results], claims: pd.DataFrame, cells: pd.DataFrame, agreement: pd.DataFrame
) -> str:
    """Return the page without figures, as Markdown."""
    lines = [
        f"# {SOURCE}, measured",
        "",
        _lead(results, claims),
        "",
        "## Claims",
        "",
        HOW,
        "",
        *_lines(*claim_rows(claims)),
        "",
    ]
    lines += ["## Tables: rank correlation", "", *_lines(*agreement_rows(agreement)), "", BESIDE, ""]
    for table in TABLES:
        if (cells.loc[cells["table"] == table, "n"] > 0).any():
            lines += [f"## Table {table}", "", *_lines(*cell_rows(cells, table)), ""]
    return "\n".join(lines)


def claim_rows(claims: pd.DataFrame) -> Rows:
    """Return head and rows of the claims, as text."""
    rows: list[list[str]] = []
    for row in records(claims):
        p = "" if row["p"] != row["p"] else "< 0.001" if row["p"] < 0.001 else f"{row['p']:.3f}"
        quote = f"{row['claim']} ({row['where']})"
        rows.append(
            [
                row["verdict"],
                row["name"],
                quote,
                row["measured"],
                row["task"],
                _interval(row),
                str(row["n"]),
                p,
                row["note"],
            ]
        )
    return (
        "verdict",
        "claim",
        "the paper (section)",
        "measured",
        "task",
        "value (95%)",
        "trials",
        "p",
        "note",
    ), rows


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


def _lead(results: Sequence[Results], claims: pd.DataFrame) -> str:
    counts = claims["verdict"].value_counts()
    counted = ", ".join(f"{counts.get(verdict, 0)} {verdict}" for verdict in VERDICTS)
    sizes = []
    for one in results:
        images = f", the first {one.spec['limit']:,} images" if one.spec.get("limit") else ""
        sizes.append(
            f"{one.study} ({len(one.usable)} trials, {one.trials['epochs'].max()} epochs, "
            f"{seeds_in_words(one)}{images})"
        )
    return (
        f"{len(claims)} claims: {counted}. From {listed(sizes)}. The paper trained for 50 epochs, each "
        "setting once."
    )


def _interval(row: dict[str, float]) -> str:
    return (
        "" if row["value"] != row["value"] else f"{row['value']:.3g} ({row['low']:.3g} to {row['high']:.3g})"
    )


def _number(value: float) -> str:
    return "" if value != value else number(value)


def _text(words: str) -> str:
    return html.escape(words)


def _html(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{_text(title)}</th>" for title in head)
    body = "".join(
        "<tr>" + "".join(f"<td{_verdict(cell)}>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<div class='scroll'><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"


def _verdict(cell: str) -> str:
    return f" class='{cell}'" if cell in VERDICTS else ""


def _lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |"
        for line in (head, ["---"] * len(head), *rows)
    ]


STYLE = """
:root { color-scheme: light; }
body { margin: 0; background: #fff; color: #222;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1280px; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 2rem; margin: 0; } h2 { font-size: 1.35rem; margin: 2.2rem 0 .5rem; }
.lead, .note { color: #555; max-width: 90ch; } .note { font-size: .9rem; } figure { margin: 2.2rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .4rem .7rem .4rem 0; border-bottom: 1px solid #e6e6e6;
  vertical-align: top; }
th { color: #555; } td.supported, td.contradicted { font-weight: 600; }
td.supported { color: #00674B; } td.contradicted { color: #B00020; }
td.undecided { color: #767676; }
@media print { main { max-width: none; padding: 0; }
  figure, tr { break-inside: avoid; }
  .modebar { display: none; } }
"""
