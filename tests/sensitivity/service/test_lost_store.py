"""A service whose SQLite file goes away: an outage in one line for readers and writers, and the file that is
there next is used."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import httpx
import pytest

from sensitivity.service.settings import Settings
from tests.sensitivity.lost_files import cut, delete, empty, move, move_beside_another, replace
from tests.sensitivity.service.served import SPEC, Held, answered, until

STUDIES = "/api/v1/studies"
GONE = {
    "deleted": (delete, "the file was deleted"),
    "moved away": (move, "the file was moved away"),
    "emptied": (empty, "the file was truncated"),
}


@pytest.mark.parametrize(("happen", "reason"), GONE.values(), ids=GONE)
def test_readers_and_writers_hear_of_an_outage_and_no_file_is_made(
    client: httpx.Client, settings: Settings, held: Held, happen: Callable[[pathlib.Path], None], reason: str
) -> None:
    store = pathlib.Path(settings.store)
    assert answered(client, "/readyz").status_code == 200
    happen(store)
    before = store.exists()
    for answer in (
        client.get("/readyz"),
        client.get(STUDIES),
        client.get(f"{STUDIES}/watched"),
        client.post(STUDIES, json=SPEC),
    ):
        assert answer.status_code == 503
        assert answer.json()["detail"] == f"store {str(store)!r}: {reason}"
    assert client.get("/healthz").status_code == 200
    assert held.started == []
    assert store.exists() == before


@pytest.mark.parametrize("happen", [replace, move_beside_another])
def test_the_file_that_replaces_the_store_is_served(
    client: httpx.Client, settings: Settings, happen: Callable[[pathlib.Path], None]
) -> None:
    assert [row["name"] for row in answered(client, STUDIES).json()] == ["watched"]
    happen(pathlib.Path(settings.store))
    names = ["another"] if happen is replace else ["watched"]
    until(lambda: [row["name"] for row in answered(client, STUDIES).json()] == names)
    assert client.get("/readyz").status_code == 200


def test_a_store_cut_in_two_is_an_outage(client: httpx.Client, settings: Settings) -> None:
    cut(pathlib.Path(settings.store))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "truncated" in answer.json()["detail"] or "malformed" in answer.json()["detail"]
