"""The tables of the report for LaTeX, with booktabs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from sensitivity.questions.overview import overview
from sensitivity.reporting import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sensitivity.measures import Measured
    from sensitivity.reporting.contents import Chapter

LONGEST = 40
"""Rows of a table that fits on a page."""
SHOWN = ("overview", "main_effects", "trials")
"""Tables of questions that stand here in other words, or not at all."""


def latex(measured: Measured, contents: Sequence[Chapter]) -> str:
    """Return the tables that fit on a page as LaTeX with booktabs.

    Each task has its overview, then the tables of its questions.
    """
    lines = ["% \\usepackage{booktabs}"]
    for chapter in contents:
        summaries = {"overview": overview, "main_effects": tables.shares} if chapter.task else {}
        shown = {
            name: measured.attempt(name, partial(tabulate, measured, chapter.task), pd.DataFrame())
            for name, tabulate in summaries.items()
        }
        shown = {name: table for name, table in shown.items() if not table.empty}
        for part in chapter.parts:
            shown |= {
                name: tables.in_words(table) for name, table in part.tables.items() if name not in SHOWN
            }
        for name, table in shown.items():
            if len(table) > LONGEST:
                lines.append(f"\n% {name}: {len(table)} rows, in measures/{name}.csv")
                continue
            caption = _latex_text(f"{name.replace('_', ' ')}, {chapter.title}".capitalize())
            label = f"tab:{chapter.name}-{name.replace('_', '-')}"
            lines.append(
                "\n"
                + table.to_latex(
                    index=False, escape=True, caption=caption, label=label, position="htbp"
                ).rstrip()
            )
    return "\n".join(lines) + "\n"


def _latex_text(words: str) -> str:
    special = {character: f"\\{character}" for character in "&%$#_{}"} | {
        "\\": "\\textbackslash{}",
        "~": "\\textasciitilde{}",
        "^": "\\textasciicircum{}",
    }
    return "".join(special.get(character, character) for character in words)
