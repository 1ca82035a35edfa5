"""The training loop: the same numbers every time, whole or in pieces, and a divergence that is a result."""

from __future__ import annotations

import dataclasses
import functools
import io
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainables.dataset import Dataset
from trainables.datasets import digits
from trainables.names import InputError
from trainables.task_definition import Task
from trainables.tasks import task
from trainables.training import Report, TrainingLoop, stream
from trainables.variant_definition import Variant
from trainables.variants import variant

FIELDS = {
    "epoch", "train_loss", "train_loss_end", "test_loss", "lr", "mu", "nu", "grad_norm", "images_per_second", "seconds", "status",
    "seconds_per_step", "optimizer_bytes",
}  # fmt: skip
TIMES = {"seconds", "images_per_second", "seconds_per_step"}
ADAM = {"lr": 0.002, "mu": 0.9, "nu": 0.99}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def some_digits(images: int = 40) -> Dataset:
    data = digits().limited(images)
    return dataclasses.replace(data, x_test=data.x_test[:24], y_test=data.y_test[:24])


def loop(
    name: str | Variant = "adam", configuration: dict[str, Any] | None = None, seed: int = 0, **others: Any
) -> TrainingLoop:
    arguments = {
        "data": some_digits(),
        "epochs": 3,
        "batch_size": 16,
        **others,
    }  # 40 images leave a smaller last batch
    chosen = variant(name) if isinstance(name, str) else name
    return TrainingLoop(
        task("autoencoder/digits"),
        chosen,
        ADAM if configuration is None else configuration,
        seed,
        **arguments,
    )


def numbers(reports: list[Report]) -> list[str]:
    """What must repeat to the bit: all but the times. As text, in which every float is exact and nan equals
    itself."""
    return [repr({name: value for name, value in report.items() if name not in TIMES}) for report in reports]


def test_a_report_has_every_field_and_the_last_says_completed() -> None:
    reports = list(loop(epochs=3))
    assert [set(report) for report in reports] == [FIELDS] * 3
    assert [report["epoch"] for report in reports] == [1, 2, 3]
    assert [report["status"] for report in reports] == ["running", "running", "completed"]
    assert all(
        math.isfinite(value) for report in reports for name, value in report.items() if name != "status"
    )
    assert all(report[name] > 0 for report in reports for name in TIMES)


@pytest.mark.parametrize(("name", "copies"), [("sgd", 0), ("cm", 1), ("adam", 2), ("torch.optim.AdamW", 2)])
def test_a_report_says_what_the_state_of_the_optimizer_takes(name: str, copies: int) -> None:
    settings = {"sgd": {"lr": 0.1}, "cm": {"lr": 0.1, "mu": 0.9}, "torch.optim.AdamW": {"lr": 0.01}}
    trained = loop(name, settings.get(name, ADAM))
    reports = list(trained)
    weights = sum(param.numel() for param in trained.model.parameters())
    assert [report["optimizer_bytes"] for report in reports] == [4 * copies * weights] * 3


def test_the_time_of_a_step_is_that_of_training_without_evaluation() -> None:
    report = loop(batch_size=16).train_epoch()  # 40 images: three steps
    assert report["seconds_per_step"] == pytest.approx(40 / report["images_per_second"] / 3)
    assert 3 * report["seconds_per_step"] < report["seconds"]


def test_training_lowers_every_loss() -> None:
    one = loop(epochs=10)
    reports = list(one)
    assert reports[-1]["train_loss_end"] < reports[0]["train_loss_end"] < one.initial_loss
    assert reports[-1]["test_loss"] < reports[0]["test_loss"]


def test_the_training_loss_is_a_mean_over_images_whatever_the_last_batch() -> None:
    one = loop("sgd", {"lr": 1e-12}, epochs=1)  # so that every batch meets the same weights
    assert next(iter(one))["train_loss"] == pytest.approx(one.initial_loss, rel=1e-5)


def test_the_losses_are_means_over_images() -> None:
    one = loop(epochs=1)
    data = one.data
    assert one.initial_loss == pytest.approx(
        one.task.loss(one.model(data.x_train), data.x_train, data.y_train).item(), rel=1e-5
    )
    (report,) = list(one)
    assert report["train_loss_end"] == pytest.approx(
        one.task.loss(one.model(data.x_train), data.x_train, data.y_train).item(), rel=1e-5
    )
    assert report["test_loss"] == pytest.approx(
        one.task.loss(one.model(data.x_test), data.x_test, data.y_test).item(), rel=1e-5
    )


