"""Plain runs in processes of their own that share a device, which is how a GPU is kept busy without
cohorts."""

from __future__ import annotations

import multiprocessing
import time
from typing import Any

import torch

from tests.benchmarks.cohorts import noise, plain
from tests.benchmarks.optimizer_step import wait
from trainables.tasks import task

PATIENCE = 300.0
"""Seconds in which every process has begun, and ended."""


def shared(name: str, images: int | None, processes: int, device: str, epochs: int = 3) -> float:
    """Seconds of an epoch of one trial when so many train at once: from when all are ready to when the last
    has ended, by their epochs.

    Args: name: of the task. images: of an epoch, all if not given. device: each process has a context of its
    own on it.
    """
    context = multiprocessing.get_context("spawn")
    ready, times = context.Barrier(processes), context.SimpleQueue()
    started = [
        context.Process(target=_train, args=(name, images, device, epochs, ready, times))
        for _ in range(processes)
    ]
    for each in started:
        each.start()
    for each in started:
        each.join()
    if any(each.exitcode for each in started):
        raise SystemExit(f"{processes} processes do not fit {device}")
    began, ended = zip(*(times.get() for _ in started), strict=True)
    return float(max(ended) - min(began)) / (epochs * processes)


def _train(name: str, images: int | None, device: str, epochs: int, ready: Any, times: Any) -> None:
    torch.set_num_threads(1)
    epoch = plain(task(name), noise(name.partition("/")[2], images, device))
    try:
        epoch()
        wait(device)
    except BaseException:
        ready.abort()  # the others would wait for this one
        raise
    ready.wait(PATIENCE)
    began = time.monotonic()
    for _ in range(epochs):
        epoch()
    wait(device)
    times.put((began, time.monotonic()))
