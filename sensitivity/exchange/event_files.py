"""The event files of TensorBoard, record by record: hyperparameters, scalars and how a session ended."""

from __future__ import annotations

import pathlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from trainables.names import InputError

if TYPE_CHECKING:
    from tensorboardX.proto.event_pb2 import Event

HEADER, CHECK = 12, 4
"""Bytes around a record: its length with a checksum before, a checksum after."""
STATUSES = {1: "success", 2: "failed", 3: "running"}
"""Of the enumeration Status of the HParams plugin; 0 is unknown."""


@dataclass
class Session:
    """What the event files of one folder hold.

    hparams: by name; None where no file holds a session of the HParams plugin.
    scalars: last value by tag, at its largest step.
    status: how the session ended; None where no file says it.
    metrics: tags that the experiment declares as metrics.
    begin, end: seconds since 1970, where the session says them.
    """

    hparams: dict[str, Any] | None = None
    scalars: dict[str, float] = field(default_factory=dict)
    status: str | None = None
    metrics: list[str] = field(default_factory=list)
    begin: float | None = None
    end: float | None = None
    _steps: dict[str, int] = field(default_factory=dict)

    def read(self, path: pathlib.Path) -> None:
        """Add the events of a file.

        Raises:
            InputError: the file cannot be read or is damaged.
        """
        for event in _events(path):
            for value in event.summary.value:
                plugin = value.metadata.plugin_data
                if plugin.plugin_name == "hparams":
                    self._add_hparams(plugin.content, path)
                    continue
                number = _scalar(value)
                if number is not None and event.step >= self._steps.get(value.tag, event.step):
                    self._steps[value.tag] = event.step
                    self.scalars[value.tag] = number

    def _add_hparams(self, content: bytes, path: pathlib.Path) -> None:
        from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData

        data = _message(HParamsPluginData, content, f"{str(path)!r}: an entry of its HParams")
        kind = data.WhichOneof("data")
        if kind == "experiment":
            self.metrics += [info.name.tag for info in data.experiment.metric_infos]
        elif kind == "session_start_info":
            start = data.session_start_info
            self.hparams = {name: _value(value) for name, value in sorted(start.hparams.items())}
            self.begin = start.start_time_secs or None
        elif kind == "session_end_info":
            self.status = STATUSES.get(data.session_end_info.status, "success")
            self.end = data.session_end_info.end_time_secs or None


def _events(path: pathlib.Path) -> Iterator[Event]:
    """Yield the events of a file. A last record that is not whole, as of a killed run, is passed over."""
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import masked_crc32c

    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror}") from None
    place = 0
    while place + HEADER <= len(content):
        length, check = struct.unpack("<QI", content[place : place + HEADER])
        if check != masked_crc32c(content[place : place + 8]):
            raise InputError(f"cannot read {str(path)!r}: it is no event file, or damaged at byte {place}")
        first = place + HEADER
        place = first + length + CHECK
        if place > len(content):
            return
        yield _message(Event, content[first : first + length], f"{str(path)!r}: the record at byte {first}")


def _message(kind: Any, content: bytes, name: str) -> Any:
    """Return the message of a kind that bytes hold.

    Raises:
        InputError: the bytes hold no such message.
    """
    try:
        return kind.FromString(content)
    except Exception as error:  # DecodeError, of a package that is not a dependency
        if type(error).__name__ != "DecodeError":
            raise
        raise InputError(f"cannot read {name} is damaged") from None


def _scalar(value: Any) -> float | None:
    """Return the number of a summary, in as many digits as float32 has; None for a picture or the like."""
    kind = value.WhichOneof("value")
    if kind == "simple_value":
        return _shortest(value.simple_value)
    if kind != "tensor" or value.metadata.plugin_data.plugin_name not in ("", "scalars"):
        return None
    tensor = value.tensor
    for numbers in (tensor.float_val, tensor.double_val, tensor.int64_val, tensor.int_val):
        if len(numbers) == 1:
            return _shortest(numbers[0]) if numbers is tensor.float_val else float(numbers[0])
    raw = tensor.tensor_content
    if len(raw) == 4:
        return _shortest(struct.unpack("<f", raw)[0])
    return float(struct.unpack("<d", raw)[0]) if len(raw) == 8 else None


def _shortest(number: float) -> float:
    return float(str(np.float32(number)))


def _value(value: Any) -> Any:
    """Return the value of a hyperparameter: text, number or bool."""
    kind = value.WhichOneof("kind")
    return None if kind in (None, "null_value") else getattr(value, kind)
