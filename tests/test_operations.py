"""The commands of docs/operations.md that save a store and bring it back, run as they stand, on stores of
their own."""

from __future__ import annotations

import os
import pathlib
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pandas as pd
import pytest

from sensitivity.store.store import Store
from tests.contracts import report, trial
from tests.postgres import PASSWORD, Server, missing, programs

ROOT = pathlib.Path(__file__).parents[1]
PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
SQLITE, POSTGRESQL = re.findall(
    r"```console\n(.*?)```", PAGE.partition("## Backup and restore")[2].partition("\n## ")[0], flags=re.DOTALL
)


def fill(place: str) -> None:
    """A study with a trial that has ended, one under way and one to come."""
    trials = [trial(0.1), trial(0.2), trial(0.3)]
    with closing(Store(place)) as store:
        store.add_study("s", "{}", trials)
        store.record(
            trials[0].key, initial_loss=1.0, reports=[report(1), report(2, "completed", accuracy=0.5)]
        )
        store.record(trials[1].key, initial_loss=1.0, reports=[report(1)])


def content(place: str) -> list[pd.DataFrame]:
    with closing(Store(place, create=False)) as store:
        return [store.trials("s"), store.epochs("s")]


def succeeds(commands: str, folder: pathlib.Path, **environment: str) -> None:
    for line in commands.splitlines():
        program, *rest = shlex.split(line)
        command = (
            [sys.executable, "-m", "sensitivity.command.main"]
            if program == "sensitivity"
            else [str((programs() or folder) / program)]
        )
        given = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
        ended = subprocess.run(
            [*command, *rest], cwd=folder, env=given, capture_output=True, text=True, timeout=120
        )
        assert ended.returncode == 0, f"{line}: {ended.stdout}{ended.stderr}"


def same(one: str, other: str) -> bool:
    return all(a.equals(b) for a, b in zip(content(one), content(other), strict=True))


@pytest.mark.slow
def test_a_file_is_saved_and_restored(tmp_path: pathlib.Path) -> None:
    fill(str(tmp_path / "studies.sqlite"))
    succeeds(SQLITE, tmp_path)
    assert same(str(tmp_path / "studies.sqlite"), str(tmp_path / "restored.sqlite"))


@pytest.fixture
def server() -> Iterator[Server]:
    if reason := missing():
        pytest.skip(reason)
    with closing(Server()) as started:
        yield started


@pytest.mark.slow
def test_a_database_is_dumped_and_restored(server: Server, tmp_path: pathlib.Path) -> None:
    places = {name: server.database(name) for name in ("studies", "restored")}
    fill(places["studies"])
    environment = {"PGHOST": str(server.folder), "PGPASSWORD": PASSWORD}
    succeeds(POSTGRESQL.replace("ada@db/", "ada@/"), tmp_path, **environment)
    assert same(places["studies"], places["restored"])
