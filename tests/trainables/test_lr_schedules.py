"""The learning-rate schedules against their formulas, and through the training loop."""

from __future__ import annotations

import math
import pathlib
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainables.lr_schedules import LR_SCHEDULES, Decay, lr_factor
from trainables.names import InputError


def test_step_is_the_papers_decay_every_two_epochs() -> None:
    decay = Decay(total=400, per_epoch=10)
    assert [lr_factor("step", 10 * epoch + 1, decay) for epoch in range(6)] == pytest.approx(
        [1, 1, 0.94, 0.94, 0.94**2, 0.94**2]
    )
    assert lr_factor("step", 20, decay) == 1  # the last step of the second epoch


def test_exponential_is_step_at_the_start_of_every_epoch() -> None:
    decay = Decay(total=400, per_epoch=10, lr_decay=0.9, lr_decay_every=1)
    for epoch in range(5):
        assert lr_factor("exponential", 10 * epoch + 1, decay) == pytest.approx(
            lr_factor("step", 10 * epoch + 1, decay), rel=1e-12
        )


@pytest.mark.parametrize("final", [0.0, 0.1, 1.0])
def test_cosine_and_linear_fall_from_one_towards_their_end(final: float) -> None:
    decay = Decay(total=100, lr_final=final)
    for name in ("cosine", "linear"):
        assert lr_factor(name, 1, decay) == pytest.approx(1)
        assert lr_factor(name, 51, decay) == pytest.approx((1 + final) / 2)
        assert lr_factor(name, 101, decay) == pytest.approx(
            final, abs=1e-12
        )  # what the step after the last would have


def test_cosine_is_torchs() -> None:
    import torch

    param = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([param], lr=1.0)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20, eta_min=0.2)
    for t in range(1, 21):
        assert lr_factor("cosine", t, Decay(20, lr_final=0.2)) == pytest.approx(
            optimizer.param_groups[0]["lr"], rel=1e-9
        )
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize("name", LR_SCHEDULES)
def test_warm_up_rises_linearly_to_the_schedule(name: str) -> None:
    warm, cold = Decay(total=100, per_epoch=50, lr_warmup=0.2), Decay(total=100, per_epoch=50)
    for t in range(1, 21):
        assert lr_factor(name, t, warm) == pytest.approx(
            t / 20 * (lr_factor(name, t, cold) if name in ("step", "exponential") else 1)
        )
    if name in ("cosine", "linear"):
        assert lr_factor(name, 21, warm) == 1  # the decay has all steps after the warm-up
    else:
        assert lr_factor(name, 60, warm) == lr_factor(name, 60, cold)


@pytest.mark.parametrize(
    ("total", "warmup", "steps"), [(100, 0.2, 20), (100, 0.29, 29), (7, 0.5, 4), (3, 0.1, 0)]
)
def test_the_number_of_warm_up_steps_is_the_nearest_to_their_share(
    total: int, warmup: float, steps: int
) -> None:
    assert Decay(total, lr_warmup=warmup).warmup_steps == steps


@pytest.mark.parametrize("final", [0.0, 0.1])
def test_cosine_and_linear_reach_their_end_with_the_steps_after_the_warm_up(final: float) -> None:
    decay = Decay(total=100, lr_warmup=0.2, lr_final=final)
    quarters = {step: (step - 21) / 80 for step in (21, 41, 61, 81, 101)}
    for step, spent in quarters.items():
        assert decay.spent(step) == pytest.approx(spent, rel=1e-12)
        assert lr_factor("linear", step, decay) == pytest.approx(final + (1 - final) * (1 - spent), abs=1e-12)
        assert lr_factor("cosine", step, decay) == pytest.approx(
            final + (1 - final) * math.cos(math.pi * spent / 2) ** 2, abs=1e-12
        )


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(
    name=st.sampled_from(sorted(LR_SCHEDULES)),
    total=st.integers(1, 10**5),
    per_epoch=st.integers(1, 10**4),
    lr_warmup=st.floats(0, 0.99),
    lr_decay=st.floats(0.1, 1),
    lr_decay_every=st.floats(0.1, 10),
    lr_final=st.floats(0, 1),
    share=st.floats(0, 1),
)
def test_every_factor_is_a_share_and_the_last_step_still_moves(
    name: str, total: int, share: float, **others: float
) -> None:
    decay = Decay(total, **others)  # type: ignore[arg-type]
    step = max(1, math.ceil(share * total))
    assert 0 <= lr_factor(name, step, decay) <= 1 + 1e-12
    if name in ("cosine", "linear"):
        assert lr_factor(name, total, decay) > 0


OWN = """
def half(step): return 0.5
def rising(step): return 1 - 1 / step
def negative(step): return -1.0
number = 3
"""


@pytest.fixture
def own_module(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_schedules.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("my_schedules", None)


@pytest.mark.usefixtures("own_module")
def test_a_function_of_ones_own_is_a_schedule() -> None:
    assert lr_factor("my_schedules:half", 3, Decay(10)) == 0.5
    assert lr_factor("my_schedules:half", 1, Decay(10, lr_warmup=0.2)) == 0.25
    with pytest.raises(
        InputError, match=r"'my_schedules:negative' must be at least 0 and finite, got -1.0 at step 3"
    ):
        lr_factor("my_schedules:negative", 3, Decay(10))


@pytest.mark.usefixtures("own_module")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "cosin",
            r"unknown lr_schedule 'cosin'; did you mean 'cosine'\? \(known: constant, step, exponential, "
            r"cosine, linear, package",
        ),
        (3, "unknown lr_schedule 3"),
        ("no_such_module:half", "lr_schedule 'no_such_module:half' cannot be imported: ModuleNotFoundError"),
        (
            "my_schedules:hal",
            "unknown name in my_schedules for lr_schedule 'my_schedules:hal': 'hal'; did you mean 'half'?",
        ),
        ("my_schedules:number", "lr_schedule 'my_schedules:number' must be a function of the step, got int"),
        (":half", "lr_schedule ':half' is not an import path; write package.module:name"),
    ],
)
def test_a_schedule_that_is_not_one_is_refused_in_one_line(name: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        lr_factor(name, 1, Decay(10))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("own_module")
def test_a_function_of_ones_own_is_a_schedule_of_mu_and_nu() -> None:
    import torch

    from trainables.hyperalgorithm import Hyperalgorithm

    def reached(**schedules: str) -> torch.Tensor:
        param = torch.nn.Parameter(torch.ones(2, dtype=torch.float64))
        optimizer = Hyperalgorithm([param], lr=0.1, momentum="nag", **schedules)
        for _ in range(4):
            param.grad = param.detach() * 2
            optimizer.step()
        return param.detach()

    own = reached(mu_schedule="my_schedules:rising", nu_schedule="my_schedules:rising")
    assert torch.equal(own, reached(mu_schedule="true_mean", nu_schedule="true_mean"))
    with pytest.raises(
        InputError, match=r"schedule 'my_schedules:negative' must stay in \[0, 1\), got -1.0 at step 1"
    ):
        reached(nu_schedule="my_schedules:negative")
    with pytest.raises(InputError, match=r"schedule 'my_schedules:nothing'|unknown name in my_schedules"):
        reached(mu_schedule="my_schedules:nothing")
