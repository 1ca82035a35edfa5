"""Accidents that befall the SQLite file of a store: deleted, replaced, moved, truncated, forbidden."""

from __future__ import annotations

import os
import pathlib
import shutil
import sqlite3
from contextlib import closing

from sensitivity.store.store import Store


def checkpoint(place: pathlib.Path, kind: str = "TRUNCATE") -> None:
    """Write the write-ahead log into the file."""
    with closing(sqlite3.connect(place)) as connection:
        connection.execute(f"PRAGMA wal_checkpoint({kind})")


def stranger(place: pathlib.Path) -> None:
    """Make a store of another study."""
    with closing(Store(place)) as other:
        other.add_study("another", "{}", [])


def delete(place: pathlib.Path) -> None:
    for path in place.parent.glob(f"{place.name}*"):
        path.unlink()


def replace(place: pathlib.Path) -> None:
    stranger(place.with_name("other.sqlite"))
    place.with_name("other.sqlite").replace(place)


def make_again(place: pathlib.Path) -> None:
    delete(place)
    stranger(place)


def move(place: pathlib.Path) -> None:
    place.rename(place.with_name("elsewhere.sqlite"))


def move_beside_another(place: pathlib.Path) -> None:
    move(place)
    shutil.copy(place.with_name("elsewhere.sqlite"), place)


def empty(place: pathlib.Path) -> None:
    os.truncate(place, 0)


def cut(place: pathlib.Path) -> None:
    os.truncate(place, place.stat().st_size // 2)
