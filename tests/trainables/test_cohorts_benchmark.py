"""The benchmarks of cohorts: what they count and how they judge, tried on a CPU."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from tests.benchmarks import gpu
from tests.benchmarks.cohorts import compare, noise, work
from tests.benchmarks.optimizer_step import resnet20, transformer
from tests.benchmarks.sharing import shared
from trainables.tasks import task


def test_operations_are_those_of_the_dense_layers() -> None:
    data = noise("digits", 16, "cpu")
    per_image = 784 * 128 + 128 * 128 + 128 * 10  # multiply and add: twice that
    first = 784 * 128  # whose input needs no gradient
    trained = 2 * (3 * per_image - first) * len(data.x_train)
    evaluated = 2 * per_image * (len(data.x_train) + len(data.x_test))
    assert work(task("mlp/digits"), data) == trained + evaluated


def test_every_size_is_timed_and_printed(capsys: pytest.CaptureFixture[str]) -> None:
    found = compare("logistic/synthetic", 64, (1, 2), "cpu")
    assert list(found) == [1, 2]
    assert all(seconds > 0 and ratio > 0 for seconds, ratio in found.values())
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.slow
def test_processes_share_a_device() -> None:
    assert shared("logistic/synthetic", 64, 2, "cpu", epochs=1) > 0


def test_the_tables_are_378_trials_of_one_stack() -> None:
    loops = gpu.tables(task("logistic/synthetic"), noise("synthetic", 256, "cpu"))
    assert len(loops) == 42 * 9
    assert (
        len(
            {
                (loop.optimizer.param_groups[0]["momentum"], loop.optimizer.param_groups[0]["p"])
                for loop in loops
            }
        )
        > 5
    )
    assert 0 < gpu.minutes(loops, 256, capture=lambda step: step) < math.inf


@pytest.mark.parametrize(
    ("autoencoder", "resnet", "minutes", "reached"),
    [
        pytest.param(
            {1: (1.0, 1.0), 9: (0.04, 19.0), 64: (0.03, 21.0)}, {16: (1.0, 5.0)}, 14.9, True, id="all aims"
        ),
        pytest.param({9: (0.04, 19.0)}, {16: (1.0, 5.0)}, 14.9, False, id="the autoencoder is too slow"),
        pytest.param({9: (0.04, 21.0)}, {16: (1.0, 4.9)}, 14.9, False, id="the residual network is too slow"),
        pytest.param({9: (0.05, 21.0)}, {16: (1.0, 5.0)}, 15.1, False, id="the tables take too long"),
    ],
)
def test_the_three_figures_are_judged_by_the_best_size(
    autoencoder: dict[int, tuple[float, float]],
    resnet: dict[int, tuple[float, float]],
    minutes: float,
    reached: bool,
) -> None:
    lines, found = gpu.figures(autoencoder, resnet, minutes)
    assert found == reached
    assert [line[:2] for line in lines] == ["1.", "2.", "3."]
    assert f"{minutes} minutes" in lines[2]


@pytest.mark.slow
def test_the_figures_of_a_gpu_need_none_of_the_service() -> None:
    code = (
        "import sys, tests.benchmarks.gpu; print(*{'ray', 'optuna', 'plotly', 'pandas', 'sqlalchemy'} & "
        "set(sys.modules))"
    )
    assert not subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()


@pytest.mark.parametrize(
    ("shapes", "tensors", "numbers"), [(resnet20, 59, 269_722), (transformer, 148, 124_439_808)]
)
def test_shapes_are_those_of_the_models(shapes, tensors: int, numbers: int) -> None:  # type: ignore[no-untyped-def]
    assert (len(shapes()), sum(map(math.prod, shapes()))) == (tensors, numbers)
