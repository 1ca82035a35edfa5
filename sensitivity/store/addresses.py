"""The address of a store: a path or a URL, and its form without a password."""

from __future__ import annotations

import os
import pathlib

import sqlalchemy as sql
from sqlalchemy import exc

from trainables.names import InputError

HIDDEN = "..."
LONGEST_FILE = 504
"""Maximal length of a SQLite file's path in bytes: SQLite's 512, less the suffix of its journal."""
SECRET = ("password", "sslpassword", "passfile")
"""Options of a URL that may contain a password."""
EXAMPLE = "postgresql+psycopg://USER:PASSWORD@HOST/NAME"


def without_password(place: str) -> str:
    """Return a place with the password of its URL replaced, even if the URL cannot be parsed.

    >>> without_password("postgresql+psycopg://ada:secret@host/name?sslpassword=too")
    'postgresql+psycopg://ada:***@host/name?sslpassword=...'
    >>> without_password("postgresql://ada:secret@host:port/name"), without_password("results.sqlite")
    ('postgresql://...@host:port/name', 'results.sqlite')
    """
    if "://" not in place:
        return place
    try:
        url = sql.make_url(place)
    except (exc.SQLAlchemyError, ValueError):
        scheme, _, rest = place.partition("://")
        _, separator, tail = rest.rpartition("@")
        return f"{scheme}://{'...@' if separator else ''}{tail.partition('?')[0]}"
    secret = {name: HIDDEN for name in SECRET if name in url.query}
    return (
        url.update_query_dict(secret).render_as_string(hide_password=True)
        if secret or url.password
        else place
    )


def sqlite_url(path: pathlib.Path) -> str:
    """Return the URL of a SQLite file, with "?" and "%" in its name escaped.

    After a plain "?" a URL has options, and "%41" in it is a letter.

    >>> sqlite_url(pathlib.Path("/tmp/a?b.sqlite"))
    'sqlite:////tmp/a%3Fb.sqlite'
    """
    plain, escaped = str(path), str(path).replace("%", "%25").replace("?", "%3F")
    return f"sqlite:///{plain if sql.make_url(f'sqlite:///{plain}').database == plain else escaped}"


def file_path(text: str) -> pathlib.Path:
    return pathlib.Path(text).expanduser().absolute()


def check_file(path: pathlib.Path, create: bool) -> None:
    """Refuse a path that cannot be a store, before a file is created."""
    try:
        is_folder, exists, is_file = path.is_dir(), path.exists(), path.is_file()
    except OSError as error:  # an invalid file name
        raise InputError(f"store {str(path)!r} cannot be: {error.strerror}") from None
    if is_folder:
        raise InputError(
            f"store {str(path)!r} is a folder; give a file such as {str(path / 'sensitivity.sqlite')!r}"
        )
    if exists and not is_file:
        raise InputError(f"store {str(path)!r} is a device, a pipe or a socket; give a file")
    if len(os.fsencode(path)) > LONGEST_FILE:
        raise InputError(
            f"store {str(path)!r} has {len(os.fsencode(path))} bytes, and SQLite takes {LONGEST_FILE}; give "
            "a shorter --store"
        )
    if not exists:
        if not create:
            raise InputError(f"no store at {str(path)!r}; `sensitivity run` makes one")
        if not path.parent.is_dir():
            raise InputError(f"store {str(path)!r} cannot be made: there is no folder {str(path.parent)!r}")
        return
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise InputError(f"store {str(path)!r} cannot be read: {error}") from None
    if head and head != b"SQLite format 3\0":
        raise InputError(f"store {str(path)!r} is not a SQLite file")
