"""Table of optimizers: right, with the largest difference to a plain loop, or refused with the reason.

    python -m tests.optimizers [NAME ...] [--write docs/optimizers.md]

A plain loop calls the class itself by the documented contract of its family, and shares nothing with the
training loop but the first weights, the order of the batches and the random numbers. Both train a small mlp and a
bowl for 20 steps.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import importlib
import math
import pathlib
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tests.plain_loop import BATCH, EPOCHS, STEPS_PER_EPOCH, apart, full_loss, plain
from trainables.dataset import Dataset
from trainables.names import InputError
from trainables.task_definition import Task
from trainables.training import TrainingLoop
from trainables.variants import variant

BEGIN, END = "<!-- table of python -m tests.optimizers -->", "<!-- end of the table -->"
CLOSE = 1e-6
"""Largest relative difference of the loss, and of the parameters, that counts as right."""
MORE = 1.02
"""Loss after training, relative to the one before, up to which a loss is sane: some warm up for longer."""


def supported() -> list[str]:
    """Return the variants of the table: every name of pytorch_optimizer and of torch.optim, Schedule-Free of
    three packages, and Prodigy of prodigyopt."""
    names = []
    for package, classes in {
        "pytorch_optimizer": _of_pytorch_optimizer,
        "schedulefree": lambda: ["AdamWScheduleFree", "SGDScheduleFree", "RAdamScheduleFree"],
        "prodigyopt": lambda: ["Prodigy"],
        "heavyball": lambda: ["SFAdamW", "AdamW", "SOAP", "Muon", "PSGDKron"],
    }.items():
        with contextlib.suppress(ImportError):
            importlib.import_module(package)
            names += [f"{package}:{name}" for name in classes()]
    return names + [
        f"torch.optim.{name}"
        for name, value in sorted(vars(torch.optim).items())
        if isinstance(value, type) and issubclass(value, torch.optim.Optimizer) and name != "Optimizer"
    ]


def _of_pytorch_optimizer() -> list[str]:
    import pytorch_optimizer

    classes = [
        pytorch_optimizer.load_optimizer(name) for name in pytorch_optimizer.get_supported_optimizers()
    ]
    return [found.__name__ for found in classes]


class Net(nn.Module):
    """Three dense layers."""

    def __init__(self, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.dense = nn.Sequential(
            nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 4)
        )
        with torch.no_grad():
            for param in self.parameters():
                param.copy_(torch.randn(param.shape, generator=generator) / 4)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.dense(x)
        return scores


class Bowl(nn.Module):
    """A quadratic of a vector and a matrix, whose outputs are the losses of the images."""

    def __init__(self, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.vector = nn.Parameter(torch.linspace(-1, 1, 12))
        self.matrix = nn.Parameter(torch.eye(12) / 2 + 0.01)

    def forward(self, x: Tensor) -> Tensor:
        scaled = torch.linspace(0.5, 2, 12) * (self.vector - x)
        return scaled.square().mean(1) + (self.matrix - 0.1).square().mean()


def tasks() -> dict[str, tuple[Task, Dataset]]:
    """Return the small tasks, with their data."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(BATCH * STEPS_PER_EPOCH, 12, generator=generator)
    y = (x[:, :4] + 0.3 * torch.randn(len(x), 4, generator=generator)).argmax(1)
    data = Dataset("small", x, y, x[:8], y[:8])
    bowl = Task("bowl/small", lambda: data, Bowl, "mean_output", batch_size=BATCH)
    return {
        "mlp": (Task("net/small", lambda: data, Net, "cross_entropy", batch_size=BATCH), data),
        "bowl": (bowl, data),
    }


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Args:
        name: of the variant.
        kind: ``right``, ``refused`` or ``wrong``.
        difference: largest relative difference to the plain loop.
        resumed: largest relative difference of a loop that was interrupted after an epoch.
        detail: the reason of a refusal, or what is wrong.
        losses: before and after training, of the mlp.
    """

    name: str
    kind: str
    difference: float = math.nan
    resumed: float = math.nan
    detail: str = ""
    losses: tuple[float, float] = (math.nan, math.nan)


def check(name: str) -> Row:
    """Return the row of a variant, at its own lr, or at a tenth or a hundredth of it where that is too much for
    these tasks."""
    try:
        chosen = variant(name)
    except InputError as error:
        return Row(name, "refused", detail=str(error).removeprefix(f"{name} "))
    found = Row(name, "wrong")
    for factor in (1, 0.1, 0.01):
        try:
            found = compared(name, chosen, factor)
        except InputError as error:
            return Row(name, "refused", detail=str(error).removeprefix(f"{name} "))
        except Exception as error:
            return Row(name, "wrong", detail=f"{type(error).__name__}: {error}")
        if found.kind == "right" or "lr" not in chosen.needs:
            break
    return found


def compared(name: str, chosen: Any, factor: float) -> Row:
    """Return the row of a variant that is not refused by its name."""
    configuration = {setting: _own(chosen, setting) for setting in chosen.needs}
    if "lr" in configuration:
        configuration["lr"] *= factor
    detail = "" if factor == 1 else f"lr {configuration['lr']:g}"
    difference = resumed = 0.0
    losses = (math.nan, math.nan)
    for task_name, (task, data) in tasks().items():
        loop, first = trained(task, data, chosen, configuration)
        difference = max(difference, apart(loop.model, plain(name, task, data, configuration)))
        again, _ = trained(task, data, chosen, configuration, interrupted=True)
        resumed = max(resumed, apart(again.model, loop.model))
        last = full_loss(loop.model.eval(), task, data)
        if task_name == "mlp":
            losses = (first, last)
            if "lr" in configuration and not _heeds_lr(task, data, chosen, configuration, loop):
                return Row(name, "wrong", difference, resumed, "lr has no effect", losses)
        if not math.isfinite(last) or last > MORE * first:
            detail = f"{task_name}: {first:.3g} became {last:.3g}"
            return Row(name, "wrong", difference, resumed, detail, losses)
    if difference > CLOSE:
        return Row(name, "wrong", difference, resumed, "differs from the plain loop", losses)
    return Row(name, "right", difference, resumed, detail, losses)


def _heeds_lr(
    task: Task, data: Dataset, chosen: Any, configuration: dict[str, Any], loop: TrainingLoop
) -> bool:
    doubled, _ = trained(task, data, chosen, {**configuration, "lr": 2 * configuration["lr"]})
    return apart(doubled.model, loop.model) > 0


def _own(chosen: Any, setting: str) -> Any:
    default = chosen.keywords.get(setting)
    return default if isinstance(default, (int, float)) else 1e-3


def trained(
    task: Task, data: Dataset, chosen: Any, configuration: dict[str, Any], *, interrupted: bool = False
) -> tuple[TrainingLoop, float]:
    """Return a loop after training, and its initial loss."""
    loop = TrainingLoop(task, chosen, configuration, 0, data=data, epochs=EPOCHS)
    first = loop.initial_loss
    loop.train_epoch()
    if interrupted:
        state = copy.deepcopy(loop.state_dict())
        loop = TrainingLoop(task, chosen, configuration, 0, data=data, epochs=EPOCHS)
        loop.load_state_dict(state)
    loop.train_epoch()
    return loop, first


def rows(names: list[str]) -> Iterator[Row]:
    """Yield the rows of variants."""
    for name in names:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield check(name)


def called(name: str) -> str:
    """Return how the loop calls an optimizer, in words."""
    adapter = variant(name).adapter  # type: ignore[attr-defined]
    words = {
        "takes the model": bool(adapter.model),
        "takes named parameters": bool(adapter.named),
        "matrices and filters apart": adapter.roles,
        "`train()` and `eval()`": adapter.modes,
        "closure": adapter.closure in ("step", "first"),
        "loss": adapter.closure == "loss",
        "graph of the gradient": adapter.curvature == "graph",
        "labels drawn from the model": adapter.curvature == "sampled",
        ", ".join(f"`{supplied}`" for supplied in adapter.supplied): bool(adapter.supplied),
        ", ".join(f"`{key}={value}`" for key, value in adapter.fixed.items()): bool(adapter.fixed),
        "no lr": adapter.without_lr,
    }
    return ", ".join(word for word, holds in words.items() if holds)


def table(found: list[Row]) -> str:
    """Return the rows as a table in Markdown."""
    lines = ["| variant | | difference | loss | called with, or reason |", "| --- | --- | --- | --- | --- |"]
    for row in found:
        if row.kind == "refused":
            lines.append(f"| `{row.name}` | refused | | | {row.detail} |")
        else:
            extra = "; ".join(part for part in (called(row.name), row.detail) if part)
            before, after = row.losses
            lines.append(
                f"| `{row.name}` | {row.kind} | {row.difference:.1g} | {before:.3g} to {after:.3g} | {extra} |"
            )
    return "\n".join(lines)


def write(path: pathlib.Path, found: list[Row]) -> None:
    """Replace the table of a page."""
    text = path.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    path.write_text(f"{before}{BEGIN}\n\n{table(found)}\n\n{END}{after}", encoding="utf-8")


def main() -> int:
    """Print the table; the exit status is 1 if a row is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--write", type=pathlib.Path, help="page whose table is replaced")
    torch.set_num_threads(1)
    found = []
    arguments = parser.parse_args()
    for row in rows(arguments.names or supported()):
        found.append(row)
        numbers = f"{row.difference:8.1e} {row.resumed:8.1e} {row.losses[0]:.3g} -> {row.losses[1]:.3g}"
        print(f"{row.name:45} {row.kind:8} {numbers} {row.detail}", flush=True)
    if arguments.write:
        write(arguments.write, found)
    totals = {kind: sum(row.kind == kind for row in found) for kind in ("right", "refused", "wrong")}
    print(f"{len(found)} names: {', '.join(f'{count} {kind}' for kind, count in totals.items())}")
    return int(totals["wrong"] > 0)


if __name__ == "__main__":
    sys.exit(main())
