"""Odd files of Ray Tune: every layout is read as far as it goes, and what is said of it is said only where it
is so."""

from __future__ import annotations

import json
import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from sensitivity import from_ray
from sensitivity.exchange.from_ray import _direction
from sensitivity.exchange.ray_files import Experiment
from sensitivity.results.results import Results
from trainables.names import InputError

RATES = (0.001, 0.01, 0.1, 0.2)
Change = Callable[[pathlib.Path], object]


def report(iteration: int, loss: str, more: str = "") -> str:
    return f'{{"loss": {loss}, "training_iteration": {iteration}, "time_total_s": {iteration}.0{more}}}'


def trial(experiment: pathlib.Path, number: int, losses: list[str] | None = None) -> pathlib.Path:
    """Write the folder of a trial as Ray Tune 2 does. Args: losses: JSON of each report."""
    folder = experiment / f"train_a_{number:05d}_{number}_lr={RATES[number]}"
    folder.mkdir(parents=True)
    (folder / "params.json").write_text(json.dumps({"lr": RATES[number], "momentum": 0.9}))
    losses = losses if losses is not None else ["2.0", str(1 + RATES[number])]
    (folder / "result.json").write_text(
        "".join(report(step, loss) + "\n" for step, loss in enumerate(losses, 1))
    )
    return folder


def state(
    experiment: pathlib.Path,
    statuses: dict[int, str],
    *,
    old: bool = False,
    metric: str = "loss",
    mode: str = "min",
) -> None:
    """Write the state file. Args: statuses: by number. old: as Ray 1 does, a mapping a trial under
    ``checkpoints``."""
    entries: list[Any] = []
    for number, status in statuses.items():
        path = f"/elsewhere/train_a_{number:05d}_{number}_lr={RATES[number]}"
        last = {"loss": 1 + RATES[number], "training_iteration": 2, "time_total_s": 2.0}
        entry = {
            "trial_id": f"a_{number:05d}",
            "status": status,
            "config": {"lr": RATES[number], "momentum": 0.9},
            "logdir": path,
        }
        entries.append(
            {**entry, "last_result": last} if old else [json.dumps(entry), json.dumps({"last_result": last})]
        )
    content = {
        "checkpoints" if old else "trial_data": entries,
        "runner_data": {"_metric": metric, "_mode": mode},
    }
    (experiment / "experiment_state-2024-01-01_10-00-00.json").write_text(json.dumps(content))


@pytest.fixture
def experiment(tmp_path: pathlib.Path) -> pathlib.Path:
    """Four trials that ended, with their state."""
    place = tmp_path / "e"
    for number in range(4):
        trial(place, number)
    state(place, dict.fromkeys(range(4), "TERMINATED"))
    return place


def folders(experiment: pathlib.Path) -> list[pathlib.Path]:
    return sorted(path for path in experiment.iterdir() if path.is_dir())


def rewritten(number: int, name: str, content: str) -> Change:
    return lambda experiment: (folders(experiment)[number] / name).write_text(content)


def read(experiment: pathlib.Path, **named: Any) -> Results:
    return from_ray(experiment, **named)


def statuses(results: Results) -> dict[float, str]:
    return dict(zip(results.trials["config/lr"], results.trials["status"], strict=True))


@pytest.mark.parametrize(
    "text", ['"null"', '"NaN"', '"nan"', '"inf"', '"-inf"', "NaN", "Infinity", '"tensor(nan)"']
)
def test_text_that_is_not_finite_is_a_trial_that_diverged(experiment: pathlib.Path, text: str) -> None:
    rewritten(2, "result.json", f"{report(1, '2.0')}\n{report(2, text)}\n")(experiment)
    found = read(experiment)
    assert statuses(found) == {0.001: "completed", 0.01: "completed", 0.1: "diverged", 0.2: "completed"}
    assert (found.metric, found.direction, found.spaces["e"].names) == ("loss", "min", ("lr",))


def without_state(experiment: pathlib.Path) -> None:
    next(experiment.glob("experiment_state*")).unlink()


def rows_only(experiment: pathlib.Path) -> None:
    """As the oldest versions left it: ``progress.csv`` with the config in its columns, and nothing else."""
    without_state(experiment)
    for number, folder in enumerate(folders(experiment)):
        for name in ("result.json", "params.json"):
            (folder / name).unlink()
        rows = [
            f"{loss},{step},{step}.0,{RATES[number]}" for step, loss in ((1, 2.0), (2, 1 + RATES[number]))
        ]
        (folder / "progress.csv").write_text(
            "\n".join(["loss,training_iteration,time_total_s,config/lr", *rows]) + "\n"
        )


def old_state(experiment: pathlib.Path) -> None:
    without_state(experiment)
    state(experiment, dict.fromkeys(range(4), "TERMINATED"), old=True)


@pytest.mark.parametrize(
    "change",
    [lambda experiment: None, without_state, rows_only, old_state],
    ids=["2", "no state", "rows", "1"],
)
def test_layouts_of_all_versions_are_one_experiment(experiment: pathlib.Path, change: Change) -> None:
    change(experiment)
    found = read(experiment)
    assert statuses(found) == dict.fromkeys(RATES, "completed")
    assert list(found.trials["value"]) == [1 + rate for rate in RATES]


def ended(status: str, errors: str | None = None) -> Change:
    def change(experiment: pathlib.Path) -> None:
        without_state(experiment)
        state(experiment, {0: status, **dict.fromkeys(range(1, 4), "TERMINATED")})
        if errors is not None:
            (folders(experiment)[0] / "error.txt").write_text(errors)

    return change


