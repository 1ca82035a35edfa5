"""The benchmark of cohorts: what it counts and how it judges, tried on a CPU."""

from __future__ import annotations

import pytest

from tests.benchmarks.cohorts import compare, noise, verdict, work
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


@pytest.mark.parametrize(
    ("autoencoder", "resnet", "minutes", "reached"),
    [
        pytest.param({1: (1.0, 1.0), 9: (0.04, 19.0), 64: (0.03, 21.0)}, {16: (1.0, 5.0)}, "12.6 minutes", True, id="all aims"),
        pytest.param({9: (0.04, 19.0)}, {16: (1.0, 5.0)}, "12.6 minutes", False, id="the autoencoder is too slow"),
        pytest.param({9: (0.04, 21.0)}, {16: (1.0, 4.9)}, "12.6 minutes", False, id="the residual network is too slow"),
        pytest.param({9: (0.05, 21.0)}, {16: (1.0, 5.0)}, "15.8 minutes", False, id="the tables take too long"),
    ],
)
def test_the_verdict_is_by_the_best_size_and_by_cohorts_of_nine(
    autoencoder: dict[int, tuple[float, float]], resnet: dict[int, tuple[float, float]], minutes: str, reached: bool
) -> None:
    lines, found = verdict(autoencoder, resnet)
    assert found == reached
    assert minutes in lines[2]
    assert "378 trials of 50 epochs" in lines[2]
