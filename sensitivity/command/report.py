"""``sensitivity report``: the report of a study in a store."""

from __future__ import annotations

from typing import Annotated

import typer

from sensitivity.command.options import (
    DEFAULT_STORE,
    AsJson,
    Folder,
    Metric,
    MetricDirection,
    StorePlace,
    the_study,
)
from sensitivity.command.terminal import conclude, report_folder


def report(
    study: Annotated[
        str | None, typer.Argument(help="Name of a study in the store.", show_default="the only one")
    ] = None,
    store: StorePlace = DEFAULT_STORE,
    out: Folder = None,
    metric: Metric = None,
    direction: MetricDirection = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            help="Write the figures as pictures too: png, svg or pdf, again for more; needs kaleido and "
            "Chrome or Chromium.",
            show_default="none",
        ),
    ] = None,
    png: Annotated[bool, typer.Option("--png", help="The same as --format png.")] = False,
    column: Annotated[
        bool,
        typer.Option("--column", help="Draw these pictures for a paper: 3.5 inches wide, without titles."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write the report of a study from what the store holds, also while it runs."""
    from sensitivity.results.results import Results
    from sensitivity.store.store import Store

    opened = Store(store, create=False)
    try:
        name = the_study(opened, study)
        results = Results.from_store(opened, name, metric=metric, direction=direction)
    finally:
        opened.close()
    wanted = [*(["png"] if png else []), *(formats or [])]
    conclude(results, report_folder(out, name), as_json, formats=wanted, column=column)
