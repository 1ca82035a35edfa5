"""Who gets in: without a token, with a wrong one, with one that may only read; other sites' pages; names
pointed at this machine."""

from __future__ import annotations

import asyncio
import pathlib
import re
from typing import Any

import pytest

from sensitivity.service.access import guard, required_tokens
from sensitivity.service.attempts import Attempts
from sensitivity.service.settings import Settings
from sensitivity.service.tokens import read_tokens
from tests.sensitivity.service.guarded import HERE, PAGE, READER, WRITER, Visitor, bearer, guarded, token_file
from trainables.names import InputError

STUDIES = "/api/v1/studies"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 401, id="no token"),
        pytest.param(bearer("wrong-" + "x" * 32), 401, id="a wrong token"),
        pytest.param(bearer(READER[:-1]), 401, id="all but the last character of one"),
        pytest.param(bearer(READER + "x"), 401, id="one and another character"),
        pytest.param(bearer("é" * 32), 401, id="no ASCII"),
        pytest.param({"Authorization": f"Basic {WRITER}"}, 401, id="another scheme"),
        pytest.param({"Authorization": WRITER}, 401, id="no scheme"),
        pytest.param({"Cookie": f"token={WRITER}"}, 401, id="in a cookie of one's own"),
        pytest.param(
            {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "localhost"},
            401,
            id="said to come from this machine",
        ),
        pytest.param({"Host": "127.0.0.1/healthz?"}, 401, id="the path of a probe in the Host header"),
        pytest.param(bearer(READER), 200, id="a reader"),
        pytest.param({"Authorization": f"bearer  {WRITER} "}, 200, id="a writer"),
    ],
)
def test_reading_takes_a_token(tmp_path: pathlib.Path, headers: dict[str, str], status: int) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    answer = Visitor(guarded(tmp_path)).get(STUDIES, headers=raw)
    assert answer.status_code == status
    if status == 401:
        assert answer.json().keys() == {"title", "status", "detail"}
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert READER[:8] not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "reader", "writer"),
    [
        ("GET", STUDIES, 200, 200),
        ("HEAD", "/healthz", 405, 405),
        ("POST", STUDIES, 403, 200),
        ("DELETE", f"{STUDIES}/x", 403, 200),
        ("PATCH", STUDIES, 403, 405),
        ("BREW", STUDIES, 403, 405),
        ("POST", "/_dash-update-component", 200, 200),
        ("POST", f"{STUDIES}/x/_dash-update-component", 403, 200),
    ],
)
def test_a_reader_changes_nothing(
    tmp_path: pathlib.Path, method: str, path: str, reader: int, writer: int
) -> None:
    visitor = Visitor(guarded(tmp_path))
    assert [visitor.request(method, path, headers=bearer(each)).status_code for each in (READER, WRITER)] == [
        reader,
        writer,
    ]


def test_a_probe_needs_no_token(tmp_path: pathlib.Path) -> None:
    assert Visitor(guarded(tmp_path)).get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Sec-Fetch-Site": "same-origin"}, 200, id="a page of the service"),
        pytest.param({"Origin": HERE}, 200, id="a page of the service, over plain HTTP"),
        pytest.param({"Sec-Fetch-Site": "cross-site", "Origin": HERE}, 403, id="another site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, 403, id="another port of the machine"),
        pytest.param({"Origin": "http://127.0.0.1:9999"}, 403, id="another port by its origin"),
        pytest.param({"Origin": "null"}, 403, id="a sandbox"),
        pytest.param({"Origin": "http://[broken"}, 403, id="no origin"),
        pytest.param({}, 403, id="a browser that does not say"),
    ],
)
@pytest.mark.parametrize("path", [STUDIES, "/_dash-update-component"])
def test_a_session_is_not_used_by_other_sites(
    tmp_path: pathlib.Path, path: str, headers: dict[str, str], status: int
) -> None:
    visitor = Visitor(guarded(tmp_path))
    visitor.log_in(WRITER)
    assert visitor.get(STUDIES).json() == {"access": "write"}
    assert visitor.post(path, headers=headers).status_code == status


