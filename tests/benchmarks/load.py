"""What a hundred readers cost a study that trains, and how long they wait.

``python -m tests.benchmarks.load [TRIALS]`` starts ``sensitivity serve`` with a study of so many trials
(10,000). Most of them have made-up results; the rest trains through Ray as always. Nobody reads, then a
hundred do, then nobody again: each listens to the events of the study and asks every two seconds, as the
dashboard does, for another view: the list, the study, a page of trials, measures and figures, the first time
before any is there. Printed are errors, how long answers took, epochs a second with and without readers, and
what the processor did.
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
from contextlib import closing, suppress
from dataclasses import dataclass, field

import aiohttp

from sensitivity import Client, Study
from sensitivity.store.store import Store
from sensitivity.study.planning import trials as planned
from tests.benchmarks.made_store import fill, made_study
from tests.sensitivity.processes import command_of, descendants, epochs_in, processor_seconds, wait_for_epochs
from tests.sensitivity.ray_head import ROOT, free_port
from trainables.names import InputError

READERS = 100
LOOK_EVERY = 2.0
ALONE, READING = 60.0, 240.0
"""Seconds in which nobody reads, before and after, and in which a hundred do, long enough for views to be
computed anew."""
REST = 30.0
"""Seconds after the readers have gone, in which what they asked for last is computed to its end."""
LEFT = 0.6
"""Share of the trials that are left to train."""
STUDY = "/api/v1/studies/made"
VIEWS = (
    "/api/v1/studies",
    STUDY,
    f"{STUDY}/trials?sort=loss&limit=50",
    f"{STUDY}/trials?variant=adam&status=diverged&limit=50",
    *(
        f"{STUDY}/measures/{name}"
        for name in ("overview", "excess_loss", "lr_sensitivity", "robust_width", "divergence_rate")
    ),
    *(f"{STUDY}/figures/{name}" for name in ("lr_curves", "performance_sensitivity", "divergence_map")),
)


@dataclass
class Heard:
    """What readers were answered.

    seconds: until an answer came that was there. asked, first: when a view was first asked for, and the
    seconds until anybody had it. tags: of the answers that were shown, by view. spent: seconds of the
    processor, by whom.
    """

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    asked: dict[str, float] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    tags: dict[str, set[str]] = field(default_factory=dict)
    spent: Counter[str] = field(default_factory=Counter)
    events: int = 0
    bytes: int = 0


async def read(client: aiohttp.ClientSession, number: int, until: float, heard: Heard) -> None:
    """One reader: looks every two seconds, and has what it has seen."""
    tags: dict[str, str] = {}
    await asyncio.sleep(LOOK_EVERY * number / READERS)
    place = number
    while time.monotonic() < until:
        began = time.monotonic()
        view = VIEWS[place % len(VIEWS)]
        heard.asked.setdefault(view, began)
        try:
            async with client.get(
                view, headers={"If-None-Match": tags[view]} if view in tags else {}
            ) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            heard.errors[type(error).__name__] += 1
        else:
            heard.statuses[answer.status] += 1
            heard.bytes += len(body)
            if answer.status in (200, 304):
                heard.seconds.append(time.monotonic() - began)
                tags |= {view: answer.headers["etag"]} if "etag" in answer.headers else {}
                heard.first.setdefault(view, time.monotonic() - heard.asked[view])
                heard.tags.setdefault(view, set()).add(answer.headers.get("etag", ""))
            elif answer.status != 202:
                heard.errors[f"{answer.status} {body[:100]!r}"] += 1
        place += 1
        await asyncio.sleep(max(0.0, LOOK_EVERY - (time.monotonic() - began)))


async def listen(client: aiohttp.ClientSession, heard: Heard) -> None:
    """The same reader: what it hears meanwhile."""
    async with client.get(f"{STUDY}/events", timeout=aiohttp.ClientTimeout()) as answer:
        async for line in answer.content:
            heard.events += line.startswith(b"data:")


async def crowd(url: str, heard: Heard) -> None:
    """All of them, for one window."""
    connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(60)
    async with aiohttp.ClientSession(
        url, connector=connector, timeout=timeout, auto_decompress=False
    ) as client:
        until = time.monotonic() + READING
        listening = [asyncio.create_task(listen(client, heard)) for _ in range(READERS)]
        await asyncio.gather(*(read(client, number, until, heard) for number in range(READERS)))
        for each in listening:
            each.cancel()
        ends = await asyncio.gather(*listening, return_exceptions=True)
        heard.errors.update(f"events: {end!r}" for end in ends if not isinstance(end, asyncio.CancelledError))


def rate(store: pathlib.Path, url: str, service: int, heard: Heard | None) -> float:
    """Epochs a second while nobody reads, or while all do. Args: service: its process."""
    before, began = epochs_in(store), time.monotonic()
    if heard is None:
        time.sleep(ALONE)
    else:
        spent = {"service": -processor_seconds(service), "readers": -time.process_time()}
        asyncio.run(crowd(url, heard))
        spent["service"] += processor_seconds(service)
        spent["readers"] += time.process_time()
        computing = [each for each in descendants(service) if b"multiprocessing.spawn" in command_of(each)]
        heard.spent.update({**spent, "computing": sum(map(processor_seconds, computing))})
    return (epochs_in(store) - before) / (time.monotonic() - began)


def measure(folder: pathlib.Path, study: Study) -> None:
    store, port, trials = folder / "made.sqlite", free_port(), planned(study)
    with closing(Store(store)) as opened:
        fill(opened, study, trials, left=int(LEFT * len(trials)))
    url = f"http://127.0.0.1:{port}"
    command = [
        sys.executable,
        "-m",
        "sensitivity.command.main",
        "serve",
        "--store",
        str(store),
        "--port",
        str(port),
        "--max-studies",
        "1",
    ]
    command += ["--max-trials", "1000000"]
    heard = Heard()
    with subprocess.Popen(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True
    ) as service:
        assert service.stdout is not None
        service.stdout.readline()
        with Client(url) as client:
            client.submit(study)
            try:
                assert wait_for_epochs(store, epochs_in(store) + 1000, seconds=300), client.log(study.name)
                before = rate(store, url, service.pid, None)
                second = rate(store, url, service.pid, heard)
                time.sleep(REST)
                after = rate(store, url, service.pid, None)
                left = client.study(study.name)["counts"]["pending"]
            finally:
                with suppress(InputError):  # it has ended
                    client.cancel(study.name)
                    client.wait(study.name)
                service.send_signal(signal.SIGINT)
    if not left:
        raise SystemExit("the study ended before the readers did: give it more trials")
    print(
        f"{READERS} readers for {READING:.0f} s of a study of {len(trials):,} trials, of which {left:,} had "
        "not begun afterwards"
    )
    answered = ", ".join(f"{n:,} {status}" for status, n in sorted(heard.statuses.items()))
    print(f"answers       {sum(heard.statuses.values()):,}: {answered}; {heard.bytes / 1e6:,.0f} MB")
    print(f"events        {heard.events:,}")
    print(f"errors        {heard.errors.total()} {dict(heard.errors) or ''}")
    cuts = statistics.quantiles(heard.seconds, n=100)
    print(
        f"seconds until a view is there: median {cuts[49]:.3f}, p95 {cuts[94]:.3f}, p99 {cuts[98]:.3f}   p95 "
        "< 0.5"
    )
    print(
        "seconds from when a view was first asked for until anybody had it: at most "
        f"{max(heard.first.values()):.1f}"
    )
    renewed = [len(tags) for view, tags in heard.tags.items() if "/measures/" in view or "/figures/" in view]
    print(f"revisions shown of a measure or figure: {min(renewed)} to {max(renewed)}")
    first = (before + after) / 2
    print(f"epochs a second: {before:.1f} before, {second:.1f} with readers, {after:.1f} afterwards")
    print(f"throughput falls by {1 - second / first:.1%}   < 10 %")
    cores = READING * (os.cpu_count() or 1)
    shares = ", ".join(
        f"{who} {seconds:.1f} s ({seconds / cores:.1%})" for who, seconds in heard.spent.items()
    )
    print(f"processor, of {cores:.0f} s with readers: {shares}")


def main() -> None:
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        measure(pathlib.Path(folder), made_study(trials, epochs=50, tasks=["mlp/digits"], limit=128))


if __name__ == "__main__":
    main()
