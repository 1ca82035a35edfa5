"""Tasks: every named one trains, a fingerprint says what is comparable, users register their own."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import pickle
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trainables import tasks
from trainables.augmentation import crop_and_flip
from trainables.dataset import Dataset
from trainables.datasets import KNOWN, load
from trainables.function_tasks import FunctionTask
from trainables.names import InputError
from trainables.task_checks import check_task
from trainables.task_definition import Task
from trainables.tasks import register_task, seeded, task, task_fingerprint, task_names, task_rows
from trainables.training import TrainingLoop
from trainables.variants import variant

SHARED = pathlib.Path(__file__).parents[2].parent / "shared"


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test registers is forgotten."""
    monkeypatch.setattr(tasks, "_REGISTERED", {})
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def noise(name: str, images: int = 24) -> Dataset:
    """Random data of the form of a named dataset; of a text its first windows."""
    if name == "text":
        return load("text").limited(images)
    known, generator = KNOWN[name], torch.Generator().manual_seed(0)
    x = [torch.rand(count, *known.shape, generator=generator) for count in (images, 8)]
    y = [torch.randint(0, known.classes or 1, (len(each),), generator=generator) for each in x]
    return Dataset(name, x[0], y[0], x[1], y[1])


TRAINED = [name for name in task_names() if not name.startswith("function/")]
PARAMETERS = {  # counted by hand
    "autoencoder/digits": 224_177,
    "autoencoder/mnist": 224_177,
    "autoencoder/fashion_mnist": 224_177,
    "resnet/cifar10": 269_722,
    "resnet/cifar10+augmented": 269_722,
    "resnet/digits": 269_722 - 2 * 16 * 9,  # one channel goes in instead of three
    "mlp/digits": 785 * 128 + 129 * 128 + 129 * 10,
    "mlp/mnist": 785 * 128 + 129 * 128 + 129 * 10,
    "logistic/digits": 785 * 10,
    "logistic/synthetic": 11,
    "quadratic/ill_conditioned": 10,
    # 256 bytes in and out, 64 positions, two blocks, five norms
    "gpt/text": 2 * 256 * 64 + 64 * 64 + 2 * 12 * 64**2 + 5 * 64,
    "vit/digits": 4 * 4 * 64 + 7 * 7 * 64 + 2 * 12 * 64**2 + 5 * 64 + 64 * 10,
    "vit/cifar10": 3 * 4 * 4 * 64 + 8 * 8 * 64 + 2 * 12 * 64**2 + 5 * 64 + 64 * 10,
}


FIRST = {  # names of trials of stored results
    "autoencoder/digits": "01434460a849",
    "autoencoder/mnist": "b8d72d53b692",
    "autoencoder/fashion_mnist": "4eed6d810eba",
    "resnet/digits": "9583ae42494e",
    "resnet/cifar10": "2640c0549e3f",
    "resnet/cifar10+augmented": "f6112f072b11",
    "mlp/digits": "80300354c31a",
    "mlp/mnist": "78b25f1c2bef",
    "logistic/digits": "ed8c5568bfe2",
    "logistic/synthetic": "c2e3ada291ec",
    "quadratic/ill_conditioned": "23ed4e5ddea5",
    "function/ishigami": "5c7e02ab38d3",
    "function/sobol_g": "23b4c2270a1b",
    "function/lr_valley": "18c83ee66643",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED)
def test_every_task_fits_its_data_and_trains(name: str) -> None:
    one = task(name)
    assert isinstance(one.dataset, str)
    data = noise(one.dataset)
    check_task(one, data)
    epochs = 12 if name.startswith("resnet") else 3  # batch norm's running statistics need some steps
    loop = TrainingLoop(one, variant("sgd"), {"lr": 0.01}, 0, data=data, epochs=epochs, batch_size=8)
    reports = list(loop)
    assert reports[-1]["status"] == "completed"
    assert reports[-1]["train_loss_end"] < loop.initial_loss


@pytest.mark.parametrize("name", TRAINED)
def test_every_task_has_its_parameters(name: str) -> None:
    assert task(name).parameters == PARAMETERS[name]


@pytest.mark.parametrize("name", task_names())
def test_a_task_travels_by_pickle_and_stays_the_same(name: str) -> None:
    one = task(name)
    again = pickle.loads(pickle.dumps(one))
    assert again == one
    assert task_fingerprint(again) == task_fingerprint(one)
    assert (again.name, again.settings, again.loss) == (one.name, one.settings, one.loss)


