"""Changes of studies over the API: notes, a plan, more seeds, another name; and who may make them."""

from __future__ import annotations

import json
import pathlib
from dataclasses import replace
from typing import Any

import httpx
import pytest

from sensitivity.results.results import IMPORTED
from sensitivity.service.settings import Settings
from sensitivity.store.store import Store
from tests.sensitivity.service.guarded import READER, WRITER, bearer, token_file
from tests.sensitivity.service.served import SPEC, Held, served, until

STUDIES = "/api/v1/studies"
WATCHED = f"{STUDIES}/watched"
EMPTY = {"note": "", "tags": [], "star": False}


def state(client: httpx.Client, name: str = "small") -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"{STUDIES}/{name}").json()
    return found


def ended(client: httpx.Client, held: Held, name: str, code: int = 0) -> None:
    """Let the process of a study end, and wait until the service has seen it."""
    held.end(client.app.state.context.runs.folder(name), name, code)  # type: ignore[attr-defined]
    until(lambda: state(client, name)["state"] not in ("queued", "running"))


def test_notes_are_changed_part_by_part_and_outlast_the_service(settings: Settings, held: Held) -> None:
    with served(settings, held) as client:
        assert client.get(f"{WATCHED}/annotation").json() == EMPTY
        assert client.patch(f"{WATCHED}/annotation", json={"note": "for √"}).json() == {
            **EMPTY,
            "note": "for √",
        }
        changed = client.patch(f"{WATCHED}/annotation", json={"tags": ["paper"], "star": True}).json()
        assert changed == {"note": "for √", "tags": ["paper"], "star": True}
        key = client.get(f"{WATCHED}/trials", params={"limit": 1}).json()["trials"][0]["key"]
        client.patch(f"{WATCHED}/trials/{key}/annotation", json={"note": "odd"})
    with served(settings, held) as client:
        assert state(client, "watched")["annotation"] == changed
        assert client.get(STUDIES).json()[0]["annotation"] == changed
        assert client.get(f"{WATCHED}/annotations").json() == [{"key": key, **EMPTY, "note": "odd"}]
        assert client.get(f"{WATCHED}/trials/{key}/annotation").json() == {**EMPTY, "note": "odd"}
        assert client.delete(WATCHED, params={"confirm": "watched"}).status_code == 204
        assert client.app.state.context.source.annotations() == {}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "detail"),
    [
        ("PATCH", "wached/annotation", {}, 404, "did you mean 'watched'?"),
        ("PATCH", "watched/trials/none/annotation", {}, 404, "has no trial 'none'"),
        ("PATCH", "watched/annotation", {"stars": 1}, 422, "stars: extra inputs are not permitted"),
        (
            "PATCH",
            "watched/annotation",
            {"note": "x" * 10_001},
            422,
            "note must have at most 10,000 characters",
        ),
        ("PATCH", "watched/annotation", {"tags": ["a,b"]}, 422, "a tag must have 1 to 50 printed characters"),
        ("PATCH", "watched/annotation", {"note": "x" * 1_000_001}, 413, "at most 1,000,000 bytes"),
        ("POST", "watched/extend", {"seeds": -1}, 422, "seeds: input should be greater than or equal to 0"),
        ("POST", "watched/extend", {}, 422, "seeds: field required"),
        ("POST", "wached/extend", {"seeds": 1}, 404, "did you mean 'watched'?"),
        ("POST", "watched/extend", {"seeds": 9}, 422, "132 trials, at most 100 are allowed"),
        ("POST", "watched/rename", {"name": "a/b"}, 422, "name of a study must have"),
        ("POST", "watched/rename", {"name": "watched"}, 409, "study 'watched' is there already"),
        ("POST", "wached/rename", {"name": "b"}, 404, "did you mean 'watched'?"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    reader: httpx.Client, method: str, path: str, body: dict[str, Any], status: int, detail: str
) -> None:
    answer = reader.request(method, f"{STUDIES}/{path}", json=body)
    assert answer.status_code == answer.json()["status"] == status
    assert detail in answer.json()["detail"]


def test_a_lone_half_of_a_character_is_refused(reader: httpx.Client) -> None:
    answer = reader.patch(
        f"{WATCHED}/annotation", content=b'{"note": "\\ud800"}', headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422


def test_a_plan_has_trials_and_hours_and_changes_nothing(client: httpx.Client, held: Held) -> None:
    answer = client.post("/api/v1/plan", json={**SPEC, "seeds": 3}).json()
    assert (answer["name"], answer["trials"], answer["stored"]) == ("small", 6, 0)
    assert answer["rows"][0]["variant"] == "sgd"
    assert answer["hours"] > 0
    assert "6 trials: about" in answer["summary"]
    assert [study["name"] for study in client.get(STUDIES).json()] == ["watched"]
    assert held.started == []
    client.post(STUDIES, json=SPEC)
    other = client.post("/api/v1/plan", json={**SPEC, "epochs": 2})
    assert (other.status_code, "differs: epochs is 1, got 2" in other.text) == (409, True)


def test_a_refused_plan_names_everything_at_once(reader: httpx.Client) -> None:
    wrong = {**SPEC, "name": "a/b", "tasks": ["mlp/digit"], "variants": ["adm"]}
    detail = reader.post("/api/v1/plan", json=wrong).json()["detail"]
    for words in ("name of a study must have", "did you mean 'mlp/digits'?", "did you mean 'adam'?"):
        assert words in detail
    both = reader.post(
        "/api/v1/plan", json={**SPEC, "seeds": 1001, "spaces": {"sgd": [{"name": "a:b"}]}}
    ).json()
    assert "seeds must be at most 1,000" in both["detail"]
    assert "is an import path" in both["detail"]


def test_more_seeds_are_queued_behind_those_that_wait(client: httpx.Client, held: Held) -> None:
    assert client.post(STUDIES, json=SPEC).json()["state"] == "running"
    running = client.post(f"{STUDIES}/small/extend", json={"seeds": 2})
    assert (running.status_code, "is running; extend it when it has ended" in running.text) == (409, True)
    waits = client.post(STUDIES, json={**SPEC, "name": "waits"}).json()
    assert (waits["state"], waits["waits_for"]) == ("queued", ["small"])
    longer = client.post(f"{STUDIES}/waits/extend", json={"seeds": 1}).json()
    assert (longer["state"], longer["trials"], longer["spec"]["seeds"]) == ("queued", 4, [0, 1])
    ended(client, held, "small")
    until(lambda: state(client, "waits")["state"] == "running")
    extended = client.post(f"{STUDIES}/small/extend", json={"seeds": 2}).json()
    assert (extended["state"], extended["waits_for"], extended["trials"]) == ("queued", ["waits"], 6)
    assert extended["spec"]["seeds"] == [0, 1, 2]
    assert client.post(f"{STUDIES}/small/cancel").json()["state"] == "cancelled"
    again = client.post(f"{STUDIES}/small/extend", json={"seeds": 0}).json()
    assert (again["state"], again["spec"]["seeds"]) == ("queued", [0, 1, 2])


def test_a_study_of_elsewhere_is_taken_over_with_more_seeds(client: httpx.Client) -> None:
    extended = client.post(f"{WATCHED}/extend", json={"seeds": 1}).json()
    assert "detail" not in extended, extended
    assert (extended["state"], extended["trials"]) == ("running", 72)
    assert extended["spec"]["seeds"] == [0, 1, 2]


def test_what_cannot_have_more_seeds_says_why(client: httpx.Client, held: Held, settings: Settings) -> None:
    client.post(STUDIES, json={**SPEC, "design": {"kind": "adaptive", "n": 4}})
    ended(client, held, "small")
    adaptive = client.post(f"{STUDIES}/small/extend", json={"seeds": 1})
    assert (adaptive.status_code, "is adaptive: its configurations" in adaptive.text) == (409, True)
    assert client.post(f"{STUDIES}/small/extend", json={"seeds": 0}).status_code == 202
    store = Store(settings.store)
    store.add_study("table", json.dumps({"name": "table", IMPORTED: True}), [])
    store.close()
    client.app.state.context.source.invalidate()  # type: ignore[attr-defined]
    imported = client.post(f"{STUDIES}/table/extend", json={"seeds": 1})
    assert (imported.status_code, "was imported" in imported.text) == (409, True)


def test_a_renamed_study_keeps_its_files_and_results(
    client: httpx.Client, held: Held, settings: Settings
) -> None:
    client.post(STUDIES, json=SPEC)
    assert client.post(f"{STUDIES}/small/rename", json={"name": "new"}).status_code == 409
    ended(client, held, "small")
    (client.app.state.context.runs.folder("small") / "log.txt").write_text("said")  # type: ignore[attr-defined]
    renamed = client.post(f"{STUDIES}/small/rename", json={"name": "New 2"}).json()
    assert (renamed["name"], renamed["state"], renamed["spec"]["name"]) == ("New 2", "completed", "New 2")
    assert client.get(f"{STUDIES}/New 2/log").text == "said"
    assert client.get(f"{STUDIES}/small").status_code == 404
    like = client.post(f"{WATCHED}/rename", json={"name": "new 2"})
    assert (like.status_code, "only in case" in like.text) == (409, True)
    client.patch(f"{WATCHED}/annotation", json={"star": True})
    assert client.post(f"{WATCHED}/rename", json={"name": "seen"}).json()["annotation"]["star"] is True
    assert client.get(f"{STUDIES}/seen/trials").json()["total"] == 48
    assert {study["name"] for study in client.get(STUDIES).json()} == {"New 2", "seen"}


def test_a_renamed_study_is_found_by_the_next_service(settings: Settings, held: Held) -> None:
    with served(settings, held) as client:
        client.post(STUDIES, json=SPEC)
        ended(client, held, "small")
        client.post(f"{STUDIES}/small/rename", json={"name": "new"})
    with served(settings, held) as client:
        assert state(client, "new")["state"] == "completed"
        assert client.post(STUDIES, json={**SPEC, "name": "new"}).status_code == 200


WRITES = [
    ("PATCH", f"{WATCHED}/annotation", {"star": True}),
    ("PATCH", f"{WATCHED}/trials/0/annotation", {"star": True}),
    ("POST", "/api/v1/plan", SPEC),
    ("POST", f"{WATCHED}/extend", {"seeds": 1}),
    ("POST", f"{WATCHED}/rename", {"name": "x"}),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_nobody_writes_without_a_token_that_may(
    settings: Settings, tmp_path: pathlib.Path, method: str, path: str, body: dict[str, Any]
) -> None:
    with served(replace(settings, token_file=token_file(tmp_path)), Held()) as client:
        assert client.request(method, path, json=body).status_code == 401
        refused = client.request(method, path, json=body, headers=bearer(READER))
        assert (refused.status_code, "this token may read" in refused.text) == (403, True)
        client.post("/login", data={"token": WRITER}, headers={"origin": str(client.base_url).rstrip("/")})
        foreign = {"origin": "https://example.com", "sec-fetch-site": "cross-site"}
        assert client.request(method, path, json=body, headers=foreign).status_code == 403
        assert client.get(f"{WATCHED}/annotation").json() == EMPTY


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_no_other_site_writes_to_an_open_service(
    reader: httpx.Client, method: str, path: str, body: dict[str, Any]
) -> None:
    for foreign in (
        {"origin": "https://example.com"},
        {"sec-fetch-site": "cross-site"},
        {"host": "evil.example"},
    ):
        assert reader.request(method, path, json=body, headers=foreign).status_code in (403, 421)
    assert reader.get(f"{WATCHED}/annotation").json() == EMPTY
