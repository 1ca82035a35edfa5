"""A Ray head of the tests' own, as an operator starts one: `ray start --head`, with a dashboard and token
authentication."""

from __future__ import annotations

import importlib.util
import os
import pathlib
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).parents[2]
DASHBOARD = (
    "aiohttp",
    "aiohttp_cors",
    "opencensus",
    "opentelemetry.exporter.prometheus",
    "prometheus_client",
    "smart_open",
    "virtualenv",
)


def lacking() -> list[str]:
    """What Ray's dashboard needs and is not installed."""

    def there(name: str) -> bool:
        try:
            return importlib.util.find_spec(name) is not None
        except ModuleNotFoundError:
            return False

    return [name for name in DASHBOARD if not there(name)]


@dataclass(frozen=True)
class Head:
    """A running head. Args: home: its user's home folder. token: without it every request is refused."""

    address: str
    home: pathlib.Path
    token: str


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def environment(home: pathlib.Path, token: str) -> dict[str, str]:
    return {
        **os.environ,
        "HOME": str(home),
        "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": token,
        "RAY_USAGE_STATS_ENABLED": "0",
    }


def start(
    home: pathlib.Path, cpus: int = 2, port: int | None = None, more: Sequence[str] = ()
) -> tuple[subprocess.Popen[bytes], Head]:
    """Start a head and wait for its dashboard; SIGTERM to the process ends it and all that it started. Args:
    more: options."""
    token, dashboard = secrets.token_hex(32), free_port()
    ports = {
        "port": port or free_port(),
        "dashboard-port": dashboard,
        "ray-client-server-port": free_port(),
        "dashboard-agent-listen-port": 0,
    }
    ports |= {"min-worker-port": 0, "max-worker-port": 0}
    options = [f"--{name}={each}" for name, each in ports.items()]
    options += [
        f"--num-cpus={cpus}",
        f"--temp-dir={home}/ray",
        "--include-dashboard=true",
        "--object-store-memory=100000000",
    ]
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", *options, *more]
    with (home / "head.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment(home, token), stdout=log, stderr=log, start_new_session=True
        )
    address = f"http://127.0.0.1:{dashboard}"
    deadline = time.monotonic() + 120
    while not _answers(address):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError((home / "head.log").read_text()[-2000:])
        time.sleep(0.2)
    return process, Head(address, home, token)


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(f"{address}/api/version", timeout=5).close()
    except urllib.error.HTTPError as error:
        return error.code == 401  # it is there, and asks for a token
    except OSError:
        return False
    return True
