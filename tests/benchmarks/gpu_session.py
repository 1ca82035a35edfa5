"""Everything that a GPU is to show, in one command of nine minutes: the CUDA tests, cohorts, tables, kernels.

Run: ``python -m tests.benchmarks.gpu_session FILE.md [--minutes 9]``. It needs torch and numpy, and pytest for the tests; no
Ray. Each part is a process of its own with a limit, so that neither a crash nor a slow part costs the others, and
the page is written anew after each: what a session that ends early has measured is there. Parts that are missing are
named with the reason. It exits with 1 if a part failed.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.optimizer_step import machine

LAST = 60
"""Lines of a part that the page shows."""
AT_LEAST = 5.0
"""Seconds below which a part is not begun."""


@dataclass(frozen=True)
class Part:
    """One measurement.

    Attributes:
        title: What it measures.
        command: Arguments of Python.
        limit: Seconds after which it is ended.
    """

    title: str
    command: tuple[str, ...]
    limit: float


def module(name: str, *arguments: str) -> tuple[str, ...]:
    """Return the arguments of Python that run a benchmark."""
    return ("-m", f"tests.benchmarks.{name}", *arguments)


TESTS = tuple(
    f"tests/trainables/test_{name}.py"
    for name in ("cohorts", "cohorts_in_float32", "cohort_sizes", "on_cuda")
)
PARTS = (
    Part("Tests on CUDA", ("-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS, "-k", "cuda"), 100),
    Part(
        "The autoencoder in cohorts", module("cohorts", "--device", "cuda", "--only", "autoencoder/mnist"), 90
    ),
    Part("Tables 1 to 3 of the paper", module("gpu", "--only", "tables"), 60),
    Part("ResNet-20 in cohorts", module("cohorts", "--device", "cuda", "--only", "resnet/cifar10"), 90),
    Part("Kernels of a stacked step", module("kernels", "--device", "cuda"), 50),
    Part(
        "A multilayer perceptron in cohorts", module("cohorts", "--device", "cuda", "--only", "mlp/mnist"), 40
    ),
    Part("A language model in cohorts", module("cohorts", "--device", "cuda", "--only", "gpt/text"), 50),
    Part(
        "Every optimizer of torch.optim in rows",
        module("cohorts", "--device", "cuda", "--only", "optimizers"),
        40,
    ),
    Part("The update alone", module("optimizer_step"), 30),
)


@dataclass(frozen=True)
class Outcome:
    """What became of a part.

    Attributes:
        part: The part.
        seconds: How long it took; 0 if it was not begun.
        text: What it printed.
        missing: Why it is not whole; empty if it is.
    """

    part: Part
    seconds: float
    text: str
    missing: str


def done(part: Part, limit: float) -> Outcome:
    """Run a part, at most so many seconds, and return its outcome."""
    if limit < AT_LEAST:
        return Outcome(part, 0.0, "", "no time was left")
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *part.command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )
    missing = ""
    try:
        text, _ = process.communicate(timeout=limit)
        if process.returncode:
            missing = f"exit code {process.returncode}"
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        text, _ = process.communicate()
        missing = f"ended after {limit:.0f} s"
    return Outcome(part, time.perf_counter() - began, text, missing)


def page(outcomes: Sequence[Outcome], left: Sequence[Part], about: str) -> str:
    """Return the page of what is known so far."""
    lines = ["# Measured on a GPU", "", f"{about}. `python -m tests.benchmarks.gpu_session FILE.md`"]
    lacking = [f"{outcome.part.title} ({outcome.missing})" for outcome in outcomes if outcome.missing]
    lacking += [f"{part.title} (not begun)" for part in left]
    if lacking:
        lines += ["", f"Missing: {'; '.join(lacking)}."]
    for outcome in outcomes:
        if outcome.text:
            shown = outcome.text.rstrip().splitlines()[-LAST:]
            command = " ".join(outcome.part.command)
            lines += ["", f"## {outcome.part.title}", "", f"`python {command}`, {outcome.seconds:.0f} s", ""]
            lines += ["```text", *shown, "```"]
    return "\n".join(lines) + "\n"


def session(parts: Sequence[Part], file: pathlib.Path, seconds: float, about: str) -> list[Outcome]:
    """Run the parts in order, and write the page after each.

    Args:
        parts: What to measure, the most important first.
        file: Page that is written.
        seconds: Time for all.
        about: Machine and versions, for the page.
    """
    began, outcomes = time.perf_counter(), list[Outcome]()
    for number, part in enumerate(parts):
        outcomes.append(done(part, min(part.limit, seconds - (time.perf_counter() - began))))
        written = file.with_suffix(".part")
        written.write_text(page(outcomes, parts[number + 1 :], about))
        written.replace(file)
        print(f"{part.title}: {outcomes[-1].missing or f'{outcomes[-1].seconds:.0f} s'}", flush=True)
    return outcomes


def main() -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--minutes", type=float, default=9.0)
    options = parser.parse_args()
    outcomes = session(PARTS, options.file, 60 * options.minutes, machine())
    return int(any(outcome.missing for outcome in outcomes))


if __name__ == "__main__":
    raise SystemExit(main())
