"""A program as a process: its output kept in a file, its last lines known, and its end with its worker's."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

MOST_OUTPUT = 10_000_000
"""Bytes of a program's output that are kept."""
LAST_LINES, LONGEST_LINE = 12, 2_000
ENDING = 5.0
"""Seconds that a program has to end after SIGTERM."""
WATCHER = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
while True:
    if not os.read(0, 1):
        break
try:
    os.killpg(int(sys.argv[1]), signal.SIGKILL)
except (ProcessLookupError, PermissionError):
    pass
"""
"""Program that ends a group of processes when its standard input closes, as when the worker is killed."""


class Process:
    """A running program, in a group of processes of its own.

    Args:
        words: program and arguments.
        environment: of the program.
        folder: working directory.
        output: file of standard output and standard error.

    Raises: OSError if it cannot be started.
    """

    def __init__(
        self, words: Sequence[str], environment: Mapping[str, str], folder: str, output: pathlib.Path
    ) -> None:
        self._output = output
        self._json: collections.deque[dict[str, Any]] = collections.deque()
        self._last: collections.deque[str] = collections.deque(maxlen=LAST_LINES)
        self._process = subprocess.Popen(
            list(words),
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._watcher = subprocess.Popen(
            [sys.executable, "-S", "-E", "-c", WATCHER, str(self._process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._copy, daemon=True)
        self._reader.start()

    def ended(self) -> int | None:
        """Return the exit code once the program has ended and its output is read; None before."""
        code = self._process.poll()
        if code is not None:
            self._reader.join(ENDING)  # a process that the program left behind may hold the output open
        return code

    def json_lines(self) -> list[dict[str, Any]]:
        """Return the JSON objects, one a line, that were printed since the last call."""
        return [self._json.popleft() for _ in range(len(self._json))]

    def last_lines(self) -> str:
        """Return the last lines of the output."""
        return "\n".join(self._last).strip()

    def end(self) -> None:
        """End the program and all that it started."""
        for sent in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, sent)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(ENDING)
        if self._watcher.stdin is not None:
            self._watcher.stdin.close()
        self._watcher.wait()

    def _copy(self) -> None:
        """Copy the output to its file, and read its lines."""
        left, rest = MOST_OUTPUT, b""
        stream = self._process.stdout
        assert stream is not None
        with self._output.open("wb", buffering=0) as file, stream:
            while part := os.read(stream.fileno(), 65_536):
                if left > 0:
                    file.write(part[:left])
                    if len(part) > left:
                        file.write(b"\n... the rest of the output is dropped\n")
                left -= len(part)
                *lines, rest = (rest + part).split(b"\n")
                rest = rest.rpartition(b"\r")[2][-LONGEST_LINE * 50 :]
                for line in lines:
                    self._read(line)
            self._read(rest)

    def _read(self, line: bytes) -> None:
        text = line.rpartition(b"\r")[2].decode(errors="replace").strip()
        if text:
            self._last.append(text[:LONGEST_LINE])
        if text.startswith("{") and text.endswith("}"):
            with contextlib.suppress(ValueError, RecursionError):
                if isinstance(content := json.loads(text), dict):
                    self._json.append(content)