def test_a_bearer_token_needs_no_origin(tmp_path: pathlib.Path) -> None:
    """No page of another site can send it, so programs need not say where they are."""
    visitor = Visitor(guarded(tmp_path))
    assert (
        visitor.post(STUDIES, headers={**bearer(WRITER), "Origin": "http://elsewhere.example"}).status_code
        == 200
    )


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8050", 200),
        ("localhost", 200),
        ("LOCALHOST:8050", 200),
        ("[::1]:8050", 200),
        ("rebound.example:8050", 421),
        ("127.0.0.1.rebound.example", 421),
        ("localhost.rebound.example", 421),
        ("rebound.example/localhost", 421),
        ("localhost@rebound.example", 421),
        ("rebound.example@localhost", 421),
        ("10.0.0.1", 421),
        ("", 421),
        ("[::1", 421),
    ],
)
def test_without_a_token_only_names_of_this_machine_are_answered(
    tmp_path: pathlib.Path, host: str, status: int
) -> None:
    """DNS rebinding: a page's own name, pointed at 127.0.0.1 after it was loaded, is still its own name."""
    assert Visitor(guarded(tmp_path, tokens=False)).get(STUDIES, headers={"Host": host}).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 200, id="a program"),
        pytest.param({"Sec-Fetch-Site": "same-origin"}, 200, id="the dashboard"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, 403, id="another site"),
        pytest.param({"Origin": "https://elsewhere.example"}, 403, id="another site by its origin"),
    ],
)
def test_without_a_token_no_other_site_changes_anything(
    tmp_path: pathlib.Path, headers: dict[str, str], status: int
) -> None:
    assert Visitor(guarded(tmp_path, tokens=False)).post(STUDIES, headers=headers).status_code == status


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.5", "example.org", ""])
def test_no_service_for_others_without_a_token(
    tmp_path: pathlib.Path, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        InputError,
        match=f"--host must be 127.0.0.1, localhost, ::1 without a token, got {host!r}; set SENSITIVITY_TOKEN",
    ):
        guarded(tmp_path, tokens=False, host=host)
    monkeypatch.setenv("SENSITIVITY_TOKEN", WRITER)
    assert Visitor(guarded(tmp_path, tokens=False, host=host)).get(STUDIES).status_code == 401


def test_a_token_in_an_address_is_refused(tmp_path: pathlib.Path) -> None:
    for name in ("token", "access_token", "api_key"):
        answer = Visitor(guarded(tmp_path)).get(f"{STUDIES}?{name}={WRITER}", headers=bearer(WRITER))
        assert answer.status_code == 400
        assert WRITER not in answer.text


