"""``sensitivity paper``: the claims and tables of "Optimizing CNNs" beside what a store holds."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer

from sensitivity.command.options import DEFAULT_STORE, AsJson, StorePlace
from sensitivity.command.terminal import report_folder, show
from sensitivity.text.json_text import to_json
from trainables.names import InputError

BEGINS = "paper-"
"""Prefix of the names of the paper's studies."""


def paper(
    study: Annotated[
        list[str] | None,
        typer.Option(
            "--study",
            help="A study of the store; once for each.",
            show_default=f"all whose name begins with {BEGINS}",
        ),
    ] = None,
    store: StorePlace = DEFAULT_STORE,
    out: Annotated[
        pathlib.Path | None,
        typer.Option("--out", help="Folder for paper.html, paper.md and CSV.", show_default="runs/paper"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the claims of "Optimizing CNNs" beside the measurements, with verdicts.

    A verdict is supported, contradicted or undecided.
    """
    from sensitivity.paper.page import write_paper
    from sensitivity.paper.rows import agreement_rows, claim_rows
    from sensitivity.results.results import Results, records
    from sensitivity.store.store import Store

    place = report_folder(out, "paper")
    opened = Store(store, create=False)
    try:
        names = study or [row["name"] for row in opened.studies() if row["name"].startswith(BEGINS)]
        if not names:
            raise InputError(
                f"store {opened.place!r} holds no study whose name begins with {BEGINS}; run one with "
                "`sensitivity run --preset paper-table-1`, or name others with --study"
            )
        results = [Results.from_store(opened, name) for name in dict.fromkeys(names)]
    finally:
        opened.close()
    written, measured = write_paper(results, place)
    claims, agreement = measured.claims, measured.agreement
    if as_json:
        typer.echo(
            to_json({"report": str(written), "claims": records(claims), "agreement": records(agreement)})
        )
        return
    head, rows = claim_rows(claims)
    shown = ("verdict", "claim", "task", "value (95%)", "claimed", "trials", "note", "what would decide it")
    show(
        [{name: cell for name, cell in zip(head, row, strict=True) if name in shown} for row in rows], as_json
    )
    typer.echo("\nThe paper's cells and ours:")
    head, rows = agreement_rows(agreement)
    show([dict(zip(head, row, strict=True)) for row in rows], as_json)
    typer.echo(f"\nreport: {written}")
