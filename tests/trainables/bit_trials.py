"""Trials whose numbers are compared bit by bit: of a task, a variant and settings, in cohorts of any size."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from tests.trainables.test_cohorts import ELEMENTWISE, TIMES, saved
from trainables.cohort_sizes import pays
from trainables.cohorts import CohortLoop
from trainables.dataset import Dataset
from trainables.datasets import load
from trainables.tasks import task
from trainables.training import Report, TrainingLoop
from trainables.variant_definition import Variant
from trainables.variants import variant

IMAGES = 43
"""Batches of 16 leave one of 11, which fills no vector of a CPU."""
EPOCHS = 2
STACKED = ("logistic/synthetic", "logistic/digits", "mlp/synthetic", "quadratic/ill_conditioned")
"""Tasks over datasets that need no download, whose default model trains as one program on a CPU."""
Numbers = tuple[list[str], Tensor]
"""All reports of a member but its times, as text, in which every float is exact and nan equals itself; its
parameters in the end."""


class Trials:
    """Up to 32 trials of a task and a variant, some of equal seeds. One learning rate diverges at once, one
    in a while.

    Args:
        name: of the task.
        chosen: variant, or its name.
        options: further hyperparameters, each a list that members take from in turn.
        precision: as of a study.
    """

    def __init__(
        self,
        name: str,
        chosen: str | Variant = "adam",
        options: Mapping[str, Sequence[Any]] | None = None,
        *,
        precision: str = "float32",
    ) -> None:
        self.task, self.variant, self.precision = (
            task(name),
            variant(chosen) if isinstance(chosen, str) else chosen,
            precision,
        )
        self.options = dict(options or {})
        whole: Dataset = load(self.task.dataset)
        self.data = whole.limited(IMAGES)

    def loop(self, k: int, *, epochs: int = EPOCHS) -> TrainingLoop:
        """Return the loop of trial k."""
        lr = 1e38 if k == 5 else 1e3 if k == 6 else 1e-3 * 1.2**k
        configuration = {"lr": lr, **{name: values[k % len(values)] for name, values in self.options.items()}}
        seed, batch = (0, 1, k)[k % 3], None if "batch_size" in self.options else 16
        arguments: dict[str, Any] = {
            "data": self.data,
            "epochs": epochs,
            "batch_size": batch,
            "precision": self.precision,
        }
        return TrainingLoop(self.task, self.variant, configuration, seed, initial_loss=math.nan, **arguments)

    def together(self, members: Sequence[int]) -> dict[int, Numbers]:
        """Train members in one cohort to their ends, by member."""
        cohort = _cohort([self.loop(k) for k in members])
        reports: list[list[Report]] = [[] for _ in members]
        for epoch in cohort:
            for place, report in epoch.items():
                reports[place].append(report)
        assert cohort.reason is None or any(
            report["status"] == "failed" for member in reports for report in member
        )
        return {k: numbers(cohort.loops[place], reports[place]) for place, k in enumerate(members)}

    def alone(self, members: Sequence[int]) -> dict[int, Numbers]:
        """Train members each in a cohort of one, by member."""
        return {k: result for member in members for k, result in self.together([member]).items()}

    def continued(self, members: Sequence[int], parts: Sequence[Sequence[int]]) -> dict[int, Numbers]:
        """Train members together for an epoch, then from their checkpoints in other cohorts. Args: parts:
        members of each of those."""
        first = _cohort([self.loop(k) for k in members])
        begun = first.train_epoch()
        states = {k: saved(first.state_dict(place)) for place, k in enumerate(members)}
        results = {}
        for part in parts:
            cohort = _cohort([self.loop(k) for k in part])
            for place, k in enumerate(part):
                cohort.load_state_dict(place, states[k])
            reports = {k: [begun[members.index(k)]] for k in part}
            for epoch in cohort:
                for place, report in epoch.items():
                    reports[part[place]].append(report)
            results |= {k: numbers(cohort.loops[place], reports[k]) for place, k in enumerate(part)}
        return results


def _cohort(loops: Sequence[TrainingLoop]) -> CohortLoop:
    """A cohort as a worker makes it."""
    return CohortLoop(loops, largest=None if pays(loops[0]) else 1)


def numbers(loop: TrainingLoop, reports: Sequence[Report]) -> Numbers:
    """Return the numbers of a member that has ended."""
    texts = [
        repr(sorted((name, value) for name, value in report.items() if name not in TIMES))
        for report in reports
    ]
    parameters = torch.cat([param.detach().reshape(-1) for param in loop.model.parameters()]).clone()
    return [repr(loop.initial_loss), *texts], parameters


def differing(compared: Mapping[int, Numbers], reference: Mapping[int, Numbers]) -> int:
    """Count the reports that are not those of the reference, a member's parameters as one more."""
    count = 0
    for k, (texts, parameters) in compared.items():
        count += abs(len(texts) - len(reference[k][0])) + sum(
            one != other for one, other in zip(texts, reference[k][0], strict=False)
        )
        equal = (parameters == reference[k][1]) | (parameters.isnan() & reference[k][1].isnan())
        count += not bool(equal.all())
    return count


