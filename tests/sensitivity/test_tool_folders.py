"""Folders that tools write: recognised by their files, read without an option, or refused in one line."""

from __future__ import annotations

import json
import math
import pathlib
from importlib.util import find_spec
from typing import Any

import pytest

from search_spaces.hyperparameters import Categorical, Float, Integer
from sensitivity import from_table, to_deepcave
from sensitivity.command.tables import TOOLS as commanded
from sensitivity.exchange.tool_folders import FILES, TOOLS, tool_of
from sensitivity.results.results import Results
from tests.sensitivity.command import run
from tests.sensitivity.sweeps import check, python, sweep
from tests.sensitivity.tables import noisy
from tests.sensitivity.tables import results as made_up
from trainables.names import InputError


def statuses(results: Results) -> list[str]:
    return list(results.trials["status"])


def deepcave(
    place: pathlib.Path,
    *,
    objectives: tuple[dict[str, Any], ...] = ({"name": "accuracy", "optimize": "upper"},),
) -> pathlib.Path:
    """Write a run as DeepCAVE's recorder does: eight configurations with two seeds, of which some have not
    ended well."""
    place.mkdir()
    configs = {str(i): {"lr": 10 ** (-i / 2 - 1), "activation": ("relu", "tanh")[i % 2]} for i in range(8)}
    states = {(3, 1): 4, (5, 1): 5, (6, 0): 2, (7, 1): 6}
    history = []
    for i in range(8):
        for seed in (0, 1):
            status = states.get((i, seed), 1)
            costs = [math.nan if (i, seed) == (0, 0) else 0.9 - i / 50 if status == 1 else None, 12.5][
                : len(objectives)
            ]
            history.append([i, 100.0, seed, costs, 10.0 * i, 10.0 * i + 5, status, {}])
    space = [
        {
            "type": "uniform_float",
            "name": "lr",
            "lower": 1e-6,
            "upper": 1.0,
            "log": True,
            "default_value": 1e-3,
        },
        {"type": "categorical", "name": "activation", "choices": ["relu", "tanh", "gelu"], "weights": None},
    ]
    (place / "meta.json").write_text(
        json.dumps({"name": "run", "objectives": list(objectives), "budgets": [100.0], "seeds": [0, 1]})
    )
    (place / "configspace.json").write_text(
        json.dumps({"name": None, "hyperparameters": space, "conditions": [], "forbiddens": []})
    )
    (place / "configs.json").write_text(json.dumps(configs))
    (place / "history.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in history))
    return place


def test_a_run_of_deepcave(tmp_path: pathlib.Path) -> None:
    place = deepcave(tmp_path / "run_1")
    assert tool_of(place) == "deepcave"
    results = from_table(place)
    assert list(results.spaces["run_1"]) == [
        Float("lr", 1e-6, 1.0, "log"),
        Categorical("activation", ("relu", "tanh", "gelu")),
    ]
    assert (results.metric, results.direction) == ("accuracy", "max")
    found = dict(
        zip(
            zip(results.trials["config/lr"], results.trials["seed"], strict=True),
            statuses(results),
            strict=True,
        )
    )
    assert found[0.1, 0] == "diverged"
    assert [found[10 ** (-i / 2 - 1), seed] for i, seed in ((3, 1), (5, 1), (6, 0), (7, 1))] == [
        "failed",
        "stopped",
        "failed",
        "pending",
    ]
    assert statuses(results).count("completed") == 11
    assert results.trials["seconds"].max() == 5


def test_several_objectives_of_deepcave(tmp_path: pathlib.Path) -> None:
    timed = deepcave(
        tmp_path / "timed",
        objectives=({"name": "accuracy", "optimize": "upper"}, {"name": "time", "optimize": "lower"}),
    )
    assert from_table(timed).metric == "accuracy"
    two = deepcave(
        tmp_path / "two", objectives=({"name": "a", "optimize": "upper"}, {"name": "b", "optimize": "lower"})
    )
    with pytest.raises(InputError, match=r"name the column of the metric \(metric=, --metric\)"):
        from_table(two)
    results = from_table(two, metric="a")
    assert (results.metric, results.direction) == ("a", "max")


def test_an_older_history_has_no_seed(tmp_path: pathlib.Path) -> None:
    place = deepcave(tmp_path / "run")
    lines = [json.loads(line) for line in (place / "history.jsonl").read_text().splitlines()]
    (place / "history.jsonl").write_text(
        "".join(json.dumps([*line[:2], *line[3:]]) + "\n" for line in lines if line[2] == 0)
    )
    assert set(from_table(place).trials["seed"]) == {0}


def test_the_tables_that_are_written_for_deepcave_are_read_back(tmp_path: pathlib.Path) -> None:
    truth = made_up(noisy(0.01))
    to_deepcave(truth, tmp_path / "out")
    results = from_table(tmp_path / "out")
    assert results.direction == "min"
    assert results.trials["loss"].tolist() == truth.trials["loss"].tolist()
    assert results.trials["config/lr"].tolist() == truth.trials["config/lr"].tolist()


def keras_tuner(place: pathlib.Path, *, alike: bool = False) -> pathlib.Path:
    """Write a project as Keras Tuner does: a folder a trial. Args: alike: two metrics have the values of the
    score."""
    space = [
        {"class_name": "Float", "config": {"name": "learning_rate", "min_value": 1e-4, "max_value": 0.1, "step": None, "sampling": "log",
            "conditions": []}},
        {"class_name": "Int", "config": {"name": "units", "default": None, "min_value": 32, "max_value": 512, "step": 32,
            "sampling": "linear", "conditions": []}},
        {"class_name": "Boolean", "config": {"name": "batch_norm", "default": False, "conditions": []}},
    ]  # fmt: skip
    for i in range(8):
        score = None if i == 5 else 0.7 + i / 50
        status = "INVALID" if i == 5 else "RUNNING" if i == 7 else "COMPLETED"
        curve = [] if score is None else [{"value": [score - 0.1], "step": 0}, {"value": [score], "step": 1}]
        other = [] if score is None else [{"value": [1 - score], "step": 1}]
        trial = {
            "trial_id": f"{i:04d}", "score": None if i == 7 else score, "best_step": 1, "status": status, "message": None,
            "hyperparameters": {"space": space, "values": {"learning_rate": 10 ** (-1 - i / 4), "units": 32 * (i + 1),
            "batch_norm": i % 2 == 0, "tuner/initial_epoch": 0}},
            "metrics": {"metrics": {"val_accuracy": {"direction": "max", "observations": curve}, "val_loss": {"direction": "min",
            "observations": other}}},
        }  # fmt: skip
        if alike:
            trial["metrics"]["metrics"]["val_auc"] = {"direction": "max", "observations": curve}  # type: ignore[index]
        (place / f"trial_{i:04d}").mkdir(parents=True)
        (place / f"trial_{i:04d}" / "trial.json").write_text(json.dumps(trial))
    (place / "oracle.json").write_text("{}")
    return place


def test_a_project_of_keras_tuner(tmp_path: pathlib.Path) -> None:
    place = keras_tuner(tmp_path / "mnist")
    assert tool_of(place) == "keras_tuner"
    results = from_table(place)
    assert list(results.spaces["mnist"]) == [
        Float("lr", 1e-4, 0.1, "log"), Integer("units", 32, 512), Categorical("batch_norm", (False, True))
    ]  # fmt: skip
    assert (results.metric, results.direction) == ("val_accuracy", "max")
    assert statuses(results) == ["completed"] * 5 + ["failed", "completed", "running"]
    assert results.trials["value"].max() == pytest.approx(0.82)


PROGRAM = """
import json, os, sys
os.environ["KERAS_BACKEND"] = "torch"
import keras_tuner

ends = {(name, lr, seed): (status, loss) for name, lr, seed, status, loss in json.loads(sys.argv[2])}
space = keras_tuner.HyperParameters()
space.Choice("optimizer", ["adam", "sgd"])
space.Choice("lr", sorted({lr for _, lr, _ in ends}))
space.Choice("seed", [0, 7])

class Program(keras_tuner.GridSearch):
    def run_trial(self, trial):
        values = trial.hyperparameters.values
        status, loss = ends[values["optimizer"], values["lr"], values["seed"]]
        if status == "failed":
            raise keras_tuner.errors.FailedTrialError("out of memory")
        return {"val_loss": loss}

Program(
    objective=keras_tuner.Objective("val_loss", "min"), directory=sys.argv[1], project_name="mnist",
    hyperparameters=space, max_consecutive_failed_trials=20, max_trials=100,
).search()
"""


def test_a_search_by_keras_tuner_is_what_was_tried(tmp_path: pathlib.Path) -> None:
    if find_spec("keras_tuner") is None:  # an import would load Keras with TensorFlow
        pytest.skip("needs the extra examples")
    members = sweep(running=False)
    ends = [(one.optimizer, one.lr, one.seed, one.status, one.loss) for one in members]
    python(PROGRAM, str(tmp_path), json.dumps(ends), cwd=tmp_path)
    assert tool_of(tmp_path / "mnist") == "keras_tuner"
    check(from_table(tmp_path / "mnist"), members)


def test_a_score_of_nan_is_a_trial_that_diverged(tmp_path: pathlib.Path) -> None:
    place = keras_tuner(tmp_path / "mnist")
    trial = json.loads((place / "trial_0005" / "trial.json").read_text())
    trial |= {"status": "FAILED", "score": math.nan}
    (place / "trial_0005" / "trial.json").write_text(json.dumps(trial))
    assert statuses(from_table(place)) == ["completed"] * 5 + ["diverged", "completed", "running"]


def test_a_score_that_several_metrics_could_be_is_one_question(tmp_path: pathlib.Path) -> None:
    place = keras_tuner(tmp_path / "mnist", alike=True)
    with pytest.raises(InputError, match=r"^is 'metrics.score' of .* better when it is lower or higher\?"):
        from_table(place)
    assert from_table(place, direction="max").metric == "score"


def deepobs(place: pathlib.Path, *, accuracies: bool) -> pathlib.Path:
    """Write runs as DeepOBS does: testproblem/optimizer/setting/RUN.json, with a value before training and
    after every epoch."""
    for problem in ("quadratic_deep", "mnist_mlp"):
        for optimizer in ("SGD", "Momentum"):
            for lr in (0.001, 0.01, 0.1):
                for seed in (42, 43):
                    folder = place / problem / optimizer / f"num_epochs__2__batch_size__128__lr__{lr:.0e}"
                    folder.mkdir(parents=True, exist_ok=True)
                    end = math.nan if lr == 0.1 else 0.5 + lr + seed / 1000
                    run = {
                        "train_losses": [2.3, 1.0, end], "valid_losses": [2.4, 1.1, end], "test_losses": [2.4, 1.1, end],
                        "minibatch_train_losses": [2.3, 2.0, 1.5, end], "optimizer_hyperparams": {"lr": lr}, "random_seed": seed,
                        "num_epochs": 2, "batch_size": 128, "testproblem": problem,
                    }  # fmt: skip
                    if accuracies:
                        run |= {
                            "valid_accuracies": [0.1, 0.6, 0.8 - lr],
                            "test_accuracies": [0.1, 0.6, 0.7 - lr],
                        }
                    (folder / f"random_seed__{seed}__2020-01-01-10-00-00.json").write_text(json.dumps(run))
    return place


def test_a_folder_of_deepobs(tmp_path: pathlib.Path) -> None:
    place = deepobs(tmp_path / "results", accuracies=False)
    assert tool_of(place) == "deepobs"
    with pytest.raises(
        InputError, match=r"name the column of the metric .* results valid_losses, test_losses$"
    ):
        from_table(place)
    results = from_table(place, metric="valid_losses")
    assert {variant: space.names for variant, space in results.spaces.items()} == {
        "SGD": ("lr",),
        "Momentum": ("lr",),
    }
    assert results.direction == "min"
    assert set(results.trials["task"]) == {"quadratic_deep", "mnist_mlp"}
    assert set(results.trials["seed"]) == {42, 43}
    assert statuses(results).count("diverged") == 8
    assert set(results.trials["initial_loss"]) == {2.4}
    assert set(results.trials.loc[results.trials["status"] == "diverged", "loss"]) == {2.4}
    assert sorted(results.epochs["epoch"].unique()) == [1, 2]


def test_results_with_few_levels_are_no_hyperparameters(tmp_path: pathlib.Path) -> None:
    """Training accuracies that are the same in every run differ from epoch to epoch only."""
    place = deepobs(tmp_path / "results", accuracies=True)
    for path in place.rglob("*.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"train_accuracies": [0.1, 0.5, 0.6]}))
    results = from_table(place, metric="test_accuracies")
    assert results.spaces["SGD"].names == ("lr",)


def test_accuracies_of_deepobs_are_maximised(tmp_path: pathlib.Path) -> None:
    results = from_table(deepobs(tmp_path / "results", accuracies=True), metric="test_accuracies")
    assert results.direction == "max"
    assert set(results.trials["initial_loss"]) == {-0.1}


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["deepcave", "keras_tuner"])
def test_the_command_recognises_a_folder(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tool: str
) -> None:
    {"deepcave": deepcave, "keras_tuner": keras_tuner}[tool](tmp_path / tool)
    monkeypatch.chdir(tmp_path)
    assert run(["import", tool, "--out", "out", "--json"], monkeypatch) == 0
    said = json.loads(capfd.readouterr().out)
    assert [row["variant"] for row in said["overview"]] == [tool]
    assert "Taken for hyperparameters" in said["caveats"][0] or any(
        "Taken for hyperparameters" in text for text in said["caveats"]
    )


def test_the_command_knows_every_tool() -> None:
    assert commanded == tuple(TOOLS)
    assert set(FILES) <= set(TOOLS)


def test_a_folder_that_is_none_of_these(tmp_path: pathlib.Path) -> None:
    assert tool_of(tmp_path) is None
    with pytest.raises(
        InputError,
        match=r"is a folder of none of deepcave, keras_tuner, smac, .*, tensorboard; name a file in it",
    ):
        from_table(tmp_path)
    with pytest.raises(InputError, match="unknown kind of folder 'deepcav'; did you mean 'deepcave'"):
        from_table(tmp_path, kind="deepcav")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("history.jsonl", "[0, 1", "line 1"),
        ("history.jsonl", "{}\n", "line 1 is no trial"),
        ("history.jsonl", "[99, 1, 0, [0.5], 0, 1, 1, {}]\n", "line 1: config_id 99 is not in configs.json"),
        ("history.jsonl", "", "holds no trials"),
        ("configs.json", "[]", "holds no JSON object"),
        ("configs.json", "{", "cannot read"),
    ],
)
def test_a_damaged_run_is_one_clear_line(
    tmp_path: pathlib.Path, file: str, content: str, message: str
) -> None:
    place = deepcave(tmp_path / "run")
    (place / file).write_text(content)
    with pytest.raises(InputError) as refused:
        from_table(place)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
