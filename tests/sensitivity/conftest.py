"""What the tests of this folder share."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import optuna
import pytest
import ray

from sensitivity.running.compat import few_servers
from tests.postgres import Server, missing


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    """One Ray for every test that does not need a Ray of its own."""
    with few_servers():
        ray.init(
            address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
        )
    yield
    ray.shutdown()


@pytest.fixture
def quiet_optuna() -> Iterator[None]:
    """Optuna says nothing of trials that a test lets fail."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    yield
    optuna.logging.set_verbosity(before)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server for every test that needs one; a test that stops it starts it again."""
    if reason := missing():
        pytest.skip(reason)
    server = Server()
    yield server
    server.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> str:
    """An empty place for a store, in either database."""
    return (
        str(tmp_path / "s.sqlite") if request.param == "sqlite" else request.getfixturevalue("postgres").url()
    )
