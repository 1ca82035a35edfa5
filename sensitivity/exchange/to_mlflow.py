"""Results as a file store of MLflow: an experiment for the study, and a run for each trial."""

from __future__ import annotations

import hashlib
import json
import pathlib
import re
from typing import TYPE_CHECKING

from search_spaces.values import write_value
from sensitivity.exchange.exporting import FINAL, Run, export, runs
from sensitivity.text.environment import settings
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.results.results import Results

ENVIRONMENT = {
    "MLFLOW_ALLOW_FILE_STORE": "true",  # it is in maintenance mode: refused unless asked for
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}
"""Environment variables of MLflow while it writes: no data leaves the machine."""
STATUS = {"failed": "FAILED", "running": "RUNNING"}
MLFLOW_NAME = "mlflow.runName"
MOST = 6000
"""Characters of a parameter or tag that MLflow takes."""


def to_mlflow(results: Results, folder: str | pathlib.Path) -> pathlib.Path:
    """Write an MLflow experiment with the study's name, and a run for each trial that has begun.

    A run has its configuration as parameters, every metric of every epoch with the time at which it ended,
    and ``result/loss`` (capped), ``result/value``, ``result/best`` and ``result/diverged``. Tags: study,
    task, variant, seed, key, status, error, and ``configuration`` as JSON, to the last digit. A failed trial
    is FAILED, a running one RUNNING, any other FINISHED. A name that no file can have is changed, and ends
    with digits of its hash. An earlier export of the study is replaced whole: runs keep their names and ids.

    Args:
        results: of the study.
        folder: a file store (``file:FOLDER``); is created if missing.

    Returns:
        The folder of the experiment in it.

    Raises:
        InputError: MLflow is not installed, the folder holds something else, or cannot be written.

    Source:
        https://mlflow.org/docs/latest/ml/tracking/
    """
    with settings(ENVIRONMENT):
        try:
            import mlflow.store.tracking.file_store  # noqa: F401
        except ImportError:
            raise InputError(
                "an export to MLflow needs it: pip install 'optimizer-sensitivity[export]'"
            ) from None
        return export(results, folder, "mlflow", _write)


def _write(results: Results, temporary: pathlib.Path, place: pathlib.Path) -> pathlib.Path:
    from mlflow.store.tracking.file_store import FileStore

    name = results.study.replace(
        "'", "\N{RIGHT SINGLE QUOTATION MARK}"
    )  # which would end the query that MLflow makes of it
    experiment = str(FileStore(str(temporary), place.as_uri()).create_experiment(name))
    for run in runs(results):
        _add(run, experiment, temporary / experiment, place / experiment)
    return temporary / experiment


def _add(run: Run, experiment: str, temporary: pathlib.Path, place: pathlib.Path) -> None:
    """Write a run in the layout of MLflow's file store.

    MLflow's ``create_run`` and ``log_batch`` repeat all look-ups and open a file for each value: five times
    as slow for 50 epochs of 8 metrics.
    """
    from mlflow.entities import LifecycleStage, RunStatus, SourceType
    from mlflow.store.tracking.file_store import FileStore

    run_id = hashlib.sha256(f"{run.facts['study']}/{run.facts['key']}".encode()).hexdigest()[:32]
    begin, end, status = (
        _milliseconds(run.begin),
        _milliseconds(run.end),
        STATUS.get(run.facts["status"], "FINISHED"),
    )
    about = {
        "run_id": run_id, "run_name": run.name, "experiment_id": experiment, "user_id": "",
        "status": RunStatus.from_string(status),
        "start_time": begin, "end_time": None if status == "RUNNING" else end, "deleted_time": None,
        "lifecycle_stage": LifecycleStage.ACTIVE,
        "artifact_uri": f"{place.as_uri()}/{run_id}/{FileStore.ARTIFACTS_FOLDER_NAME}",
        "entry_point_name": "", "source_name": "",
        "source_type": SourceType.LOCAL, "source_version": "", "tags": [],
    }  # fmt: skip
    configuration = {name: write_value(value) for name, value in run.configuration.items()}
    told = {
        **run.facts,
        "error": run.error[:MOST],
        "configuration": json.dumps(configuration, ensure_ascii=False),
        MLFLOW_NAME: run.name,
    }
    steps = list(zip(map(_milliseconds, run.times), run.steps, strict=True))
    last = run.steps[-1] if run.steps else 0
    files = {
        FileStore.TAGS_FOLDER_NAME: {name: value for name, value in told.items() if value},
        FileStore.PARAMS_FOLDER_NAME: {
            entry(name): str(value)[:MOST] for name, value in configuration.items()
        },
        FileStore.METRICS_FOLDER_NAME: {
            entry(name): "".join(
                f"{at} {value} {step}\n" for value, (at, step) in zip(values, steps, strict=True)
            )
            for name, values in run.metrics.items()
        },
        f"{FileStore.METRICS_FOLDER_NAME}/{FINAL}": {
            name.removeprefix(FINAL): f"{end} {value} {last}\n" for name, value in run.final.items()
        },
        FileStore.ARTIFACTS_FOLDER_NAME: {},
    }
    run_folder = temporary / run_id
    for folder, texts in files.items():
        (run_folder / folder).mkdir(parents=True)
        for name, text in texts.items():
            (run_folder / folder / name).write_text(text, encoding="utf-8")
    (run_folder / FileStore.META_DATA_FILE_NAME).write_text(
        json.dumps(about, ensure_ascii=False), encoding="utf-8"
    )  # JSON is YAML


def entry(name: str) -> str:
    """Return the name of a metric or parameter as MLflow accepts it, a file name.

    >>> entry("lr"), entry("η"), entry("../lr"), entry("<b>")
    ('lr', 'η', '_lr-21fcf6', '_b_-507ca5')
    """
    safe = re.sub(r"[^\w.\- ]", "_", name).lstrip(".")
    if safe == name and safe not in ("", FINAL.strip("/")) and len(safe.encode()) <= 200:
        return name
    return f"{safe[:40]}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _milliseconds(seconds: float) -> int:
    return max(0, round(1000 * seconds))
