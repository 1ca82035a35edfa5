"""The Ray Tune trainable of a cohort, driven by hand: no cluster is started."""

from __future__ import annotations

import copy
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from trainables import cohort_training
from trainables.datasets import load
from trainables.ray_tune import CohortTrainable
from trainables.tasks import task
from trainables.training import TrainingLoop
from trainables.variants import variant

TIMES = {"seconds", "images_per_second", "seconds_per_step"}
LIMIT = 32
ADAM = {"lr": 0.002, "mu": 0.9, "nu": 0.99}


@pytest.fixture(autouse=True)
def rays_files_go_to_a_temporary_folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ray.tune.trainable.trainable.DEFAULT_STORAGE_PATH", str(tmp_path / "ray"))


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """The trainable trains with one thread; the number is set back."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def member(key: str, *, seed: int = 0, epochs: int = 2, **configuration: float) -> dict[str, Any]:
    return {
        "key": key,
        "configuration": {**ADAM, **configuration},
        "seed": seed,
        "epochs": epochs,
        "batch_size": 16,
    }


def cohort(*members: dict[str, Any], **others: Any) -> dict[str, Any]:
    common = {"task": "autoencoder/digits", "variant": "adam", "data": {}, "limit": LIMIT, "device": "cpu"}
    return {**common, "members": list(members), **others}


MEMBERS = (member("a"), member("b", lr=0.01, epochs=3), member("c", seed=5, epochs=1))


def trained(trainable: CohortTrainable) -> list[dict[str, Any]]:
    """Every report until the trainable says that it is done."""
    reports: list[dict[str, Any]] = []
    for _ in range(100):
        result = trainable.train()
        reports += result["reports"]
        if result["done"]:
            return reports
    raise AssertionError("never done")


def numbers(reports: list[dict[str, Any]]) -> list[str]:
    """What must repeat to the bit, as text, in which every float is exact and nan equals itself."""
    return [
        repr(sorted((name, value) for name, value in report.items() if name not in TIMES))
        for report in reports
    ]


def alone(*members: dict[str, Any]) -> list[str]:
    """The numbers of a loop for each member."""
    reports = []
    for each in members:
        loop = TrainingLoop(
            task("autoencoder/digits"),
            variant("adam"),
            each["configuration"],
            each["seed"],
            data=load("digits").limited(LIMIT),
            epochs=each["epochs"],
            batch_size=each["batch_size"],
        )
        reports += [{"key": each["key"], "initial_loss": loop.initial_loss, **report} for report in loop]
    return numbers(reports)


@pytest.fixture(scope="module")
def histories(one_thread: None) -> list[str]:
    """The numbers of MEMBERS, each trained by a loop of its own."""
    return alone(*MEMBERS)


@pytest.mark.slow
def test_the_members_histories_are_those_of_the_loop_alone(histories: list[str]) -> None:
    reports = trained(CohortTrainable(cohort(*MEMBERS)))
    assert [(report["key"], report["epoch"]) for report in reports] == [
        ("a", 1),
        ("a", 2),
        ("b", 1),
        ("b", 2),
        ("b", 3),
        ("c", 1),
    ]
    assert numbers(reports) == histories


@pytest.mark.parametrize(("pause", "results"), [(0.0, 6), (3600.0, 1)], ids=["an epoch each", "all in one"])
def test_a_result_carries_the_epochs_of_about_a_second(
    pause: float, results: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cohort_training, "REPORT_EVERY", pause)
    trainable = CohortTrainable(cohort(*MEMBERS))
    carried = [trainable.train() for _ in range(results)]
    assert [len(result["reports"]) for result in carried] == [6 // results] * results
    assert [result["done"] for result in carried] == [False] * (results - 1) + [True]


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        pytest.param(
            member("bad", lr=-1.0), "InputError: lr must be above 0 and finite, got -1.0", id="out of range"
        ),
        pytest.param(
            member("bad", learning_rate=0.1),
            "InputError: unknown hyperparameter of adam 'learning_rate'",
            id="unknown",
        ),
        pytest.param(member("bad", epochs=0), "InputError: epochs must be at least 1, got 0", id="no epochs"),
    ],
)
def test_a_member_that_raises_has_failed_and_the_others_go_on(
    bad: dict[str, Any], error: str, histories: list[str]
) -> None:
    reports = trained(CohortTrainable(cohort(MEMBERS[0], bad, MEMBERS[2])))
    (failed,) = [report for report in reports if report["key"] == "bad"]
    assert failed["status"] == "failed"
    assert failed["error"].startswith(error)
    assert failed["error"].endswith(")")  # (file.py:line)
    assert numbers([report for report in reports if report["key"] != "bad"]) == histories[:2] + histories[5:]


def test_an_error_in_the_middle_of_training_fails_that_member_only(monkeypatch: pytest.MonkeyPatch) -> None:
    train_epoch = TrainingLoop.train_epoch

    def breaks(self: TrainingLoop) -> dict[str, Any]:
        if self.epoch == 1 and self.epochs == 3:
            raise RuntimeError("out of luck")
        return train_epoch(self)

    monkeypatch.setattr(TrainingLoop, "train_epoch", breaks)
    reports = trained(CohortTrainable(cohort(*MEMBERS)))
    assert [(report["key"], report["status"]) for report in reports] == [
        ("a", "running"),
        ("a", "completed"),
        ("b", "running"),
        ("b", "failed"),
        ("c", "completed"),
    ]
    assert "RuntimeError: out of luck (test_ray_tune.py:" in reports[3]["error"]


def test_a_diverged_member_has_not_failed_and_the_others_go_on() -> None:
    members = (member("high", lr=1e30, epochs=4), MEMBERS[2])
    reports = trained(CohortTrainable(cohort(*members)))
    assert [(report["key"], report["status"]) for report in reports] == [
        ("high", "diverged"),
        ("c", "completed"),
    ]


def test_missing_data_fails_every_member_with_the_reason(tmp_path: pathlib.Path) -> None:
    config = cohort(*MEMBERS, task="autoencoder/mnist", data={"data_root": str(tmp_path)})
    reports = trained(CohortTrainable(config))
    assert [(report["key"], report["status"]) for report in reports] == [
        ("a", "failed"),
        ("b", "failed"),
        ("c", "failed"),
    ]
    assert all("no MNIST under data_root" in report["error"] for report in reports)


@pytest.mark.parametrize("after", [0, 1, 2, 4, 6])
def test_a_checkpoint_continues_in_a_new_process_with_every_epoch_reported_once(
    after: int, histories: list[str], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cohort_training, "REPORT_EVERY", 0.0)
    first = CohortTrainable(cohort(*MEMBERS))
    begun = [report for _ in range(after) for report in first.train()["reports"]]
    saved = first.save(str(tmp_path / "checkpoint"))
    second = CohortTrainable(cohort(*MEMBERS))
    second.restore(saved.checkpoint)
    assert numbers(begun + trained(second)) == histories


def test_a_checkpoint_leaves_the_trainable_as_it_was(
    histories: list[str], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cohort_training, "REPORT_EVERY", 0.0)
    trainable = CohortTrainable(cohort(*MEMBERS))
    reports = list(trainable.train()["reports"])
    trainable.save(str(tmp_path / "checkpoint"))
    assert numbers(reports + trained(trainable)) == histories


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 1, 3, 6])
def test_a_reused_actor_takes_on_the_next_cohort_from_its_beginning(
    after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cohort_training, "REPORT_EVERY", 0.0)
    trainable = CohortTrainable(cohort(*MEMBERS))
    for _ in range(after):
        trainable.train()
    others = (member("d", seed=3), member("e", lr=0.001))
    assert trainable.reset(copy.deepcopy(cohort(*others)))
    assert numbers(trained(trainable)) == alone(*others)


def test_a_reused_actor_loads_data_again_only_when_it_is_other_data(monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[str] = []

    def counted(name: str, **options: Any) -> Any:
        loads.append(name)
        return load(name, **options)

    monkeypatch.setattr("trainables.datasets.load", counted)
    trainable = CohortTrainable(cohort(*MEMBERS))
    trained(trainable)
    trainable.reset(cohort(MEMBERS[0]))
    trained(trainable)
    assert len(loads) == 1
    trainable.reset(cohort(MEMBERS[0], limit=16))
    trained(trainable)
    assert len(loads) == 2


SMALL = {"task": "mlp/synthetic", "limit": None}


def small(*members: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """The histories of members that are small enough to train together on a CPU, by a loop each."""
    data = load("synthetic")
    made = [(each["configuration"], each["seed"], each["epochs"], each["batch_size"]) for each in members]
    return [
        list(
            TrainingLoop(
                task("mlp/synthetic"),
                variant("adam"),
                values,
                seed,
                data=data,
                epochs=epochs,
                batch_size=size,
            )
        )
        for values, seed, epochs, size in made
    ]


def assert_close(reports: list[dict[str, Any]], members: tuple[dict[str, Any], ...]) -> None:
    """Every member's reports are its loop's, to the rounding of float32 over some fifty steps."""
    for each, alone in zip(members, small(*members), strict=True):
        found = [report for report in reports if report["key"] == each["key"]]
        assert [report["status"] for report in found] == [report["status"] for report in alone]
        assert [report["train_loss_end"] for report in found] == pytest.approx(
            [report["train_loss_end"] for report in alone], rel=1e-4
        )


def test_small_dense_models_train_together_and_a_member_that_cannot_be_made_has_failed() -> None:
    reports = trained(CohortTrainable(cohort(MEMBERS[0], member("bad", lr=-1.0), *MEMBERS[1:], **SMALL)))
    assert [(report["key"], report.get("epoch")) for report in reports] == [
        ("bad", None), ("a", 1), ("b", 1), ("c", 1), ("a", 2), ("b", 2), ("b", 3),
    ]  # fmt: skip
    assert reports[0]["error"].startswith("InputError: lr must be above 0")
    assert_close(reports, MEMBERS)


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_checkpoint_of_members_that_train_together_continues(
    after: int, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cohort_training, "REPORT_EVERY", 0.0)
    first = CohortTrainable(cohort(*MEMBERS, **SMALL))
    begun = [report for _ in range(after) for report in first.train()["reports"]]
    saved = first.save(str(tmp_path / "checkpoint"))
    second = CohortTrainable(cohort(*MEMBERS, **SMALL))
    second.restore(saved.checkpoint)
    reports = begun + trained(second)
    assert len(reports) == 6
    assert_close(reports, MEMBERS)


@pytest.mark.parametrize(("size", "order"), [(1, "aabbbc"), (2, "ababbc"), (3, "abcabb")])
def test_the_cohort_size_says_how_many_train_together(size: int, order: str) -> None:
    reports = trained(CohortTrainable(cohort(*MEMBERS, cohort_size=size, **SMALL)))
    assert "".join(report["key"] for report in reports) == order
    assert_close(reports, MEMBERS)


def test_functions_with_known_answers_are_evaluated_one_after_another() -> None:
    values = {"x1": 0.1, "x2": 0.2, "x3": 0.3}
    members = [{**member(key), "configuration": values} for key in "ab"]
    reports = trained(CohortTrainable(cohort(*members, task="function/ishigami", variant="direct")))
    assert [(report["key"], report["status"]) for report in reports] == [
        ("a", "running"), ("a", "completed"), ("b", "running"), ("b", "completed"),
    ]  # fmt: skip


def test_a_small_cohort_does_not_limit_the_next() -> None:
    trainable = CohortTrainable(cohort(*MEMBERS[:2], **SMALL))
    trained(trainable)
    trainable.reset(cohort(*MEMBERS, **SMALL))
    assert "".join(report["key"] for report in trained(trainable)) == "abcabb"


def test_a_result_says_why_members_do_not_train_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainables.cohorts.moving_buffers", lambda loops: "it is stubborn")
    trainable = CohortTrainable(cohort(*MEMBERS, **SMALL))
    result = trainable.train()
    assert [report["key"] for report in result["reports"]] == ["a", "b", "c", "a", "b", "b"]
    assert result["reason"] == "it is stubborn"


@pytest.mark.slow
@pytest.mark.parametrize(
    "modules",
    ["trainables", "trainables.training, trainables.hyperalgorithm, trainables.variants, trainables.tasks"],
)
def test_without_ray_tune_the_package_imports_neither_ray_nor_optuna(modules: str) -> None:
    check = (
        f"import sys, {modules}; print(*sorted({{'ray', 'optuna', 'sklearn', 'torchvision'}} & "
        "set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", check],
        capture_output=True,
        text=True,
        check=True,
        cwd=pathlib.Path(__file__).parents[2],
    )
    assert done.stdout.split() == []


def test_importing_the_package_alone_is_cheap() -> None:
    check = "import sys, trainables; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", check],
        capture_output=True,
        text=True,
        check=True,
        cwd=pathlib.Path(__file__).parents[2],
    )
    assert done.stdout.strip() == "False"