def test_the_fingerprints_of_the_first_tasks_are_those_of_all_results_so_far() -> None:
    assert task_fingerprint("autoencoder/digits") == "01434460a849"
    assert task_fingerprint("autoencoder/mnist", 100) == "3878e3fef7be"
    assert {name: task_fingerprint(name) for name in FIRST} == FIRST


def test_no_two_tasks_share_a_fingerprint() -> None:
    assert len(
        {task_fingerprint(task(name), limit) for name in task_names() for limit in (None, 10)}
    ) == 2 * len(task_names())


def test_any_model_makes_a_task_with_any_dataset_that_fits() -> None:
    one = task("mlp/cifar10")
    assert "mlp/cifar10" not in task_names()
    assert one.model(torch.Generator())(torch.rand(2, 3, 32, 32)).shape == (2, 10)
    check_task(one, noise("cifar10"))


def test_augmentation_is_a_suffix() -> None:
    plain, changed = task("resnet/cifar10"), task("resnet/cifar10+augmented")
    assert (plain.augment, changed.augment) == (None, crop_and_flip)
    assert task_fingerprint(plain) != task_fingerprint(changed)
    assert task("mlp/digits+augmented").augment is crop_and_flip


BAD_NAMES = [
    pytest.param(
        "resnet/cifra10", "unknown task 'resnet/cifra10'; did you mean 'resnet/cifar10'", id="dataset"
    ),
    pytest.param(
        "resnett/cifar10", "unknown task 'resnett/cifar10'; did you mean 'resnet/cifar10'", id="model"
    ),
    pytest.param("resnet/cifar10+augmentd", r"did you mean 'resnet/cifar10\+augmented'", id="suffix"),
    pytest.param("digits", "unknown task 'digits'", id="no model"),
    pytest.param("", "unknown task ''", id="nothing"),
    pytest.param("mlp/none", "unknown task 'mlp/none'", id="the data of functions"),
    pytest.param(
        "autoencoder/cifar10",
        r"model 'autoencoder' needs images of 1 x 28 x 28; cifar10 has shape 3 x 32 x 32 and 10 classes",
        id="size",
    ),
    pytest.param(
        "resnet/synthetic",
        r"model 'resnet' needs images .*; synthetic has shape 10 .*\(models that fit: mlp, logistic\)",
        id="features",
    ),
    pytest.param(
        "mlp/ill_conditioned",
        r"model 'mlp' needs two or more classes as targets; ill_conditioned has shape 10 and no classes",
        id="no classes",
    ),
    pytest.param(
        "gpt/digits", r"model 'gpt' needs a text \(text, or text:FILE\); digits has .*vit", id="no text"
    ),
    pytest.param(
        "vit/text", r"needs two or more classes .*; text has .* \(models that fit: gpt\)", id="text to vit"
    ),
    pytest.param("gpt/text:nowhere", "'nowhere' of dataset 'text:nowhere' does not exist", id="no text file"),
    pytest.param("gpt/text+augmented", "task 'gpt/text' has no images to augment", id="text to augment"),
    pytest.param("quadratic/digits", "model 'quadratic' needs the dataset ill_conditioned", id="bowl"),
    pytest.param(
        "function/ishigami+augmented", "task 'function/ishigami' has no images to augment", id="function"
    ),
    pytest.param(
        "logistic/synthetic+augmented",
        "task 'logistic/synthetic' has no images to augment",
        id="features to augment",
    ),
    pytest.param(
        "resnet/arrays:nowhere.npz", "no file 'nowhere.npz' for dataset 'arrays:nowhere.npz'", id="file"
    ),
    pytest.param("mlp/images:nowhere", "no folder 'nowhere/train' for dataset 'images:nowhere'", id="folder"),
    pytest.param("mpl/arrays:nowhere.npz", "unknown model 'mpl'; did you mean 'mlp'", id="model for a file"),
    pytest.param("mlp/arrays:", "unknown task 'mlp/arrays:'", id="no file given"),
]


