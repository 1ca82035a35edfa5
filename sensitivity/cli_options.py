"""What commands share: their options, and the study that is meant."""

from __future__ import annotations

import pathlib
from typing import Annotated, Any

import typer

from trainables.names import InputError

DEFAULT_STORE = "sensitivity.sqlite"

StorePlace = Annotated[
    str,
    typer.Option(
        "--store", help="Where results are kept: a SQLite file, or a database URL.", envvar="SENSITIVITY_STORE", show_default=True
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
Folder = Annotated[
    pathlib.Path | None,
    typer.Option("--out", help="Folder for the report: report.html, report.md, CSV, Parquet.", show_default="runs/STUDY"),
]
Metric = Annotated[
    str | None, typer.Option(help="train_loss_end, train_loss or test_loss, instead of the study's own.", show_default=False)
]


def the_study(store: Any, name: str | None) -> str:
    """The study of a store that is meant: the one named, or the only one. Raises: InputError where there are several, or none."""
    if name is not None:
        return name
    names = [each["name"] for each in store.studies()]
    if len(names) != 1:
        raise InputError(f"name one of the {len(names)} studies of this store: {', '.join(names) or 'it is empty'}")
    return str(names[0])
