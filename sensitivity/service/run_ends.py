"""The end of a study's process: whether the study has completed, failed, was cancelled or starts again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from sensitivity.service.exit_codes import ENDED, KILLED
from sensitivity.service.run_folders import Damaged, read_mapping

if TYPE_CHECKING:
    from sensitivity.service.run_folders import Run, RunFolders

ATTEMPTS = 3
"""How often a study is started whose process was killed, as by a restart of the machine."""


def ended_run(run: Run, folders: RunFolders) -> Run:
    """Return what has become of a study whose process is gone.

    Raises: Damaged where its note cannot be read.
    """
    file = folders[run.name] / ENDED
    code = read_mapping(file).get("code", "missing") if file.exists() else None
    if code is not None and not isinstance(code, int):
        raise Damaged(f"{ENDED} cannot be read: code is {json.dumps(code)[:50]}, not a number")
    if run.cancelled is not None and code not in (0, 1):
        return replace(run, state="cancelled")
    if code == 0:
        return replace(run, state="completed")
    killed = code is None or code == KILLED  # by SIGKILL, or by SIGTERM as when a machine shuts down
    if killed and run.attempts < ATTEMPTS:
        return replace(run, state="queued")
    reason = f"its process was killed {ATTEMPTS} times" if killed else folders.last_line(run.name)
    return replace(run, state="failed", error=reason)