@pytest.mark.parametrize(("name", "message"), BAD_NAMES)
def test_bad_names_give_one_line(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        task(name)
    assert "\n" not in str(caught.value)


def written(
    file: pathlib.Path, shape: tuple[int, ...] = (20, 9, 8, 3), classes: int = 4, seed: int = 0
) -> pathlib.Path:
    random = np.random.default_rng(seed)
    x = random.integers(0, 256, shape, dtype=np.uint8)
    np.savez(
        file, x_train=x, y_train=np.arange(len(x)) % classes, x_test=x[:5], y_test=np.arange(5) % classes
    )
    return file


@pytest.mark.parametrize("model", ["resnet", "mlp", "logistic", "vit"])
def test_a_model_takes_its_sizes_from_a_users_file(tmp_path: pathlib.Path, model: str) -> None:
    one = task(f"{model}/arrays:{written(tmp_path / 'mine.npz')}")
    data = load(one.dataset)
    check_task(one, data)
    assert one.model(torch.Generator())(data.x_test).shape == (5, 4)
    *_, last = TrainingLoop(one, variant("adam"), {"lr": 0.01}, 0, data=data, epochs=2)
    assert last["status"] == "completed"
    with pytest.raises(
        InputError,
        match=r"model 'autoencoder' needs images of 1 x 28 x 28; arrays:.*mine.npz has shape 3 x 9 x 8",
    ):
        task(f"autoencoder/arrays:{tmp_path / 'mine.npz'}")


def test_the_autoencoder_takes_a_users_images_of_its_size(tmp_path: pathlib.Path) -> None:
    one = task(f"autoencoder/arrays:{written(tmp_path / 'mine.npz', (6, 28, 28))}")
    check_task(one, load(one.dataset))


def test_a_files_fingerprint_follows_its_content_not_its_path(tmp_path: pathlib.Path) -> None:
    names = [
        f"mlp/arrays:{written(tmp_path / f'{name}.npz', seed=seed)}"
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    one, same, other = (task_fingerprint(task(name)) for name in names)
    assert one == same != other
    assert task_fingerprint(task(f"resnet/arrays:{tmp_path / 'a.npz'}")) != one
    assert task_fingerprint(task(f"{names[0]}+augmented")) not in {one, other}


def test_a_relative_path_is_the_same_task_in_another_folder(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "mine.npz")
    monkeypatch.chdir(tmp_path)
    one = task("mlp/arrays:mine.npz")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert len(load(one.dataset).x_train) == 20


@pytest.mark.slow
def test_cifar10_as_arrays_is_what_the_resnet_takes(tmp_path: pathlib.Path) -> None:
    tool = SHARED / "tools" / "cifar10.py"
    if not tool.is_file():
        pytest.skip(f"no CIFAR-10 under {SHARED}")
    subprocess.run(
        [sys.executable, str(tool), str(tmp_path / "cifar10.npz")], check=True, capture_output=True
    )
    one, data = task(f"resnet/arrays:{tmp_path / 'cifar10.npz'}"), load("cifar10", data_root=tmp_path)
    assert (tuple(data.x_train.shape), tuple(data.x_test.shape)) == ((50_000, 3, 32, 32), (10_000, 3, 32, 32))
    assert torch.bincount(data.y_train).tolist() == [5000] * 10
    assert one.parameters == 269_722
    for part in ("mean", "std"):  # Krizhevsky's images have the published statistics
        ours = KNOWN["cifar10"]
        assert one.model.keywords[part] == pytest.approx(getattr(ours, part), abs=1e-3)  # type: ignore[attr-defined]
    loop = TrainingLoop(
        one, variant("adam"), {"lr": 0.002}, 0, data=data.limited(256), epochs=2, batch_size=64
    )
    *_, last = loop
    assert last["train_loss"] < loop.initial_loss


class Net(nn.Module):
    """A user's model, which knows no generator."""

    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(784, width), nn.ReLU(), nn.Linear(width, 10))

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.layers(images)
        return scores


def twice(outputs: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return 2 * nn.functional.cross_entropy(outputs, y)


def thrice(outputs: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return 3 * nn.functional.cross_entropy(outputs, y)


def own(name: str = "net/digits", **changes: Any) -> Task:
    fields = {
        "dataset": "digits",
        "model": seeded(Net),
        "loss": "cross_entropy",
        "metrics": ["accuracy"],
        **changes,
    }
    return Task(name, **fields)


def test_a_users_task_is_known_after_it_is_registered() -> None:
    with pytest.raises(InputError, match="unknown task 'net/digits'"):
        task("net/digits")
    one = register_task(own())
    assert task("net/digits") is one
    assert "net/digits" in task_names()
    assert task("net/digits+augmented").augment is crop_and_flip
    check_task(one, load("digits"))


def test_registering_the_same_again_changes_nothing_and_another_is_refused() -> None:
    one = register_task(own())
    register_task(own())
    assert task("net/digits") is one
    for other in (
        own(loss="mse"),
        own(version=2),
        own(batch_size=8),
        own(settings={"width": 4}),
        own(dataset="mnist"),
    ):
        with pytest.raises(
            InputError, match="there is another task 'net/digits' already; give this one another name"
        ):
            register_task(other)
    with pytest.raises(InputError, match="there is another task 'resnet/digits' already"):
        register_task(own("resnet/digits"))
    register_task(task("resnet/digits"))


@pytest.mark.parametrize("name", ["", "net digits", "net/arrays:x", "net/digits+augmented", "/net", "net/"])
def test_bad_names_are_not_registered(name: str) -> None:
    with pytest.raises(InputError, match="a task's name is like 'model/dataset'"):
        register_task(own(name))


DIFFERENT = [
    pytest.param({"loss": twice}, {"loss": thrice}, id="source of the loss"),
    pytest.param({"loss": "cross_entropy"}, {"loss": "mse"}, id="named loss"),
    pytest.param({"model": Net}, {"model": seeded(Net)}, id="model"),
    pytest.param(
        {"model": functools.partial(Net, width=3)},
        {"model": functools.partial(Net, width=4)},
        id="argument of a partial",
    ),
    pytest.param({"dataset": "digits"}, {"dataset": "mnist"}, id="dataset"),
    pytest.param({"version": 1}, {"version": 2}, id="version"),
    pytest.param({"settings": {"width": 3}}, {"settings": {"width": 4}}, id="settings"),
    pytest.param({"metrics": {"a": twice}}, {"metrics": {"a": thrice}}, id="source of a metric"),
    pytest.param({"augment": None}, {"augment": crop_and_flip}, id="augmentation"),
    pytest.param({"name": "resnet/digits"}, {"name": "mlp/digits"}, id="name of a task of the package"),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_a_users_task_computes_is_in_its_fingerprint(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert task_fingerprint(own(**one)) == task_fingerprint(own(**one)) != task_fingerprint(own(**other))


def test_a_users_task_with_a_name_of_the_package_is_not_taken_for_it() -> None:
    assert task_fingerprint(own("autoencoder/digits")) != task_fingerprint("autoencoder/digits")
    assert task_fingerprint(dataclasses.replace(task("autoencoder/digits"), loss="mse")) != task_fingerprint(
        "autoencoder/digits"
    )
    assert task_fingerprint(
        dataclasses.replace(task("autoencoder/digits"), batch_size=32)
    ) == task_fingerprint("autoencoder/digits")


def test_a_model_that_knows_no_generator_is_seeded() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    make = seeded(Net)
    one, same, other = (make(torch.Generator().manual_seed(seed), width=4) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not torch.equal(next(one.parameters()), next(other.parameters()))


def test_rows_say_what_each_task_is() -> None:
    register_task(own(dataset=functools.partial(load, "digits")))
    rows = {row["name"]: row for row in task_rows()}
    assert list(rows) == list(task_names())
    columns = [
        "name",
        "model",
        "parameters",
        "dataset",
        "images",
        "loss",
        "metrics",
        "settings",
        "description",
    ]
    assert all(list(row) == columns for row in rows.values())
    cifar = rows["resnet/cifar10"]
    assert (cifar["model"], cifar["parameters"], cifar["images"]) == (
        "CifarResNet",
        269_722,
        (50_000, 10_000),
    )
    assert (cifar["loss"], cifar["metrics"], cifar["settings"]["depth"]) == (
        "cross_entropy",
        ("accuracy",),
        3,
    )
    ishigami, mine = rows["function/ishigami"], rows["net/digits"]
    assert (ishigami["model"], ishigami["parameters"], ishigami["dataset"], ishigami["loss"]) == (
        "Ishigami",
        None,
        None,
        None,
    )
    assert (mine["model"], mine["parameters"], mine["dataset"], mine["images"]) == (
        "Net",
        784 * 3 + 3 + 40,
        "load",
        None,
    )
    assert all(
        row["description"] and "\n" not in row["description"]
        for name, row in rows.items()
        if name != "net/digits"
    )
    assert isinstance(task("function/ishigami"), FunctionTask)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "cross_entrop"}, "unknown loss 'cross_entrop'; did you mean 'cross_entropy'"),
        ({"metrics": ["accuracies"]}, "unknown metric 'accuracies'; did you mean 'accuracy'"),
        ({"batch_size": 0}, "batch_size of task 'net/digits' must be at least 1, got 0"),
    ],
)
def test_bad_fields_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        own(**changes)
