"""What a hundred readers cost a study that trains, and how long they wait.

``python -m tests.benchmarks.load [TRIALS]`` starts ``sensitivity serve`` with a study of so many trials (10,000). Most of them have made-up
results; the rest trains through Ray as always. Then, in turn, nobody reads and a hundred do: each listens to the events of the study and
asks every two seconds, as the dashboard does, for another view: the list, the study, a page of trials, measures and figures. Printed are
errors, how long answers took, and epochs a second with and without readers, both in one run.
"""

from __future__ import annotations

import asyncio
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field

import httpx

from sensitivity import Client, Study
from sensitivity.planning import trials as planned
from sensitivity.store import Store
from tests.benchmarks.made_store import fill, made_study
from tests.sensitivity.processes import epochs_in, wait_for_epochs
from tests.sensitivity.ray_head import ROOT, free_port

READERS = 100
LOOK_EVERY = 2.0
WINDOW, ROUNDS = 30.0, 3
LEFT = 0.2
"""Share of the trials that are left to train."""
STUDY = "/api/v1/studies/made"
VIEWS = (
    "/api/v1/studies",
    STUDY,
    f"{STUDY}/trials?sort=loss&limit=50",
    f"{STUDY}/trials?variant=adam&status=diverged&limit=50",
    *(f"{STUDY}/measures/{name}" for name in ("overview", "excess_loss", "lr_sensitivity", "robust_width", "divergence_rate")),
    *(f"{STUDY}/figures/{name}" for name in ("lr_curves", "performance_sensitivity", "divergence_map")),
)


@dataclass
class Heard:
    """What readers were answered. seconds: until an answer was there. later: how often it was being computed."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    events: int = 0


async def read(client: httpx.AsyncClient, number: int, until: float, heard: Heard) -> None:
    """One reader: looks every two seconds, and has what it has seen."""
    tags: dict[str, str] = {}
    await asyncio.sleep(LOOK_EVERY * number / READERS)
    place = number
    while time.monotonic() < until:
        began = time.monotonic()
        view = VIEWS[place % len(VIEWS)]
        try:
            answer = await client.get(view, headers={"If-None-Match": tags[view]} if view in tags else {})
        except httpx.HTTPError as error:
            heard.errors[type(error).__name__] += 1
        else:
            heard.statuses[answer.status_code] += 1
            if answer.status_code in (200, 304):
                heard.seconds.append(time.monotonic() - began)
                tags |= {view: answer.headers["etag"]} if "etag" in answer.headers else {}
            elif answer.status_code != 202:
                heard.errors[f"{answer.status_code} {answer.text[:100]}"] += 1
        place += 1
        await asyncio.sleep(max(0.0, LOOK_EVERY - (time.monotonic() - began)))


async def listen(client: httpx.AsyncClient, heard: Heard) -> None:
    """The same reader: what it hears meanwhile."""
    async with client.stream("GET", f"{STUDY}/events") as answer:
        async for line in answer.aiter_lines():
            heard.events += line.startswith("data:")


async def crowd(url: str, heard: Heard) -> None:
    """All of them, for one window."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=2 * READERS)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
        until = time.monotonic() + WINDOW
        listening = [asyncio.create_task(listen(client, heard)) for _ in range(READERS)]
        await asyncio.gather(*(read(client, number, until, heard) for number in range(READERS)))
        for each in listening:
            each.cancel()
        await asyncio.gather(*listening, return_exceptions=True)


def rate(store: pathlib.Path, url: str, heard: Heard | None) -> float:
    """Epochs a second in one window."""
    before, began = epochs_in(store), time.monotonic()
    if heard is None:
        time.sleep(WINDOW)
    else:
        asyncio.run(crowd(url, heard))
    return (epochs_in(store) - before) / (time.monotonic() - began)


def measure(folder: pathlib.Path, study: Study) -> None:
    store, port, trials = folder / "made.sqlite", free_port(), planned(study)
    with closing(Store(store)) as opened:
        fill(opened, study, trials, left=int(LEFT * len(trials)))
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "sensitivity.cli", "serve", "--store", str(store), "--port", str(port), "--max-studies", "1"]
    command += ["--max-trials", "1000000"]
    with subprocess.Popen(command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        service.stdout.readline()
        with Client(url) as client:
            client.submit(study)
            assert wait_for_epochs(store, epochs_in(store) + 20, seconds=300), client.log(study.name)
            alone, read_by = [], []
            heard = Heard()
            for _ in range(ROUNDS):
                alone.append(rate(store, url, None))
                read_by.append(rate(store, url, heard))
            still = client.study(study.name)["state"]
            client.cancel(study.name)
            client.wait(study.name)
        service.send_signal(signal.SIGINT)
    print(f"{READERS} readers of a study of {len(trials):,} trials, which was {still}")
    print(
        f"answers       {sum(heard.statuses.values()):,}: " + ", ".join(f"{n:,} {status}" for status, n in sorted(heard.statuses.items()))
    )
    print(f"events        {heard.events:,}")
    print(f"errors        {heard.errors.total()} {dict(heard.errors) or ''}")
    cuts = statistics.quantiles(heard.seconds, n=100)
    print(f"seconds until a view is there: median {cuts[49]:.3f}, p95 {cuts[94]:.3f}, p99 {cuts[98]:.3f}   p95 < 0.5")
    first, second = statistics.mean(alone), statistics.mean(read_by)
    rounds = ", ".join(f"{one:.1f} {two:.1f}" for one, two in zip(alone, read_by, strict=True))
    print(f"epochs a second: {first:.1f} alone, {second:.1f} with readers (by round: {rounds})")
    print(f"throughput falls by {1 - second / first:.1%}   < 10 %")


def main() -> None:
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        measure(pathlib.Path(folder), made_study(trials, epochs=50, tasks=["mlp/digits"], limit=128))


if __name__ == "__main__":
    main()
