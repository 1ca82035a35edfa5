"""Where the time of a stacked step goes on a device, by kernel, and how long it waits for the next one.

Run: ``python -m tests.benchmarks.kernels [--device cpu] [--members 64] [TASK ...]``. A row is a kernel (on a CPU an
operator); the last is the time in which none ran. Then a 3 x 3 convolution of every member in three ways: as vmap
makes it (grouped), the same with channels last, and as batched products of patches.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from torch import Tensor
from torch.autograd import DeviceType
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile

from tests.benchmarks.cohorts import noise, together
from tests.benchmarks.optimizer_step import machine, wait
from trainables.tasks import task

TASKS = ("autoencoder/mnist", "resnet/cifar10")
IMAGES, SHOWN, TURNS = 2_560, 12, 7


def kernels(name: str, members: int, device: str, images: int = IMAGES) -> list[tuple[str, float]]:
    """Return kernels with their share of an epoch of a cohort, the largest first, and last the idle share.

    Args:
        name: name of the task.
        members: number of models.
        device: ``cuda``, or ``cpu`` for operators.
        images: training images of the epoch.
    """
    epoch = together(task(name), noise(name.partition("/")[2], images, device), members)
    epoch()
    wait(device)
    began = time.perf_counter()
    epoch()
    wait(device)
    whole = (time.perf_counter() - began) * 1e6  # without the profiler, which takes its own time
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * (device == "cuda")
    with profile(activities=activities, acc_events=True) as profiled:
        epoch()
        wait(device)
    kind = DeviceType.CUDA if device == "cuda" else DeviceType.CPU
    events = [event for event in profiled.key_averages() if event.device_type == kind]
    took = {
        event.key: event.self_device_time_total if device == "cuda" else event.self_cpu_time_total
        for event in events
    }
    found = sorted(((key, spent / whole) for key, spent in took.items()), key=lambda row: -row[1])
    return [*found[:SHOWN], ("nothing runs", max(0.0, 1 - sum(took.values()) / whole))]


def convolutions(
    members: int, device: str, batch: int = 128, channels: int = 16, side: int = 26
) -> dict[str, float]:
    """Return the median milliseconds of forward and backward of a convolution of every member, by way."""
    x = torch.randn(members, batch, channels, side, side, device=device)
    w = torch.randn(members, channels, channels, 3, 3, device=device)

    def grouped(x: Tensor, w: Tensor, layout: torch.memory_format = torch.contiguous_format) -> Tensor:
        maps = x.transpose(0, 1).flatten(1, 2).contiguous(memory_format=layout)
        return functional.conv2d(maps, w.flatten(0, 1), groups=members)

    def channels_last(x: Tensor, w: Tensor) -> Tensor:
        return grouped(x, w, torch.channels_last)

    def patches(x: Tensor, w: Tensor) -> Tensor:
        columns = functional.unfold(x.flatten(0, 1), 3).unflatten(0, (members, batch))
        return torch.matmul(w.reshape(members, 1, channels, -1), columns)

    found = {}
    for way in (grouped, channels_last, patches):
        times = []
        for _ in range(TURNS):
            given = x.clone().requires_grad_(), w.clone().requires_grad_()
            wait(device)
            began = time.perf_counter()
            way(*given).square().sum().backward()  # type: ignore[no-untyped-call]
            wait(device)
            times.append(time.perf_counter() - began)
        found[way.__name__] = 1e3 * statistics.median(times)
    return found


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=TASKS)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--members", type=int, default=64)
    parser.add_argument("--images", type=int, default=IMAGES)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.backends.cudnn.conv.fp32_precision = "ieee"  # type: ignore[attr-defined]
    print(machine())
    for name in options.tasks:
        print(f"{name}, {options.members} together:")
        for kernel, share in kernels(name, options.members, options.device, options.images):
            print(f"  {share:>6.1%}  {kernel[:100]}", flush=True)
    print(
        f"convolution of {options.members} members, batch 128, 16 to 16 channels, 26 x 26, forward and backward:"
    )
    for way, milliseconds in convolutions(options.members, options.device).items():
        print(f"  {way:<14} {milliseconds:>8.1f} ms", flush=True)


if __name__ == "__main__":
    main()
