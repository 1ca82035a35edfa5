"""A cohort of eight in float32: every schedule, seeds and learning rates that differ, one that diverges, a
checkpoint, other neighbours.

The tolerance is that of :mod:`tests.trainables.test_cohorts`: float32 rounds, and training amplifies it by an
amount that depends on the variant. So each member's own float32 loop is held against its float64 loop, and
the cohort's numbers must not be further from float64 than eight times the furthest of those.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from tests.trainables import test_cohorts
from tests.trainables.test_cohorts import (
    FURTHER,
    IMAGES,
    Setting,
    apart,
    assert_same_history,
    histories,
    numbers,
    saved,
)
from trainables.cohorts import CohortLoop
from trainables.schedules import DECAY_SCHEDULES
from trainables.variant_definition import Variant

DEVICES, MODELS, SCHEDULES = test_cohorts.DEVICES, test_cohorts.MODELS, test_cohorts.SCHEDULES
one_thread = test_cohorts.one_thread
MEMBERS, DIVERGING, EPOCHS = 8, 5, 3
KINDS: dict[str, dict[str, Any]] = {
    "momentum": {"momentum": "cm", "adaptive": "none"},
    "adaptive, p = 1": {"momentum": "none", "p": 1.0},
    "adaptive, p = 2": {"momentum": "none", "p": 2.0},
    "adaptive, p = inf": {"momentum": "none", "p": math.inf},
    "combined": {"momentum": "nag", "p": 2.0},
}


def settings(kind: str, model: str, dtype: torch.dtype, device: str) -> Setting:
    """Two members for each schedule of mu, those of nu the other way round; all others are numbers that
    differ."""
    names = list(DECAY_SCHEDULES)
    decays = {"mu_schedule": names, "nu_schedule": names[::-1], "period": [2]}
    configurations = numbers(MEMBERS, "mu", "nu", "epsilon", lr_schedule=SCHEDULES, **decays)
    taken = Variant("own", KINDS[kind])
    for place, each in enumerate(configurations):
        each.update(lr=1e38 if place == DIVERGING else each["lr"])
        for name in set(each) - taken.accepts - {"lr_schedule"}:
            del each[name]
    return Setting(model, taken, configurations, [0, 0, 1, 2] * 2, dtype=dtype, device=device, epochs=EPOCHS)


@pytest.mark.slow
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("kind", KINDS)
def test_each_history_is_that_of_its_own_loop(kind: str, model: str, device: str) -> None:
    truth, _ = settings(kind, model, torch.float64, device).alone()
    setting = settings(kind, model, torch.float32, device)
    loops, alone = setting.alone()

    first = CohortLoop(setting.loops())
    begun = first.train_epoch()
    assert [len(group) for group in first.stacks] == [MEMBERS]
    healthy = [k for k in range(MEMBERS) if k != DIVERGING]
    states = {k: saved(first.state_dict(k)) for k in healthy}
    after = {}
    for part in (healthy[::-2], healthy[-2::-2]):  # other neighbours, in another order
        cohort = CohortLoop([setting.loop(k, initial_loss=1.0) for k in part])
        for place, k in enumerate(part):
            cohort.load_state_dict(place, states[k])
        after |= {
            k: (cohort.loops[place], reports)
            for place, (k, reports) in enumerate(zip(part, histories(cohort), strict=True))
        }

    rounding = EPOCHS * math.ceil(IMAGES / test_cohorts.BATCH) * torch.finfo(torch.float32).eps
    bound = FURTHER * max(rounding, *(apart(truth[k], loops[k]) for k in healthy))
    for k in healthy:
        loop, reports = after[k]
        assert apart(truth[k], loop) < bound
        assert_same_history([begun[k], *reports], alone[k], 10 * bound)
    assert [report["status"] for report in alone[DIVERGING]] == [begun[DIVERGING]["status"]] == ["diverged"]
