"""A user's file of tasks: run once, and one clear line when it fails."""

from __future__ import annotations

import pathlib

import pytest

from trainables import tasks
from trainables.names import InputError
from trainables.task_checks import check_task
from trainables.task_modules import load_task_module
from trainables.tasks import task, task_names

FILE = '''
"""A user's tasks."""
from __future__ import annotations
import dataclasses
import pathlib
import torch
from torch import nn
from sizes_of_mine import HIDDEN
from trainables import Dataset, Task, register_task, seeded

with pathlib.Path(__file__).with_name("runs").open("a") as runs:
    runs.write("x")

@dataclasses.dataclass
class Size:
    hidden: int = HIDDEN

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(12, Size().hidden), nn.ReLU(), nn.Linear(Size().hidden, 2))

def noise() -> Dataset:
    return Dataset("noise", torch.rand(8, 3, 2, 2), torch.arange(8) % 2, torch.rand(4, 3, 2, 2), torch.arange(4) % 2)

register_task(Task("net/noise", noise, seeded(Net), "cross_entropy", ["accuracy"]))
'''


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_REGISTERED", {})


def test_a_file_registers_its_tasks_once(tmp_path: pathlib.Path) -> None:
    (tmp_path / "mine.py").write_text(FILE)
    (tmp_path / "sizes_of_mine.py").write_text("HIDDEN = 5")
    module = load_task_module(tmp_path / "mine.py")
    assert load_task_module(str(tmp_path / "mine.py")) is module
    assert (tmp_path / "runs").read_text() == "x"
    one = task("net/noise")
    assert one.parameters == 13 * 5 + 6 * 2
    check_task(one, module.noise())
    assert one.sources[0].startswith("partial(trainables.tasks._seeded, Net#")


BAD = [
    pytest.param(
        "import nothing_of_this_name",
        "fails at line 1: ModuleNotFoundError: No module named 'nothing_of_this_name'",
        id="import",
    ),
    pytest.param("x = 1\ny = 1 / 0", "fails at line 2: ZeroDivisionError: division by zero", id="raises"),
    pytest.param(
        "x = 1\nif x:\n",
        "fails at line 2: (IndentationError|SyntaxError): expected an indented block",
        id="syntax",
    ),
    pytest.param("raise SystemExit(3)", "fails at line 1: SystemExit: 3", id="exits"),
    pytest.param(
        "from trainables import Task, register_task\nfrom trainables.models import ConvAutoencoder as "
        "C\nregister_task(Task('a/digits', 'digits', C, 'mse'))\nregister_task(Task('b', 'digits', C, "
        "'msee'))",
        "fails at line 4: InputError: unknown loss 'msee'; did you mean 'mse'",
        id="bad task",
    ),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_a_file_that_fails_gives_one_line_and_registers_nothing(
    tmp_path: pathlib.Path, text: str, message: str
) -> None:
    before = task_names()
    (tmp_path / "bad.py").write_text(text)
    for _ in range(2):
        with pytest.raises(InputError, match=message) as caught:
            load_task_module(tmp_path / "bad.py")
        assert str(caught.value).startswith(f"the task module {str(tmp_path / 'bad.py')!r} fails")
        assert "\n" not in str(caught.value)
    assert task_names() == before
    (tmp_path / "bad.py").write_text("x = 1")
    assert load_task_module(tmp_path / "bad.py").x == 1


def test_a_path_that_is_no_python_file_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match=r"no task module 'nowhere\.py'; give the path of a \.py file"):
        load_task_module("nowhere.py")
    with pytest.raises(InputError, match=r"a task module is a \.py file, got 'tasks\.yaml'"):
        load_task_module("tasks.yaml")
