"""A task that misbehaves: what a user's code may do to the worker that runs it. Copied beside a
``faults.json`` and given as a task module.

``faults.json`` says which configuration does what, so that the study itself is the same with and without
faults. A fault that is to happen once leaves a mark there, and does not happen again. ``evaluations`` has a
line for every evaluation: when it began, of which configuration, and in which job of Ray's.
"""

from __future__ import annotations

import json
import os
import pathlib
import resource
import signal
import sys
import threading
import time

import ray
import torch

from trainables import FunctionTask, register_task
from trainables.known_answers import Ishigami

FOLDER = pathlib.Path(__file__).parent
SECONDS = 0.1
"""Of an evaluation, so that there is a moment to kill something in."""
ROOM, CHUNK = 512 * 2**20, 128 * 2**20
"""Bytes that a guest which takes all memory may take, at most, and takes at once."""


def name_of(configuration):
    return f"{configuration['x1']:.9f}"


def take_all_memory():
    """Allocate until there is no more, within a limit that leaves the machine alone. Raises: MemoryError."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM, before[1]))
    taken = []
    try:
        while True:
            taken.append(bytearray(CHUNK))
    finally:
        taken.clear()
        resource.setrlimit(resource.RLIMIT_AS, before)


def fork():
    """Leave a child behind that has all of the worker's files and sockets, and ends some seconds later."""
    if os.fork() == 0:
        time.sleep(3)
        os._exit(0)


def close_output():
    """Close what the worker prints to, for Python and for libraries."""
    sys.stdout.close()
    sys.stderr.close()
    os.close(1)
    os.close(2)


def misbehave(kind):
    if kind == "raise":
        raise RuntimeError("a bad guest" + "!" * 10_000)
    if kind == "exit":
        sys.exit(3)
    if kind == "die":
        os._exit(1)
    if kind == "GPU memory":
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
    if kind == "memory":
        os.kill(os.getpid(), signal.SIGKILL)  # what Linux does where memory runs out
    if kind == "hang":
        time.sleep(10_000)
    if kind == "print":
        for _ in range(30):
            print("x" * 100_000)  # noqa: T201
    if kind == "allocate":
        take_all_memory()
    if kind == "fork":
        fork()
    if kind == "close output":
        close_output()
    if kind == "threads":
        for number in range(100):
            threading.Thread(target=time.sleep, args=(10_000 if number else 5,), daemon=number > 0).start()


class Guest(Ishigami):
    """Ishigami's function, which first does what is written for its configuration."""

    def __call__(self, configuration, seed=0):
        with (FOLDER / "evaluations").open("a") as file:
            context = ray.get_runtime_context()
            file.write(
                f"{time.time()} {name_of(configuration)} "
                f"{context.get_session_name()}/{context.get_job_id()}\n"
            )
        time.sleep(SECONDS)
        kind, once, _ = (
            json.loads((FOLDER / "faults.json").read_text())
            .get(name_of(configuration), "")
            .partition(" once")
        )
        mark = FOLDER / f"done-{name_of(configuration)}"
        if not once or not mark.exists():
            mark.touch()
            misbehave(kind)
        return super().__call__(configuration, seed)


register_task(FunctionTask("function/guest", Guest()))
