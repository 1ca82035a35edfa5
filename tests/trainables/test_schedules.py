"""The decay schedules against their formulas and limits."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainables.schedules import DECAY_SCHEDULES, bias_corrected, constant, handcrafted, true_mean

DECAYS = (0.0, 0.3, 0.9, 0.999, 1 - 1e-6)
STEPS = (1, 2, 3, 10, 250, 251, 1000, 100_000)


@pytest.mark.parametrize("decay", DECAYS)
@pytest.mark.parametrize("step", STEPS)
def test_each_schedule_is_its_formula(decay: float, step: int) -> None:
    assert constant(decay, step) == decay
    assert true_mean(decay, step) == (step - 1) / step
    assert handcrafted(decay, step) == min(1 - 1 / (math.floor((step - 1) / 250) + 1), decay)
    geometric = math.fsum(
        decay**i for i in range(min(step, 20_000))
    )  # (1 - d^t) / (1 - d), without the cancellation
    if step <= 20_000:
        assert bias_corrected(decay, step) == pytest.approx(1 - 1 / geometric, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("schedule", "decay", "step", "expected"),
    [
        pytest.param("bias_corrected", 0.0, 1, 0.0, id="bias corrected: no memory at the first step"),
        pytest.param("bias_corrected", 0.0, 5, 0.0, id="bias corrected: no memory later"),
        pytest.param("bias_corrected", 0.9, 1, 0.0, id="bias corrected: 0 at the first step"),
        pytest.param("bias_corrected", 0.9, 2, 0.9 / 1.9, id="bias corrected: d / (1 + d) at the second"),
        pytest.param("bias_corrected", 0.9, 10**6, 0.9, id="bias corrected: d in the limit"),
        pytest.param("true_mean", 0.9, 1, 0.0, id="true mean: 0 at the first step"),
        pytest.param("true_mean", 0.0, 4, 0.75, id="true mean: whatever d is"),
        pytest.param("handcrafted", 0.9, 1, 0.0, id="handcrafted: 0 at the first step"),
        pytest.param("handcrafted", 0.9, 250, 0.0, id="handcrafted: 0 to the end of the first period"),
        pytest.param("handcrafted", 0.9, 251, 0.5, id="handcrafted: 1/2 in the second"),
        pytest.param("handcrafted", 0.9, 501, 2 / 3, id="handcrafted: 2/3 in the third"),
        pytest.param("handcrafted", 0.9, 10**6, 0.9, id="handcrafted: d in the limit"),
        pytest.param("handcrafted", 0.4, 251, 0.4, id="handcrafted: never above d"),
    ],
)
def test_limits(schedule: str, decay: float, step: int, expected: float) -> None:
    assert DECAY_SCHEDULES[schedule](decay, step) == pytest.approx(expected, rel=1e-15, abs=0)


@pytest.mark.parametrize("step", STEPS[1:])
def test_the_bias_corrected_decay_approaches_the_true_mean_as_d_approaches_one(step: int) -> None:
    decay = Fraction(1) - Fraction(1, 10**12)
    if step <= 1000:  # exact arithmetic: the formula's own limit
        assert float(bias_corrected(decay, step)) == pytest.approx(true_mean(0.0, step), rel=1e-8)
    assert bias_corrected(1 - 1e-9, step) == pytest.approx(true_mean(0.0, step), rel=1e-4)


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(
    schedule=st.sampled_from(sorted(DECAY_SCHEDULES)),
    decay=st.floats(0, 1 - 1e-6),
    step=st.integers(1, 10**7),
    period=st.integers(1, 10**4),
)
def test_every_schedule_stays_a_decay_and_never_falls(
    schedule: str, decay: float, step: int, period: int
) -> None:
    now, later = (DECAY_SCHEDULES[schedule](decay, t, period) for t in (step, step + 1))
    assert 0 <= now < 1
    assert later >= now - 1e-9  # rounding of 1 - d^t
    if schedule != "true_mean":
        assert now <= decay * (1 + 1e-9)


@pytest.mark.parametrize("period", [1, 3, 250])
def test_the_handcrafted_decay_rises_once_a_period(period: int) -> None:
    values = [handcrafted(0.99, t, period) for t in range(1, 4 * period + 1)]
    assert values == [risen for risen in (0, 1 / 2, 1 - 1 / 3, 3 / 4) for _ in range(period)]


@pytest.mark.parametrize("schedule", sorted(DECAY_SCHEDULES))
@pytest.mark.parametrize("step", STEPS)
def test_a_tensor_of_decays_is_its_floats(schedule: str, step: int) -> None:
    decays = torch.tensor(DECAYS, dtype=torch.float64)
    together = DECAY_SCHEDULES[schedule](decays, step, 100)
    alone = torch.tensor([DECAY_SCHEDULES[schedule](d, step, 100) for d in DECAYS], dtype=torch.float64)
    # One rounding of d^t is amplified by 1 / (1 - d^t) <= 1e6 at the largest decay.
    torch.testing.assert_close(together, alone, rtol=1e-9, atol=0)
    assert decays.tolist() == list(DECAYS)
