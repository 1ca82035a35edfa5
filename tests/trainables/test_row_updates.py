"""Optimizers that take a number for each row: as their own class one after another, or refused and then row after row."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.trainables.test_cohorts import ELEMENTWISE, Setting, apart, assert_same_history, histories, numbers
from trainables import row_updates
from trainables.cohorts import CohortLoop
from trainables.row_numbers import RowNumber, Rows
from trainables.row_states import EVERY, RATES
from trainables.row_updates import RowsUpdate, level_of
from trainables.stacked_updates import OneByOne, kind, way
from trainables.variants import variant

PACKAGE = ("Lion", "AdaBelief", "AdEMAMix", "ADOPT", "Adan", "Yogi", "SGDW", "Tiger", "Grams", "LaProp")
"""Some of pytorch_optimizer."""


@pytest.fixture(autouse=True)
def tried() -> Iterator[None]:
    before = row_updates.REFUSED.copy()
    yield
    row_updates.REFUSED.clear()
    row_updates.REFUSED.update(before)


def setting(name: str, **options: Any) -> Setting:
    configurations = numbers(6, lr=[1e-3, 3e-3, 1e-2, 2e-3], **options)
    return Setting("mlp", name, configurations, [0, 1, 0, 1, 2, 2], dtype=torch.float64)


def agrees(chosen: Setting) -> CohortLoop:
    loops, alone = chosen.alone()
    cohort = CohortLoop(chosen.loops())
    together = histories(cohort)
    assert cohort.reason is None
    for k in range(len(loops)):
        assert apart(loops[k], cohort.loops[k]) < 1e-9
        assert_same_history(together[k], alone[k], 1e-6)
    return cohort


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_elementwise_optimizer_of_torch_takes_numbers_by_row(name: str) -> None:
    loop = setting(f"torch.optim.{name}").loop(0)
    assert way(loop) is RowsUpdate
    assert level_of(loop) == (RATES if name in ("RAdam", "Rprop") else EVERY)


@pytest.mark.parametrize("name", PACKAGE)
def test_an_optimizer_of_a_package_is_one_for_all_rows(name: str) -> None:
    pytest.importorskip("pytorch_optimizer")
    chosen = setting(f"pytorch_optimizer:{name}")
    assert way(chosen.loop(0)) is RowsUpdate
    agrees(chosen)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Adam", {"betas": [(0.9, 0.999), (0.5, 0.9)], "eps": [1e-8, 1e-4]}),
        ("NAdam", {"betas": [(0.9, 0.999), (0.5, 0.9)], "momentum_decay": [0.004, 0.1]}),
        ("RMSprop", {"alpha": [0.9, 0.99], "momentum": [0.0, 0.9], "eps": [1e-8, 1e-3]}),
        ("SGD", {"momentum": [0.9, 0.5, 0.0]}),
        ("Adadelta", {"rho": [0.9, 0.5]}),
        ("ASGD", {"lambd": [1e-4, 1e-2], "alpha": [0.75, 0.5]}),
        ("Adagrad", {"eps": [1e-10, 1e-3]}),
        ("RAdam", {"betas": [(0.9, 0.999), (0.5, 0.9)]}),
        ("Rprop", {"etas": [(0.5, 1.2), (0.4, 1.3)]}),
    ],
)
def test_every_number_of_torchs_optimizers_may_differ_by_row(name: str, options: dict[str, Any]) -> None:
    agrees(setting(f"torch.optim.{name}", **options))


def test_rows_with_a_setting_of_0_have_an_update_of_their_own() -> None:
    loops = setting("torch.optim.SGD", momentum=[0.9, 0.5, 0.0]).loops()
    assert kind(loops[0]) == kind(loops[1]) != kind(loops[2])


def test_members_leave_and_continue_alone_with_their_state() -> None:
    chosen = setting("torch.optim.NAdam", lr_schedule=["cosine"])
    _, alone = chosen.alone()
    cohort = CohortLoop(chosen.loops())
    first = cohort.train_epoch()
    cohort.dissolve()
    states = [cohort.state_dict(k) for k in range(6)]
    for k in range(6):
        assert all(
            type(value) is Tensor
            for state in states[k]["optimizer"]["state"].values()
            for value in state.values()
            if isinstance(value, Tensor)
        )
        loop = chosen.loop(k)
        loop.load_state_dict(states[k])
        assert_same_history([first[k], *loop], alone[k], 1e-6)


def test_members_that_have_a_state_join_without_a_step_of_their_own() -> None:
    chosen = setting("torch.optim.Adam")
    _, alone = chosen.alone()
    loops = chosen.loops()

    cohort = CohortLoop(loops)
    for k in range(6):
        loop = chosen.loop(k)
        loop.train_epoch()
        cohort.load_state_dict(k, loop.state_dict())
    rest = histories(cohort)
    for k in range(6):
        assert_same_history(rest[k], alone[k][1:], 1e-6)


class Fickle(torch.optim.SGD):
    """An optimizer that needs its learning rate as one number, at its fifteenth step."""

    def step(self, closure: Any = None) -> Any:
        group = self.param_groups[0]
        group["count"] = group.get("count", 0) + 1
        if group["count"] == 15 - 10 * (len(group["params"]) > 1):
            float(group["lr"])
        return super().step(closure)


def test_an_optimizer_that_needs_one_number_later_goes_on_row_after_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(row_updates, "PACKAGES", (*row_updates.PACKAGES, Fickle.__module__))
    monkeypatch.setattr(row_updates, "TRIED", 4)
    chosen = Setting("mlp", variant(Fickle), numbers(4, lr=[1e-3, 3e-3]), [0, 1, 0, 1], epochs=6)
    assert way(chosen.loop(0)) is RowsUpdate
    _, alone = chosen.alone()
    cohort = CohortLoop(chosen.loops())
    together = histories(cohort)
    assert cohort.reason is None
    assert way(chosen.loop(0)) is OneByOne
    for k in range(4):
        assert len(together[k]) == 6
        assert_same_history(together[k], alone[k], 1e-6)


def test_a_number_by_row_refuses_what_needs_one_number() -> None:
    number = RowNumber([0.5, 0.25])
    assert (1 - number**2).values == (0.75, 0.9375)
    assert (2.0**number / 2).values == (2**0.5 / 2, 2**0.25 / 2)
    assert number > 0
    assert number != 0
    for needs_one in (float, math.sqrt, lambda value: value > 0.3, lambda value: bool(value - 0.5)):
        with pytest.raises(TypeError):
            needs_one(number)


def test_rows_compute_as_tensors_do_row_after_row() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y, z = (torch.rand(2, 5, generator=generator) + 0.5 for _ in range(3))
    number = RowNumber([0.5, 0.25])
    for name, arguments in {
        "add": (y,), "sub": (y,), "addcmul": (y, z), "addcdiv": (y, z),
    }.items():  # fmt: skip
        key = "alpha" if name in ("add", "sub") else "value"
        for suffix in ("", "_"):
            rows = getattr(x.clone().as_subclass(Rows), name + suffix)(*arguments, **{key: number})
            expected = [
                getattr(x[k].clone(), name)(*(each[k] for each in arguments), **{key: number.values[k]})
                for k in range(2)
            ]
            torch.testing.assert_close(rows.as_subclass(Tensor), torch.stack(expected))
    for name in ("mul", "div", "pow", "clamp_min", "add"):
        rows = getattr(x.clone().as_subclass(Rows), name)(number)
        expected = [getattr(x[k], name)(number.values[k]) for k in range(2)]
        torch.testing.assert_close(rows.as_subclass(Tensor), torch.stack(expected))
    rows = x.clone().as_subclass(Rows)
    rows *= number
    torch.testing.assert_close(rows.as_subclass(Tensor), x * torch.tensor([[0.5], [0.25]]))
