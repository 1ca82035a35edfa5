"""A service as tests see it: over HTTP, in a thread of the test, with runs that only hold a lock."""

from __future__ import annotations

import json
import os
import pathlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from sensitivity.results.results import Results
from sensitivity.service.app import create_app
from sensitivity.service.exit_codes import ENDED
from sensitivity.service.serving import Server, listen
from sensitivity.service.settings import Settings
from sensitivity.store.store import Store

LONGEST = 240.0
"""Seconds that an answer may take, the start of the process that computes it included, on a machine that is
busy with other things."""
ASK_AGAIN = 0.2
"""Seconds after which an answer that is being computed is asked for again, at most."""
SPEC: dict[str, Any] = {
    "name": "small",
    "tasks": ["autoencoder/digits"],
    "variants": ["sgd"],
    "design": {"kind": "grid", "points": {"lr": 2}},
    "epochs": 1,
    "default_setting": False,
}


@dataclass
class Held:
    """Starts no process: a study runs from when it is started to when the test ends it, by the lock that a
    process would hold."""

    locks: dict[str, int] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)

    def __call__(self, folder: pathlib.Path, settings: Settings, lock: int) -> None:
        name = json.loads((folder / "study.json").read_text())["name"]
        self.locks[name] = os.dup(lock)
        self.started.append(name)

    def end(self, folder: pathlib.Path, name: str, code: int | None) -> None:
        """The process of a study ends. Args: code: as it notes it; None where it was killed."""
        if code is not None:
            (folder / ENDED).write_text(json.dumps({"code": code}))
        os.close(self.locks.pop(name))

    def close(self) -> None:
        """End what a test left running."""
        for each in self.locks.values():
            os.close(each)
        self.locks.clear()


def read(settings: Settings) -> Results:
    """The results of the study ``watched``, from the store itself."""
    store = Store(settings.store)
    try:
        return Results.from_store(store, "watched")
    finally:
        store.close()


@contextmanager
def served(settings: Settings, launch: Any = None) -> Iterator[httpx.Client]:
    """A client of a running service; its application is ``client.app``."""
    app = create_app(settings, launch)
    listening = listen("127.0.0.1", 0)
    server = Server(app)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive())
        with httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=60) as client:
            client.app = app  # type: ignore[attr-defined]
            yield client
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def until(true: Callable[[], Any], seconds: float = 60, *, rarest: float = 0.01) -> Any:
    """Wait until something is so; what it then is.

    Args: rarest: seconds between two looks in the end. A look that a service has to answer takes from what it
        is waited for, so those are spread out: each is a tenth of the wait so far.
    """
    begun = time.monotonic()
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(min(rarest, max(0.01, (time.monotonic() - begun) / 10)))
    return found


def answered(client: httpx.Client, path: str, **options: Any) -> httpx.Response:
    """What is answered when it has been computed."""
    return until(
        lambda: answer if (answer := client.get(path, **options)).status_code != 202 else None,
        LONGEST,
        rarest=ASK_AGAIN,
    )
