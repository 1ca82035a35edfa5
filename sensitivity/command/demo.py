"""``sensitivity demo``: the report of a finished study that comes with the package."""

from __future__ import annotations

import contextlib
import pathlib
from typing import Annotated

import typer

from sensitivity.command.dashboard import dashboard
from sensitivity.command.options import AsJson
from sensitivity.command.terminal import conclude, report_folder
from trainables.names import InputError

NAME = "demo"
"""Folder of the report in ``runs``: a report of the user's own run of the same preset stays."""
PORT = 8050


def demo(
    out: Annotated[
        pathlib.Path | None,
        typer.Option(
            help="Folder for the report: report.html, report.md, CSV, Parquet.", show_default=f"runs/{NAME}"
        ),
    ] = None,
    on_dashboard: Annotated[
        bool,
        typer.Option("--dashboard", help="Show it on the dashboard, and write no report. Ctrl+C stops it."),
    ] = False,
    store: Annotated[
        str | None,
        typer.Option(
            help="Add the study to this store: a SQLite file, or a database URL.", show_default="none"
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            help="Of the dashboard; 0 takes any that is free.", min=0, max=65535, show_default=str(PORT)
        ),
    ] = None,
    browser: Annotated[
        bool | None,
        typer.Option(
            "--browser/--no-browser",
            help="Open the page in the browser.",
            show_default="for the dashboard only",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Report on a finished study in seconds: six optimizers on handwritten digits, 400 trials.

    The results come with the package: nothing is trained or downloaded.
    """
    from sensitivity.results.demo import MEASURES, STUDY, copy_demo, demo_store
    from sensitivity.results.demo import demo as demo_results

    if on_dashboard:
        for option, is_set in (("--out", out is not None), ("--json", as_json)):
            if is_set:
                raise InputError(f"{option} is for a report, which --dashboard does not write; leave one out")
    elif port is not None:
        raise InputError(f"--port {port} is for the dashboard; add --dashboard")
    place = None if on_dashboard else report_folder(out, NAME)
    if store is not None:
        copy_demo(store)
    if place is None:
        with demo_store() if store is None else contextlib.nullcontext(store) as shown:
            dashboard(str(shown), port=PORT if port is None else port, browser=browser is not False)
        return
    from sensitivity.measures.stored_tables import with_stored_tables

    conclude(with_stored_tables(demo_results(), MEASURES), place, as_json)
    if browser:
        import webbrowser

        webbrowser.open((place / "report.html").absolute().as_uri())
    if not as_json:
        typer.echo(f"the same study, trained here: sensitivity run --preset {STUDY}")
