"""``sensitivity store``: keeping a store in order."""

from __future__ import annotations

import pathlib
from contextlib import closing
from typing import Annotated

import typer

from sensitivity.command.options import DEFAULT_STORE, AsJson, StorePlace
from sensitivity.command.terminal import show
from sensitivity.text.json_text import to_json
from trainables.names import InputError

store_app = typer.Typer(
    help="Check, migrate, copy or tidy a store, or delete a study from it.", no_args_is_help=True
)

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@store_app.command()
def check(store: StorePlace = DEFAULT_STORE, as_json: AsJson = False) -> None:
    """Check a store: each trial once, epochs without gaps, no orphaned rows.

    Exit code 1 for a store with problems.
    """
    from sensitivity.store.journal import left_behind, rescued
    from sensitivity.store.store import Store
    from sensitivity.store.tables import VERSION
    from sensitivity.store.upkeep import contents, problems

    with closing(Store(store, create=False)) as opened:
        rows = problems(opened)
        counted = {
            "version": VERSION,
            **({} if any(row["where"] == opened.place for row in rows) else contents(opened)),
        }
        folder = pathlib.Path.cwd()
        waiting = [str(path) for path in [*rescued(opened, folder), *left_behind(opened, folder)]]
    if as_json:
        typer.echo(to_json({**counted, "problems": rows, "waiting": waiting}))
    else:
        typer.echo(", ".join(f"{name} {count}" for name, count in counted.items()))
        show(rows, as_json, empty="nothing is wrong")
        for path in waiting:
            typer.echo(f"reports wait in {path}; the next run in this folder brings them in")
    if rows:
        raise typer.Exit(1)


@store_app.command()
def migrate(store: StorePlace = DEFAULT_STORE) -> None:
    """Bring a store of an older release up to date, with its data. Older releases then refuse it."""
    from sensitivity.store.store import Store
    from sensitivity.store.tables import VERSION

    with closing(Store(store, create=False, migrate=True)) as opened:
        old_version, place = opened.opened_version, opened.place
    typer.echo(
        f"{place} has version {VERSION}" + ("" if old_version == VERSION else f", it was {old_version}")
    )


@store_app.command()
def copy(
    source: Annotated[
        str,
        typer.Argument(help="A SQLite file, a database URL, or a folder of Parquet.", show_default=False),
    ],
    target: Annotated[
        str,
        typer.Argument(
            help="Another one; made when it is not there, a folder where it ends with a slash.",
            show_default=False,
        ),
    ],
    study: Annotated[str | None, typer.Option(help="Only this one.", show_default="all")] = None,
    as_json: AsJson = False,
) -> None:
    """Copy studies from one store to another, between SQLite, PostgreSQL and folders of Parquet.

    Run it again to copy new trials and epochs only. A folder names no machine, and does not continue
    adaptive studies.
    """
    from sensitivity.store.copying import copy as copy_studies
    from sensitivity.store.parquet import folder_store, is_folder
    from sensitivity.store.store import Store

    with (
        folder_store(source) if is_folder(source) else closing(Store(source, create=False)) as reading,
        folder_store(target, write=True) if is_folder(target) else closing(Store(target)) as writing,
    ):
        show(copy_studies(reading, writing, study), as_json, empty="no study to copy")


@store_app.command()
def vacuum(store: StorePlace = DEFAULT_STORE, yes: Yes = False) -> None:
    """Delete the trials that belong to no study, and release their disk space."""
    from sensitivity.store.store import Store
    from sensitivity.store.upkeep import unused
    from sensitivity.store.upkeep import vacuum as vacuum_store

    with closing(Store(store, create=False)) as opened:
        count = unused(opened)
        if count and not _confirmed(f"Drop {count} trials of no study?", yes):
            return
        dropped = vacuum_store(opened)
    typer.echo(f"dropped {dropped['trials']} trials and {dropped['epochs']} epochs")


@store_app.command()
def delete(
    study: Annotated[str, typer.Argument(help="Name of a study in the store.", show_default=False)],
    store: StorePlace = DEFAULT_STORE,
    yes: Yes = False,
) -> None:
    """Delete a study. Its trials go too, but for those that another study has."""
    from sensitivity.store.store import Store
    from sensitivity.store.upkeep import delete as delete_study
    from sensitivity.store.upkeep import only_of

    with closing(Store(store, create=False)) as opened:
        name = only_of(opened, study)
        what = f"study {study!r}, {name['trials']} trials and {name['epochs']} epochs"
        shared = f" ({name['shared']} trials are in other studies too, and stay)" if name["shared"] else ""
        if not _confirmed(f"Delete {what}{shared}?", yes):
            return
        delete_study(opened, study)
    typer.echo(f"deleted {what}{shared}")


def _confirmed(question: str, yes: bool) -> bool:
    try:
        return yes or typer.confirm(question)
    except typer.Abort:
        typer.echo()
        raise InputError(f"{question} Nobody answers; give --yes") from None
