"""``sensitivity studies`` and ``sensitivity trials``: the contents of a store."""

from __future__ import annotations

from typing import Annotated

import typer

from sensitivity.command.options import DEFAULT_STORE, AsJson, StorePlace, the_study
from sensitivity.command.terminal import show
from sensitivity.study.trial import STATUSES
from trainables.names import unknown


def studies(store: StorePlace = DEFAULT_STORE, as_json: AsJson = False) -> None:
    """List the studies of a store and how far each is."""
    from sensitivity.store.store import Store

    opened = Store(store, create=False)
    try:
        rows = opened.studies()
    finally:
        opened.close()
    show(rows, as_json, empty="no study yet; try `sensitivity run --preset quickstart`")


def trials(
    study: Annotated[
        str | None, typer.Argument(help="Name of a study in the store.", show_default="the only one")
    ] = None,
    store: StorePlace = DEFAULT_STORE,
    status: Annotated[
        str | None, typer.Option(help=f"Only these: {', '.join(STATUSES)}.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the trials of a study with configuration, status and loss."""
    from sensitivity.results.results import Results, records
    from sensitivity.store.store import Store

    if status is not None and status not in STATUSES:
        raise unknown("status", status, STATUSES)
    opened = Store(store, create=False)
    try:
        table = Results.from_store(opened, the_study(opened, study)).all_trials
    finally:
        opened.close()
    if status is not None:
        table = table[table["status"] == status]
    table = table.rename(columns=lambda name: name.removeprefix("config/"))
    columns = [name for name in table.columns if name not in ("epochs", "initial_loss")]
    show(records(table[columns]), as_json, empty="no such trial")
