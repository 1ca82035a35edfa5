"""Workers, hosts and devices of a run."""

from __future__ import annotations

import pathlib
import platform
import socket
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

ACCELERATOR = "accelerator_type:"
"""Prefix of a GPU's name in the resources of a Ray node."""


def environment(nodes: Iterable[Mapping[str, Any]], workers: int, *, gpus: bool) -> dict[str, Any]:
    """Return workers, hosts and devices of a run, in the form of the store.

    A GPU of this machine has its CUDA name, a GPU elsewhere its name in Ray; the processor of another host is
    unknown.

    Args:
        nodes: the list of ``ray.nodes()``.
        workers: maximal number of cohorts trained at once.
        gpus: True if the workers train on GPUs.
    """
    alive = [node for node in nodes if node["Alive"]]
    counts: Counter[str] = Counter()
    for node in alive:
        on_this_host, resources = node["NodeManagerHostname"] == socket.gethostname(), node["Resources"]
        if not gpus:
            counts[processor() if on_this_host else "CPU"] += 1
        elif resources.get("GPU"):
            named = [name.removeprefix(ACCELERATOR) for name in resources if name.startswith(ACCELERATOR)]
            counts[_cuda() if on_this_host else " ".join(named) or "GPU"] += int(resources["GPU"])
    return {
        "workers": workers,
        "hosts": sorted({node["NodeManagerHostname"] for node in alive}),
        "devices": dict(counts),
        "gpus": gpus,
    }


def on_gpu(runs: Iterable[Mapping[str, Any]]) -> bool:
    """Return True if any run trained on a GPU; for runs of earlier releases, the device names decide.

    >>> on_gpu([{"devices": {"EPYC": 1}, "gpus": False}]), on_gpu([{"devices": {"NVIDIA H200": 1}}])
    (False, True)
    """
    return any(
        run.get("gpus", any(name.startswith("NVIDIA") or name == "GPU" for name in run["devices"]))
        for run in runs
    )


def processor() -> str:
    """Return the model name of this machine's processor."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


def _cuda() -> str:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "GPU"
