"""One browser and one store for the tests of a file."""

from __future__ import annotations

import functools
import os
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sensitivity.reporting import write_report
from sensitivity.results.results import Results
from sensitivity.store.store import Store
from tests.browsing import AXE, CHROMIUMS, chromium, opened, served
from tests.sensitivity.dashboard.cases import AWKWARD, awkward_store


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window. Skips where there is none."""
    path = chromium()
    if path is None:
        pytest.skip(f"needs one of {', '.join(CHROMIUMS)} on the path, or its path in CHROMIUM")
    with opened(path) as found:
        yield found


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core. Skips where it is not."""
    found = pathlib.Path(os.environ.get("AXE_CORE", AXE))
    if not found.exists():
        pytest.skip(f"needs axe-core at {AXE} (.ci/axe fetches it with npm), or its path in AXE_CORE")
    return found.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A store of every awkward study."""
    return awkward_store(tmp_path_factory.mktemp("stored") / "results.sqlite")


@pytest.fixture(scope="module")
def address(stored: pathlib.Path) -> Iterator[str]:
    """The address of a dashboard over :func:`stored`."""
    with served(stored) as found:
        yield found


@pytest.fixture(scope="session")
def report(stored: pathlib.Path) -> Callable[[str], str]:
    """The address of the report of an awkward study, by its name."""

    @functools.cache
    def written(name: str) -> str:
        store = Store(stored)
        results = Results.from_store(store, name)
        store.close()
        return write_report(results, stored.parent / str(list(AWKWARD).index(name))).as_uri()

    return written
