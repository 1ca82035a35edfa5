"""Names of tasks: they are those of the tasks that the package makes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from trainables.families import FAMILIES
from trainables.function_tasks import function_tasks
from trainables.named_tasks import AUGMENTED, FUNCTIONS, MODELS, is_of_package


def test_they_are_those_of_the_tasks() -> None:
    assert tuple(FAMILIES) == MODELS
    assert tuple(task.name for task in function_tasks()) == FUNCTIONS
    listed = "from trainables.tasks import task_names; print(*task_names(), sep=chr(10))"
    command = [sys.executable, "-c", listed]  # a process of its own: other tests register tasks
    names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert set(names) >= set(FUNCTIONS)
    assert all(map(is_of_package, names))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet/cifar10" + AUGMENTED, True), ("mlp/images:gone", True), ("gpt/text:gone", True), ("function/mine", False), ("mine/digits", False),
        ("mlp/mine", False), ("mlp/arrays:", False), ("mlp", False), ("", False),
    ],
)  # fmt: skip
def test_tasks_of_users(name: str, expected: bool) -> None:
    assert is_of_package(name) is expected


def test_they_and_a_stored_study_need_no_torch() -> None:
    modules = "trainables.named_tasks, sensitivity.study.study, sensitivity.reporting.page"
    code = f"import {modules}, sys; print(*{{'torch', 'ray', 'optuna'}} & set(sys.modules))"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        ).stdout.strip()
        == ""
    )
