"""A cohort with a member that no memory is enough for: it fails alone, with the reason; the others end as
they would have."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.trainables.test_cohorts import Setting, assert_same_history, histories, numbers
from trainables import cohorts
from trainables.cohorts import CohortLoop
from trainables.training import TrainingLoop

GREEDY = 2
"""Its seed, and its place."""


def test_a_member_that_memory_is_never_enough_for_fails_alone_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    setting = Setting("mlp", "adam", numbers(4), [0, 1, GREEDY, 3], dtype=torch.float64)
    _, alone = setting.alone()
    together, by_itself = cohorts.Stack.losses, TrainingLoop.loss

    def check(*loops: TrainingLoop) -> None:
        if any(loop.seed == GREEDY and loop.epoch == 1 for loop in loops):  # in its second epoch
            raise torch.OutOfMemoryError("CUDA out of memory")

    def losses(self: Any, x: Tensor, y: Tensor, **options: bool) -> Tensor:
        check(*self.loops)
        return together(self, x, y, **options)

    def loss(self: TrainingLoop, x: Tensor, y: Tensor) -> Tensor:
        check(self)
        return by_itself(self, x, y)

    monkeypatch.setattr(cohorts.Stack, "losses", losses)
    monkeypatch.setattr(TrainingLoop, "loss", loss)
    found = histories(CohortLoop(setting.loops()))
    assert found[GREEDY][-1]["status"] == "failed"
    assert found[GREEDY][-1]["error"].startswith("OutOfMemoryError: CUDA out of memory (")
    for k in (0, 1, 3):
        assert_same_history(found[k], alone[k], 1e-9)
