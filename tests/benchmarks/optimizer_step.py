"""Time of one optimizer step: Hyperalgorithm with Adam's settings against torch.optim.Adam, foreach and
fused.

Run: ``python -m tests.benchmarks.optimizer_step``. All are timed in turns within one run. It prints the
medians as a Markdown table, and the median ratios of neighbouring turns, which a busy machine slows alike; it
exits with 1 when ours takes longer than foreach anywhere. Fused is one kernel that reads every number once,
which eager PyTorch cannot match where memory is the limit.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator

import torch
from torch import nn

from trainables.hyperalgorithm import Hyperalgorithm
from trainables.models import ConvAutoencoder

ALLOWED = 1.0
TURNS, LEAST = 200, 5
SECONDS_A_TURN, SECONDS = 0.003, 15.0
"""Of a turn at least; of all turns at most, but for the least number of them."""
Shapes = list[tuple[int, ...]]


def autoencoder() -> Shapes:
    """The paper's autoencoder: 20 tensors, 224,177 numbers."""
    return [tuple(param.shape) for param in ConvAutoencoder().parameters()]


def resnet20() -> Shapes:
    """CIFAR ResNet-20 with shortcuts without parameters: 59 tensors, 269,722 numbers (He et al., 2015,
    section 4.2)."""
    shapes: Shapes = [(16, 3, 3, 3), (16,), (16,)]
    width = 16
    for stage in (16, 32, 64):
        for _ in range(6):  # n = 3 blocks of two convolutions, each with its batch norm
            shapes += [(stage, width, 3, 3), (stage,), (stage,)]
            width = stage
    return [*shapes, (10, 64), (10,)]


def transformer() -> Shapes:
    """A transformer of the size of GPT-2 small: 148 tensors, 124,439,808 numbers (Radford et al., 2019)."""
    width = 768
    norm: Shapes = [(width,), (width,)]
    attention: Shapes = [(3 * width, width), (3 * width,), (width, width), (width,)]
    dense: Shapes = [(4 * width, width), (4 * width,), (width, 4 * width), (width,)]
    return [(50257, width), (1024, width), *12 * [*norm, *attention, *norm, *dense], *norm]


def stepper(
    optimizer: Callable[[list[nn.Parameter]], torch.optim.Optimizer], shapes: Shapes, device: str
) -> Callable[[], object]:
    """A step of the optimizer on parameters of these shapes, the same every time it is made."""
    generator = torch.Generator().manual_seed(0)
    params = [nn.Parameter(torch.randn(shape, generator=generator).to(device)) for shape in shapes]
    for param in params:
        param.grad = torch.randn(param.shape, generator=generator).to(device)
    return optimizer(params).step


def wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def seconds(step: Callable[[], object], repetitions: int, device: str) -> float:
    """A step's mean time over some repetitions."""
    wait(device)
    began = time.perf_counter()
    for _ in range(repetitions):
        step()
    wait(device)
    return (time.perf_counter() - began) / repetitions


def compare(shapes: Shapes, device: str) -> dict[str, tuple[float, float]]:
    """Of ours and each of torch's: the median in seconds a step, and the median of how many times as long
    ours takes."""
    made: dict[str, Callable[[list[nn.Parameter]], torch.optim.Optimizer]] = {
        "ours": lambda params: Hyperalgorithm(params, lr=1e-3),
        "foreach": lambda params: torch.optim.Adam(params, lr=1e-3, foreach=True),
        "fused": lambda params: torch.optim.Adam(params, lr=1e-3, fused=True),
    }
    steps = {name: stepper(optimizer, shapes, device) for name, optimizer in made.items()}
    slowest = max(seconds(step, LEAST, device) for step in steps.values())
    repetitions = max(1, round(SECONDS_A_TURN / slowest))
    turns = min(TURNS, max(LEAST, round(SECONDS / (repetitions * slowest * len(steps)))))
    times: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(turns):
        for name in list(steps)[:: 1 if turn % 2 else -1]:
            times[name].append(seconds(steps[name], repetitions, device))
    ratios = {
        name: statistics.median(one / other for one, other in zip(times["ours"], each, strict=True))
        for name, each in times.items()
    }
    return {name: (statistics.median(each), ratios[name]) for name, each in times.items()}


def machine() -> str:
    """Processor, cores, graphics card and versions, in a line."""
    info = pathlib.Path("/proc/cpuinfo")
    models = (
        [
            line.split(":")[1].strip()
            for line in info.read_text().splitlines()
            if line.startswith("model name")
        ]
        if info.exists()
        else []
    )
    parts = [models[0] if models else platform.processor() or platform.machine(), f"{os.cpu_count()} cores"]
    if torch.cuda.is_available():
        parts.append(torch.cuda.get_device_name())
    return ", ".join([*parts, f"torch {torch.__version__}", f"Python {platform.python_version()}"])


def settings() -> Iterator[tuple[str, str, int]]:
    """Name, device and threads of everything that is measured."""
    for threads in (1, 2):
        yield f"cpu, {threads} thread{'s' if threads > 1 else ''}", "cpu", threads
    if torch.cuda.is_available():
        yield "cuda", "cuda", 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="without the transformer, which needs 6 GB")
    small = parser.parse_args().small
    print(machine())
    print("| parameters | device | ours (us) | foreach (us) | fused (us) | ours / foreach | ours / fused |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    slow = []
    for label, device, threads in settings():
        torch.set_num_threads(threads)
        for name, shapes in (
            ("autoencoder", autoencoder()),
            ("ResNet-20", resnet20()),
            ("transformer", transformer()),
        ):
            if small and name == "transformer":
                continue
            found = compare(shapes, device)
            size = sum(torch.Size(shape).numel() for shape in shapes)
            cells = [f"{1e6 * time_:.0f}" for time_, _ in found.values()] + [
                f"{found[each][1]:.2f}" for each in ("foreach", "fused")
            ]
            print(f"| {name} ({len(shapes)}, {size:,}) | {label} | {' | '.join(cells)} |", flush=True)
            if found["foreach"][1] > ALLOWED:
                slow.append(f"{name} on {label}")
    if slow:
        print(f"too slow (more than {ALLOWED} times torch.optim.Adam): {'; '.join(slow)}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
