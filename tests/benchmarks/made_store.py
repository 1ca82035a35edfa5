"""A store of any size whose losses are a formula: what growth, reports and dashboards are timed on."""

from __future__ import annotations

import math
import pathlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import numpy as np

from sensitivity.store.store import Store
from sensitivity.study.planning import trials as planned
from sensitivity.study.study import Study
from sensitivity.study.trial import Trial

VARIANTS = ("adam", "nadam", "rmsprop", "nag", "cm")
SEEDS = 2
INITIAL = 1.0
TOGETHER = 32
"""Trials whose reports are kept in one transaction, as those of a cohort."""
MOMENT = "2026-01-01T00:00:00+00:00"


def made_study(trials: int, *, epochs: int = 50, **changes: Any) -> Study:
    """Five variants on one task with two seeds, of random configurations.

    Args: trials: about so many, a multiple of ten. changes: further fields of the study.
    """
    design = {"kind": "random", "n": max(1, trials // (SEEDS * len(VARIANTS)))}
    fields = {
        "name": "made",
        "tasks": ["autoencoder/digits"],
        "variants": VARIANTS,
        "design": design,
        "seeds": SEEDS,
        "epochs": epochs,
        "default_setting": False,
    }
    return Study(**{**fields, **changes})


def reports(trial: Trial, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """What a worker would report of a trial: a valley in lr that the variant moves; about a tenth of the
    trials diverge."""
    rate = math.log10(float(trial.configuration["lr"]))
    final = abs(
        0.02 + 0.05 * (rate + 2.5 - 0.1 * VARIANTS.index(trial.variant)) ** 2 + float(rng.normal(0, 0.005))
    )
    diverged = final > 0.5 or float(rng.random()) < 0.02
    last = int(rng.integers(1, trial.epochs + 1)) if diverged else trial.epochs
    for epoch in range(1, last + 1):
        loss = final + (INITIAL - final) * math.exp(-5 * epoch / trial.epochs)
        status = "running"
        if epoch == last:
            loss, status = (math.nan, "diverged") if diverged else (loss, "completed")
        measured = {
            "train_loss_end": loss,
            "train_loss": 1.05 * loss,
            "test_loss": 1.1 * loss,
            "seconds": 0.1,
        }
        yield {"key": trial.key, "epoch": epoch, "initial_loss": INITIAL, "status": status, **measured}


def fill(store: Store, study: Study, made: Sequence[Trial], *, left: int = 0) -> None:
    """Note the study and everything that its trials report, a cohort's reports in one transaction. Args:
    left: trials without a report."""
    rng = np.random.default_rng(0)
    store.add_study(study.name, study.to_stored(), made)
    made = made[: len(made) - left]
    for start in range(0, len(made), TOGETHER):
        store.keep(
            [each for trial in made[start : start + TOGETHER] for each in reports(trial, rng)], at=MOMENT
        )


def fill_in_database(place: pathlib.Path, study: Study, made: Sequence[Trial]) -> None:
    """Fill a SQLite store as :func:`fill` does, in seconds for a million epochs, which the database makes
    itself; no trial diverges.

    Args:
        place: of the store.
        study: whose results they are.
        made: its trials.
    """
    with closing(Store(place)) as store:
        store.add_study(study.name, study.to_stored(), made)
    finals = [
        (trial.key, 0.02 + 0.05 * (math.log10(float(trial.configuration["lr"])) + 2.5) ** 2) for trial in made
    ]
    decay = [(epoch, math.exp(-5 * epoch / study.epochs)) for epoch in range(1, study.epochs + 1)]
    with closing(sqlite3.connect(place)) as connection, connection:
        connection.execute("CREATE TEMP TABLE finals (key TEXT PRIMARY KEY, final REAL)")
        connection.execute("CREATE TEMP TABLE decay (epoch INTEGER PRIMARY KEY, share REAL)")
        connection.executemany("INSERT INTO finals VALUES (?, ?)", sorted(finals))
        connection.executemany("INSERT INTO decay VALUES (?, ?)", decay)
        connection.execute(
            "INSERT INTO sensitivity_epochs (key, epoch, train_loss, train_loss_end, test_loss, seconds, "
            "measures) SELECT key, epoch, 1.05 * loss, loss, 1.1 * loss, 0.1, '{\"test_accuracy\": ' || "
            "round(1 - loss, 4) || '}' FROM (SELECT key, epoch, final + (1.0 - final) * share AS loss FROM "
            "finals CROSS JOIN decay ORDER BY key, epoch)"
        )
        connection.execute(
            "UPDATE sensitivity_trials SET status = 'completed', initial_loss = 1.0, started = ?, finished = "
            "?",
            (MOMENT, MOMENT),
        )


def make_store(place: pathlib.Path, *, trials: int = 10_000, epochs: int = 50, name: str = "made") -> Store:
    """A finished study (:func:`made_study`)."""
    study, store = made_study(trials, epochs=epochs, name=name), Store(place)
    fill(store, study, planned(study))
    return store
