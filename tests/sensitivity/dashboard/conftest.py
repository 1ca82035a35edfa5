"""Stores to look at: a study that has ended, and what is easily forgotten."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator

import pytest

from sensitivity.readers.source import Source
from tests.sensitivity.dashboard.stored import finish, plan


@pytest.fixture
def open_source() -> Iterator[Callable[[pathlib.Path], Source]]:
    """Sources that wait for every measure, and are closed after the test."""
    opened: list[Source] = []

    def source(place: pathlib.Path) -> Source:
        opened.append(Source(str(place), patience=60.0))
        return opened[-1]

    yield source
    for each in opened:
        each.close()


@pytest.fixture
def place(tmp_path: pathlib.Path) -> pathlib.Path:
    """A store with the study ``watched``: all 48 trials have ended."""
    found = tmp_path / "results.sqlite"
    store, trials = plan(found)
    finish(store, trials)
    store.close()
    return found


@pytest.fixture
def source(place: pathlib.Path, open_source: Callable[[pathlib.Path], Source]) -> Source:
    """The store of :func:`place`, read."""
    return open_source(place)
