"""The output of a trial, up to a limit: code that prints without end must not fill the disk of its node, nor close what others print to."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO

DESCRIPTORS = (1, 2)
"""Of the standard output and error of a process."""


class CappedOutput:
    """Passes on what Python code prints, for each trial only the first so many characters.

    A trial that closes the descriptors of standard output or error, or redirects them, does so for itself: afterwards they are as before.

    Args:
        most: characters of one trial, standard output and error together.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._trial = ""
        self.left = most
        self._descriptors = {
            descriptor: os.dup(descriptor) for descriptor in DESCRIPTORS if _identity(descriptor) is not None
        }

    @contextlib.contextmanager
    def of(self, trial: str) -> Iterator[None]:
        """What is printed meanwhile is this trial's. Args: trial: its key; another key has the full limit before it."""
        if trial != self._trial:
            self._trial, self.left = trial, self._most
        with (
            contextlib.redirect_stdout(_Capped(self, sys.stdout)),
            contextlib.redirect_stderr(_Capped(self, sys.stderr)),
        ):
            try:
                yield
            finally:
                for descriptor, copy in self._descriptors.items():
                    if _identity(descriptor) != _identity(copy):
                        os.dup2(copy, descriptor)

    def close(self) -> None:
        """Let go of the descriptors."""
        while self._descriptors:
            os.close(self._descriptors.popitem()[1])

    def passed(self, text: str) -> str:
        """What of a text is passed on; the line that reaches the limit says so."""
        passed, before = text[: max(self.left, 0)], self.left
        self.left -= len(text)
        if before >= 0 > self.left:
            passed += f"\n... trial {self._trial} printed more than {self._most:,} characters; the rest is dropped\n"
        return passed


class _Capped(io.TextIOBase):
    """A text stream in front of another."""

    def __init__(self, output: CappedOutput, stream: TextIO) -> None:
        super().__init__()
        self._output, self._stream = output, stream

    def flush(self) -> None:
        self._stream.flush()

    def fileno(self) -> int:
        return self._stream.fileno()

    def write(self, text: str) -> int:
        passed = self._output.passed(text)
        if passed:
            self._stream.write(passed)
        return len(text)


def _identity(descriptor: int) -> tuple[int, int] | None:
    """The device and inode that a descriptor is open for; None where it is closed."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino
