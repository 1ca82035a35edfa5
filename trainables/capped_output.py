"""What a trial prints, up to a limit: a user's code that prints without end must not fill the disk of its node."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from typing import TextIO


class CappedOutput:
    """Passes on what Python code prints, for each trial only the first so many characters.

    Args: most: characters of one trial, standard output and error together.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._trial = ""
        self.left = most

    @contextlib.contextmanager
    def of(self, trial: str) -> Iterator[None]:
        """What is printed meanwhile is this trial's. Args: trial: its key; another key has the full limit before it."""
        if trial != self._trial:
            self._trial, self.left = trial, self._most
        with contextlib.redirect_stdout(_Capped(self, sys.stdout)), contextlib.redirect_stderr(_Capped(self, sys.stderr)):
            yield

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
