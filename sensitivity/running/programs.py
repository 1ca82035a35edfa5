"""A program of the user's as a Ray Tune trainable: started for every trial, its reports passed on."""

from __future__ import annotations

import csv
import hashlib
import math
import os
import pathlib
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sensitivity.running.channel import EPOCH, VARIABLE, Worker, is_step, numbers_in
from sensitivity.running.command_line import ALL, CommandLine
from sensitivity.running.process import Process
from sensitivity.store.tables import NOT_MEASURED
from sensitivity.text.file_names import folder_name

TRIAL = "sensitivity_trial"
"""Entry of the config: the key of the trial."""
OF_OTHERS = (
    "RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_RANK", "ROLE_RANK", "MASTER_ADDR",
    "MASTER_PORT", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK",
)  # fmt: skip
"""Environment variables that place a process among others; the worker itself may have been started so."""
LOOK_EVERY = 0.01
"""Seconds between two looks for reports."""
LONGEST_REASON = 420


class ProgramFailed(RuntimeError):
    """The program of a trial ended with an error, or cannot be started."""


@dataclass
class Program:
    """A command line as a trainable of Ray Tune.

    Args:
        command: with placeholders.
        metric: a report without it waits for the next that has it.
        csv_file: file of reports, with placeholders; None where the program reports by itself.
        epochs: the budget, in the unit of the reports' steps; a report beyond it ends the program.
        folder: working directory of the program.
        outputs: folder in which each trial has one for its output.
        must_arrive: what the program must be told beside the hyperparameters, such as ``seed``.
    """

    command: CommandLine
    metric: str
    csv_file: str | None = None
    epochs: int | None = None
    folder: str = field(default_factory=os.getcwd)
    outputs: str = "runs"
    must_arrive: frozenset[str] = frozenset()
    __name__ = "program"

    def __post_init__(self) -> None:
        content = f"{self.command.digest()}\n{self.csv_file}"
        self.identity = hashlib.sha256(content.encode()).hexdigest()[:12]
        """What a trial of the program is named by, beside its configuration: the command and its files."""
        self.name_in_studies = f"program:{self.command.label()}#{self.identity}"

    def __call__(self, config: dict[str, Any]) -> None:
        """Run the program with the values of a trial, and pass its reports on.

        Raises: ProgramFailed.
        """
        from ray import tune

        attempt = Attempt(self, config)
        try:
            for report in attempt.reports():
                if self.epochs is not None and report[EPOCH] > self.epochs:
                    return
                tune.report(report)
                attempt.confirm()
        finally:
            attempt.close()


class Attempt:
    """One run of a program for one trial.

    Args:
        program: the command line and what belongs to it.
        config: hyperparameters, ``seed``, the key of the trial, and ``variant`` if there are several.

    Raises: ProgramFailed if it cannot be started.
    """

    def __init__(self, program: Program, config: Mapping[str, Any]) -> None:
        self._program, self._metric = program, program.metric
        key = str(config[TRIAL])
        beside = {name: config[name] for name in ("seed", "variant") if name in config}
        self._values = {name: value for name, value in config.items() if name not in (*beside, TRIAL)}
        place = pathlib.Path(program.outputs) / folder_name(key)
        others = {**beside, "folder": str(place), "epochs": program.epochs}
        others = {name: value for name, value in others.items() if value is not None}
        told = {name: value for name, value in others.items() if name != "folder"}
        others.setdefault("variant", "program")
        self._temporary = tempfile.TemporaryDirectory(prefix="sensitivity-", ignore_cleanup_errors=True)
        self._worker = Worker(pathlib.Path(self._temporary.name), {**told, **self._values})
        self._table = None if program.csv_file is None else _Table(program, self._values, others)
        self._held: dict[str, float] = {}
        self._last = -1
        self._number = 0
        self._value = math.nan
        self._waiting = 0
        self._reported = self._arrived = self._lines = False
        environment = {name: text for name, text in os.environ.items() if name not in OF_OTHERS}
        environment |= {"PYTHONUNBUFFERED": "1", VARIABLE: self._temporary.name}
        try:
            environment |= program.command.environment(self._values, others)
            words = program.command.filled(self._values, others)
            place.mkdir(parents=True, exist_ok=True)
            self._process = Process(words, environment, program.folder, place / "output.txt")
        except OSError as error:
            self._worker.close()
            self._temporary.cleanup()
            named = f": {error.filename}" if error.filename else ""
            raise ProgramFailed(f"cannot be started: {error.strerror}{named}") from None

    def reports(self) -> Iterator[dict[str, float]]:
        """Yield the reports that have the metric, each with its place in the trial, until the program ends.

        Raises: ProgramFailed for a program that ends with an error, unless it had diverged.
        """
        while True:
            code = self._process.ended()
            yield from self._arrivals(last=code is not None)
            if code is not None:
                break
            time.sleep(LOOK_EVERY)
        diverged = self._number > 0 and not math.isfinite(self._value)
        if code != 0 and not diverged:
            how = f"exit code {code}" if code > 0 else f"ended by signal {-code}"
            raise ProgramFailed(f"{how}: {_shortened(self._process.last_lines()) or 'it printed nothing'}")
        if not self._number:
            found = f"it reported: {', '.join(self._held)}" if self._held else "it reported nothing"
            raise ProgramFailed(
                f"no report of {self._metric!r} ({found}); it must call sensitivity.report("
                f"{self._metric}=...), or print it in a line of JSON"
            )

    def confirm(self) -> None:
        """Let the program go on after a report that is stored."""
        if self._waiting:
            self._waiting -= 1
            self._worker.confirm()

    def close(self) -> None:
        """End the program, if it runs, and remove the channel."""
        self._process.end()
        self._worker.close()
        self._temporary.cleanup()

    def _arrivals(self, *, last: bool) -> Iterator[dict[str, float]]:
        for numbers in self._worker.reports():
            if self._lines:
                raise ProgramFailed(
                    f"it printed {self._metric!r} in lines of JSON before it called sensitivity.report; use "
                    "one of the two"
                )
            self._reported = True
            if (whole := self._merged(numbers, numbers.pop(EPOCH, None))) is None:
                self._worker.confirm()
            else:
                self._waiting += 1
                yield whole
        printed = self._process.json_lines()
        rows = self._table.rows(last=last) if self._table is not None else printed
        if not self._reported or self._table is not None:
            for row in rows:
                numbers = numbers_in(row)
                if self._metric in numbers:
                    self._lines = self._table is None
                    yield self._merged(numbers, self._step(row)) or {}

    def _step(self, row: Mapping[str, Any]) -> float | None:
        """Return the step that a line states: its ``step``, or its ``epoch`` where that counts on.

        Several lines of one epoch are numbered.
        """
        step, epoch = row.get("step"), row.get("epoch")
        if step is not None and is_step(step):
            return float(step)
        if epoch is not None and is_step(epoch) and float(epoch) > self._last:
            return float(epoch)
        return None

    def _merged(self, numbers: Mapping[str, float], step: float | None) -> dict[str, float] | None:
        """Return a report with its place, and with what was reported before it without the metric.

        Raises: ProgramFailed for a place that is not after the last, and for hyperparameters that the program
        was not told.
        """
        if not self._arrived:
            self._check_arrival()
        numbers = {name: number for name, number in numbers.items() if name not in NOT_MEASURED}
        if self._metric not in numbers:
            self._held |= numbers
            return None
        place = self._last + 1 if step is None else int(step)
        if step is None and self._number == 0:
            place = 1
        if place <= self._last:
            raise ProgramFailed(
                f"step {place} of a report comes after step {self._last}; steps must increase, and the "
                "numbers of a step belong into one report"
            )
        whole, self._held = {**self._held, **numbers, EPOCH: place}, {}
        self._last, self._value = place, numbers[self._metric]
        self._number += 1
        return whole

    def _check_arrival(self) -> None:
        command, self._arrived = self._program.command, True
        told = command.placeholders | self._worker.used()
        if {*ALL} & told:
            told |= set(self._values)
        lacking = sorted(({*self._values} | self._program.must_arrive) - told)
        if lacking:
            raise ProgramFailed(
                f"{', '.join(lacking)} did not reach the program, so that its trials would not differ; pass "
                f"{{{lacking[0]}}} or {{args}} on its command line, or ask sensitivity.suggested("
                f"{lacking[0]}=...) for it"
            )


class _Table:
    """The rows of a CSV file that a program writes."""

    def __init__(self, program: Program, values: Mapping[str, Any], others: Mapping[str, Any]) -> None:
        (name,) = CommandLine((program.csv_file or "",)).filled(values, others) or [""]
        self._path = pathlib.Path(program.folder, name)
        self._path.unlink(missing_ok=True)  # of an attempt that was killed
        self._read, self._seen = 0, (-1, -1)

    def rows(self, *, last: bool) -> list[dict[str, Any]]:
        """Return the rows since the last call; the last row only once it is whole."""
        try:
            status = self._path.stat()
            if (status.st_size, status.st_mtime_ns) == self._seen and not last:
                return []
            text = self._path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        self._seen = (status.st_size, status.st_mtime_ns)
        whole = text if last else text[: text.rfind("\n") + 1]
        rows = [
            {name: _number(cell) for name, cell in row.items() if name and cell}
            for row in csv.DictReader(whole.splitlines())
        ]
        new, self._read = rows[self._read :], max(self._read, len(rows))
        return new


def _number(cell: str) -> Any:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return str(cell)


def _shortened(text: str) -> str:
    """Return the end of the last lines, which names the error.

    >>> len(_shortened("a" * 1000)) <= LONGEST_REASON
    True
    """
    words = " ".join(text.split())
    return words if len(words) <= LONGEST_REASON else f"...{words[-LONGEST_REASON + 3 :]}"
