"""``sensitivity serve``: what it refuses. That it serves is in tests/sensitivity/service."""

from __future__ import annotations

import pathlib
import socket

import pytest

from tests.sensitivity.command import run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--host", "0.0.0.0"], "token", id="another host without a token"),
        pytest.param(["--port", "{taken}"], "cannot be listened on", id="a port that is taken"),
        pytest.param(["--store", "missing/s.sqlite"], "there is no folder", id="a store that cannot be"),
        pytest.param(
            ["--data", "file"], "--data 'file' cannot be written", id="a data folder that cannot be"
        ),
        pytest.param(["--allow-module", "no_such_module"], "no_such_module", id="a module that is not there"),
    ],
)
def test_what_it_refuses(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SENSITIVITY_TOKEN", raising=False)
    (tmp_path / "file").write_text("")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert (
            run(["serve", "--port", "0", *(each.replace("{taken}", port) for each in arguments)], monkeypatch)
            == 2
        )
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
