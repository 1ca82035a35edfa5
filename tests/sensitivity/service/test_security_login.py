"""Log in and out with a browser: the form, the cookie, when a session ends, where one is led afterwards."""

from __future__ import annotations

import pathlib
import re
import stat

import pytest
from itsdangerous import TimestampSigner

from sensitivity.service.sessions import SECONDS, Sessions
from sensitivity.service.tokens import Tokens, read_tokens
from tests.sensitivity.service.guarded import HERE, PAGE, READER, WRITER, Visitor, guarded, token_file
from trainables.names import InputError

STUDIES = "/api/v1/studies"
TLS = "https://studies.example"


@pytest.fixture
def tokens(tmp_path: pathlib.Path) -> Tokens:
    return read_tokens(token_file(tmp_path), {})


@pytest.mark.parametrize(("base", "secure"), [(HERE, False), (TLS, True)])
def test_a_session_is_a_cookie_that_scripts_and_other_sites_do_not_get(
    tmp_path: pathlib.Path, base: str, secure: bool
) -> None:
    visitor = Visitor(guarded(tmp_path), base_url=base)
    answer = visitor.log_in(READER, next="/study/watched?x=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/study/watched?x=1")
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/", f"Max-Age={SECONDS}"} <= set(cookie.split("; "))
    assert ("Secure" in cookie.split("; ")) == secure
    assert READER not in cookie
    assert visitor.get(STUDIES).json() == {"access": "read"}
    assert visitor.post(STUDIES, headers={"Origin": base}).status_code == 403


def test_logging_out_forgets_the_session(tmp_path: pathlib.Path) -> None:
    visitor = Visitor(guarded(tmp_path))
    visitor.log_in(WRITER)
    assert "may read and write here" in visitor.get("/login", headers=PAGE).text
    assert visitor.get("/logout").headers["location"] == "/login"
    assert visitor.post("/logout", headers={"Origin": "http://elsewhere"}).status_code == 303
    assert visitor.get(STUDIES).status_code == 200, "neither a link nor another site logs out"
    answer = visitor.post("/logout", headers={"Origin": HERE})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert visitor.get(STUDIES).status_code == 401


@pytest.mark.parametrize(
    ("form", "headers", "status", "words"),
    [
        pytest.param({"token": "wrong"}, {}, 401, "This is no token of this service.", id="a wrong token"),
        pytest.param({}, {}, 401, "This is no token of this service.", id="no token"),
        pytest.param(
            {"token": WRITER},
            {"Origin": "http://elsewhere"},
            403,
            "The form was sent from another site.",
            id="another site",
        ),
        pytest.param({"token": "x" * 5000}, {}, 413, "at most 4,096 bytes", id="a long one"),
    ],
)
def test_what_does_not_log_in(
    tmp_path: pathlib.Path, form: dict[str, str], headers: dict[str, str], status: int, words: str
) -> None:
    answer = Visitor(guarded(tmp_path)).post("/login", data=form, headers={"Origin": HERE, **headers})
    assert answer.status_code == status
    assert words in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "elsewhere",
    [
        "//elsewhere.example",
        "https://elsewhere.example",
        "/\\elsewhere.example",
        "javascript:alert(1)",
        "",
        "/a\nb",
    ],
)
def test_one_is_led_nowhere_else(tmp_path: pathlib.Path, elsewhere: str) -> None:
    visitor = Visitor(guarded(tmp_path))
    assert visitor.log_in(READER, next=elsewhere).headers["location"] == "/"
    form = Visitor(guarded(tmp_path)).get("/login", params={"next": elsewhere}).text
    assert re.findall(r'name="next" value="(.*?)"', form) == ["/"]


def test_the_page_shows_what_it_is_given_as_text(tmp_path: pathlib.Path) -> None:
    form = Visitor(guarded(tmp_path)).get("/login", params={"next": '/"><script>alert(1)</script>'})
    assert "<script" not in form.text
    assert "script-src" not in form.headers["content-security-policy"]
    assert "default-src 'none'" in form.headers["content-security-policy"]


def test_a_session_ends(tmp_path: pathlib.Path, tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = Sessions(tmp_path, tokens)
    cookie = sessions.open("read")
    assert sessions.scope(cookie) == "read"
    now = TimestampSigner("x").get_timestamp()
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda self: now + SECONDS + 1)
    assert sessions.scope(cookie) is None


@pytest.mark.parametrize("cookie", [None, "", "x", "read", "InJlYWQi.x.y", "é", "." * 5000])
def test_a_session_that_nobody_opened(tmp_path: pathlib.Path, tokens: Tokens, cookie: str | None) -> None:
    assert Sessions(tmp_path, tokens).scope(cookie) is None


def test_a_session_outlives_a_restart_but_no_change_of_tokens_or_key(
    tmp_path: pathlib.Path, tokens: Tokens
) -> None:
    cookie = Sessions(tmp_path, tokens).open("write")
    assert Sessions(tmp_path, tokens).scope(cookie) == "write"
    fewer = read_tokens(token_file(tmp_path, f"read {READER}\n"), {})
    assert Sessions(tmp_path, fewer).scope(cookie) is None
    assert Sessions(tmp_path / "other", tokens).scope(cookie) is None


def test_the_key_is_the_services_own(tmp_path: pathlib.Path, tokens: Tokens) -> None:
    folder = tmp_path / "data"
    Sessions(folder, tokens)
    assert [each.name for each in folder.iterdir()] == ["session.key"]
    assert stat.S_IMODE((folder / "session.key").stat().st_mode) == 0o600
    (folder / "session.key").chmod(0o644)
    with pytest.raises(InputError, match="may be read by others; remove it or chmod 600 it"):
        Sessions(folder, tokens)
