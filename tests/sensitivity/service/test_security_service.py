"""The whole service behind its guard: paths that lead out of its folder, and the dashboard under its content
policy, in a browser."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import select
import shutil
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sensitivity.service.settings import Settings
from tests.sensitivity.dashboard.stored import plan
from tests.sensitivity.service.guarded import READER, WRITER, bearer, token_file
from tests.sensitivity.service.served import SPEC, Held, answered, served

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
SECRET = "what nobody should read"
SOON = 60_000
"""Milliseconds that the browser is waited for: a busy machine measures slowly."""
PAGES = (
    "/",
    "/study/watched",
    "/study/watched?ask=matters",
    "/study/watched/trials",
    "/study/watched/space",
    "/compare?study=watched",
)


@pytest.fixture
def guarded_settings(settings: Settings, tmp_path: pathlib.Path) -> Settings:
    return dataclasses.replace(settings, token_file=token_file(tmp_path))


TRAVERSALS = [
    "..", ".", "%2e%2e", "%2e%2e%2f%2e%2e%2fsecret.txt", "..%2f..%2fsecret.txt", "..%5c..%5csecret.txt", "%252e%252e%252fsecret.txt",
    "%2fetc%2fpasswd", "a%00b", "a%0d%0aSet-Cookie:%20x=1", "~", "....%2f%2fsecret.txt",
]  # fmt: skip


@pytest.mark.slow
def test_no_name_leads_out_of_the_data_folder(
    client: httpx.Client, settings: Settings, held: Held, tmp_path: pathlib.Path
) -> None:
    for place in (
        tmp_path / "secret.txt",
        settings.data / "secret.txt",
        settings.data / "studies" / "secret.txt",
    ):
        place.write_text(SECRET)
    before = sorted(each for each in tmp_path.rglob("*") if not each.name.startswith("results.sqlite"))
    for name in TRAVERSALS:
        for path in ("", "/log", "/report"):
            answer = client.get(
                httpx.URL(f"{client.base_url}", raw_path=f"/api/v1/studies/{name}{path}".encode())
            )
            assert answer.status_code in (200, 400, 404, 422), (name, path)
            assert SECRET not in answer.text
            assert "set-cookie" not in answer.headers
        for page in (
            f"/assets/{name}",
            f"/download/{name}.csv",
            f"/_dash-component-suites/dash/{name}",
            f"/{name}",
        ):
            answer = client.get(httpx.URL(f"{client.base_url}", raw_path=page.encode()))
            assert SECRET not in answer.text
        client.delete(
            httpx.URL(f"{client.base_url}", raw_path=f"/api/v1/studies/{name}?confirm={name}".encode())
        )
        client.post("/api/v1/studies", json={**SPEC, "name": httpx.URL(f"http://x/?n={name}").params["n"]})
    assert (
        sorted(each for each in tmp_path.rglob("*") if not each.name.startswith("results.sqlite")) == before
    )
    assert not held.started


@pytest.mark.parametrize(
    "begin",
    [b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: ", b"GET /"],
    ids=["a header", "an address"],
)
def test_no_head_is_read_without_end(client: httpx.Client, begin: bytes) -> None:
    """Whatever parsers are installed: the guard is asked only when the head is there, so a stranger could
    fill the memory."""
    sent = 0
    with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=30) as stranger:
        stranger.sendall(begin)
        with contextlib.suppress(ConnectionError):
            while sent < 50_000_000:
                stranger.sendall(b"x" * 65_536)
                sent += 65_536
                if select.select([stranger], [], [], 0)[0]:  # an answer, or the end
                    break
    assert sent < 10_000_000, "what the sockets hold, and no more"


def test_a_hostile_name_of_the_store_keeps_to_its_folder(client: httpx.Client, settings: Settings) -> None:
    """A study that ran here may have any name; over the network it is asked for percent-encoded."""
    store, _ = plan(pathlib.Path(settings.store), name="../../x\r\nSet-Cookie: y=1")
    store.close()
    answer = answered(client, "/api/v1/studies/..%2F..%2Fx%0D%0ASet-Cookie:%20y=1")
    assert (answer.status_code, answer.json()["name"]) == (200, "../../x\r\nSet-Cookie: y=1")
    assert "set-cookie" not in answer.headers


def test_an_error_of_the_service_shows_nothing_of_it(
    guarded_settings: Settings, held: Held, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither the answer nor the log has a token; the server notes no requests."""
    monkeypatch.setenv("SENSITIVITY_TOKEN", "environment-" + "e" * 32)
    with served(guarded_settings, held) as client:
        assert "SENSITIVITY_TOKEN" not in os.environ
        assert client.get("/openapi.json").status_code == 401
        document = client.get("/openapi.json", headers=bearer(READER)).json()
        assert document["components"]["securitySchemes"] == {
            "HTTPBearer": {"type": "http", "scheme": "bearer"}
        }
        assert {"401", "403", "413", "429"} <= set(document["paths"]["/api/v1/studies"]["post"]["responses"])
        client.get(f"/api/v1/studies?token={WRITER}")
        monkeypatch.setattr("sensitivity.service.routes.studies.lister", None)  # a bug, as there may be one
        answer = client.get("/api/v1/studies", headers=bearer(WRITER))
        assert answer.status_code == 500
        assert answer.json()["detail"] == "the service failed; its log says why"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["connection"] == "close"
    logged = "".join(capfd.readouterr())
    assert not [each for each in (WRITER, READER, "environment-", "token=") if each in logged]


