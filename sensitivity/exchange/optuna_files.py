"""Optuna studies from their storages.

A file that is no Optuna storage is refused before Optuna creates tables in it.
"""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trainables.names import InputError, unknown

if TYPE_CHECKING:
    import optuna

SQLITE = b"SQLite format 3\0"
JOURNALS = (".log", ".journal")


def is_sqlite(path: str | pathlib.Path) -> bool:
    """Return True if a file is a SQLite database."""
    try:
        with pathlib.Path(path).open("rb") as file:
            return file.read(len(SQLITE)) == SQLITE
    except OSError:
        return False


def studies_of(source: Any, names: Sequence[str]) -> tuple[list[optuna.Study], str]:
    """Return the Optuna studies, and their origin in words.

    Args:
        source: a URL, the path of a SQLite file or of a journal, or several Study objects.
        names: of studies in a storage; empty if the storage has one study.

    Raises:
        InputError: the source is no storage, a name is unknown, or several studies are there and none is
            named.
    """
    import optuna

    if not isinstance(source, (str, pathlib.Path)):
        studies = list(source) if isinstance(source, (list, tuple)) else []
        if not studies or not all(
            hasattr(study, "trials") and hasattr(study, "study_name") for study in studies
        ):
            raise InputError(
                f"an Optuna study must be a Study, several, or the URL of a storage, got {source!r}"
            )
        return studies, ", ".join(repr(study.study_name) for study in studies)
    storage, shown = _storage(str(source))
    try:
        known = list(optuna.get_all_study_names(storage))
        if not known:
            raise InputError(f"{shown} holds no Optuna study")
        for name in names:
            if name not in known:
                raise unknown("Optuna study", name, known)
        if not names and len(known) > 1:
            raise InputError(
                f"{shown} holds {len(known)} Optuna studies; name one or more (--study): {', '.join(known)}"
            )
        loaded = [optuna.load_study(study_name=name, storage=storage) for name in names or known]
    except InputError:
        raise
    except Exception as error:  # a database's own errors, of as many kinds as there are databases
        raise InputError(f"cannot read {shown}: {_short(error)}") from None
    return loaded, f"{', '.join(repr(study.study_name) for study in loaded)} of {shown}"


def _storage(place: str) -> tuple[Any, str]:
    import optuna
    import sqlalchemy as sql

    from sensitivity.store.addresses import sqlite_url

    if "://" not in place:
        path = pathlib.Path(place).expanduser()
        if not path.is_file():
            raise InputError(f"no Optuna storage at {place!r}")
        if not is_sqlite(path):
            if path.suffix not in JOURNALS:
                raise InputError(
                    f"{place!r} is no Optuna storage: neither SQLite nor a journal ({', '.join(JOURNALS)})"
                )
            return _journal(path), repr(place)
        place = sqlite_url(path.absolute())
    try:
        url = sql.make_url(place)
        shown = repr(url.render_as_string(hide_password=True) if url.password else place)
        if url.get_backend_name() == "sqlite" and not pathlib.Path(url.database or "").is_file():
            raise InputError(f"no Optuna storage at {shown}")
        engine = sql.create_engine(url)
        try:
            lacking = not {"studies", "trials", "version_info"} <= set(sql.inspect(engine).get_table_names())
        finally:
            engine.dispose()
        if lacking:
            raise InputError(f"{shown} is no Optuna storage: it has no tables of Optuna's")
        return optuna.storages.RDBStorage(
            place.replace("{", "{{").replace("}", "}}")
        ), shown  # Optuna takes it for a template
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"cannot read the Optuna storage {_hidden(place)!r}: {_short(error)}") from None


def _journal(path: pathlib.Path) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    try:
        return JournalStorage(JournalFileBackend(str(path)))
    except Exception as error:
        raise InputError(f"cannot read the Optuna journal {str(path)!r}: {_short(error)}") from None


def _short(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return " ".join(str(cause).split())[:300] or type(error).__name__


def _hidden(place: str) -> str:
    """Return an unreadable URL without the part that may be a password."""
    head, separator, tail = place.rpartition("@")
    return f"{head.partition('://')[0]}://...@{tail}" if separator else place
