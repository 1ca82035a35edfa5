"""Cohorts on a CPU: each number of a member is the same, bit by bit, in every cohort. The reference is always
a cohort of the member alone.

The long form, with all sizes of cohorts for every task and kind of update, is ``python -m
tests.benchmarks.cohort_bits``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import nn

from tests.trainables.bit_trials import STACKED, VARIANTS, Numbers, Trials, differing, of_variant, parts
from tests.trainables.test_cohorts import one_thread
from trainables.cohort_sizes import pays, pinned
from trainables.cohorts import CohortLoop
from trainables.datasets import load
from trainables.families import FAMILIES, compose
from trainables.member_rows import member_rows
from trainables.mlp import Mlp
from trainables.named_tasks import TITLES
from trainables.names import InputError
from trainables.task_definition import Task
from trainables.training import TrainingLoop
from trainables.variants import variant

__all__ = ["one_thread"]
MEMBERS = 32


def assert_equal(compared: Mapping[int, Numbers], reference: Mapping[int, Numbers]) -> None:
    assert [k for k in compared if differing({k: compared[k]}, reference)] == []


def test_the_tasks_tested_here_are_all_that_are_stacked() -> None:
    stacked = set()
    for model in FAMILIES:
        for dataset in set(TITLES) & {"digits", "synthetic", "ill_conditioned", "text"}:
            try:
                task = compose(f"{model}/{dataset}")
            except InputError:
                continue
            assert task is not None
            data = load(task.dataset).limited(4)
            loop = TrainingLoop(
                task, variant("sgd"), {"lr": 0.1}, 0, data=data, epochs=1, batch_size=2, initial_loss=0.0
            )
            assert pinned(loop) == pays(loop)
            stacked |= {task.name} if pays(loop) else set()
    assert stacked == set(STACKED)


@pytest.mark.parametrize("name", STACKED)
def test_of_sizes_from_1_to_32(name: str) -> None:
    trials = Trials(name, "adam", {"mu": [0.9, 0.5], "nu": [0.999]})
    reference = trials.alone(range(MEMBERS))
    assert {"diverged" in texts[-1] for texts, _ in reference.values()} == {True, False}
    for size in range(2, MEMBERS + 1) if name == "logistic/synthetic" else (2, 3, 8, 31):
        assert_equal(trials.together(range(MEMBERS - size, MEMBERS)), reference)


@pytest.mark.parametrize("kind", VARIANTS)
def test_of_each_kind_of_update_and_setting(kind: str) -> None:
    trials, members = of_variant(kind), 8
    reference = trials.alone(range(members))
    for part in ([*parts(3, members)] if "second" not in kind else [[0, 1, 2]]) + [list(range(members))]:
        assert_equal(trials.together(part), reference)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "small"),
    [
        ("autoencoder/digits", {"width": [0.1]}),
        ("resnet/digits", {"width": [0.1], "depth": [1]}),
        ("gpt/text", {"width": [8], "depth": [1], "heads": [2], "context": [16]}),
        ("vit/digits", {"width": [8], "depth": [1], "heads": [2], "patch": [7]}),
    ],
)
def test_of_models_that_train_one_after_another(name: str, small: dict[str, list[Any]]) -> None:
    trials = Trials(name, "nadam", small)
    assert not pays(trials.loop(0))
    assert_equal(trials.together([4, 2, 0]), trials.alone([0, 2, 4]))


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("width", [24, 9])
def test_of_small_models_of_large_data_and_in_half_precision(width: int, precision: str) -> None:
    trials = Trials(
        "mlp/digits", "adam", {"width": [width], "activation": ["leaky_relu"]}, precision=precision
    )
    assert pays(trials.loop(0))
    reference = trials.alone(range(5))
    for part in ([0, 1], [4, 3, 2], [2, 0, 4, 1, 3]):
        assert_equal(trials.together(part), reference)


@pytest.mark.parametrize("name", STACKED)
def test_in_any_order_beside_any_neighbours_and_from_checkpoints(name: str) -> None:
    trials = Trials(name, "nadam", {"mu": [0.9, 0.5], "lr_schedule": ["cosine"]})
    members = [0, 1, 2, 3, 4, 7, 9]
    reference = trials.alone([*members, 5, 6])
    for part in ([9, 3, 7, 0], [5, 0], [6, 5, 4, 3, 2, 1, 0], [0, 3, 6, 9]):
        assert_equal(trials.together(part), reference)
    assert_equal(trials.continued(members, [members[2::-1], members[3:4], members[:3:-1]]), reference)


def test_beside_a_neighbour_whose_code_raises() -> None:
    trials = Trials(
        "logistic/synthetic", "torch.optim.Adam"
    )  # which refuses the largest learning rate at its first step
    members = [4, 5, 7, 8]
    together = trials.together(members)
    assert "'failed'" in together[5][0][-1]
    assert_equal(together, trials.alone(members))


class Doubled(Mlp):
    """A model of a user's own."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(inputs)


def hooked(generator: torch.Generator | None = None, **settings: Any) -> nn.Module:
    model = Mlp(generator, **settings)
    model.dense[0].register_forward_hook(lambda module, inputs, output: output)
    return model


def squashed(generator: torch.Generator | None = None, **settings: Any) -> nn.Module:
    model = Mlp(generator, **settings)
    model.active = nn.Tanh()
    return model


@pytest.mark.parametrize("model", [Doubled, hooked, squashed])
def test_models_of_ones_own_are_computed_as_they_are(model: Any) -> None:
    """Each agrees with its own loop to rounding, in a stack by vmap."""
    trials = Trials("mlp/synthetic")
    trials.task = dataclasses.replace(
        trials.task, model=lambda generator, **settings: model(generator, shape=(10,), classes=2, **settings)
    )
    loops: Sequence[TrainingLoop] = [trials.loop(k) for k in range(3)]
    assert member_rows(trials.task, loops[0].model) is None
    assert not pinned(loops[0])
    together, alone = CohortLoop(loops), [trials.loop(k) for k in range(3)]
    reports = together.train_epoch()
    assert together.reason is None
    for k, loop in enumerate(alone):
        loop.initial_loss = together.loops[k].initial_loss
        assert loop.train_epoch()["train_loss"] == pytest.approx(reports[k]["train_loss"], rel=1e-5)


def test_a_loss_of_ones_own_is_computed_as_it_is() -> None:
    trials = Trials("mlp/synthetic")
    task = trials.task
    own = Task(
        "own/synthetic",
        task.dataset,
        task.model,
        lambda outputs, x, y: outputs.square().mean(),
        task.metrics,
        task.settings,
    )
    assert member_rows(own, trials.loop(0).model) is None
    assert member_rows(task, trials.loop(0).model) is not None
