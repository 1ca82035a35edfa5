"""The pilot of a plan: the results that tell the noise, what can be won, and how long a trial takes."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

from sensitivity.results.results import Results
from sensitivity.store.queries import has_study_results
from sensitivity.store.store import Store

if TYPE_CHECKING:
    from sensitivity.study.study import Study

DEFAULT_STORE = "sensitivity.sqlite"
"""Store in which the pilot of a study is looked for."""
SAME = ("epochs", "batch_size", "limit", "precision", "metric", "trainable")
"""Fields in which a pilot should be like the study."""
SECONDS = ("batch_size", "limit", "precision", "trainable")
"""Fields in which a pilot has to be like the study for the time of its trials to count."""
FEW = 20
"""Configurations of each variant that a pilot of a drawn design should have."""


def pilot_of(study: Study, pilot: Results | Store | str | pathlib.Path | None) -> Results | None:
    """Return the results of a pilot; None if there are none.

    Args:
        study: Study that is planned.
        pilot: Results; or a store, or its place, that has the study's name; None for :data:`DEFAULT_STORE`.

    Raises:
        InputError: for a place that is no store.
    """
    if isinstance(pilot, Results):
        return pilot
    if isinstance(pilot, Store):
        return _read(study, pilot)
    if pilot is None or str(pilot) == DEFAULT_STORE:
        pilot = DEFAULT_STORE
        if not pathlib.Path(pilot).exists():
            return None
    store = Store(pilot, create=False)
    try:
        return _read(study, store)
    finally:
        store.close()


def _read(study: Study, store: Store) -> Results | None:
    if not has_study_results(store, study.name):
        return None
    results = Results.from_store(store, study.name)
    if study.metric != results.metric and study.metric in results.metrics:
        results = Results.from_store(store, study.name, metric=study.metric)
    return results


def pilot_command(source: str, *, fixed: bool) -> str:
    """Return how to run a pilot, in words with a command that can be pasted.

    Args:
        source: The study in the words of the command: a file, or ``--preset NAME``.
        fixed: True if the design chooses its configurations, so that the noise is that between seeds.
    """
    command = (
        f"sensitivity run {source} --seeds 2 --no-report"
        if fixed
        else f"sensitivity run {source} --no-report"
    )
    stopped = "" if fixed else f" (it may be stopped after some {FEW} configurations of each variant)"
    noise = "seed" if fixed else "trial"
    return (
        f"run a pilot, `{command}`{stopped}, or give noise (--noise), the standard deviation of one {noise} "
        "as a share of what can be won"
    )


def differing(study: Study, pilot: Results, fields: tuple[str, ...] = SAME) -> list[str]:
    """Return the fields in which a pilot differs from the study, in words.

    Args:
        study: Study that is planned.
        pilot: Results of the pilot.
        fields: Names of the fields that are compared.
    """
    usual = type(study).model_fields
    return [
        f"{name} {there}, not {wanted}"
        for name in fields
        if (there := pilot.spec.get(name, usual[name].default)) != (wanted := getattr(study, name))
    ]


def seconds_of(study: Study, pilot: Results | None) -> dict[tuple[str, str], float]:
    """Return the seconds of a trial of every task and variant; empty where nothing tells them.

    They are those of the pilot, epoch by epoch, or else an estimate for one worker on this machine
    (:func:`sensitivity.study.estimates.plan_rows`).
    """
    measured = _measured(study, pilot) if pilot is not None else {}
    if measured:
        return measured
    from sensitivity.study.estimates import plan_rows

    return {
        (row["task"], row["variant"]): 3600 * row["hours"] / row["trials"]
        for row in plan_rows(study)
        if row["hours"] is not None and row["trials"]
    }


def _measured(study: Study, pilot: Results) -> dict[tuple[str, str], float]:
    trials = pilot.usable
    trials = trials[trials["seconds"].notna() & (trials["epochs_done"] > 0)]
    if trials.empty or differing(study, pilot, SECONDS):
        return {}
    of_epoch = trials["seconds"] / trials["epochs_done"]
    epochs = trials["epochs_done"] if study.epochs is None else study.epochs
    taken = trials.assign(seconds=of_epoch * epochs)
    by_task = taken.groupby("task")["seconds"].mean()
    by_both = taken.groupby(["task", "variant"])["seconds"].mean()
    return {
        (task, variant): float(by_both.get((task, variant), by_task[task]))
        for task in study.tasks
        if task in by_task
        for variant in study.variants
    }