@pytest.mark.parametrize("name", ["sgd", "adam", "linf_nadam"])
def test_the_same_seed_gives_the_same_history_to_the_bit(name: str) -> None:
    configuration = {each: ADAM[each] for each in variant(name).hyperparameters}
    assert numbers(list(loop(name, configuration))) == numbers(list(loop(name, configuration)))


def test_the_global_generator_takes_no_part() -> None:
    torch.manual_seed(1)
    one = numbers(list(loop(epochs=2)))
    torch.manual_seed(2)
    assert numbers(list(loop(epochs=2))) == one


def test_another_seed_gives_other_weights_and_another_order() -> None:
    one, other = loop(seed=0), loop(seed=1)
    assert one.initial_loss != other.initial_loss
    other.model.load_state_dict(one.model.state_dict())
    assert one.train_epoch()["train_loss"] != other.train_epoch()["train_loss"]


@pytest.mark.parametrize("name", ["sgd", "nag", "adam"])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_resumed_trial_gives_the_same_history_to_the_bit(name: str, after: int) -> None:
    configuration = {each: ADAM[each] for each in variant(name).hyperparameters}
    whole = numbers(list(loop(name, configuration)))
    first = loop(name, configuration)
    begun = [first.train_epoch() for _ in range(after)]
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    resumed = loop(name, configuration)
    resumed.load_state_dict(torch.load(file, map_location="cpu"))
    assert resumed.initial_loss == first.initial_loss
    assert numbers([*begun, *resumed]) == whole


def test_a_finished_trial_stays_finished_when_resumed() -> None:
    first = loop(epochs=1)
    list(first)
    resumed = loop(epochs=1)
    resumed.load_state_dict(first.state_dict())
    assert list(resumed) == []


@pytest.mark.parametrize(
    "lr", [1e2, 1e6, 1e30], ids=["leaves the sane range", "far too high", "overflows at once"]
)
def test_a_loss_that_blows_up_is_a_result_that_ends_the_trial(lr: float) -> None:
    reports = list(loop("sgd", {"lr": lr}, epochs=6))
    assert reports[-1]["status"] == "diverged"
    assert len(reports) < 6
    assert [report["status"] for report in reports[:-1]] == ["running"] * (len(reports) - 1)
    assert set(reports[-1]) == FIELDS


