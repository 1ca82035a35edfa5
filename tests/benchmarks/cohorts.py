"""Cohorts against separate plain PyTorch runs one after another: trials per hour, and the ratio.

Run: ``python -m tests.benchmarks.cohorts``; with CUDA also the share of the device's measured matrix-multiply
peak (what a GPU is judged by is in :mod:`tests.benchmarks.gpu`). A plain run is the loop that a careful
engineer writes: the same model, ``torch.optim.Adam``, data on the device, no loader, nothing that waits for
the device in a step, and the same evaluation after every epoch. Pixels are noise: speed does not depend on
them. Both sides are timed in turns within one run.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable, Iterator

import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.benchmarks.optimizer_step import machine, wait
from trainables.captured import Capture
from trainables.cohorts import CohortLoop
from trainables.dataset import Dataset
from trainables.datasets import KNOWN, load
from trainables.names import InputError
from trainables.stacked_updates import way
from trainables.task_definition import Task
from trainables.tasks import task
from trainables.training import TrainingLoop
from trainables.variants import variant

EPOCHS = 50
TURNS = 3
Found = dict[int, tuple[float, float]]
"""Seconds of a member's epoch of the whole dataset, and times the trials per hour of a plain run, by the size
of the cohort."""
Epoch = Callable[[], object]


def noise(name: str, images: int | None, device: str) -> Dataset:
    """Random data of a dataset's shape; a text itself. Args: images: training images at most."""
    if name == "text":
        return load("text").limited(images).to(device)
    known, generator = KNOWN[name], torch.Generator().manual_seed(0)
    train = min(known.train, images or known.train)
    test = round(known.test * train / known.train)
    x = torch.rand(train + test, *known.shape, generator=generator)
    y = torch.randint(0, known.classes or 2, (train + test,), generator=generator)
    return Dataset(name, x[:train], y[:train], x[train:], y[train:]).to(device)


def plain(chosen: Task, data: Dataset, *, lr: float = 1e-3) -> Epoch:
    """An epoch of a plain run, evaluation included."""
    device = data.x_train.device
    model = chosen.model(torch.Generator().manual_seed(0), **chosen.settings).to(device)
    if any(param.ndim == 4 for param in model.parameters()):
        model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)

    def evaluate(x: torch.Tensor, y: torch.Tensor) -> list[float]:
        totals = torch.zeros(1 + len(chosen.metrics), device=device)
        with torch.no_grad():
            for some_x, some_y in zip(x.split(256), y.split(256), strict=True):
                outputs = model(some_x)
                values = [
                    measure(outputs, some_x, some_y) for measure in (chosen.loss, *chosen.metrics.values())
                ]
                totals += torch.stack(values) * len(some_x)
        found: list[float] = (totals / len(x)).tolist()
        return found

    def epoch() -> object:
        model.train()
        total = torch.zeros((), device=device)
        for batch in torch.randperm(len(data.x_train), device=device).split(chosen.batch_size):
            x, y = data.x_train[batch], data.y_train[batch]
            optimizer.zero_grad(set_to_none=True)
            loss = chosen.loss(model(x), x, y)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.detach()
        model.eval()
        return total.item(), evaluate(data.x_train, data.y_train), evaluate(data.x_test, data.y_test)

    return epoch


def members(chosen: Task, data: Dataset, size: int) -> list[TrainingLoop]:
    """Trials of Adam that differ in lr and seed."""
    rates = [1e-4 * 10 ** (2 * k / max(1, size - 1)) for k in range(size)]
    return [
        TrainingLoop(
            chosen, variant("adam"), {"lr": lr}, k % 3, data=data, epochs=1_000_000, initial_loss=math.inf
        )
        for k, lr in enumerate(rates)
    ]


def together(chosen: Task, data: Dataset, size: int, capture: Capture | None = None) -> Epoch:
    """An epoch of a cohort."""
    cohort = CohortLoop(members(chosen, data, size), capture=capture)
    cohort.train_epoch()  # tries the stack, records the step
    if cohort.reason is not None:
        raise SystemExit(f"{chosen.name} cannot be stacked: {cohort.reason}")
    return cohort.train_epoch


