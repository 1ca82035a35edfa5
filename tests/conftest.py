"""Settings of every test: the same examples on every run, no deadline for a busy machine to miss, SIGINT that
interrupts, the mark of tests that start something large, and the files that begin."""

from __future__ import annotations

import pathlib
import signal

import pytest
from hypothesis import settings

from trainables.precision import pin_products

LARGE = {"cluster", "postgres", "browser"}
"""Fixtures that start Ray, PostgreSQL or a browser: `make test` leaves their tests to `make test-all`."""

FIRST = (
    "sensitivity/test_running.py",
    "sensitivity/browser/test_awkward.py",
    "sensitivity/test_clusters.py",
    "test_readme.py",
    "sensitivity/test_jobs.py",
    "sensitivity/service/test_end_to_end.py",
    "sensitivity/test_surroundings.py",
    "sensitivity/service/test_security_service.py",
    "sensitivity/test_autoscaling.py",
    "sensitivity/browser/test_accessible.py",
    "sensitivity/test_cli.py",
    "sensitivity/test_own_trainables.py",
    "sensitivity/service/test_routes.py",
    "sensitivity/test_run_lock.py",
    "sensitivity/test_lost_stores.py",
    "sensitivity/service/test_large_store.py",
    "sensitivity/test_odd_tables.py",
    "sensitivity/measures/test_odd_results.py",
    "trainables/test_variant_space.py",
)
"""The files that take longest: they begin first, so that none is left to one worker at the end."""
TESTS = pathlib.Path(__file__).parent

pin_products()  # as in a worker, before the first matrix product
settings.register_profile("reproducible", derandomize=True, deadline=None, database=None)
settings.load_profile("reproducible")
# The background jobs of a shell ignore SIGINT, and so would the processes that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that start Ray, PostgreSQL or a browser as slow; begin with the longest files."""
    place_of = {TESTS / name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: place_of.get(item.path, len(FIRST)))
    for item in items:
        parameters = getattr(item, "callspec", None)
        place = parameters.params.get("place") if parameters is not None else None
        if LARGE & set(getattr(item, "fixturenames", ())) or place == "postgresql":
            item.add_marker(pytest.mark.slow)
