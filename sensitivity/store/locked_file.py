"""A file that one process at a time can open."""

from __future__ import annotations

import fcntl
import os
import pathlib
from typing import BinaryIO, cast


def open_locked(path: pathlib.Path) -> BinaryIO:
    """Open a file for appending, create it if missing, and lock it until it is closed.

    Raises: OSError if the file cannot be opened; BlockingIOError if it is open elsewhere, also in this
    process.
    """
    while True:
        file = cast("BinaryIO", path.open("a+b", buffering=0))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file.fileno()).st_ino == path.stat().st_ino:
                file.seek(0)
                return file
        except FileNotFoundError:  # the previous owner deleted the file after it was opened here
            pass
        except BaseException:
            file.close()
            raise
        file.close()
