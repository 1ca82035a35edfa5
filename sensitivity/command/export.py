"""``sensitivity export``: a study for TensorBoard, MLflow or Optuna."""

from __future__ import annotations

import pathlib
import shlex
from contextlib import closing
from typing import Annotated

import typer

from sensitivity.command.options import DEFAULT_STORE, AsJson, Metric, MetricDirection, StorePlace, the_study
from sensitivity.text.json_text import to_json
from trainables.names import unknown

OPENS = {
    "tensorboard": "tensorboard --logdir",
    "optuna": "optuna-dashboard",
    "mlflow": "MLFLOW_ALLOW_FILE_STORE=true mlflow ui --backend-store-uri",
}
"""The command that opens each kind of export."""


def export(
    to: Annotated[str, typer.Option(help="tensorboard, mlflow or optuna.", show_default=False)],
    out: Annotated[
        pathlib.Path,
        typer.Option(
            help="Folder of exports, for optuna a SQLite file; other studies in it stay.", show_default=False
        ),
    ],
    study: Annotated[
        str | None, typer.Argument(help="Name of a study in the store.", show_default="the only one")
    ] = None,
    store: StorePlace = DEFAULT_STORE,
    metric: Metric = None,
    direction: MetricDirection = None,
    as_json: AsJson = False,
) -> None:
    """Write a study for TensorBoard or MLflow, a run for each trial, or for Optuna, a study for each variant.

    Run it again to update the export.

    Nothing is sent anywhere. MLflow needs pip install 'optimizer-sensitivity\\[export]'.
    """
    from sensitivity.exchange.to_mlflow import to_mlflow
    from sensitivity.exchange.to_optuna import all_to_optuna
    from sensitivity.exchange.to_tensorboard import to_tensorboard
    from sensitivity.results.results import Results
    from sensitivity.store.addresses import sqlite_url
    from sensitivity.store.store import Store

    if to not in OPENS:
        raise unknown("--to", to, OPENS)
    with closing(Store(store, create=False)) as opened:
        results = Results.from_store(opened, the_study(opened, study), metric=metric, direction=direction)
    if to == "optuna":
        written, place, what = len(all_to_optuna(results, out)), out, "studies"
    else:
        place = to_tensorboard(results, out) if to == "tensorboard" else to_mlflow(results, out)
        written, what = int((results.trials["status"] != "pending").sum()), "runs"
    address = sqlite_url(out) if to == "optuna" else str(out)
    look = f"{OPENS[to]} {shlex.quote(address)}"
    if as_json:
        kind = "file" if to == "optuna" else "folder"
        typer.echo(to_json({kind: str(place), what: written, "open": look}))
    else:
        typer.echo(f"{written} {what} in {place}\nopen with: {look}")