def one_by_one(chosen: Task, data: Dataset) -> Epoch:
    """An epoch of a single training loop."""
    return members(chosen, data, 1)[0].train_epoch


def eager(step: Callable[[], None]) -> Callable[[], None]:
    """No CUDA graph."""
    return step


def seconds(epochs: dict[str, Epoch], device: str) -> dict[str, float]:
    """Median time of each, taken in turns; on a CPU the time of the processor, which other programs do not
    change."""
    clock = time.perf_counter if device == "cuda" else time.process_time
    times: dict[str, list[float]] = {name: [] for name in epochs}
    for turn in range(TURNS):
        for name in list(epochs)[:: 1 if turn % 2 else -1]:
            wait(device)
            began = clock()
            epochs[name]()
            wait(device)
            times[name].append(clock() - began)
    return {name: statistics.median(each) for name, each in times.items()}


def work(chosen: Task, data: Dataset) -> int:
    """Floating-point operations of an epoch: forward and backward of every training image, forward of every
    one evaluated."""
    model = chosen.model(torch.Generator().manual_seed(0), **chosen.settings).to(data.x_train.device)
    x, y = data.x_train[:8], data.y_train[:8]
    counts = []
    for trains in (True, False):
        with FlopCounterMode(display=False) as counter, torch.set_grad_enabled(trains):
            loss = chosen.loss(model(x), x, y)
            if trains:
                loss.backward()  # type: ignore[no-untyped-call]
        counts.append(counter.get_total_flops() / len(x))
    return round(counts[0] * len(data.x_train) + counts[1] * (len(data.x_train) + len(data.x_test)))


def peak(device: str, side: int = 8192) -> float:
    """Operations a second of a large float32 matrix product, TensorFloat-32 off."""
    one, other = (torch.rand(side, side, device=device) for _ in range(2))
    best = math.inf
    for _ in range(5):
        wait(device)
        began = time.perf_counter()
        torch.mm(one, other)
        wait(device)
        best = min(best, time.perf_counter() - began)
    return 2 * side**3 / best


def settings(device: str) -> Iterator[tuple[str, int | None, tuple[int, ...]]]:
    """Task, training images of an epoch, and sizes of cohorts."""
    if device == "cuda":
        yield "autoencoder/mnist", 12_800, (1, 4, 16, 64, 256)
        yield "resnet/cifar10", 12_800, (1, 4, 16, 64, 256)
        yield "mlp/mnist", 12_800, (1, 4, 16, 64, 256)
        yield "gpt/text", None, (1, 4, 16, 64, 256)
        yield "vit/cifar10", 12_800, (1, 4, 16, 64, 256)
    else:
        yield "logistic/synthetic", None, (1, 4, 16, 64)
        yield "mlp/synthetic", None, (1, 4, 16, 64)
        yield "mlp/digits", 512, (1, 4, 16)
        yield "autoencoder/digits", 128, (1, 4, 16)
        yield "resnet/digits", 128, (1, 4, 16)
        yield "gpt/text", 64, (1, 4, 16)
        yield "vit/digits", 128, (1, 4, 16)


def compare(name: str, images: int | None, sizes: tuple[int, ...], device: str) -> Found:
    """Time every size, and print a line for each."""
    chosen = task(name)
    data = noise(name.partition("/")[2], images, device)
    alone, known = plain(chosen, data), KNOWN[name.partition("/")[2]].train
    operations, most = (work(chosen, data), peak(device)) if device == "cuda" else (0, math.inf)
    whole = known / len(data.x_train)
    found: Found = {}
    for size in sizes:
        try:
            runs = {"plain": alone, "loop": one_by_one(chosen, data), "stack": together(chosen, data, size)}
            if device == "cuda":
                runs["no graph"] = together(chosen, data, size, eager)
            took = seconds(runs, device)
        except torch.OutOfMemoryError:
            print(f"{name:<20} {size:>4} out of memory")
            break
        each = took["stack"] / size
        found[size] = each * whole, took["plain"] / each
        hours = [3600 / (time_ * whole * EPOCHS) for time_ in (took["plain"], took["loop"], each)]
        line = (
            f"{name:<20} {size:>4} {hours[0]:>9.0f} {hours[1]:>9.0f} {hours[2]:>9.0f} {found[size][1]:>8.2f}"
        )
        more = (
            f" {took['plain'] * size / took['no graph']:>9.2f} {operations / each / most:>8.1%}"
            if device == "cuda"
            else ""
        )
        print(line + more, flush=True)
    return found


