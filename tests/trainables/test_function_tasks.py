"""Functions as tasks: the loop's interface, and reports like those of training."""

from __future__ import annotations

import math
from typing import Any

import pytest

from trainables.datasets import load
from trainables.function_tasks import FunctionLoop, FunctionTask
from trainables.known_answers import Diverging, Ishigami, LrValley, Noisy
from trainables.names import InputError
from trainables.tasks import task, task_fingerprint
from trainables.training import TrainingLoop
from trainables.variants import variant

VALLEY = {"lr": 0.01, "mu": 0.9, "nu": 0.5}
ANGLES = {"x1": 1.0, "x2": 0.5, "x3": -1.0}
CASES = [("function/ishigami", ANGLES), ("function/sobol_g", {f"x{i}": 0.3 for i in range(1, 5)}), ("function/lr_valley", VALLEY)]


def function(name: str) -> FunctionTask:
    one = task(name)
    assert isinstance(one, FunctionTask)
    return one


@pytest.mark.parametrize(("name", "configuration"), CASES)
def test_a_function_reports_as_training_does(name: str, configuration: dict[str, float]) -> None:
    one = function(name)
    loop = FunctionLoop(one, "direct", configuration, 0)
    (report,) = list(loop)
    trained = next(
        iter(TrainingLoop(task("logistic/synthetic"), variant("sgd"), {"lr": 0.1}, 0, data=load("synthetic").limited(8), epochs=1))
    )
    assert set(report) <= set(trained) | {"train_loss", "test_loss"}
    value = one.function(configuration)
    assert (report["train_loss"], report["train_loss_end"], report["test_loss"]) == (value, value, value)
    assert (report["epoch"], report["status"], loop.status) == (1, "completed", "completed")
    assert value <= loop.initial_loss == one.function.ceiling
    assert [each["name"] for each in one.hyperparameters] == list(configuration)
    assert one.evaluate(configuration, 0)["initial_loss"] == loop.initial_loss


def test_more_epochs_repeat_the_value_and_divergence_ends_them() -> None:
    reports = list(FunctionLoop(function("function/lr_valley"), "direct", VALLEY, 0, epochs=3))
    assert [(each["epoch"], each["status"]) for each in reports] == [(1, "running"), (2, "running"), (3, "completed")]
    assert len({each["train_loss_end"] for each in reports}) == 1
    wild = FunctionTask("function/wild", Diverging(Noisy(LrValley(), sd=0.01), above=0.5))
    (last,) = list(FunctionLoop(wild, "direct", {**VALLEY, "lr": 0.9}, 0, epochs=3))
    assert (last["status"], last["train_loss_end"]) == ("diverged", math.inf)


def test_a_loop_continues_from_its_state() -> None:
    one = function("function/lr_valley")
    first = FunctionLoop(one, "direct", VALLEY, 0, epochs=3)
    first.train_epoch()
    second = FunctionLoop(one, "direct", VALLEY, 0, epochs=3)
    second.load_state_dict(first.state_dict())
    assert [each["epoch"] for each in second] == [2, 3]


def test_the_seed_draws_the_noise() -> None:
    noisy = FunctionTask("function/noisy", Noisy(Ishigami(), sd=0.5))
    values = [noisy.evaluate(ANGLES, seed)["train_loss_end"] for seed in (0, 0, 1)]
    assert values[0] == values[1] != values[2]


def test_the_fingerprint_names_the_function() -> None:
    prints = {
        task_fingerprint(FunctionTask("function/mine", each)) for each in (Ishigami(), Ishigami(a=5.0), Noisy(Ishigami(), 0.1), LrValley())
    }
    assert len(prints) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"variant": "adam"}, "task 'function/ishigami' is a function, whose variant is 'direct'; got 'adam'"),
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"configuration": {"x1": 0.0}}, "a configuration needs x2"),
        ({"configuration": {**ANGLES, "x2": 9.0}}, r"x2 must be in \[-3.14159, 3.14159\], got 9.0"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    given = {"variant": "direct", "configuration": ANGLES, "seed": 0, **arguments}
    with pytest.raises(InputError, match=message):
        FunctionLoop(function("function/ishigami"), given.pop("variant"), given.pop("configuration"), given.pop("seed"), **given)


def test_a_function_does_not_train() -> None:
    with pytest.raises(InputError, match="a function task has no model; FunctionLoop evaluates it"):
        TrainingLoop(task("function/ishigami"), variant("sgd"), {"lr": 0.1}, 0, data=load("none"), epochs=1)


def test_tasks_of_different_functions_differ() -> None:
    assert FunctionTask("function/mine", Ishigami()) == FunctionTask("function/mine", Ishigami())
    assert FunctionTask("function/mine", Ishigami()) != FunctionTask("function/mine", Ishigami(a=5.0))
