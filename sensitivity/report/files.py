"""What lies beside the report: every measure as CSV and Parquet, tables for LaTeX, and pictures."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING

import pandas as pd

from sensitivity.questions import QUESTIONS
from sensitivity.questions.question import refusal
from sensitivity.report import tables
from sensitivity.results import of_one_type
from trainables.names import InputError

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Sequence

    from sensitivity.measures import Measured
    from sensitivity.report.contents import Chapter

LONGEST = 40
"""Rows of a table that fits on a page."""
NOT_MEASURES = ("trials",)
PNG_NEEDS = (
    "--png needs kaleido, which draws with an installed Chrome or Chromium: pip install 'optimizer-sensitivity[png]' "
    "(nothing is downloaded; BROWSER_PATH names a browser that is not found)"
)
WIDTH, SCALE = 1000, 2
"""Of a picture: CSS pixels, and pixels for each of them."""


def save_measures(measured: Measured, folder: pathlib.Path) -> None:
    """Write the table of every measure, of all tasks, as CSV and Parquet; what could not be measured and why is in ``refused.csv``."""
    folder.mkdir(parents=True, exist_ok=True)
    tasks = list(dict.fromkeys(task for task, _ in measured.results.groups))
    refused = []
    for question in QUESTIONS:
        for name, tabulate in question.tables:
            if name in NOT_MEASURES:
                continue
            parts = [tabulate(measured, task) for task in (tasks[:1] if question.once else tasks)]
            filled = [each for each in parts if not each.empty]
            if not filled:
                reason = refusal(parts[0]) or question.why_not(measured, tasks[0]) or "Nothing to measure."
                refused.append({"measure": name, "reason": reason})
                continue
            table = _plain(pd.concat(filled, ignore_index=True))
            table.to_csv(folder / f"{name}.csv", index=False)
            table.to_parquet(folder / f"{name}.parquet", index=False)
    if refused:
        pd.DataFrame(refused).to_csv(folder / "refused.csv", index=False)


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """The table with configurations as JSON: a column of text opens everywhere."""
    held = {name: column for name, column in table.items() if column.map(lambda each: isinstance(each, dict)).any()}
    text = {str(name): column.map(lambda each: json.dumps(each, default=str)) for name, column in held.items()}
    found = of_one_type(table.assign(**text))
    found.attrs = {}
    return found


def latex(measured: Measured, found: Sequence[Chapter]) -> str:
    """The tables that fit on a page, for LaTeX with booktabs: an overview for each task, then those of its questions."""
    lines = ["% \\usepackage{booktabs}"]
    for chapter in found:
        own = {"overview": tables.overview, "main_effects": tables.shares} if chapter.task else {}
        shown = {name: tabulate(measured, chapter.task) for name, tabulate in own.items()}
        for part in chapter.parts:
            shown |= {name: tables.in_words(table) for name, table in part.tables.items() if name not in own and name not in NOT_MEASURES}
        for name, table in shown.items():
            if len(table) > LONGEST:
                lines.append(f"\n% {name}: {len(table)} rows, in measures/{name}.csv")
                continue
            caption = _latex_text(f"{name.replace('_', ' ')}, {chapter.title}".capitalize())
            label = f"tab:{chapter.name}-{name.replace('_', '-')}"
            lines.append("\n" + table.to_latex(index=False, escape=True, caption=caption, label=label, position="htbp").rstrip())
    return "\n".join(lines) + "\n"


def _latex_text(words: str) -> str:
    special = {each: f"\\{each}" for each in "&%$#_{}"} | {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"}
    return "".join(special.get(each, each) for each in words)


def check_png() -> None:
    """Raises: InputError where pictures cannot be drawn."""
    try:
        importlib.import_module("kaleido")
    except ImportError:
        raise InputError(PNG_NEEDS) from None


def save_pictures(measured: Measured, found: Sequence[Chapter], folder: pathlib.Path) -> dict[tuple[str, str], str]:
    """Draw every figure of the report as PNG; return the file of each by the names of part and figure, relative to the report.

    Raises: InputError without kaleido, or without a browser for it.
    """
    import plotly.io

    check_png()
    folder.mkdir(parents=True, exist_ok=True)
    figures, names = [], {}
    for chapter in found:
        for part in chapter.parts:
            for drawing in part.drawings:
                names[part.name, drawing.name] = f"{folder.name}/{part.name}-{drawing.name}.png"
                figures.append(drawing(measured, part.task))
    files = [folder.parent / name for name in names.values()]
    try:
        plotly.io.write_images(figures, files, width=WIDTH, height=[each.layout.height or 450 for each in figures], scale=SCALE)
    except Exception as error:  # kaleido and its browser have errors of many classes
        raise InputError(f"{PNG_NEEDS}; it says: {' '.join(str(error).split())[:200]}") from None
    return names