def optimizers() -> Iterator[str]:
    """Names of the optimizers of ``torch.optim`` that a training loop takes."""
    for name in sorted(vars(torch.optim)):
        made = getattr(torch.optim, name)
        if (
            isinstance(made, type)
            and issubclass(made, torch.optim.Optimizer)
            and made is not torch.optim.Optimizer
        ):
            yield name


def compare_optimizers(name: str, size: int, device: str) -> dict[str, float]:
    """Time a stack of unequal settings of every optimizer, against its trials one after another."""
    chosen = task(name)
    data = noise(name.partition("/")[2], None, device)
    found = {}
    print(f"\n{name}, K = {size}: trials of {EPOCHS} epochs per hour, settings all different")
    print(f"{'optimizer':<20} {'loop':>9} {'stack':>9} {'ratio':>8}  way")
    for optimizer in optimizers():
        try:
            loops = unequal(chosen, data, optimizer, size)
            cohort = CohortLoop(loops[1:])
            cohort.train_epoch()
            loops[0].train_epoch()
        except (InputError, RuntimeError, ValueError) as error:
            print(f"{optimizer:<20} {'':>28}  {str(error).splitlines()[0]}")
            continue
        taken = cohort.reason or way(loops[0]).__name__
        took = seconds({"loop": loops[0].train_epoch, "stack": cohort.train_epoch}, device)
        each = took["stack"] / size
        found[optimizer] = took["loop"] / each
        hours = [3600 / (time_ * EPOCHS) for time_ in (took["loop"], each)]
        print(
            f"{optimizer:<20} {hours[0]:>9.0f} {hours[1]:>9.0f} {found[optimizer]:>8.2f}  {taken}", flush=True
        )
    return found


def unequal(chosen: Task, data: Dataset, optimizer: str, size: int) -> list[TrainingLoop]:
    """A trial more than a stack has, whose learning rates and decays are all different."""
    rates = [1e-4 * 10 ** (k / size) for k in range(size + 1)]
    decays = {"weight_decay_kind": "decoupled"} if optimizer == "Rprop" else {}
    return [
        TrainingLoop(
            chosen,
            variant(f"torch.optim.{optimizer}"),
            {"lr": lr, "weight_decay": lr, **decays},
            k % 3,
            data=data,
            epochs=1_000_000,
            initial_loss=math.inf,
        )
        for k, lr in enumerate(rates)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu"
    )
    parser.add_argument("--only", help="name of one task, or optimizers")
    arguments = parser.parse_args()
    device: str = arguments.device
    torch.set_num_threads(1)
    torch.backends.cudnn.conv.fp32_precision = "ieee"  # type: ignore[attr-defined]
    print(f"{machine()}; float32, {'one thread' if device == 'cpu' else 'TensorFloat-32 off'}")
    print(f"trials of {EPOCHS} epochs per hour; ratio: a stack to a plain run")
    more = f" {'no graph':>9} {'of peak':>8}" if device == "cuda" else ""
    print(f"{'task':<20} {'K':>4} {'plain':>9} {'loop':>9} {'stack':>9} {'ratio':>8}{more}")
    for name, images, sizes in settings(device):
        if arguments.only in (None, name):
            compare(name, images, sizes, device)
    if arguments.only in (None, "optimizers"):
        compare_optimizers("logistic/synthetic", 64, device)


if __name__ == "__main__":
    main()
