"""A store of any size whose losses are a formula: what reports and dashboards are timed on."""

from __future__ import annotations

import math
import pathlib
from typing import Any

import numpy as np
import sqlalchemy as sql

from sensitivity.planning import trials as planned
from sensitivity.store import Store
from sensitivity.study import Study
from sensitivity.tables import EPOCHS, TRIALS

VARIANTS = ("adam", "nadam", "rmsprop", "nag", "cm")
INITIAL = 1.0
CHUNK = 50_000


def made_study(*, trials: int = 10_000, epochs: int = 50, **changes: Any) -> Study:
    """Five variants on one task with two seeds. Args: trials: about so many, a multiple of ten. changes: fields of the study."""
    design = {"kind": "random", "n": max(1, trials // (2 * len(VARIANTS)))}
    fields = {"name": "made", "tasks": ["autoencoder/digits"], "variants": VARIANTS, "design": design, "seeds": 2, "epochs": epochs}
    return Study(**{**fields, **changes})


def make_store(place: pathlib.Path, *, trials: int = 10_000, epochs: int = 50, name: str = "made") -> Store:
    """A finished study; about a tenth of its trials diverged. Args: trials: about so many, a multiple of ten."""
    return fill(place, made_study(trials=trials, epochs=epochs, name=name))


def fill(place: pathlib.Path, study: Study, left: int = 0) -> Store:
    """A study with made-up results. Args: left: how many trials have none yet."""
    store, epochs = Store(place), study.epochs or 1
    made = planned(study)
    store.add_study(study.name, study.to_stored(), made)
    made = made[: len(made) - left]
    rng = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    ends: list[dict[str, Any]] = []
    with store.database.engine.begin() as connection:
        for trial in made:
            place_of_lr = math.log10(float(trial.configuration["lr"]))
            final = 0.02 + 0.05 * (place_of_lr + 2.5 - 0.1 * VARIANTS.index(trial.variant)) ** 2 + float(rng.normal(0, 0.005))
            diverged = final > 0.5 or float(rng.random()) < 0.02
            count = int(rng.integers(1, epochs + 1)) if diverged else epochs
            for epoch in range(1, count + 1):
                loss = abs(final) + (INITIAL - abs(final)) * math.exp(-5 * epoch / epochs)
                measured = {"train_loss_end": loss, "train_loss": 1.05 * loss, "test_loss": 1.1 * loss, "seconds": 0.1}
                rows.append({"key": trial.key, "epoch": epoch, **measured})
            if diverged:
                rows[-1] = {**rows[-1], "train_loss_end": None, "train_loss": None, "test_loss": None}
            ends.append({"b_key": trial.key, "b_status": "diverged" if diverged else "completed"})
            if len(rows) >= CHUNK:
                connection.execute(EPOCHS.insert(), rows)
                rows = []
        if rows:
            connection.execute(EPOCHS.insert(), rows)
        times = {"initial_loss": INITIAL, "started": "2026-01-01T00:00:00+00:00", "finished": "2026-01-01T01:00:00+00:00"}
        change = TRIALS.update().where(TRIALS.c.key == sql.bindparam("b_key")).values(status=sql.bindparam("b_status"), **times)
        connection.execute(change, ends)
    return store
