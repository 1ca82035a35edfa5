"""``sensitivity dashboard``: where it listens, and what it refuses."""

from __future__ import annotations

import pathlib
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from sensitivity.command.dashboard import dashboard
from sensitivity.store.store import Store
from trainables.names import InputError


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({"host": "0.0.0.0"}, "access control comes with the service", id="another host"),
        pytest.param({"store": "missing.sqlite"}, "no store at", id="no store"),
    ],
)
def test_what_it_refuses(tmp_path: pathlib.Path, given: dict[str, str], message: str) -> None:
    Store(tmp_path / "s.sqlite").close()
    options = {
        "store": str(tmp_path / given.get("store", "s.sqlite")),
        "host": given.get("host", "127.0.0.1"),
    }
    with pytest.raises(InputError, match=message):
        dashboard(**options, port=0, browser=False)


@pytest.mark.slow
def test_it_answers_on_this_machine_until_it_is_stopped(tmp_path: pathlib.Path) -> None:
    Store(tmp_path / "s.sqlite").close()
    command = [
        sys.executable,
        "-m",
        "sensitivity.command.main",
        "dashboard",
        "--store",
        str(tmp_path / "s.sqlite"),
        "--port",
        "0",
        "--no-browser",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        address = re.search(r"http://127\.0\.0\.1:\d+/", running.stdout.readline())
        assert address is not None
        with urllib.request.urlopen(address[0], timeout=30) as answer:
            page = answer.read().decode()
        assert '<html lang="en">' in page
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
        running.send_signal(signal.SIGINT)
        said, errors = running.communicate(timeout=30)
    assert "dashboard stopped" in said
    assert not errors
