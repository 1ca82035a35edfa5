"""Where the time of a cohort goes, and what was tried: a stacked step by function, ways to convolve, ways to
keep reports.

Run: ``python -m tests.benchmarks.profiles``. Times are the processor's, with one thread.
"""

from __future__ import annotations

import cProfile
import math
import pathlib
import pstats
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sensitivity.store.store import Store
from tests.benchmarks.cohorts import noise, together
from tests.benchmarks.optimizer_step import machine
from tests.contracts import report, trial
from trainables.layouts import Layout, flat
from trainables.models import ConvAutoencoder
from trainables.row_updates import RowsUpdate
from trainables.stacked_updates import OneByOne, Update
from trainables.tasks import task
from trainables.training import TrainingLoop
from trainables.variants import variant

MEMBERS = 32
SHOWN = {
    "vmap_impl": "vmap",
    "functional_call": "functional_call",
    "grad": "backward",
    "update": "update",
    "evaluate": "evaluation",
}
TURNS = 7


def median(run: Callable[[], object], turns: int = TURNS) -> float:
    """Seconds of the processor."""
    times = []
    for _ in range(turns):
        began = time.process_time()
        run()
        times.append(time.process_time() - began)
    return statistics.median(times)


def stacked_step() -> None:
    """Shares of an epoch of a stack of small models; a function's share includes what it calls."""
    epoch = together(task("logistic/synthetic"), noise("synthetic", None, "cpu"), MEMBERS)
    profile = cProfile.Profile(time.process_time)
    profile.runcall(lambda: [epoch() for _ in range(5)])
    stats: Any = pstats.Stats(profile)
    for (_, _, function), (_, _, _, seconds, _) in sorted(stats.stats.items(), key=lambda item: -item[1][3]):
        if function in SHOWN and seconds > 0.01 * stats.total_tt:
            print(f"  {SHOWN[function]:<18} {seconds / stats.total_tt:>5.0%}")


