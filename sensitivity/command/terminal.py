"""Output of the command: a study's conclusion, tables, JSON, and the folders of reports."""

from __future__ import annotations

import contextlib
import os
import pathlib
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table

from sensitivity.text.file_names import folder_name
from sensitivity.text.json_text import to_json
from trainables.names import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sensitivity.measures import Measured
    from sensitivity.results.results import Results
    from sensitivity.study.study import Study


UNBOUNDED = 10_000
"""Columns of a console in which every table fits."""


def report_folder(out: pathlib.Path | None, study: str) -> pathlib.Path:
    """Return the folder of the report, checked to be writable before the work begins.

    Args:
        out: folder chosen by the user; None for runs/STUDY.
        study: name of the study.

    Raises:
        InputError: the folder cannot be written.
    """
    place = out if out is not None else pathlib.Path("runs") / folder_name(study)
    nearest = next(folder for folder in (place, *place.absolute().parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise InputError(f"--out {str(place)!r} cannot be written: {str(nearest)!r} is not a writable folder")
    return place


def conclude(
    results: Results | Measured,
    place: pathlib.Path,
    as_json: bool,
    *,
    formats: Sequence[str] = (),
    column: bool = False,
) -> None:
    """Write the report, and print its conclusion.

    Args:
        results: of the study, or its measures, which are not computed again then.
        place: folder of the report.
        as_json: print JSON instead of text.
        formats: write the figures as pictures too, in these formats.
        column: at the width of a paper's column.
    """
    from sensitivity.measures import Measured
    from sensitivity.questions.overview import BRIEF, overview
    from sensitivity.questions.summary import best_title, caveats, other_caveats, summary
    from sensitivity.reporting import write_report
    from sensitivity.results.results import records

    measured = results if isinstance(results, Measured) else Measured(results)
    written = write_report(measured, place, formats=formats, column=column)
    table = measured.overview
    if as_json:
        by_task = {str(task): summary(measured, str(task)) for task in dict.fromkeys(table["task"])}
        found = {
            "report": str(written),
            "sentences": by_task,
            "overview": records(table),
            "caveats": caveats(measured),
        }
        typer.echo(to_json(found))
        return
    console, said = wide_console(), list[str]()
    for task in dict.fromkeys(table["task"]):
        variants = overview(measured, str(task))
        titles = [best_title(measured.results), *(name for name in BRIEF if name in variants)]
        rows = [
            [row["variant"], row[titles[0]].partition(" ")[0], *(row[name] for name in titles[1:])]
            for row in records(variants)
        ]
        sentences = summary(measured, str(task))
        said += sentences
        for sentence in sentences:
            console.print(f"- {sentence}", markup=False, highlight=False, soft_wrap=not console.is_terminal)
        console.print(variants_table(console, str(task), titles, rows))
    for sentence in other_caveats(measured, said):
        console.print(f"! {sentence}", markup=False, highlight=False, soft_wrap=not console.is_terminal)
    typer.echo(f"\nreport: {written}")


def variants_table(console: Console, task: str, titles: list[str], rows: list[list[str]]) -> Table:
    """Return the table of variants; where it is wider than the console, intervals are below their values."""
    for is_folded in (False, True):
        shown = Table(title=task, title_justify="left", box=None, header_style="bold")
        longest = max((len(row[0]) for row in rows), default=0)
        shown.add_column("variant", overflow="fold", min_width=min(longest, 16) if is_folded else None)
        for title in titles:
            shown.add_column(title, justify="right", no_wrap=not is_folded)
        for row in rows:
            shown.add_row(*(cell.replace(" (", "\n(") if is_folded else cell for cell in row))
        if console.measure(shown, options=console.options.update(width=UNBOUNDED)).maximum <= console.width:
            break
    return shown


def wide_console() -> Console:
    """Return a console as wide as the terminal, or at least 240 columns for a pipe."""
    console = Console()
    return console if console.is_terminal else Console(width=max(240, console.width))


def show(rows: list[dict[str, Any]], as_json: bool, *, empty: str = "nothing") -> None:
    """Print rows as JSON, or as a table that is not cut when a program reads it."""
    if as_json:
        typer.echo(to_json(rows))
        return
    if not rows:
        typer.echo(empty)
        return
    columns = list(dict.fromkeys(name for row in rows for name in row))
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for name in columns:
        shown.add_column(name, overflow="fold")
    for row in rows:
        shown.add_row(*(_cell(row.get(name)) for name in columns))
    console = wide_console()
    console.print(shown, markup=False, highlight=False)


def _cell(value: Any) -> str:
    from rich.markup import escape

    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    return escape(str(value))


def in_words(value: Any) -> Any:
    """Format a mapping or a tuple as a cell of a table."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {entry}" for name, entry in value.items())
    return " + ".join(map(str, value)) if isinstance(value, tuple) else value


def show_plan(studies: list[Study], as_json: bool, store: str | pathlib.Path | None = None) -> None:
    """Print the trials that studies would run, and about how long they take on this machine.

    Args:
        studies: the specifications.
        as_json: True for a program.
        store: what has ended of the studies; None, or a file that is not there, for nothing.
    """
    from sensitivity.study.estimates import duration, plan_rows, plan_summary

    recorded = _recorded(store)
    plans = {study.name: plan_rows(study, recorded) for study in studies}
    if as_json:
        show([{"study": name, **row} for name, rows in plans.items() for row in rows], as_json)
        return
    cores = os.cpu_count() or 1
    for name, rows in plans.items():
        typer.echo(f"{name}:")
        show(
            [{**row, "hours": None if row["hours"] is None else duration(row["hours"])} for row in rows],
            as_json,
        )
        typer.echo(f"{plan_summary(rows, cores)}\n")


def _recorded(store: str | pathlib.Path | None) -> dict[str, float]:
    from sensitivity.store.queries import seconds_of_ended
    from sensitivity.store.store import Store

    if store is None or ("://" not in str(store) and not pathlib.Path(store).exists()):
        return {}
    with contextlib.closing(Store(store, create=False)) as opened:
        return seconds_of_ended(opened)
