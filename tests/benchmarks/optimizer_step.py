"""Time of one optimizer step: Hyperalgorithm with Adam's settings against torch.optim.Adam(foreach=True).

Run: ``python -m tests.benchmarks.optimizer_step``. Both are timed in turns within one run. It prints the medians, and the median ratio of
neighbouring turns, which a busy machine slows alike; it exits with 1 when ours takes longer anywhere.
"""

from __future__ import annotations

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
TURNS = 200
SECONDS_A_TURN = 0.003
Shapes = list[tuple[int, ...]]


def autoencoder() -> Shapes:
    """The paper's autoencoder: 20 tensors, 224,177 numbers."""
    return [tuple(param.shape) for param in ConvAutoencoder().parameters()]


def resnet20() -> Shapes:
    """CIFAR ResNet-20 with shortcuts without parameters: 59 tensors, 269,722 numbers (He et al., 2015, section 4.2)."""
    shapes: Shapes = [(16, 3, 3, 3), (16,), (16,)]
    width = 16
    for stage in (16, 32, 64):
        for _ in range(6):  # n = 3 blocks of two convolutions, each with its batch norm
            shapes += [(stage, width, 3, 3), (stage,), (stage,)]
            width = stage
    return [*shapes, (10, 64), (10,)]


def stepper(optimizer: Callable[[list[nn.Parameter]], torch.optim.Optimizer], shapes: Shapes, device: str) -> Callable[[], object]:
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


def compare(shapes: Shapes, device: str) -> tuple[float, float, float]:
    """Medians of ours and torch's, in seconds a step, and of their ratio."""
    ours = stepper(lambda params: Hyperalgorithm(params, lr=1e-3), shapes, device)
    theirs = stepper(lambda params: torch.optim.Adam(params, lr=1e-3, foreach=True), shapes, device)
    for step in (ours, theirs):
        seconds(step, 20, device)
    repetitions = max(1, round(SECONDS_A_TURN / seconds(theirs, 20, device)))
    pairs = []
    for turn in range(TURNS):
        order = (ours, theirs) if turn % 2 else (theirs, ours)
        times = {step: seconds(step, repetitions, device) for step in order}
        pairs.append((times[ours], times[theirs]))
    our_times, their_times = zip(*pairs, strict=True)
    ratio = statistics.median(one / other for one, other in pairs)
    return statistics.median(our_times), statistics.median(their_times), ratio


def machine() -> str:
    """Processor, cores, graphics card and versions, in a line."""
    info = pathlib.Path("/proc/cpuinfo")
    models = (
        [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
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
    print(machine())
    print(f"{'parameters':<28} {'device':<15} {'ours (us)':>10} {'torch (us)':>11} {'ratio':>6}")
    slow = []
    for label, device, threads in settings():
        torch.set_num_threads(threads)
        for name, shapes in (("autoencoder", autoencoder()), ("ResNet-20", resnet20())):
            ours, theirs, ratio = compare(shapes, device)
            size = sum(torch.Size(shape).numel() for shape in shapes)
            print(f"{f'{name} ({len(shapes)}, {size:,})':<28} {label:<15} {ours * 1e6:>10.0f} {theirs * 1e6:>11.0f} {ratio:>6.2f}")
            if ratio > ALLOWED:
                slow.append(f"{name} on {label}")
    if slow:
        print(f"too slow (more than {ALLOWED} times torch.optim.Adam): {'; '.join(slow)}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
