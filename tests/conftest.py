"""What holds for every test: the same examples on every run, no deadline for a busy machine to miss, and one Ray at a time."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("reproducible", derandomize=True, deadline=None, database=None)
settings.load_profile("reproducible")

STARTS_RAY = frozenset(
    f"test_{name}"
    for name in (
        "campaign",
        "cli",
        "cli_paper",
        "cli_tables",
        "clusters",
        "early_stopping",
        "from_ray",
        "jobs",
        "known_answers",
        "outages",
        "own_trainables",
        "readme",
        "running",
    )
)
"""Modules whose tests start Ray, or kill what does: side by side they would take each other's cores, so one process runs them all."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With ``pytest --numprocesses N --dist loadgroup`` what starts Ray stays together, and everything else runs beside it."""
    for item in items:
        if item.path.stem in STARTS_RAY:
            item.add_marker(pytest.mark.xdist_group("ray"))