def convolutions(members: int = 4, batch: int = 128, channels: int = 16, side: int = 26) -> None:
    """Forward and backward of a 3 x 3 convolution of every member."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(members, batch, channels, side, side, generator=generator)
    w = torch.randn(members, channels, channels, 3, 3, generator=generator)

    def separate(x: Tensor, w: Tensor) -> list[Tensor]:
        return [functional.conv2d(each_x, each_w) for each_x, each_w in zip(x, w, strict=True)]

    def grouped(x: Tensor, w: Tensor) -> list[Tensor]:
        return [functional.conv2d(x.transpose(0, 1).flatten(1, 2), w.flatten(0, 1), groups=members)]

    def unfolded(x: Tensor, w: Tensor) -> list[Tensor]:
        patches = functional.unfold(x.flatten(0, 1), 3).unflatten(0, (members, batch))
        return [torch.matmul(w.reshape(members, 1, channels, -1), patches)]

    def both(way: Callable[[Tensor, Tensor], list[Tensor]]) -> None:
        given = x.clone().requires_grad_(), w.clone().requires_grad_()
        torch.stack([each.square().sum() for each in way(*given)]).sum().backward()  # type: ignore[no-untyped-call]

    for way in (separate, grouped, unfolded):
        print(f"  {way.__name__:<18} {1e3 * median(lambda way=way: both(way)):>5.0f} ms")  # type: ignore[misc]


class Transposed(ConvAutoencoder):
    """The autoencoder whose decoder grows its maps by transposed convolutions with the same weights: the same
    function."""

    def decode(self, codes: Tensor) -> Tensor:
        maps = self.active(self.widen_2(self.active(self.widen_1(codes)))).unflatten(1, (-1, 5, 5))
        maps = self.active(_grown(self.decode_1, functional.interpolate(maps, scale_factor=2.0)))
        maps = self.active(_grown(self.decode_2, functional.interpolate(maps, scale_factor=2.0)))
        return _grown(self.decode_3, maps)


def _grown(layer: nn.Conv2d, maps: Tensor) -> Tensor:
    return functional.conv_transpose2d(maps, layer.weight.transpose(0, 1).flip(2, 3), layer.bias)


def decoders(batch: int = 128) -> None:
    """Forward and backward of one autoencoder: both decoders, both memory layouts, in turns."""
    x = torch.rand(batch, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    steps: dict[str, Callable[[], Tensor]] = {}
    for made in (ConvAutoencoder, Transposed):
        for layout in (torch.contiguous_format, torch.channels_last):
            model = made(torch.Generator().manual_seed(0)).to(memory_format=layout)
            name = (
                f"{'padded' if made is ConvAutoencoder else 'transposed'}, "
                f"{str(layout).removeprefix('torch.')}"
            )
            steps[name] = lambda model=model: functional.mse_loss(model(x), x)  # type: ignore[misc]
    losses = torch.stack([step().detach() for step in steps.values()])
    assert torch.allclose(losses, losses[0], rtol=1e-6)
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(TURNS):
        for name, step in steps.items():
            times[name].append(median(lambda step=step: step().backward(), 1))  # type: ignore[misc]
    for name, each in times.items():
        print(f"  {name:<32} {1e3 * statistics.median(each):>5.0f} ms")


def reports(count: int = 32) -> None:
    """A report of every member of a cohort into the store."""
    trials = [trial(float(i + 1)) for i in range(2 * TURNS * count)]
    with tempfile.TemporaryDirectory() as folder:
        store = Store(pathlib.Path(folder) / "s.sqlite")
        store.add_study("s", "{}", trials)
        left = iter([trials[start : start + count] for start in range(0, len(trials), count)])
        one = median(
            lambda: [store.record(each.key, initial_loss=1.0, reports=[report(1)]) for each in next(left)]
        )
        all_ = median(
            lambda: store.keep([{**report(1), "key": each.key, "initial_loss": 1.0} for each in next(left)])
        )
        store.close()
    print(
        f"  {'one by one':<18} {1e3 * one / count:>5.2f} ms\n  {'all at once':<18} "
        f"{1e3 * all_ / count:>5.2f} ms"
    )


def optimizers(members: int = MEMBERS) -> None:
    """A step of PyTorch's Adam for every member: one after another on its model, or all rows at once."""
    chosen, data = task("mlp/synthetic"), noise("synthetic", 256, "cpu")
    for name, rates in (
        ("all different", [1e-3 * (k + 1) for k in range(members)]),
        ("eight of each", [1e-3 * (k // 8 + 1) for k in range(members)]),
    ):
        for way in (OneByOne, RowsUpdate):
            adam = variant("torch.optim.Adam")
            loops = [
                TrainingLoop(chosen, adam, {"lr": lr}, 0, data=data, epochs=1, initial_loss=math.inf)
                for lr in rates
            ]
            layout = Layout(loops[0].params)
            theta = torch.stack([flat(loop.params) for loop in loops])
            update: Update = way(loops, theta, layout)
            gradient, norms = torch.ones_like(theta), torch.ones(members)
            print(
                f"  {f'{name}, {way.__name__}':<34} "
                f"{1e3 * median(lambda: update.step(gradient, norms, None, 1)):>6.2f} ms"
            )


def main() -> None:
    torch.set_num_threads(1)
    print(machine())
    print(f"share of an epoch of {MEMBERS} stacked logistic/synthetic:")
    stacked_step()
    print("convolution of 4 members, batch 128, 16 to 16 channels, 26 x 26, forward and backward:")
    convolutions()
    print("one autoencoder, batch 128, forward and backward:")
    decoders()
    print(f"step of torch.optim.Adam for {MEMBERS} stacked mlp/synthetic:")
    optimizers()
    print("keeping a report:")
    reports()


if __name__ == "__main__":
    main()
