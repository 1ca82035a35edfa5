"""Services to ask: with a study that has ended, and runs that tests end themselves."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import httpx
import pytest

from sensitivity.service.settings import Settings
from tests.sensitivity.dashboard.stored import finish, plan
from tests.sensitivity.service.served import Held, served


def made(folder: pathlib.Path) -> Settings:
    """A store with the study ``watched``, all of whose 48 trials have ended, and room for one study that
    trains."""
    store, trials = plan(folder / "results.sqlite")
    finish(store, trials)
    store.close()
    return Settings(
        store=str(folder / "results.sqlite"), data=folder / "service", max_studies=1, max_trials=100
    )


@pytest.fixture
def settings(tmp_path: pathlib.Path) -> Settings:
    """Of a service of a test's own."""
    return made(tmp_path)


@pytest.fixture(scope="session")
def read_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Of the service that tests only read from."""
    return made(tmp_path_factory.mktemp("read"))


@pytest.fixture(scope="session")
def reader(read_settings: Settings) -> Iterator[httpx.Client]:
    """A service for every test that only reads."""
    with served(read_settings, Held()) as found:
        yield found


@pytest.fixture
def held() -> Iterator[Held]:
    """Studies that run until the test ends them."""
    found = Held()
    yield found
    found.close()


@pytest.fixture
def client(settings: Settings, held: Held) -> Iterator[httpx.Client]:
    """A service of a test's own."""
    with served(settings, held) as found:
        yield found
