"""The page on "Optimizing CNNs": claims with verdicts, tables cell by cell, and figures.

:class:`sensitivity.paper.sections.Paper` has the tables; :func:`write_paper` writes them as a page, as
Markdown and as CSV.
"""

from __future__ import annotations

import html
import pathlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from sensitivity.paper.claims import VERDICTS, claims
from sensitivity.paper.sections import Paper, lead, run_words, sections
from sensitivity.paper.tables import agreement, cells
from sensitivity.text.csv_text import csv_text
from sensitivity.text.wording import listed
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.results.results import Results

__all__ = ["agreement", "cells", "claims", "write_paper"]

SOURCE = 'Dozat, "Optimizing CNNs"'


def write_paper(results: Sequence[Results], folder: str | pathlib.Path) -> tuple[pathlib.Path, Paper]:
    """Write the page ``paper.html``, which opens offline, and its contents as Markdown and CSV.

    The other files are ``paper.md``, and one CSV for each table of
    :meth:`sensitivity.paper.sections.Paper.tables`.

    Args:
        results: Results of one study or of several.
        folder: Folder of the files.

    Returns:
        The path of the page, and what it says.

    Raises:
        InputError: if the folder cannot be written, no trial is finished, or as
            :func:`sensitivity.paper.claims.claims`.
    """
    if all(result.usable.empty for result in results):
        raise InputError(f"no trial of {listed([result.study for result in results])} is finished yet")
    place = pathlib.Path(folder)
    paper = Paper.measured(results)
    texts = {"paper.html": page(paper), "paper.md": markdown(paper)}
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, table in paper.tables().items():
            (place / f"{name}.csv").write_text(csv_text(table), encoding="utf-8", newline="")
        for name, text in texts.items():
            (place / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write the page to {str(folder)!r}: {error}") from None
    return place / "paper.html", paper


def page(paper: Paper) -> str:
    """Return one self-contained HTML page."""
    from plotly.offline import get_plotlyjs

    from sensitivity.paper.figures import paper_figure

    parts = [f"<h1>{_text(SOURCE)}, measured</h1><p class='lead'>{_text(lead(paper))}</p>"]
    for section in sections(paper):
        parts.append(f"<h2>{_text(section.title)}</h2>")
        parts += [f"<p class='note'>{_text(words)}</p>" for words in section.words]
        parts += [_html(head, rows) for head, rows in section.tables if rows]
        figure = paper_figure(paper.results, section.figure) if section.figure is not None else None
        if figure is not None:
            drawn = figure.to_html(
                full_html=False,
                include_plotlyjs=False,
                config={"displaylogo": False, "showSendToCloud": False, "responsive": True},
            )
            parts.append(f"<figure>{drawn}</figure>")
    body = "\n".join([*parts, f"<p class='note'>{_text(run_words(paper.results))}</p>"])
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><meta name='viewport' "
        f"content='width=device-width, initial-scale=1'><title>{_text(SOURCE)}, "
        f"measured</title><style>{STYLE}</style><script>{get_plotlyjs()}</script></head><body><main>{body}</main></body></html>\n"
    )


def markdown(paper: Paper, *, heading: str = "#", pictures: Mapping[int, str] = MappingProxyType({})) -> str:
    """Return the page as Markdown, without how each claim was measured, and with pictures for its figures.

    Args:
        paper: What the page says.
        heading: Mark of the title; those of the sections have one more ``#``.
        pictures: Paths of pictures of the figures, by the number of the paper's table.
    """
    lines = [f"{heading} {SOURCE}, measured", "", lead(paper), "", run_words(paper.results), ""]
    for section in sections(paper, measured=False):
        lines += [f"{heading}# {section.title}", ""]
        for words in section.words:
            lines += [words, ""]
        for head, rows in section.tables:
            lines += [*_lines(head, rows), ""] if rows else []
        if section.figure is not None and section.figure in pictures:
            lines += [f"![{section.title}, the loss by epoch]({pictures[section.figure]})", ""]
    return "\n".join(lines)


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
