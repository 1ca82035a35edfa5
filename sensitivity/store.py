"""The store: every trial and every epoch that was reported, in SQL."""

from __future__ import annotations

import datetime
import json
import math
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql
from sqlalchemy.exc import SQLAlchemyError

from sensitivity.planning import DONE, STATUSES
from sensitivity.tables import ADDED, EPOCHS, MEASURED, NOT_MEASURED, STUDIES, STUDY_TRIALS, TABLES, TRIALS, VERSION, VERSIONS
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    import pandas as pd

    from sensitivity.planning import Trial

BUSY_SECONDS = 30
FEW = 500


class Store:
    """Results in a SQLite file, or in any database that SQLAlchemy reaches by URL.

    Args: place: a path, or a URL such as ``postgresql+psycopg://host/name``. create: make what is not there yet; without it a missing
        store is an error.

    Writing twice changes nothing: a trial is its key, an epoch its key and number. Every method is one transaction.

    Raises: InputError for a place that cannot be read or written, is not a store, or was written by a newer version.
    """

    def __init__(self, place: str | pathlib.Path, *, create: bool = True) -> None:
        self.url, path = _address(place)
        if path is not None:
            _check_file(path, create)
        self.place = str(path) if path is not None else sql.make_url(self.url).render_as_string(hide_password=True)
        try:
            self._engine = sql.create_engine(self.url, connect_args={"timeout": BUSY_SECONDS} if path is not None else {})
        except (SQLAlchemyError, ImportError) as error:
            raise InputError(f"store {self.place!r} cannot be opened: {error}") from None
        if path is not None:
            sql.event.listen(self._engine, "connect", _durable)
        try:
            with self._transaction():
                pass
            self._migrate(create)
        except BaseException:
            self._engine.dispose()
            raise

    @property
    def optuna_url(self) -> str:
        """Where Optuna keeps its own tables: beside ours, so that ``optuna-dashboard`` opens the same URL."""
        return self.url

    def _migrate(self, create: bool) -> None:
        if not create and not sql.inspect(self._engine).has_table(VERSIONS.name):
            raise InputError(f"store {self.place!r} holds no studies")
        with self._transaction() as connection:
            if self._engine.dialect.name == "sqlite":  # which otherwise commits each change of a table by itself
                connection.execute(sql.text("BEGIN IMMEDIATE"))
            TABLES.create_all(connection)
            found = connection.execute(sql.select(VERSIONS.c.version)).scalar_one_or_none()
            if found is None:
                found = VERSION
                connection.execute(VERSIONS.insert().values(version=VERSION))
            if found > VERSION:
                raise InputError(f"store {self.place!r} has version {found}, this program reads up to {VERSION}; install a newer release")
            for version in range(found + 1, VERSION + 1):
                self._add_columns(connection, ADDED[version])
                connection.execute(VERSIONS.update().values(version=version))

    def _add_columns(self, connection: sql.Connection, columns: Sequence[sql.Column[Any]]) -> None:
        """Add what is not there yet: a migration that was killed halfway goes on."""
        for column in columns:
            if column.name not in {each["name"] for each in sql.inspect(connection).get_columns(column.table.name)}:
                kind = column.type.compile(self._engine.dialect)
                connection.execute(sql.text(f"ALTER TABLE {column.table.name} ADD COLUMN {column.name} {kind}"))

    @contextmanager
    def _transaction(self) -> Iterator[sql.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            raise InputError(f"store {self.place!r}: {' '.join(str(cause).split())}") from None

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def add_study(self, name: str, spec: str, trials: Sequence[Trial], *, replace: bool = False) -> None:
        """Note a study and the trials that belong to it; those already there stay as they are.

        Args: spec: the study as JSON. replace: the study consists of these trials only (others stay in the store, outside it).
        """
        with self._transaction() as connection:
            if connection.execute(sql.select(STUDIES.c.name).where(STUDIES.c.name == name)).first():
                connection.execute(STUDIES.update().where(STUDIES.c.name == name).values(spec=spec))
            else:
                connection.execute(STUDIES.insert().values(name=name, spec=spec, created=_now()))
            if replace:
                connection.execute(STUDY_TRIALS.delete().where(STUDY_TRIALS.c.study == name))
            first = connection.execute(sql.select(sql.func.count()).where(STUDY_TRIALS.c.study == name)).scalar_one()
            if trials:
                self._insert(connection, TRIALS, [_row(trial) for trial in trials])
                places = [{"study": name, "key": trial.key, "position": first + i} for i, trial in enumerate(trials)]
                self._insert(connection, STUDY_TRIALS, places)

    def _insert(self, connection: sql.Connection, table: sql.Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert the rows whose primary key is not there yet."""
        from sqlalchemy.dialects import postgresql, sqlite

        dialect = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(table).on_conflict_do_nothing(), list(rows))

    def record(self, key: str, *, initial_loss: float, reports: Sequence[Mapping[str, Any]]) -> None:
        """Keep epochs of a trial, and the status that the last of them gives it. An epoch that is already there stays as it is."""
        self.record_all([(key, initial_loss, reports)])

    def record_all(self, records: Sequence[tuple[str, float, Sequence[Mapping[str, Any]]]]) -> None:
        """Keep epochs of several trials as :meth:`record` does, in one transaction: all that a worker reported, or nothing of it.

        Args: records: key, initial loss and reports of each.
        """
        rows = [_epoch(key, each) for key, _, reports in records for each in reports]
        change: dict[str, Any] = {name: sql.bindparam(f"new_{name}") for name in ("status", "initial_loss")}
        started = sql.func.coalesce(TRIALS.c.started, _now())
        update = TRIALS.update().where(TRIALS.c.key == sql.bindparam("trial"), *(TRIALS.c.status != each for each in DONE))
        news = [
            {"trial": key, "new_status": reports[-1]["status"], "new_initial_loss": _null(initial_loss)}
            for key, initial_loss, reports in records
        ]
        with self._transaction() as connection:
            if rows:
                self._insert(connection, EPOCHS, rows)
            for ended in (False, True):
                if those := [each for each in news if (each["new_status"] != "running") == ended]:
                    finished = {"finished": _now()} if ended else {}
                    connection.execute(update.values(**change, error=None, started=started, **finished), those)

    def end(self, key: str, status: str) -> None:
        """A trial ended with a status that no report said: ``stopped`` early, or ``completed`` or ``diverged`` by its last epoch."""
        with self._transaction() as connection:
            change = {"status": status, "error": None, "finished": _now()}
            connection.execute(TRIALS.update().where(TRIALS.c.key == key, TRIALS.c.status.not_in(DONE)).values(change))

    def fail(self, key: str, error: str) -> None:
        """A trial ended with an error; what it reported stays. A trial that had ended already stays as it is."""
        with self._transaction() as connection:
            change = {"status": "failed", "error": error, "finished": _now()}
            connection.execute(TRIALS.update().where(TRIALS.c.key == key, TRIALS.c.status.not_in(DONE)).values(change))

    def statuses(self, study: str) -> dict[str, str]:
        """Status of every trial of a study, by key, in the study's order."""
        with self._transaction() as connection:
            return {row.key: row.status for row in connection.execute(_of_study(study, TRIALS.c.key, TRIALS.c.status))}

    def last_report(self, key: str) -> dict[str, Any] | None:
        """The last epoch of a trial with its key, status and initial loss; None before the first."""
        chosen = (
            sql.select(EPOCHS, TRIALS.c.status, TRIALS.c.initial_loss)
            .join(TRIALS, TRIALS.c.key == EPOCHS.c.key)
            .where(EPOCHS.c.key == key)
            .order_by(EPOCHS.c.epoch.desc())
            .limit(1)
        )
        with self._transaction() as connection:
            row = connection.execute(chosen).mappings().first()
        if row is None:
            return None
        found: dict[str, Any] = {name: math.nan if value is None else value for name, value in row.items() if name != "measures"}
        found.update(json.loads(row["measures"] or "{}"))
        return found

    def known(self, keys: Iterable[str]) -> dict[str, str]:
        """Status of those of the keys that the store has, whatever their study."""
        wanted = set(keys)
        chosen = sql.select(TRIALS.c.key, TRIALS.c.status)
        if len(wanted) <= FEW:  # databases limit how many values a query may list
            chosen = chosen.where(TRIALS.c.key.in_(wanted))
        with self._transaction() as connection:
            return {key: status for key, status in connection.execute(chosen) if key in wanted}

    def study(self, name: str) -> str:
        """The specification of a study, as JSON. Raises: InputError with the nearest known name."""
        with self._transaction() as connection:
            specs = {each.name: each.spec for each in connection.execute(sql.select(STUDIES.c.name, STUDIES.c.spec))}
        if name not in specs:
            raise unknown("study", name, specs)
        return str(specs[name])

    def studies(self) -> list[dict[str, Any]]:
        """Every study: name, created, trials, and how many of them have each status."""
        counted = (
            sql.select(STUDY_TRIALS.c.study, TRIALS.c.status, sql.func.count())
            .join(TRIALS, TRIALS.c.key == STUDY_TRIALS.c.key)
            .group_by(STUDY_TRIALS.c.study, TRIALS.c.status)
        )
        with self._transaction() as connection:
            found = connection.execute(sql.select(STUDIES.c.name, STUDIES.c.created).order_by(STUDIES.c.created)).all()
            counts = connection.execute(counted).all()
        listed = []
        for name, created in found:
            own = {status: number for study, status, number in counts if study == name}
            listed.append({"name": name, "created": created, "trials": sum(own.values()), **{each: own.get(each, 0) for each in STATUSES}})
        return listed

    def trials(self, study: str | None = None) -> pd.DataFrame:
        """One row a trial, in the study's order; ``configuration`` is a dictionary."""
        table = self._frame(_of_study(study, *TRIALS.c) if study is not None else sql.select(TRIALS).order_by(TRIALS.c.key))
        configurations = [json.loads(text) for text in table["configuration"]]
        return table.assign(configuration=configurations).astype({"initial_loss": float})

    def epochs(self, study: str | None = None) -> pd.DataFrame:
        """One row an epoch, by trial in the study's order; one column for everything that was measured."""
        import pandas as pd

        chosen = sql.select(EPOCHS).order_by(EPOCHS.c.key, EPOCHS.c.epoch)
        if study is not None:
            chosen = (
                sql.select(EPOCHS)
                .join(STUDY_TRIALS, STUDY_TRIALS.c.key == EPOCHS.c.key)
                .where(STUDY_TRIALS.c.study == study)
                .order_by(STUDY_TRIALS.c.position, EPOCHS.c.epoch)
            )
        table = self._frame(chosen).astype(dict.fromkeys(MEASURED, float))
        measures = table.pop("measures")
        if measures.notna().any():
            more = pd.DataFrame([json.loads(text) if isinstance(text, str) else {} for text in measures], index=table.index, dtype=float)
            table = pd.concat([table, more], axis=1)
        return table

    def _frame(self, query: sql.Select[Any]) -> pd.DataFrame:
        import pandas as pd

        with self._transaction() as connection:
            found = connection.execute(query)
            return pd.DataFrame(found.all(), columns=list(found.keys()))


def _of_study(study: str, *columns: Any) -> sql.Select[Any]:
    return (
        sql.select(*columns)
        .join(STUDY_TRIALS, STUDY_TRIALS.c.key == TRIALS.c.key)
        .where(STUDY_TRIALS.c.study == study)
        .order_by(STUDY_TRIALS.c.position)
    )


def _address(place: str | pathlib.Path) -> tuple[str, pathlib.Path | None]:
    """The URL of a place, and the file where it is SQLite."""
    text = str(place)
    if text.startswith("sqlite:///"):
        text = text.removeprefix("sqlite:///")
    elif "://" in text:
        return text, None
    path = pathlib.Path(text).expanduser().absolute()
    return f"sqlite:///{path}", path


def _check_file(path: pathlib.Path, create: bool) -> None:
    """A store that cannot be is refused before a file is made."""
    try:
        is_folder, exists = path.is_dir(), path.exists()
    except OSError as error:  # a name that no file can have
        raise InputError(f"store {str(path)!r} cannot be: {error.strerror}") from None
    if is_folder:
        raise InputError(f"store {str(path)!r} is a folder; give a file such as {str(path / 'sensitivity.sqlite')!r}")
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


def _durable(connection: Any, _record: Any) -> None:
    """Readers do not wait for the writer, and what is committed survives the process."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _row(trial: Trial) -> dict[str, Any]:
    return {**asdict(trial), "configuration": _write_configuration(trial.configuration), "status": "pending"}


def _epoch(key: str, report: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: _null(report.get(name, math.nan)) for name in MEASURED}
    more = {name: float(each) for name, each in report.items() if name not in (*MEASURED, *NOT_MEASURED)}
    return {"key": key, "epoch": report["epoch"], **known, "measures": json.dumps(more) if more else None}


def _write_configuration(configuration: Mapping[str, Any]) -> str:
    """JSON, in which inf is spelt as Python's json does (Infinity)."""
    return json.dumps(dict(configuration), sort_keys=True)


def _null(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
