"""The folder through which a program and the worker that started it exchange values and reports.

Files, as they pass through ``torchrun``, shells and containers, which sockets and open descriptors do not.
Only the standard library is imported: a user's script imports this module.
"""

from __future__ import annotations

import fcntl
import functools
import json
import math
import os
import pathlib
import time
from collections.abc import Mapping
from typing import Any

VARIABLE = "SENSITIVITY_TRIAL"
"""Environment variable of a program: the folder of its trial's channel."""
VALUES, REPORTS, STORED, USED, ALIVE = "values.json", "reports.jsonl", "stored", "used.jsonl", "alive"
EPOCH = "sensitivity_epoch"
"""Key of a report's place in its trial: its step, or its number."""
MOST_STEPS = 2**31
"""The first step that the store cannot hold."""
PAUSE = 0.003
"""Seconds between two looks for the answer to a report."""
LOOK_EVERY = 1.0
"""Seconds between two looks for the worker."""


class WorkerGone(RuntimeError):
    """The worker of a program's trial has ended before the program."""


class Worker:
    """The worker's side of a channel.

    Args:
        folder: an empty folder.
        values: hyperparameters and seed of the trial.
    """

    def __init__(self, folder: pathlib.Path, values: Mapping[str, Any]) -> None:
        self.folder = folder
        (folder / VALUES).write_text(json.dumps(dict(values)), encoding="utf-8")
        for name in (REPORTS, STORED, USED):
            (folder / name).touch()
        self._alive = (folder / ALIVE).open("wb")
        fcntl.flock(self._alive, fcntl.LOCK_EX)  # the kernel lets go of it when this process ends
        self._read = 0

    def reports(self) -> list[dict[str, Any]]:
        """Return the reports that have arrived since the last call."""
        with (self.folder / REPORTS).open("rb") as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        return [json.loads(line) for line in whole.splitlines()]

    def confirm(self) -> None:
        """Tell the program that one report more is stored."""
        with (self.folder / STORED).open("ab") as file:
            file.write(b".")

    def close(self) -> None:
        """Let go of the channel."""
        self._alive.close()

    def used(self) -> set[str]:
        """Return the names that the program has asked for."""
        lines = (self.folder / USED).read_text(encoding="utf-8").splitlines()
        return {str(name) for line in lines for name in json.loads(line)}


class Script:
    """The program's side of a channel.

    Args:
        folder: of the channel.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        self._counted = self._lines = 0

    def values(self) -> dict[str, Any]:
        """Return hyperparameters and seed of the trial."""
        values: dict[str, Any] = json.loads((self._folder / VALUES).read_text(encoding="utf-8"))
        return values

    def use(self, names: list[str]) -> None:
        """Tell the worker which names the program asks for."""
        self._append(USED, names)

    def send(self, report: Mapping[str, float]) -> None:
        """Send a report, and wait until it is stored.

        Raises: WorkerGone, if the worker has ended.
        """
        self._append(REPORTS, report)
        with (self._folder / REPORTS).open("rb") as file:  # another process may have reported, too
            file.seek(self._counted)
            text = file.read()
        self._counted += len(text)
        self._lines += text.count(b"\n")
        looked = time.monotonic()
        while (self._folder / STORED).stat().st_size < self._lines:
            time.sleep(PAUSE)
            if time.monotonic() - looked > LOOK_EVERY:
                self._check_worker()
                looked = time.monotonic()

    def _check_worker(self) -> None:
        with (self._folder / ALIVE).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return
        raise WorkerGone("the sweep that started this program is gone, and nobody takes its reports")

    def _append(self, name: str, content: Any) -> None:
        """Append a line to a file."""
        path = self._folder / name
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(descriptor, json.dumps(content).encode() + b"\n")  # one call: a line is never torn
        finally:
            os.close(descriptor)


@functools.cache
def _script_of(folder: str) -> Script:
    return Script(pathlib.Path(folder))


def script() -> Script | None:
    """Return the channel of this program's trial; None where the program was started by hand."""
    folder = os.environ.get(VARIABLE)
    return _script_of(folder) if folder else None


def numbers_in(report: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of a report by name, nested ones as ``outer/inner``.

    >>> numbers_in({"loss": 0.5, "val": {"acc": 1}, "note": "x"})
    {'loss': 0.5, 'val/acc': 1.0}
    """
    numbers: dict[str, float] = {}
    for name, value in report.items():
        if isinstance(value, Mapping):
            numbers |= {f"{name}/{inner}": number for inner, number in numbers_in(value).items()}
        elif isinstance(value, bool) or value is None or isinstance(value, str):
            continue
        else:
            try:
                numbers[str(name)] = float(value.detach() if hasattr(value, "detach") else value)
            except (TypeError, ValueError, RuntimeError):  # RuntimeError: a tensor of several numbers
                continue
    return numbers


def is_step(value: Any) -> bool:
    """Return True for a whole number that the store can hold as the place of a report.

    >>> [is_step(value) for value in (0, 7.0, 7.5, -1, 2**31, math.nan)]
    [True, True, False, False, False, False]
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        return False
    return math.isfinite(number) and number.is_integer() and 0 <= number < MOST_STEPS