@pytest.mark.parametrize("argument", ["draws=1000000000", "draws=1e9", "draws=inf"])
def test_a_reader_does_not_take_the_memory(reader: httpx.Client, argument: str) -> None:
    answer = reader.get("/api/v1/studies/watched/measures/best_loss", params={"with": argument})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("draws of best_loss must be at most 10,000, got")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window. Skips where there is none."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if found is None:
        pytest.skip(f"needs one of {', '.join(CHROMIUMS)} on the path, or its path in CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.mark.slow
def test_the_dashboard_works_under_its_policy(guarded_settings: Settings, held: Held, browser: Any) -> None:
    """A reader logs in, sees every page drawn, changes the theme, downloads, opens the report, and logs out;
    nothing breaks the policy."""
    with served(guarded_settings, held) as client:
        context = browser.new_context()
        context.set_default_timeout(SOON)
        page = context.new_page()
        wrong: list[str] = []
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        base = str(client.base_url)

        page.goto(f"{base}/study/watched")
        page.get_by_label("Token").fill(READER)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/study/watched")
        for path in PAGES:
            page.goto(base + path)
            page.wait_for_selector("main h1")
            page.wait_for_function("() => !document.querySelector('main .measuring')")
        page.goto(f"{base}/study/watched")
        page.wait_for_function(
            "() => document.querySelectorAll('main .scatterlayer .points path.point').length > 0"
        )
        before = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.click("#toggle")
        page.wait_for_function(f"() => getComputedStyle(document.body).backgroundColor !== {before!r}")

        page.goto(f"{base}/study/watched/trials")
        with page.expect_download() as downloading:
            page.locator("a[href*='download/trials']").first.click()
        assert downloading.value.suggested_filename == "trials.csv"

        answered(client, "/api/v1/studies/watched/report", headers=bearer(READER))
        page.goto(f"{base}/api/v1/studies/watched/report")
        page.wait_for_function("() => document.querySelectorAll('svg').length > 3")
        assert not wrong
        reached = page.evaluate("fetch('/api/v1/studies').then(() => 'the service', () => 'nothing')")
        assert reached == "nothing", "a report cannot ask the service"

        page.goto(base)
        page.get_by_role("link", name="Account").click()
        page.get_by_role("button", name="Log out").click()
        page.goto(f"{base}/study/watched")
        assert "/login?next=" in page.url
        context.close()
