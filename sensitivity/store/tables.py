"""The tables of the store."""

from __future__ import annotations

import sqlalchemy as sql

VERSION = 6
"""Version of the tables; a newer store is refused, an older store is migrated
(:mod:`sensitivity.store.migrations`)."""

TABLES = sql.MetaData()
VERSIONS = sql.Table("sensitivity_version", TABLES, sql.Column("version", sql.Integer, primary_key=True))
STUDIES = sql.Table(
    "sensitivity_studies",
    TABLES,
    sql.Column("name", sql.String(200), primary_key=True),
    sql.Column("spec", sql.Text, nullable=False),
    sql.Column("created", sql.String(32), nullable=False),
)
STUDY_TRIALS = sql.Table(
    "sensitivity_study_trials",
    TABLES,
    sql.Column("study", sql.String(200), primary_key=True),
    sql.Column("key", sql.String(20), primary_key=True, index=True),
    sql.Column("position", sql.Integer, nullable=False),
)
TRIALS = sql.Table(
    "sensitivity_trials",
    TABLES,
    sql.Column("key", sql.String(20), primary_key=True),
    sql.Column("task", sql.Text, nullable=False),
    sql.Column("variant", sql.Text, nullable=False),
    sql.Column("configuration", sql.Text, nullable=False),
    sql.Column("seed", sql.BigInteger, nullable=False),
    sql.Column("epochs", sql.Integer, nullable=False),
    sql.Column("batch_size", sql.Integer, nullable=False),
    sql.Column("precision", sql.String(20), nullable=False),
    sql.Column("fingerprint", sql.String(20), nullable=False),
    sql.Column("status", sql.String(20), nullable=False),
    sql.Column("initial_loss", sql.Double),
    sql.Column("error", sql.Text),
    sql.Column("started", sql.String(32)),
    sql.Column("finished", sql.String(32)),
)
RUNS = sql.Table(
    "sensitivity_runs",
    TABLES,
    sql.Column("study", sql.String(200), primary_key=True),
    sql.Column("began", sql.String(32), primary_key=True),
    sql.Column("environment", sql.Text, nullable=False),
)
"""``environment``: workers, hosts and devices, as JSON (:mod:`sensitivity.running.devices`)."""
LOCKS = sql.Table(
    "sensitivity_locks",
    TABLES,
    sql.Column("study", sql.String(200), primary_key=True),
    sql.Column("token", sql.String(40), nullable=False),
    sql.Column("host", sql.Text, nullable=False),
    sql.Column("machine", sql.Text, nullable=False),
    sql.Column("pid", sql.BigInteger, nullable=False),
    sql.Column("process_start", sql.String(40), nullable=False),
    sql.Column("since", sql.String(32), nullable=False),
    sql.Column("beats", sql.BigInteger, nullable=False),
    sql.Column("last_beat", sql.String(32), nullable=False),
)
"""The active run of each study (:mod:`sensitivity.store.run_lock`)."""
ANNOTATIONS = sql.Table(
    "sensitivity_annotations",
    TABLES,
    sql.Column("study", sql.String(200), primary_key=True),
    sql.Column("key", sql.String(20), primary_key=True),
    sql.Column("note", sql.Text, nullable=False),
    sql.Column("tags", sql.Text, nullable=False),
    sql.Column("star", sql.Boolean, nullable=False),
    sql.Column("changed", sql.String(32), nullable=False),
)
"""Notes of readers (:mod:`sensitivity.store.annotations`); ``key`` is empty for the study itself, ``tags`` is
a JSON list."""
MEASURED = (
    "train_loss",
    "train_loss_end",
    "test_loss",
    "lr",
    "mu",
    "nu",
    "grad_norm",
    "images_per_second",
    "seconds",
)
NOT_MEASURED = ("key", "epoch", "status", "initial_loss", "error")
EPOCHS = sql.Table(
    "sensitivity_epochs",
    TABLES,
    sql.Column("key", sql.String(20), primary_key=True),
    sql.Column("epoch", sql.Integer, primary_key=True),
    *(sql.Column(name, sql.Double) for name in MEASURED),
    sql.Column("measures", sql.Text),
)
"""``measures``: additional quantities of an epoch (accuracy, user-defined metrics), as JSON by name."""