def test_guessing_is_slow(tmp_path: pathlib.Path) -> None:
    """After ten wrong tokens an address waits, with a right one too; a session that is open goes on."""
    app = guarded(tmp_path)
    inside, guesser = Visitor(app), Visitor(app, address="10.0.0.9")
    inside.log_in(READER)
    statuses = [guesser.get(STUDIES, headers=bearer(f"{k:040}")).status_code for k in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    waiting = guesser.get(STUDIES, headers=bearer(WRITER))
    assert (waiting.status_code, 0 < int(waiting.headers["retry-after"]) <= 60) == (429, True)
    assert guesser.log_in(WRITER).status_code == 429
    assert inside.get(STUDIES).status_code == 200


def test_attempts_are_forgotten_after_their_window() -> None:
    now = [0.0]
    attempts = Attempts(most=2, seconds=60, clock=lambda: now[0])
    attempts.fail("a")
    assert attempts.wait("a") == 0
    attempts.fail("a")
    assert (attempts.wait("a"), attempts.wait("b")) == (61, 0)
    now[0] = 60.0
    assert attempts.wait("a") == 0


TOKEN_FILES = [
    (
        "read short\n",
        0o600,
        "the token in line 1 of --token-file must have at least 32 visible ASCII characters, got 5; make one",
    ),
    (
        f"# ours\n\nread {READER}\nadmin {WRITER}\n",
        0o600,
        "unknown scope in line 4 of --token-file 'admin' (known: read, write)",
    ),
    (f"{WRITER}\n", 0o600, "unknown scope in line 1 of --token-file '...' (known: read, write)"),
    (
        f"read {READER}\nwrite {READER}\n",
        0o600,
        "the token in line 2 of --token-file is given twice; each token has one scope",
    ),
    (f"read {READER}\twith a tab in it\n", 0o600, "must have at least 32 visible ASCII characters"),
    (f"read {READER}\n", 0o644, "may be used by others (644); chmod 600 it"),
    (f"read {READER}\n", 0o620, "may be used by others (620); chmod 600 it"),
]


@pytest.mark.parametrize(("text", "mode", "message"), TOKEN_FILES)
def test_token_files_that_cannot_be_used(tmp_path: pathlib.Path, text: str, mode: int, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_tokens(token_file(tmp_path, text, mode), {})
    assert READER not in str(caught.value)
    assert WRITER not in str(caught.value)


def test_a_token_file_that_is_not_there(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match=r"--token-file '.*/none' cannot be read: No such file or directory"):
        read_tokens(tmp_path / "none", {})


def test_the_token_of_the_environment_writes_and_is_not_inherited(tmp_path: pathlib.Path) -> None:
    environment = {"SENSITIVITY_TOKEN": WRITER, "HOME": "/"}
    tokens = read_tokens(token_file(tmp_path, f"read {READER}\n"), environment)
    assert [tokens.scope(each) for each in (WRITER, READER, "", WRITER[:-1])] == ["write", "read", None, None]
    assert environment == {"HOME": "/"}
    assert WRITER not in repr(tokens)
    with pytest.raises(
        InputError, match="SENSITIVITY_TOKEN must have at least 32 visible ASCII characters, got 5"
    ):
        read_tokens(None, {"SENSITIVITY_TOKEN": "short"})


def test_no_websocket_is_opened(tmp_path: pathlib.Path) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/", "headers": [(b"authorization", f"Bearer {WRITER}".encode())]}
    asyncio.run(guarded(tmp_path)(scope, send, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_pages_lead_to_the_login_and_data_do_not(tmp_path: pathlib.Path) -> None:
    visitor = Visitor(guarded(tmp_path))
    answer = visitor.get("/study/a b?x=1&y=%0d%0aSet-Cookie:z", headers=PAGE)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/login?next=/study/a%2520b%3Fx%3D1%26y%3D%250d%250aSet-Cookie%3Az",
    )
    assert visitor.get(STUDIES, headers=PAGE).status_code == 401


def test_a_link_on_another_site_is_opened_by_who_has_logged_in(tmp_path: pathlib.Path) -> None:
    """A browser keeps a strict cookie from the visit that another site begins, but not from the one that our
    page begins after it."""
    visitor = Visitor(guarded(tmp_path))
    first = visitor.get("/", headers={**PAGE, "Sec-Fetch-Site": "cross-site"})
    assert (first.status_code, "studies" in first.text) == (200, False)
    assert 'http-equiv="refresh" content="0"' in first.text
    assert (
        visitor.get("/", headers={**PAGE, "Sec-Fetch-Site": "same-origin"}).headers["location"]
        == "/login?next=/"
    )
    visitor.log_in(READER)
    assert "studies" in visitor.get("/", headers={**PAGE, "Sec-Fetch-Site": "same-origin"}).text


def test_a_guard_reads_nothing_where_it_need_not(tmp_path: pathlib.Path) -> None:
    """Without tokens no key is kept."""
    from fastapi import FastAPI

    settings = Settings("x.sqlite", data=tmp_path / "data")
    guard(FastAPI(), settings, required_tokens(settings))
    assert not (tmp_path / "data").exists()