@pytest.mark.parametrize(
    ("change", "status"),
    [
        pytest.param(ended("ERROR", "Traceback\nValueError: boom\n"), "failed", id="an error"),
        pytest.param(ended("RUNNING"), "running", id="running"),
        pytest.param(ended("TERMINATED"), "completed", id="ended"),
        pytest.param(rewritten(0, "result.json", report(1, "2.0")), "stopped", id="fewer reports"),
        pytest.param(rewritten(0, "result.json", ""), "failed", id="no report"),
    ],
)
def test_a_trial_ended_as_its_files_say(experiment: pathlib.Path, change: Change, status: str) -> None:
    change(experiment)
    assert statuses(read(experiment))[0.001] == status


def pickled(experiment: pathlib.Path) -> None:
    folder = folders(experiment)[0]
    without_state(experiment)
    (folder / "params.json").unlink()
    (folder / "params.pkl").write_bytes(b"never read")


def second_state(content: str) -> Change:
    return lambda experiment: (experiment / "experiment_state-2024-01-02_10-00-00.json").write_text(content)


def labelled(experiment: pathlib.Path) -> None:
    for number, folder in enumerate(folders(experiment)):
        (folder / "params.json").write_text(
            json.dumps({"lr": RATES[number], "momentum": 0.9, "run_name": f"run {number}"})
        )


def numbered(experiment: pathlib.Path) -> None:
    for number, folder in enumerate(folders(experiment)):
        (folder / "params.json").write_text(
            json.dumps({"lr": RATES[number], "momentum": 0.9, "trial_idx": (number + 2) % len(RATES)})
        )


def counted(experiment: pathlib.Path) -> None:
    for folder in folders(experiment):
        reports = (folder / "result.json").read_text().replace('"loss"', '"num_samples": 5, "loss"')
        (folder / "result.json").write_text(reports)
    without_state(experiment)


NOTES: list[tuple[str, Change, str]] = [
    ("no state", without_state, "There is no state file of the experiment: a trial ended as its own files "
"say."),
    ("a lost folder", lambda experiment: shutil.rmtree(folders(experiment)[0]),
     "Without a folder: 1 of 4 trials; the experiment's state has the last report of 1 of them."),
    ("a line cut off", rewritten(1, "result.json", f'{report(1, "2.0")}\n{report(2, "1.5")}\n{{"loss": 1, '
f'"trai'),
     "Not readable: 1 reports of 1 of 4 trials (such as train_a_00001_1_lr=0.01, line 3"),
    ("pickles", pickled, "Left out: 1 of 4 trials, whose config is in params.pkl only, which is never "
"unpickled."),
    ("a state cut off", second_state('{"trial_data": ['), "Not readable: 1 of 2 state files (such as "),
    ("entries that are no trials", second_state('{"trial_data": [["{}", "{}"]]}'), "Not readable: 1 trials in "
"state files."),
    ("a metric that is text", rewritten(1, "result.json", f'{report(1, "2.0")}\n{report(2, chr(34) + "bad" + chr(34))}\n'),
     "Not readable: 1 reports whose loss is no number (such as 'bad' in trial a_00001)."),
    ("a label", labelled, "Hyperparameters: lr. Left out, naming a trial, a place or a machine: run_name "
"(hyperparameters=, "),
    ("a count of trials", numbered, "Left out, naming a trial, a place or a machine: trial_idx "
"(hyperparameters=, "),
    ("a metric by elimination", counted, "The metric is loss, as other numbers count or time by their names "
"(metric=, --metric)."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "note"), [pytest.param(change, note, id=name) for name, change, note in NOTES]
)
def test_what_is_said_is_said_only_where_it_is_so(
    experiment: pathlib.Path, change: Change, note: str
) -> None:
    assert not [text for text in read(experiment).notes if note in text]
    change(experiment)
    assert [text for text in read(experiment).notes if note in text]


def test_metric_and_direction_are_said_with_their_source(experiment: pathlib.Path) -> None:
    assert "The metric is loss, as Ray Tune was given (metric=, --metric)." in read(experiment).notes
    assert "loss: min, as its name says (direction=, --direction)." in read(experiment).notes
    named = read(experiment, metric="loss", direction="min").notes
    assert not [text for text in named if text.startswith(("The metric is", "loss: "))]


@pytest.mark.parametrize(
    ("mode", "metric", "said"),
    [
        pytest.param(
            "max", "loss", "loss: max, as Ray Tune was given (direction=, --direction).", id="given"
        ),
        pytest.param(None, "loss", "loss: min, as its name says (direction=, --direction).", id="not given"),
        pytest.param(
            "max",
            "accuracy",
            "accuracy: max, as its name says (direction=, --direction).",
            id="given for another",
        ),
    ],
)
def test_the_direction_that_ray_tune_was_given_is_said_of_its_metric(
    mode: str | None, metric: str, said: str
) -> None:
    given = Experiment([], "an experiment", "e", metric="loss", mode=mode)
    assert _direction(given, metric, None)[1] == [said]
    assert _direction(given, metric, "min")[1] == []


def test_trials_without_a_role_are_counted(experiment: pathlib.Path) -> None:
    assert not [text for text in read(experiment, variant="momentum").notes if "having no" in text]
    (folders(experiment)[0] / "params.json").write_text('{"lr": 0.001}')
    assert "Left out, having no momentum: 1 of 4 trials." in read(experiment, variant="momentum").notes


def test_pickles_alone_are_no_experiment(experiment: pathlib.Path) -> None:
    without_state(experiment)
    for folder in folders(experiment):
        (folder / "params.json").rename(folder / "params.pkl")
    with pytest.raises(InputError, match=r"4 of 4 trials, whose config is in params\.pkl only"):
        read(experiment)
