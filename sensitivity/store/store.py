"""The store: every trial and every reported epoch, in SQL."""

from __future__ import annotations

import json
import math
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from sensitivity.store.databases import Database
from sensitivity.store.frames import query_batches
from sensitivity.store.rows import (
    CHANGE_TRIALS,
    epoch_row,
    now,
    trial_changes,
    trial_row,
    trials_with_gaps,
    with_margins,
    with_measures,
)
from sensitivity.store.tables import EPOCHS, RUNS, STUDIES, STUDY_TRIALS, TABLES, TRIALS, VERSION, VERSIONS
from sensitivity.study.trial import STATUSES
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    import optuna
    import pandas as pd

    from sensitivity.study.trial import Trial

FEW = 500


class Store:
    """Results in a SQLite file, or in PostgreSQL by URL.

    Writes are idempotent: a trial is identified by its key, an epoch by key and number. Every method is one
    transaction.

    Args:
        place: a path, or a URL such as ``postgresql+psycopg://host/name``.
        create: True to create a missing store; False makes a missing store an error.
        migrate: True to migrate a shared database of an older release; a SQLite file is always migrated.

    Raises: InputError for a place that cannot be read or written, is not a store, or was written by a newer
    version; :class:`sensitivity.store.databases.Unreachable`, a subclass, if a retry may succeed.
    """

    def __init__(self, place: str | pathlib.Path, *, create: bool = True, migrate: bool = False) -> None:
        self.database = Database(place, create=create)
        self.url, self.place = self.database.url, self.database.shown
        try:
            self.opened_version = self._version()
            """The version of the tables when the store was opened; 0 for a new store."""
            if self.opened_version == 0 and not create:
                raise InputError(f"store {self.place!r} holds no studies")
            if 0 < self.opened_version < VERSION and not (migrate or self.database.is_file):
                raise InputError(
                    f"store {self.place!r} has version {self.opened_version}, this program writes {VERSION}; "
                    "`sensitivity store migrate` brings it there, and older releases then refuse it"
                )
            if self.opened_version < VERSION:  # usually false, which saves a query
                self._migrate()
        except BaseException:
            self.close()
            raise

    @property
    def optuna_url(self) -> str:
        """The URL of Optuna's tables: the store's own, so that ``optuna-dashboard`` opens the same URL."""
        return self.url

    @property
    def dialect(self) -> str:
        """The kind of database: ``sqlite``, ``postgresql``."""
        return self.database.engine.dialect.name

    def _version(self) -> int:
        with self.database.transaction() as connection:
            return self._version_in(connection)

    def _version_in(self, connection: sql.Connection) -> int:
        if not sql.inspect(connection).has_table(VERSIONS.name):
            return 0
        version = connection.execute(sql.select(VERSIONS.c.version)).scalar_one_or_none() or 0
        if version > VERSION:
            raise InputError(
                f"store {self.place!r} has version {version}, this program reads up to {VERSION}; install a "
                "newer release"
            )
        return version

    def _migrate(self) -> None:
        with self.database.schema_lock(), self.database.transaction(writing=True) as connection:
            version = self._version_in(connection)
            if version == 0:
                TABLES.create_all(connection)
                connection.execute(VERSIONS.insert().values(version=VERSION))
            elif version < VERSION:
                from sensitivity.store.migrations import migrate

                migrate(connection, version)

    @contextmanager
    def optuna_storage(self) -> Iterator[optuna.storages.RDBStorage]:
        """Open Optuna's storage in the same database, and create its tables if missing."""
        import optuna

        try:
            self.database.check(writing=True)
            with self.database.schema_lock():
                # Optuna formats the URL as a template.
                url = self.optuna_url.replace("{", "{{").replace("}", "}}")
                storage = optuna.storages.RDBStorage(url, self.database.options)
        except sql.exc.SQLAlchemyError as error:
            raise self.database.in_words(error) from None
        if self.database.file is not None:
            self.database.file.attach(storage.engine)
        try:
            yield storage
        finally:
            storage.engine.dispose()

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def add_study(self, name: str, spec: str, trials: Sequence[Trial], *, replace: bool = False) -> None:
        """Add a study and its trials; trials that the store has already are unchanged, and margins kept.

        Args:
            name: name of the study.
            spec: the study as JSON.
            trials: trials of the study, in order.
            replace: True if the study consists of these trials only; its earlier trials stay in the store.
        """
        with self.database.transaction(writing=True) as connection:
            if not self.database.insert(
                connection, STUDIES, [{"name": name, "spec": spec, "created": now()}]
            ):
                spec = with_margins(connection, name, spec)
                connection.execute(STUDIES.update().where(STUDIES.c.name == name).values(spec=spec))
            if replace:
                connection.execute(STUDY_TRIALS.delete().where(STUDY_TRIALS.c.study == name))
            last = connection.execute(
                sql.select(sql.func.max(STUDY_TRIALS.c.position)).where(STUDY_TRIALS.c.study == name)
            ).scalar_one()
            first = 0 if last is None else last + 1
            self.database.insert(connection, TRIALS, [trial_row(trial) for trial in trials])
            places = [
                {"study": name, "key": trial.key, "position": first + i} for i, trial in enumerate(trials)
            ]
            self.database.insert(connection, STUDY_TRIALS, places)

    def add_run(self, study: str, environment: Mapping[str, Any]) -> None:
        """Add a run of a study with its workers, hosts and devices.

        See :func:`sensitivity.running.devices.environment`.
        """
        with self.database.transaction(writing=True) as connection:
            self.database.insert(
                connection, RUNS, [{"study": study, "began": now(), "environment": json.dumps(environment)}]
            )

    def runs(self, study: str) -> list[dict[str, Any]]:
        """Return the workers, hosts and devices of a study's runs, oldest first.

        Runs before version 4 of the store are not recorded.
        """
        chosen = sql.select(RUNS.c.environment).where(RUNS.c.study == study).order_by(RUNS.c.began)
        with self.database.transaction() as connection:
            return [json.loads(text) for text in connection.execute(chosen).scalars()]

    def keep(
        self, reports: Sequence[Mapping[str, Any]], *, at: str | None = None, whole: bool = False
    ) -> None:
        """Write reports in order, all or none; existing epochs and trials with a result are unchanged.

        Args:
            reports: mappings with ``key`` and ``status``; a report of an epoch has ``epoch``,
                ``initial_loss`` and the measured quantities, a report of a failure has ``error``.
            at: time of the reports; now if None.
            whole: True to leave a trial unfinished if the store lacks some of its epochs, so that it is
                trained again.
        """
        epochs, changes = (
            [epoch_row(report) for report in reports if "epoch" in report],
            trial_changes(reports, at or now()),
        )
        with self.database.transaction(writing=True) as connection:
            self.database.insert(connection, EPOCHS, epochs)
            if whole and changes:
                gaps = trials_with_gaps(connection, [change["of"] for change in changes])
                changes = [change for change in changes if change["of"] not in gaps]
            if changes:
                connection.execute(CHANGE_TRIALS, changes)

    def record(self, key: str, *, initial_loss: float, reports: Sequence[Mapping[str, Any]]) -> None:
        """Write epochs of a trial and the status of the last; existing epochs are unchanged."""
        self.keep([{**report, "key": key, "initial_loss": initial_loss} for report in reports])

    def end(self, key: str, status: str) -> None:
        """Set the final status of a trial: ``stopped`` early, or ``completed`` or ``diverged``."""
        self.keep([{"key": key, "status": status}])

    def fail(self, key: str, error: str) -> None:
        """Mark a trial as failed with an error; its epochs stay. A trial that has a result is unchanged."""
        self.keep([{"key": key, "status": "failed", "error": error}])

    def statuses(self, study: str) -> dict[str, str]:
        """Return the status of every trial of a study, by key, in the study's order."""
        with self.database.transaction() as connection:
            return {
                row.key: row.status
                for row in connection.execute(_of_study(study, TRIALS.c.key, TRIALS.c.status))
            }

    def last_report(self, key: str) -> dict[str, Any] | None:
        """Return a trial's last epoch with key, status and initial loss; None before the first epoch."""
        chosen = (
            sql.select(EPOCHS, TRIALS.c.status, TRIALS.c.initial_loss)
            .join(TRIALS, TRIALS.c.key == EPOCHS.c.key)
            .where(EPOCHS.c.key == key)
            .order_by(EPOCHS.c.epoch.desc())
            .limit(1)
        )
        with self.database.transaction() as connection:
            row = connection.execute(chosen).mappings().first()
        if row is None:
            return None
        report: dict[str, Any] = {
            name: math.nan if value is None else value for name, value in row.items() if name != "measures"
        }
        report.update(json.loads(row["measures"] or "{}"))
        return report

    def known(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the status of each of the keys that the store has, in any study."""
        wanted = set(keys)
        chosen = sql.select(TRIALS.c.key, TRIALS.c.status)
        if len(wanted) <= FEW:  # databases limit the values that a query may list
            chosen = chosen.where(TRIALS.c.key.in_(wanted))
        with self.database.transaction() as connection:
            return {key: status for key, status in connection.execute(chosen) if key in wanted}

    def study(self, name: str) -> str:
        """Return the specification of a study as JSON.

        Raises: InputError with the nearest known name.
        """
        with self.database.transaction() as connection:
            specs = {
                row.name: row.spec for row in connection.execute(sql.select(STUDIES.c.name, STUDIES.c.spec))
            }
        if name not in specs:
            raise unknown("study", name, specs)
        return str(specs[name])

    def studies(self) -> list[dict[str, Any]]:
        """Return a row for every study: name, created, number of trials, and the number with each status."""
        counted = (
            sql.select(STUDY_TRIALS.c.study, TRIALS.c.status, sql.func.count())
            .join(TRIALS, TRIALS.c.key == STUDY_TRIALS.c.key)
            .group_by(STUDY_TRIALS.c.study, TRIALS.c.status)
        )
        with self.database.transaction() as connection:
            rows = connection.execute(
                sql.select(STUDIES.c.name, STUDIES.c.created).order_by(STUDIES.c.created)
            ).all()
            counts = connection.execute(counted).all()
        listed = []
        for name, created in rows:
            of_study = {status: number for study, status, number in counts if study == name}
            listed.append(
                {
                    "name": name,
                    "created": created,
                    "trials": sum(of_study.values()),
                    **{status: of_study.get(status, 0) for status in STATUSES},
                }
            )
        return listed

    def trials(self, study: str | None = None) -> pd.DataFrame:
        """Return one row a trial, in the study's order; ``configuration`` is a dictionary."""
        table = self.frame(
            _of_study(study, *TRIALS.c) if study is not None else sql.select(TRIALS).order_by(TRIALS.c.key)
        )
        configurations = [json.loads(text) for text in table["configuration"]]
        return table.assign(configuration=configurations).astype({"initial_loss": float})

    def epochs(self, study: str | None = None) -> pd.DataFrame:
        """Return one row an epoch, by trial in the study's order; one column for every measured quantity."""
        chosen = sql.select(EPOCHS).order_by(EPOCHS.c.key, EPOCHS.c.epoch)
        if study is not None:
            chosen = (
                sql.select(EPOCHS)
                .join(STUDY_TRIALS, STUDY_TRIALS.c.key == EPOCHS.c.key)
                .where(STUDY_TRIALS.c.study == study)
                .order_by(STUDY_TRIALS.c.position, EPOCHS.c.epoch)
            )
        import pandas as pd

        with self.database.transaction() as connection:
            batches = [with_measures(batch) for batch in query_batches(connection, chosen)]
        return pd.concat(batches, ignore_index=True)

    def last_epochs(self, study: str) -> pd.DataFrame:
        """Return the last epoch of every trial, with the total seconds of its epochs."""
        ends = (
            sql.select(
                EPOCHS.c.key,
                STUDY_TRIALS.c.position,
                sql.func.max(EPOCHS.c.epoch).label("epoch"),
                sql.func.coalesce(sql.func.sum(EPOCHS.c.seconds), 0.0).label("seconds"),
            )
            .join(STUDY_TRIALS, STUDY_TRIALS.c.key == EPOCHS.c.key)
            .where(STUDY_TRIALS.c.study == study)
            .group_by(EPOCHS.c.key, STUDY_TRIALS.c.position)
            .subquery()
        )
        columns = [ends.c.seconds if column.name == "seconds" else column for column in EPOCHS.c]
        chosen = sql.select(*columns).join(
            ends, sql.and_(ends.c.key == EPOCHS.c.key, ends.c.epoch == EPOCHS.c.epoch)
        )
        return with_measures(self.frame(chosen.order_by(ends.c.position)))

    def frame(self, query: sql.Select[Any]) -> pd.DataFrame:
        """Return the rows of a query as a table."""
        import pandas as pd

        with self.database.transaction() as connection:
            result = connection.execute(query)
            return pd.DataFrame(list(map(tuple, result)), columns=list(result.keys()))


def _of_study(study: str, *columns: Any) -> sql.Select[Any]:
    return (
        sql.select(*columns)
        .join(STUDY_TRIALS, STUDY_TRIALS.c.key == TRIALS.c.key)
        .where(STUDY_TRIALS.c.study == study)
        .order_by(STUDY_TRIALS.c.position)
    )
