"""Server-sent events: what listeners hear, and what listening costs."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from sensitivity.service import events
from sensitivity.service.events import Events
from sensitivity.service.models import Counts, StudySummary
from sensitivity.service.problems import Later
from tests.sensitivity.service.served import SPEC, Held


class Studies:
    """One study that runs, and how often it was looked at."""

    def __init__(self) -> None:
        self.completed, self.state, self.looks = 0, "running", 0

    def __call__(self) -> dict[str, StudySummary]:
        self.looks += 1
        counts = Counts(completed=self.completed)
        return {
            "a": StudySummary(name="a", state=self.state, asked=None, error=None, trials=4, counts=counts)
        }  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "EVERY", 0.01)


async def heard(told: Events, last: str | None = None) -> list[tuple[str | None, int, str | None]]:
    """Kind, completed trials and id of every event until the stream ends."""
    return [
        (each.event, json.loads(str(each.raw_data))["counts"]["completed"], each.id)
        async for each in told.of("a", last)
    ]


def test_many_listeners_hear_the_same_and_cost_one_reader() -> None:
    studies = Studies()
    told = Events(studies)

    async def listen() -> list[list[tuple[str | None, int, str | None]]]:
        listening = [asyncio.create_task(heard(told)) for _ in range(50)]
        while told.listeners < 50 or studies.looks < 3:
            await asyncio.sleep(0.01)
        looks = studies.looks
        studies.completed = 1
        await asyncio.sleep(0.2)
        assert studies.looks - looks <= 21, "a look every 0.01 s, not one for each listener"
        studies.state = "completed"
        return await asyncio.gather(*listening)

    found = asyncio.run(listen())
    assert [[each[:2] for each in one] for one in found] == [
        [("progress", 0), ("progress", 1), ("progress", 1), ("end", 1)]
    ] * 50
    assert told.listeners == 0


def test_nobody_listens_nobody_looks() -> None:
    studies = Studies()
    studies.state = "completed"
    told = Events(studies)

    async def listen() -> int:
        await heard(told)
        looks = studies.looks
        await asyncio.sleep(0.1)
        return studies.looks - looks

    assert asyncio.run(listen()) <= 1


def test_who_comes_back_hears_only_what_is_new() -> None:
    studies = Studies()
    studies.state = "completed"

    async def twice() -> tuple[
        list[tuple[str | None, int, str | None]], list[tuple[str | None, int, str | None]]
    ]:
        told = Events(studies)
        first = await heard(told)
        return first, await heard(told, first[0][2])

    first, again = asyncio.run(twice())
    assert [each[0] for each in first] == ["progress", "end"]
    assert [each[0] for each in again] == ["end"]


def test_a_service_that_stops_ends_the_streams() -> None:
    async def stop() -> list[tuple[str | None, int, str | None]]:
        told = Events(Studies())
        listening = asyncio.create_task(heard(told))
        while not told.listeners:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        told.close()
        return await asyncio.wait_for(listening, 10)

    assert [each[0] for each in asyncio.run(stop())] == ["progress"]


def test_over_http(reader: httpx.Client) -> None:
    """As a browser's EventSource reads them."""
    with reader.stream("GET", "/api/v1/studies/watched/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = list(answer.iter_lines())
    assert lines[0] == "event: progress"
    assert json.loads(lines[1].removeprefix("data: "))["state"] == "elsewhere"
    identity = lines[2].removeprefix("id: ")
    assert "event: end" in lines
    with reader.stream(
        "GET", "/api/v1/studies/watched/events", headers={"Last-Event-ID": identity}
    ) as answer:
        assert "event: progress" not in list(answer.iter_lines())
    assert reader.get("/api/v1/studies/wached/events").status_code == 404


def test_listeners_leave_room_for_those_of_other_addresses() -> None:
    told = Events(Studies(), most=4)
    with told.place("a"), told.place("a"):
        with (
            pytest.raises(
                Later, match="4 streams of events at once, half of them from one address, are the most"
            ),
            told.place("a"),
        ):
            pass
        with told.place("b"), told.place("c"), pytest.raises(Later), told.place("d"):
            pass
    with told.place("a"), told.place("a"):
        pass


def test_a_stream_too_many_is_refused_and_gives_its_connection_back(client: httpx.Client, held: Held) -> None:
    client.post("/api/v1/studies", json=SPEC)
    with client.app.state.context.events.place("127.0.0.1"):  # type: ignore[attr-defined]
        client.app.state.context.events._most = 1  # type: ignore[attr-defined]
        refused = client.get("/api/v1/studies/small/events")
    assert (refused.status_code, refused.headers["retry-after"], refused.headers["connection"]) == (
        503,
        "5",
        "close",
    )
    assert refused.json()["detail"].startswith("1 streams of events at once")
    with client.stream("GET", "/api/v1/studies/small/events") as answer:
        assert answer.status_code == 200
