"""How cost grows with the number of trials: planning, writing, reading, resuming, measures and report from
100 to 100,000 trials.

Run: ``python -m tests.benchmarks.growth [--largest N]``. Every size has a process of its own. A stage's time
is that of the processor, its memory the peak of the process meanwhile. The slope is that of a line through
the logarithms of trials and time over the two upper decades: 1 is linear, and n log n is 1.11 there. It exits
with 1 when a slope is above that, planning takes 10 seconds or resuming a study that is complete 15.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from multiprocessing.connection import Connection
from typing import Any

from tests.benchmarks.optimizer_step import machine

SIZES = (100, 1_000, 10_000, 100_000)
EPOCHS = 3
STEEPEST = 1.11
ALLOWED = {"planning": 10.0, "resuming": 15.0}
"""Seconds for the largest number of trials."""
Took = dict[str, tuple[float, float]]
"""Seconds and mebibytes of every stage."""


def stages(trials: int, folder: pathlib.Path) -> Took:
    """Every stage of a study of so many trials, one after another."""
    from sensitivity.measures import Measured
    from sensitivity.reporting import write_report
    from sensitivity.results.results import Results
    from sensitivity.running.run import run
    from sensitivity.store.store import Store
    from sensitivity.study.planning import plan
    from sensitivity.study.planning import trials as planned
    from tests.benchmarks.made_store import fill, made_study

    study = made_study(trials, epochs=EPOCHS)
    store = Store(folder / "s.sqlite")
    kept: dict[str, Any] = {}

    def planning() -> None:
        kept["trials"] = planned(study)
        plan(kept["trials"], {}, workers=2)

    def reading() -> None:
        kept["results"] = Results.from_store(store, study.name)

    def measures() -> None:
        kept["measured"] = measured = Measured(kept["results"])
        for name in (name for name, each in vars(Measured).items() if isinstance(each, cached_property)):
            getattr(
                measured, name
            )  # in this process, whose time is taken; a report has them measured on every core

    steps: dict[str, Callable[[], object]] = {
        "planning": planning,
        "writing": lambda: fill(store, study, kept.pop("trials")),
        "resuming": lambda: run(study, store=store),
        "reading": reading,
        "measures": measures,
        "report": lambda: write_report(kept["measured"], folder / "report"),
    }
    took: Took = {}
    for name, step in steps.items():
        pathlib.Path("/proc/self/clear_refs").write_text("5")  # Linux begins the peak anew
        began = time.process_time()
        step()
        took[name] = time.process_time() - began, peak()
    store.close()
    return took


def peak() -> float:
    """Largest resident memory since it was last begun anew, in mebibytes."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def apart(trials: int) -> Took:
    """The stages in a process of their own, so that memory of one size is not taken for another's."""
    context = multiprocessing.get_context("spawn")
    mine, its = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(trials, its))
    process.start()
    its.close()
    try:
        took: Took = mine.recv()
    finally:
        process.join()
    return took


def _send(trials: int, to: Connection) -> None:
    with tempfile.TemporaryDirectory() as folder:
        to.send(stages(trials, pathlib.Path(folder)))


def slope(seconds: Mapping[int, float]) -> float:
    """Of the line through the logarithms of trials and seconds, over the two upper decades.

    >>> round(slope({100: 5.0, 1_000: 1.0, 10_000: 10.0, 100_000: 100.0}), 6)
    1.0
    """
    upper = {size: each for size, each in seconds.items() if size * 100 >= max(seconds)}
    return statistics.linear_regression(
        *zip(*((math.log(size), math.log(each)) for size, each in upper.items()), strict=True)
    ).slope


def verdict(found: Mapping[int, Took]) -> list[str]:
    """What misses its aim. Args: found: by the number of trials."""
    largest = max(found)
    missed = []
    for name in found[largest]:
        steep = slope({size: took[name][0] for size, took in found.items()})
        if steep > STEEPEST:
            missed.append(f"{name} grows with a slope of {steep:.2f}")
        if found[largest][name][0] >= ALLOWED.get(name, math.inf):
            missed.append(f"{name} takes {found[largest][name][0]:.1f} s")
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=SIZES[-1])
    sizes = [size for size in SIZES if size <= parser.parse_args().largest]
    print(machine())
    found = {}
    for size in sizes:
        found[size] = apart(size)
        print(
            f"{size:,}: "
            + ", ".join(f"{name} {seconds:.1f} s" for name, (seconds, _) in found[size].items()),
            file=sys.stderr,
        )
    print("| stage | " + " | ".join(f"{size:,}" for size in sizes) + " | slope | MiB |")
    print("| --- |" + " --- |" * (len(sizes) + 2))
    for name, (_, memory) in found[sizes[-1]].items():
        seconds = {size: took[name][0] for size, took in found.items()}
        print(
            f"| {name} | "
            + " | ".join(f"{each:.2f} s" for each in seconds.values())
            + f" | {slope(seconds):.2f} | {memory:.0f} |"
        )
    missed = verdict(found)
    print("; ".join(missed) or "nothing grows faster than n log n")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