def parts(size: int, members: int) -> Iterator[list[int]]:
    """Yield all members in cohorts of a size, of which the last may be smaller."""
    for start in range(0, members, size):
        yield list(range(start, min(start + size, members)))


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
    "scaled, a sum": (
        Variant("own", {"momentum": "nag", "momentum_gradient": "scaled", "momentum_accumulation": "sum"}), {"mu": [0.9, 0.5]},
    ),
    "nadam with schedules": ("nadam", {"lr_schedule": ["cosine", "constant", "step"], "lr_warmup": [0.0, 0.5]}),
    "clipping": ("adam", {"clip_norm": [0.01, 0.1, 10.0]}),
    "coupled decay of some": ("cm", {"weight_decay": [0.0, 0.1]}),
    "decoupled decay of some": ("adam", {"weight_decay": [0.0, 0.1], "weight_decay_kind": ["decoupled"], "lr_schedule": ["linear"]}),
    "batches of 7": ("adam", {"batch_size": [7]}),
    "batches of several sizes": ("adam", {"batch_size": [5, 16]}),
    "variants that differ": (Variant("own", {}), {"momentum": ["cm", "nag", "none"], "p": [1.0, 2.0]}),
    "batches of one image": ("cm", {"batch_size": [1]}),
    "a batch of one at the end": ("adam", {"batch_size": [42]}),
    "one hidden unit": ("adam", {"width": [1], "depth": [2]}),
    **{f"torch's {name}": (f"torch.optim.{name}", {}) for name in ELEMENTWISE},
    "torch's SGD with momentum": ("torch.optim.SGD", {"momentum": [0.9, 0.5]}),
    "Muon, one by one": ("torch.optim.Muon", {"width": [9]}),
    "signs": (Variant("own", {"momentum": "nag", "mu_schedule": "constant", "adaptive": "none", "sign": True}), {"mu": [0.9, 0.5]}),
    "caution": (Variant("own", {"momentum": "cm", "cautious": True}), {"mu": [0.9, 0.5]}),
    "slow momenta": (Variant("own", {"momentum": "nag", "p": 1.0}), {"slow_weight": [2.0, 5.0], "slow_mu": [0.9, 0.99, 0.9999]}),
    "caution and slow momenta of some": (
        Variant("own", {"momentum": "none"}), {"slow_weight": [0.0, 5.0], "cautious": [True, True, False], "width": [9]},
    ),
    "second order": (Variant("own", {"momentum": "cm", "order": "second"}), {"nu": [0.9], "curvature_samples": [1], "width": [9]}),
    "second order of log-odds": (Variant("own", {"momentum": "cm", "order": "second"}), {"curvature_samples": [2]}),
    "second order, p = 3 of two": (
        Variant("own", {"momentum": "cm", "order": "second", "p": 3.0}), {"curvature_every": [2], "curvature_samples": [2], "width": [9]},
    ),
}  # fmt: skip
"""Kinds of updates and settings. Those with a width are of ``mlp/digits``, the others of
``logistic/synthetic``."""


def of_variant(kind: str) -> Trials:
    """Return the trials of one of :data:`VARIANTS`."""
    return Trials("mlp/digits" if "width" in VARIANTS[kind][1] else "logistic/synthetic", *VARIANTS[kind])
