"""Requests that no ordinary client sends: odd paths, HEAD, two lengths of one body, truth values for
numbers."""

from __future__ import annotations

import socket

import httpx
import pytest

from sensitivity.service.run_folders import RUN
from sensitivity.service.settings import Settings
from tests.sensitivity.service.served import SPEC


def answer(client: httpx.Client, head: str) -> bytes:
    """Return all that comes back until the service closes the connection."""
    with socket.create_connection(
        (client.base_url.host, client.base_url.port or 80), timeout=30
    ) as connection:
        connection.sendall(head.encode())
        parts = []
        while part := connection.recv(65_536):
            parts.append(part)
        return b"".join(parts)


@pytest.mark.parametrize(
    "path",
    [
        "//api",
        "//api/v1/studies",
        "///healthz",
        "/api",
        "/_dash-component-suites/dash/none.js",
        "/_dash-component-suites/none/x.js",
        "/_dash-component-suites/dash/../../../etc/passwd",
    ],
)
def test_a_path_that_is_not_there_is_404(reader: httpx.Client, path: str) -> None:
    found = answer(reader, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert found.startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        '{"output": 1}',
        '{"output": "a.b", "inputs": []}',
        '{"output": "revision.data", "inputs": []}',
        '{"output": ["templates.data"], "inputs": [{}]}',
        '{"output": "templates.data", "inputs": [1]}',
        '{"output": "templates.data", "inputs": {}}',
    ],
)
def test_what_no_page_sends_is_refused(reader: httpx.Client, body: str) -> None:
    found = reader.post("/_dash-update-component", content=body, headers={"Content-Type": "application/json"})
    assert found.status_code == 400


def test_what_a_page_sends_is_answered(reader: httpx.Client) -> None:
    asked = {
        "output": "templates.data",
        "outputs": {"id": "templates", "property": "data"},
        "inputs": [{"id": "toggle", "property": "id", "value": "toggle"}],
        "changedPropIds": ["toggle.id"],
    }
    assert reader.post("/_dash-update-component", json=asked).json()["response"]["templates"]["data"]


def test_every_path_that_has_get_has_head(reader: httpx.Client) -> None:
    document = reader.get("/openapi.json").json()
    paths = [
        path.replace("{name}", "watched") for path, methods in document["paths"].items() if "get" in methods
    ]
    plain = [path for path in ("/", *paths) if "{" not in path and not path.endswith("/log")]
    assert len(plain) > 10
    for path in plain:
        found = reader.head(path)
        assert found.status_code in (200, 202), path
        assert found.content == b""
    assert reader.head("/api/v1/studies/none").status_code == 404
    assert reader.head("/healthz").headers["content-length"] == str(len(reader.get("/healthz").content))


def test_two_lengths_of_one_body_end_the_connection(reader: httpx.Client) -> None:
    head = (
        "POST /api/v1/studies HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\nX"
    )
    found = answer(reader, head)
    assert found.startswith(b"HTTP/1.1 400 ")
    assert found.lower().count(b"http/1.1 ") == 1
    assert b"connection: close" in found.lower()


@pytest.mark.parametrize("field", ["epochs", "batch_size", "limit", "seeds", "cohort_size", "margin"])
def test_a_truth_value_is_no_number(client: httpx.Client, settings: Settings, field: str) -> None:
    refused = client.post("/api/v1/studies", json={**SPEC, field: [True] if field == "seeds" else True})
    assert refused.status_code == 422
    assert field in refused.json()["detail"]
    assert not list((settings.data / "studies").glob(f"*/{RUN}"))


def test_who_probes_hears_that_something_is_wrong_and_who_reads_hears_what(client: httpx.Client) -> None:
    assert client.get("/readyz").json() == {"status": "ok"}
    client.app.state.context.degraded.note("study 'a'", "its folder was removed")  # type: ignore[attr-defined]
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["status"] == "degraded"
    assert "sensitivity_degraded_parts 1.0" in client.get("/metrics").text
