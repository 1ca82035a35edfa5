"""Settings of every test: the same examples on every run, no deadline for a busy machine to miss, SIGINT that
interrupts, and the mark of tests that start something large."""

from __future__ import annotations

import signal

import pytest
from hypothesis import settings

from trainables.precision import pin_products

LARGE = {"cluster", "postgres", "browser"}
"""Fixtures that start Ray, PostgreSQL or a browser: `make test` leaves their tests to `make test-all`."""

pin_products()  # as in a worker, before the first matrix product
settings.register_profile("reproducible", derandomize=True, deadline=None, database=None)
settings.load_profile("reproducible")
# The background jobs of a shell ignore SIGINT, and so would the processes that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that start Ray, PostgreSQL or a browser as slow."""
    for item in items:
        parameters = getattr(item, "callspec", None)
        place = parameters.params.get("place") if parameters is not None else None
        if LARGE & set(getattr(item, "fixturenames", ())) or place == "postgresql":
            item.add_marker(pytest.mark.slow)