class Parabola(nn.Module):
    """A single weight w, whatever the images."""

    def __init__(self, generator: torch.Generator, *, infinite_in_training: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.infinite_in_training = infinite_in_training

    def forward(self, images: Tensor) -> Tensor:
        return self.weight + math.inf if self.infinite_in_training and self.training else self.weight


def squared(outputs: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The loss w^2: a step of gradient descent multiplies w by 1 - 2 lr."""
    return outputs.square().sum()


@pytest.mark.parametrize(
    ("kind", "lr", "statuses"),
    [
        pytest.param(Parabola, 0.25, ["running", "running", "completed"], id="sane"),
        # 3 steps an epoch: the loss grows by 2^6 = 64, which is within 100 times the initial loss, then by
        # 4096.
        pytest.param(Parabola, 1.5, ["running", "diverged"], id="finite but out of the sane range"),
        pytest.param(
            functools.partial(Parabola, infinite_in_training=True),
            0.25,
            ["diverged"],
            id="infinite on the way",
        ),
    ],
)
def test_a_trial_has_diverged_when_its_loss_is_infinite_or_a_hundred_times_the_first(
    kind: Callable[..., nn.Module], lr: float, statuses: list[str]
) -> None:
    odd = Task("parabola/digits", "digits", kind, squared, batch_size=16)
    reports = TrainingLoop(odd, variant("sgd"), {"lr": lr}, 0, data=some_digits(), epochs=3)
    assert [report["status"] for report in reports] == statuses


def test_a_last_epoch_that_diverges_is_not_completed() -> None:
    assert [report["status"] for report in loop("sgd", {"lr": 1e30}, epochs=1)] == ["diverged"]


STEPS = 3  # of 16 images, 16 and 8


@pytest.mark.parametrize(
    ("chosen", "configuration", "mu", "nu"),
    [
        pytest.param("sgd", {}, lambda t: math.nan, lambda t: math.nan, id="sgd has neither"),
        pytest.param("cm", {"mu": 0.8}, lambda t: 0.8, lambda t: math.nan, id="constant mu"),
        pytest.param("rmsprop", {"nu": 0.9}, lambda t: math.nan, lambda t: 0.9, id="constant nu"),
        pytest.param(
            "adam",
            {"mu": 0.8, "nu": 0.9},
            lambda t: 0.8 * (1 - 0.8 ** (t - 1)) / (1 - 0.8**t),
            lambda t: 0.9 * (1 - 0.9 ** (t - 1)) / (1 - 0.9**t),
            id="bias corrected",
        ),
        pytest.param(
            Variant("own", {"mu_schedule": "handcrafted", "nu_schedule": "true_mean"}),
            {"mu": 0.8, "nu": 0.9, "period": 2},
            lambda t: min(1 - 1 / ((t - 1) // 2 + 1), 0.8),
            lambda t: (t - 1) / t,
            id="handcrafted, true mean",
        ),
    ],
)
def test_a_report_says_what_was_in_force_at_the_epochs_last_step(
    chosen: Any, configuration: dict[str, Any], mu: Any, nu: Any
) -> None:
    for report in loop(chosen, {"lr": 1e-4, **configuration}, epochs=3):
        t = STEPS * report["epoch"]
        expected = {"lr": 1e-4, "mu": mu(t), "nu": nu(t)}
        assert {name: report[name] for name in expected} == pytest.approx(expected, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize("batch_size", [1, 64, 1000])
def test_any_batch_size_sees_every_image_once_an_epoch(batch_size: int) -> None:
    one = loop("sgd", {"lr": 1e-3}, epochs=1, batch_size=batch_size, data=some_digits(16))
    list(one)
    assert {state["step"] for state in one.optimizer.state.values()} == {math.ceil(16 / batch_size)}


def test_the_batch_size_is_the_tasks_own_when_not_given() -> None:
    assert loop(batch_size=None).batch_size == task("autoencoder/digits").batch_size


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"epochs": 0}, "epochs must be at least 1, got 0", id="no epochs"),
        pytest.param({"epochs": -1}, "epochs must be at least 1, got -1", id="negative epochs"),
        pytest.param({"batch_size": 0}, "batch_size must be at least 1, got 0", id="empty batches"),
        pytest.param({"configuration": {"lr": 0.0}}, "lr must be above 0", id="lr 0"),
        pytest.param(
            {"configuration": {"lr": 0.1, "epsilom": 0.9}},
            "unknown hyperparameter of adam 'epsilom'; did you mean 'epsilon'",
            id="misspelt",
        ),
        pytest.param(
            {"configuration": {"lr": 0.1, "p": 1.0}},
            "unknown hyperparameter of adam 'p'",
            id="fixed by the variant",
        ),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        loop(**arguments)


def test_every_purpose_of_a_seed_has_a_stream_of_its_own() -> None:
    drawn = [
        torch.rand(4, generator=stream(seed, purpose))
        for seed in (0, 1)
        for purpose in ("weights", "shuffling")
    ]
    assert len({tuple(each.tolist()) for each in drawn}) == 4
    assert torch.equal(drawn[0], torch.rand(4, generator=stream(0, "weights")))
    assert loop(seed=7).streams["shuffling"].initial_seed() == stream(7, "shuffling").initial_seed()


@pytest.mark.slow
def test_a_process_that_trains_imports_neither_the_compiler_nor_scikit_learn() -> None:
    """Each takes one to three seconds of every worker of every run."""
    script = """
import sys, trainables.ray_tune
from trainables import TrainingLoop, task, variant
from trainables.cohorts import CohortLoop
from trainables.datasets import digits
def loop():
    return TrainingLoop(
        task("mlp/digits"), variant("adam"), {"lr": 0.01}, 0, data=digits().limited(8), epochs=1, batch_size=4
    )
alone = loop()
list(alone)
alone.load_state_dict(alone.state_dict())
list(CohortLoop([loop(), loop()]))
print([name for name in ("sklearn", "sympy", "torch._dynamo") if name in sys.modules])
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr) == ("[]\n", "")
