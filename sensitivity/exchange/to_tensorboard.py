"""Results as event files, for TensorBoard: the curves of every trial, and the HParams tab."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search_spaces.values import write_value
from sensitivity.exchange.exporting import FINAL, Run, export, runs
from sensitivity.results.results import PREFIX
from sensitivity.text.file_names import folder_name

if TYPE_CHECKING:
    from tensorboardX.proto.api_pb2 import Experiment
    from tensorboardX.proto.event_pb2 import Event

    from sensitivity.results.results import Results

FACTS = ("variant", "task", "seed", "status")
"""Facts of a trial that the HParams tab shows beside the configuration."""
ENDED = {"failed": "STATUS_FAILURE", "running": "STATUS_RUNNING"}
METRICS = [f"{FINAL}{name}" for name in ("loss", "best", "value", "diverged")]


def to_tensorboard(results: Results, folder: str | pathlib.Path) -> pathlib.Path:
    """Write a TensorBoard run for each trial that has begun, and the HParams tab.

    A run is called ``study/task/variant/key``. Its scalars are the columns of ``results.epochs`` (in float32,
    as TensorBoard stores them), and ``result/loss`` (capped), ``result/value``, ``result/best`` and
    ``result/diverged`` at its last epoch, which the HParams tab shows. A hyperparameter that is infinite in
    any trial, such as p, is text in that tab. An earlier export of the study is replaced whole.

    Args:
        results: of the study.
        folder: for ``tensorboard --logdir``; is created if missing.

    Returns:
        The folder of the study in it.

    Raises:
        InputError: the folder holds something else, or cannot be written.

    Source:
        https://www.tensorflow.org/tensorboard/hyperparameter_tuning_with_hparams
    """
    return export(results, folder, "tensorboard", _write)


def _write(results: Results, temporary: pathlib.Path, place: pathlib.Path) -> pathlib.Path:
    from tensorboardX.record_writer import RecordWriter

    study = temporary / folder_name(results.study)
    study.mkdir()
    columns = _columns(results)
    described = _experiment(results, columns)
    for run in runs(results):
        run_folder = study.joinpath(*(folder_name(run.facts[name]) for name in ("task", "variant", "key")))
        run_folder.mkdir(parents=True)
        writer = RecordWriter(str(run_folder / f"events.out.tfevents.{run.begin:.0f}.sensitivity"))
        for event in _events(run, columns, described):
            writer.write(event.SerializeToString())
        writer.close()
        described = None  # TensorBoard looks for one description of the columns
    return study


@dataclass(frozen=True)
class Column:
    """A column of the HParams tab.

    The column is text if the hyperparameter is not a finite number in every trial: TensorBoard has no column
    of both, and the JSON of its page has no infinity.
    """

    label: str
    is_number: bool

    def value(self, value: Any) -> float | str:
        """Convert a value to the type of the column."""
        return float(value) if self.is_number else str(write_value(value))


def _columns(results: Results) -> dict[str, Column]:
    """Return the column of each hyperparameter, relabelled if it has the name of one of :data:`FACTS`."""
    columns = {}
    for name in dict.fromkeys(name for space in results.spaces.values() for name in space.names):
        values = results.all_trials[f"{PREFIX}{name}"].dropna()
        is_number = all(not isinstance(value, (bool, str)) and math.isfinite(value) for value in values)
        columns[name] = Column(f"{PREFIX}{name}" if name in FACTS else name, is_number)
    return columns


def _experiment(results: Results, columns: Mapping[str, Column]) -> Experiment | None:
    from tensorboardX.proto.api_pb2 import (
        DATA_TYPE_FLOAT64,
        DATA_TYPE_STRING,
        Experiment,
        HParamInfo,
        MetricInfo,
        MetricName,
    )

    kinds = [(name, False) for name in FACTS] + [
        (column.label, column.is_number) for column in columns.values()
    ]
    return Experiment(
        name=results.study,
        hparam_infos=[
            HParamInfo(name=name, type=DATA_TYPE_FLOAT64 if is_number else DATA_TYPE_STRING)
            for name, is_number in kinds
        ],
        metric_infos=[MetricInfo(name=MetricName(tag=name)) for name in METRICS],
    )


def _events(run: Run, columns: Mapping[str, Column], described: Experiment | None) -> Iterator[Event]:
    """Yield the events of a run, with its hyperparameters in the same file.

    Hyperparameters in a file of their own would appear as another run.
    """
    from tensorboardX.proto.api_pb2 import Status
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo
    from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata

    def scalars(at: float, step: int, values: Mapping[str, float]) -> Event:
        summaries = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        return Event(wall_time=at, step=step, summary=Summary(value=summaries))

    def told(tag: str, at: float, **content: Any) -> Event:
        data = HParamsPluginData(version=0, **content).SerializeToString()
        metadata = SummaryMetadata(
            plugin_data=SummaryMetadata.PluginData(plugin_name="hparams", content=data)
        )
        return Event(
            wall_time=at, summary=Summary(value=[Summary.Value(tag=f"_hparams_/{tag}", metadata=metadata)])
        )

    yield Event(wall_time=run.begin, file_version="brain.Event:2")
    if described is not None:
        yield told("experiment", run.begin, experiment=described)
    start = SessionStartInfo(start_time_secs=run.begin)
    values = {name: run.facts[name] for name in FACTS} | {
        columns[name].label: columns[name].value(value) for name, value in run.configuration.items()
    }
    for label, value in values.items():
        if isinstance(value, str):
            start.hparams[label].string_value = value
        else:
            start.hparams[label].number_value = value
    yield told("session_start_info", run.begin, session_start_info=start)
    for place, (step, at) in enumerate(zip(run.steps, run.times, strict=True)):
        yield scalars(at, step, {name: measured[place] for name, measured in run.metrics.items()})
    yield scalars(run.end, run.steps[-1] if run.steps else 0, run.final)
    status = Status.Value(ENDED.get(run.facts["status"], "STATUS_SUCCESS"))
    yield told(
        "session_end_info", run.end, session_end_info=SessionEndInfo(status=status, end_time_secs=run.end)
    )
