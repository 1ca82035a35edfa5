"""Cohorts on a CPU, of the tasks that train as one program there: a member's every number is the same, bit by bit, in every cohort.

The reference is always a cohort of the member by itself. Seeds are shared by some; one learning rate diverges at once, one in a while.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.trainables.test_cohorts import TIMES, one_thread, saved
from trainables.cohort_sizes import pays
from trainables.cohorts import CohortLoop
from trainables.datasets import Dataset, load
from trainables.families import FAMILIES, TITLES, compose
from trainables.names import InputError
from trainables.tasks import task
from trainables.training import Report, TrainingLoop
from trainables.variants import Variant, variant

__all__ = ["one_thread"]
MOST, EPOCHS, IMAGES = 32, 3, 75
"""Images: batches of 16 leave one of 11, which fills no vector of a CPU."""
SIZES = (2, 3, 5, 8, 31, 32)
TASKS = ("logistic/synthetic", "logistic/digits", "mlp/synthetic", "quadratic/ill_conditioned")
Numbers = tuple[list[str], Tensor]
"""All reports of a member but its times, as text, in which every float is exact and nan equals itself; its parameters in the end."""


class Trials:
    """Up to 32 trials of a task and a variant. Args: options: further hyperparameters, each a list that members take from in turn."""

    def __init__(
        self, name: str, chosen: str | Variant = "adam", options: Mapping[str, Sequence[Any]] | None = None, *, precision: str = "float32"
    ) -> None:
        self.task, self.variant, self.precision = task(name), variant(chosen) if isinstance(chosen, str) else chosen, precision
        self.options = dict(options or {})
        whole: Dataset = load(self.task.dataset)
        self.data = whole.limited(IMAGES)

    def loop(self, k: int, *, epochs: int = EPOCHS) -> TrainingLoop:
        lr = 1e38 if k == 5 else 1e3 if k == 6 else 1e-3 * 1.2**k
        configuration = {"lr": lr, **{name: values[k % len(values)] for name, values in self.options.items()}}
        seed, batch = (0, 1, k)[k % 3], None if "batch_size" in self.options else 16
        arguments: dict[str, Any] = {"data": self.data, "epochs": epochs, "batch_size": batch, "precision": self.precision}
        return TrainingLoop(self.task, self.variant, configuration, seed, initial_loss=math.nan, **arguments)

    def together(self, members: Sequence[int]) -> dict[int, Numbers]:
        """Train members in one cohort to their ends."""
        cohort = CohortLoop([self.loop(k) for k in members])
        reports: list[list[Report]] = [[] for _ in members]
        for epoch in cohort:
            for place, report in epoch.items():
                reports[place].append(report)
        assert cohort.reason is None or any("failed" in report["status"] for found in reports for report in found)
        return {k: numbers(cohort.loops[place], reports[place]) for place, k in enumerate(members)}

    def alone(self, members: Sequence[int]) -> dict[int, Numbers]:
        """Train members each in a cohort of its own."""
        return {k: found for member in members for k, found in self.together([member]).items()}


def numbers(loop: TrainingLoop, reports: Sequence[Report]) -> Numbers:
    texts = [repr(sorted((name, value) for name, value in report.items() if name not in TIMES)) for report in reports]
    parameters = torch.cat([param.detach().reshape(-1) for param in loop.model.parameters()]).clone()
    return [repr(loop.initial_loss), *texts], parameters


def assert_same(found: Mapping[int, Numbers], wanted: Mapping[int, Numbers]) -> None:
    for k, (texts, parameters) in found.items():
        assert texts == wanted[k][0], k
        assert torch.equal(parameters.nan_to_num(), wanted[k][1].nan_to_num()), k
        assert torch.equal(parameters.isnan(), wanted[k][1].isnan()), k


def parts(size: int, most: int = MOST) -> Iterator[list[int]]:
    """All members in cohorts of a size, of which the last may be smaller."""
    for start in range(0, most, size):
        yield list(range(start, min(start + size, most)))


def stacked_names() -> set[str]:
    """The tasks that come with the package whose default model trains as one program on a CPU, over datasets that need no download."""
    found = set()
    for model in FAMILIES:
        for dataset in TITLES:
            try:
                chosen = compose(f"{model}/{dataset}")
            except InputError:
                continue
            if chosen is not None and dataset in ("digits", "synthetic", "ill_conditioned"):
                loop = TrainingLoop(chosen, variant("sgd"), {"lr": 0.1}, 0, data=load(chosen.dataset), epochs=1, initial_loss=math.nan)
                found |= {chosen.name} if pays(loop) else set()
    return found


def test_the_tasks_tested_here_are_all_that_are_stacked() -> None:
    assert stacked_names() == set(TASKS)


@pytest.mark.parametrize("name", TASKS)
def test_of_every_size_from_1_to_32(name: str) -> None:
    trials = Trials(name, "adam", {"mu": [0.9, 0.5], "nu": [0.999]})
    wanted = trials.alone(range(MOST))
    statuses = {"diverged" if "diverged" in found[0][-1] else "completed" for found in wanted.values()}
    assert statuses == {"completed", "diverged"}
    for size in range(2, MOST + 1) if name == "logistic/synthetic" else SIZES:
        for part in parts(size):
            assert_same(trials.together(part), wanted)


VARIANTS: dict[str, tuple[str | Variant, dict[str, Sequence[Any]]]] = {
    "plain descent": (Variant("own", {"momentum": "none", "adaptive": "none"}), {}),
    "one mu for all": ("cm", {"mu": [0.9]}),
    "Nesterov's, a handcrafted sum": (
        Variant("own", {"momentum": "nag", "adaptive": "none", "mu_schedule": "handcrafted", "momentum_accumulation": "sum"}),
        {"mu": [0.9, 0.9, 0.5], "period": [2]},
    ),
    "p = 1": (Variant("own", {"momentum": "none", "p": 1.0}), {"nu": [0.9, 0.99]}),
    "p = inf": (Variant("own", {"momentum": "cm", "p": math.inf}), {"nu": [0.9, 0.99], "mu": [0.5]}),
    "p = 3 for all": (Variant("own", {"momentum": "none", "p": 3.0}), {"nu": [0.9, 0.9, 0.99]}),
    "a norm for each": (Variant("own", {"momentum": "cm"}), {"p": [1.5, 3.0, 4.0], "nu": [0.9, 0.99], "mu": [0.9]}),
    "a sum of squares": ("adagrad", {}),
    "scaled, a sum": (Variant("own", {"momentum": "nag", "momentum_gradient": "scaled", "momentum_accumulation": "sum"}), {"mu": [0.9, 0.5]}),
    "nadam with schedules": ("nadam", {"lr_schedule": ["cosine", "constant", "step"], "lr_warmup": [0.0, 0.5]}),
    "clipping": ("adam", {"clip_norm": [0.01, 0.1, 10.0]}),
    "coupled decay of some": ("cm", {"weight_decay": [0.0, 0.1]}),
    "decoupled decay of some": ("adam", {"weight_decay": [0.0, 0.1], "weight_decay_kind": ["decoupled"], "lr_schedule": ["linear"]}),
    "batches of 7": ("adam", {"batch_size": [7]}),
    "batches of several sizes": ("adam", {"batch_size": [5, 16]}),
    "variants that differ": (Variant("own", {}), {"momentum": ["cm", "nag", "none"], "p": [1.0, 2.0]}),
    "torch's Adam": ("torch.optim.Adam", {}),
    "torch's SGD with momentum": ("torch.optim.SGD", {"momentum": [0.9, 0.5]}),
    "torch's Rprop": ("torch.optim.Rprop", {}),
    "Muon, one by one": ("torch.optim.Muon", {"width": [9]}),
    "second order": (Variant("own", {"momentum": "cm", "order": "second"}), {"nu": [0.9], "curvature_samples": [1], "width": [9]}),
    "second order, p = 3 of two": (
        Variant("own", {"momentum": "cm", "order": "second", "p": 3.0}), {"curvature_every": [2], "curvature_samples": [2], "width": [9]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", VARIANTS)
def test_with_every_kind_of_update_and_setting(kind: str) -> None:
    trials = Trials("mlp/digits" if "width" in VARIANTS[kind][1] else "logistic/synthetic", *VARIANTS[kind])
    members = range(13)
    wanted = trials.alone(members)
    for size in (2, 3, 7, 13):
        for part in parts(size, len(members)):
            assert_same(trials.together(part), wanted)


@pytest.mark.parametrize("model", [{"width": [24], "activation": ["leaky_relu"]}, {"width": [9], "depth": [1]}], ids=["24 units", "9 units"])
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_of_small_models_of_large_data_and_in_half_precision(model: dict[str, Sequence[Any]], precision: str) -> None:
    trials = Trials("mlp/digits", "adam", model, precision=precision)
    assert pays(trials.loop(0))
    wanted = trials.alone(range(8))
    for size in (2, 3, 8):
        for part in parts(size, 8):
            assert_same(trials.together(part), wanted)


@pytest.mark.parametrize("name", TASKS)
def test_in_any_order_and_beside_any_neighbours(name: str) -> None:
    trials = Trials(name)
    wanted = trials.alone(range(12))
    for part in ([11, 3, 7, 0], [5, 0], [0, 5, 6], [6, 5, 4, 3, 2, 1, 0], [0, 3, 6, 9], [1, 4, 7, 10, 2, 5, 8]):
        assert_same(trials.together(part), wanted)


@pytest.mark.parametrize("name", TASKS)
def test_continued_from_a_checkpoint_in_other_cohorts(name: str) -> None:
    trials = Trials(name, "nadam", {"mu": [0.9, 0.5], "lr_schedule": ["cosine"]})
    members = [k for k in range(10) if k not in (5, 6)]  # which have ended by then
    wanted = trials.alone(members)
    first = CohortLoop([trials.loop(k) for k in members])
    begun = first.train_epoch()
    states = {k: saved(first.state_dict(place)) for place, k in enumerate(members)}
    for part in (members[2::-1], members[3:4], members[:3:-1]):
        cohort = CohortLoop([trials.loop(k) for k in part])
        for place, k in enumerate(part):
            cohort.load_state_dict(place, states[k])
        reports = {k: [begun[members.index(k)]] for k in part}
        for epoch in cohort:
            for place, report in epoch.items():
                reports[part[place]].append(report)
        assert_same({k: numbers(cohort.loops[place], reports[k]) for place, k in enumerate(part)}, wanted)


def test_beside_a_neighbour_whose_code_raises() -> None:
    trials = Trials("logistic/synthetic", "torch.optim.Adam")  # which refuses the largest learning rate at its first step
    members = [4, 5, 7, 8]
    found = trials.together(members)
    assert "'failed'" in found[5][0][-1]
    assert_same(found, trials.alone(members))
