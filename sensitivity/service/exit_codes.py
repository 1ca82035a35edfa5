"""Exit of a study's process: a file in the study's folder, and the exit codes in that file."""

from __future__ import annotations

ENDED = "ended.json"
"""File in a study's folder, with the exit code of its process; written as the last thing that the process
does."""
FAILED, KILLED = 1, 143
"""Exit codes of a process that raised, and of one that SIGTERM ended."""
