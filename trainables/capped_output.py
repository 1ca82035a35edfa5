"""Limit on the output of a trial: code that prints without end must not fill the disk of its node."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO

DESCRIPTORS = (1, 2)
"""File descriptors of standard output and standard error."""


class CappedOutput:
    """Forward the printed output of Python code, up to a number of characters a trial.

    The descriptors of standard output and error are restored after a trial that closes or redirects them.

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
        """Count the output of the body against a trial's limit.

        Args:
            trial: key of the trial; a key other than that of the previous call starts with the full limit.
        """
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
        """Close the copies of the descriptors."""
        while self._descriptors:
            os.close(self._descriptors.popitem()[1])

    def passed(self, text: str) -> str:
        """Return the part of a printed text that the trial may still print, and once a note that the rest is
        dropped.
        """
        passed, before = text[: max(self.left, 0)], self.left
        self.left -= len(text)
        if before >= 0 > self.left:
            limit = f"{self._most:,} characters"
            passed += f"\n... trial {self._trial} printed more than {limit}; the rest is dropped\n"
        return passed


class _Capped(io.TextIOBase):
    """A text stream that forwards to another stream."""

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
    """Return device and inode of an open descriptor; None if it is closed."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino
