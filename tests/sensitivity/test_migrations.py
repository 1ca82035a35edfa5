"""Stores that released versions wrote, brought up to date with their data."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from typing import Any

import pytest
import sqlalchemy as sql

from sensitivity.store.store import Store
from sensitivity.store.tables import VERSION
from tests.contracts import report, trial
from trainables.names import InputError

ONE = trial(0.1)
FIRST = f"""
CREATE TABLE sensitivity_version (version INTEGER NOT NULL PRIMARY KEY);
CREATE TABLE sensitivity_studies (name VARCHAR(200) NOT NULL PRIMARY KEY, spec TEXT NOT NULL, created VARCHAR(32) NOT NULL);
CREATE TABLE sensitivity_study_trials (
    study VARCHAR(200) NOT NULL, key VARCHAR(20) NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (study, key));
CREATE TABLE sensitivity_trials (key VARCHAR(20) NOT NULL PRIMARY KEY, task VARCHAR(200) NOT NULL, variant VARCHAR(200) NOT NULL,
    configuration TEXT NOT NULL, seed BIGINT NOT NULL, epochs INTEGER NOT NULL, batch_size INTEGER NOT NULL,
    precision VARCHAR(20) NOT NULL, fingerprint VARCHAR(20) NOT NULL, status VARCHAR(20) NOT NULL, initial_loss DOUBLE PRECISION,
    error TEXT, started VARCHAR(32), finished VARCHAR(32));
CREATE TABLE sensitivity_epochs (key VARCHAR(20) NOT NULL, epoch INTEGER NOT NULL, train_loss DOUBLE PRECISION,
    train_loss_end DOUBLE PRECISION, test_loss DOUBLE PRECISION, lr DOUBLE PRECISION, mu DOUBLE PRECISION, nu DOUBLE PRECISION,
    grad_norm DOUBLE PRECISION, images_per_second DOUBLE PRECISION, seconds DOUBLE PRECISION, PRIMARY KEY (key, epoch));
INSERT INTO sensitivity_version VALUES (1);
INSERT INTO sensitivity_studies VALUES ('s', '{{}}', '2026-01-01T00:00:00+00:00');
INSERT INTO sensitivity_study_trials VALUES ('s', '{ONE.key}', 0);
INSERT INTO sensitivity_trials VALUES ('{ONE.key}', '{ONE.task}', 'adam', '{{"lr": 0.1}}', 0, 2, 64, 'float32', 'fingerprint', 'running',
    1.0, NULL, '2026-01-01T00:00:00+00:00', NULL);
INSERT INTO sensitivity_epochs VALUES ('{ONE.key}', 1, 0.5, 0.5, 0.5, 0.1, 0.9, NULL, 1.0, 100.0, 0.25);
"""
"""What the first released version wrote."""
MEASURES = "ALTER TABLE sensitivity_epochs ADD COLUMN measures TEXT;"
SECOND = f"{FIRST} {MEASURES} UPDATE sensitivity_version SET version = 2;"
THIRD = f"""{SECOND.replace("task VARCHAR(200)", "task TEXT").replace("variant VARCHAR(200)", "variant TEXT")}
CREATE INDEX ix_sensitivity_study_trials_key ON sensitivity_study_trials (key); UPDATE sensitivity_version SET version = 3;"""
RELEASED = {
    "version 1": (1, FIRST),
    "version 1, a migration killed halfway": (1, FIRST + MEASURES),
    "version 2": (2, SECOND),
    "version 3": (3, THIRD),
}


def write(place: str, script: str) -> None:
    """A store as the statements make it."""
    engine = sql.create_engine(place if "://" in place else f"sqlite:///{place}")
    with engine.begin() as connection:
        for statement in filter(str.strip, script.split(";")):
            connection.execute(sql.text(statement))
    engine.dispose()


def schema(store: Store) -> dict[str, Any]:
    """Columns and indexes; types too where the database cares about them."""
    look = sql.inspect(store.database.engine)
    typed = not store.database.is_file
    return {
        table: (
            {
                each["name"]: (repr(each["type"]) if typed else None, each["nullable"])
                for each in look.get_columns(table)
            },
            {each["name"]: each["column_names"] for each in look.get_indexes(table)},
        )
        for table in look.get_table_names()
    }


@pytest.mark.parametrize(("version", "script"), RELEASED.values(), ids=RELEASED)
def test_a_released_store_becomes_the_present_one_and_keeps_its_data(
    place: str, version: int, script: str
) -> None:
    write(place, script)
    if "://" in place:  # a team's database is migrated when the team says so
        with pytest.raises(
            InputError,
            match=f"has version {version}, this program writes {VERSION}; `sensitivity store migrate`",
        ):
            Store(place)
    with closing(Store(place, migrate=True)) as migrated:
        assert migrated.opened_version == version
    store = Store(place)
    assert store.opened_version == VERSION
    long = trial(1.0, task="mlp/arrays:/" + "far/" * 100 + "away.npz")
    store.add_study("s", "{}", [ONE, long])
    store.record(ONE.key, initial_loss=1.0, reports=[report(2, "completed", accuracy=0.5)])
    assert list(store.epochs("s")["epoch"]) == [1, 2]
    assert store.epochs("s")["accuracy"].iloc[1] == 0.5
    assert list(store.trials("s")["task"]) == [ONE.task, long.task]
    assert store.runs("s") == []
    store.add_run("s", {"workers": 2})
    assert store.runs("s") == [{"workers": 2}]
    store.close()


@pytest.mark.parametrize("script", [FIRST, THIRD], ids=["version 1", "version 3"])
def test_a_migrated_store_has_the_tables_of_a_new_one(
    place: str, script: str, tmp_path: Any, request: pytest.FixtureRequest
) -> None:
    write(place, script)
    fresh = request.getfixturevalue("postgres").url() if "://" in place else str(tmp_path / "fresh.sqlite")
    migrated, new = Store(place, migrate=True), Store(fresh)
    assert schema(migrated) == schema(new)
    migrated.close()
    new.close()


def test_a_newer_store_is_refused_in_one_line(place: str) -> None:
    write(place, f"{SECOND} UPDATE sensitivity_version SET version = 99")
    with pytest.raises(
        InputError, match=f"has version 99, this program reads up to {VERSION}; install a newer release"
    ) as refused:
        Store(place, migrate=True)
    assert "\n" not in str(refused.value)


def test_opening_a_store_that_is_up_to_date_does_not_load_alembic(tmp_path: Any) -> None:
    Store(tmp_path / "s.sqlite").close()
    code = (
        "import sys; from sensitivity.store.store import Store; Store('s.sqlite').close(); print('alembic' "
        "in sys.modules)"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout
        == "False\n"
    )
