"""A study through Ray and back: nothing lost, nothing doubled, the same numbers every way it is run."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import subprocess
import sys
import time
from typing import Any

import optuna
import pandas as pd
import pytest
import torch

from sensitivity.reporting import write_report
from sensitivity.results.results import Results
from sensitivity.running.run import run
from sensitivity.store.store import Store
from sensitivity.study.planning import trials
from sensitivity.study.study import Study
from tests.sensitivity.processes import command_of, descendants, wait_for_epochs
from trainables.datasets import digits
from trainables.tasks import task
from trainables.training import TrainingLoop
from trainables.variants import variant

ROOT = pathlib.Path(__file__).parents[2]
CLOCKS = ["seconds", "images_per_second", "seconds_per_step"]
SMALL: dict[str, Any] = {
    "name": "small",
    "tasks": ["autoencoder/digits"],
    "variants": ["sgd", "adam"],
    "default_setting": False,
    "design": {"kind": "grid", "points": {"lr": 3, "mu": 1, "nu": 1}},
    "seeds": 2,
    "epochs": 3,
    "batch_size": 16,
    "limit": 48,
}


@pytest.fixture(scope="module")
def undisturbed(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Results:
    return run(Study(**SMALL), store=tmp_path_factory.mktemp("store") / "s.sqlite", workers=2)


def history(results: Results) -> pd.DataFrame:
    """Everything that was reported, but for the clocks."""
    return results.epochs.drop(columns=CLOCKS).sort_values(["key", "epoch"], ignore_index=True)


def outcome(results: Results) -> pd.DataFrame:
    return results.trials.drop(columns=["seconds", "started", "finished"]).sort_values(
        "key", ignore_index=True
    )


def test_every_trial_and_every_epoch_arrives(undisturbed: Results) -> None:
    table = undisturbed.trials
    assert len(table) == 12
    assert set(table["status"]) == {"completed", "diverged"}
    completed = table[table["status"] == "completed"]
    assert (completed["epochs_done"] == 3).all()
    assert (completed["loss"] <= completed["initial_loss"]).all()
    assert not undisturbed.epochs.duplicated(["key", "epoch"]).any()


def test_a_trial_in_a_cohort_on_ray_equals_the_loop_alone(undisturbed: Results) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(
        1
    )  # as in a worker: another number sums in another order, and a diverging trial magnifies the last digit
    for trial in trials(Study(**SMALL))[:3]:
        loop = TrainingLoop(
            task(trial.task),
            variant(trial.variant),
            trial.configuration,
            trial.seed,
            data=digits().limited(48),
            epochs=3,
            batch_size=16,
        )
        alone = pd.DataFrame(loop)
        there = undisturbed.epochs[undisturbed.epochs["key"] == trial.key]
        for name in ("train_loss", "train_loss_end", "test_loss", "grad_norm"):
            assert there[name].to_numpy() == pytest.approx(alone[name].to_numpy(), rel=1e-6, nan_ok=True)
    torch.set_num_threads(before)


def test_workers_and_cohorts_of_stacked_trials_change_no_bit(cluster: None, tmp_path: pathlib.Path) -> None:
    study = {
        **SMALL,
        "tasks": ["logistic/synthetic", "mlp/synthetic"],
        "default_setting": False,
        "design": {"kind": "random", "n": 3},
        "limit": 43,
    }
    one, *others = (
        run(Study(**study, cohort_size=size), store=tmp_path / f"{size}.sqlite", workers=workers)
        for workers, size in ((1, 1), (2, 2), (2, 6))
    )
    assert len(one.trials) == 24
    for other in others:
        pd.testing.assert_frame_equal(outcome(other), outcome(one), check_exact=True)
        pd.testing.assert_frame_equal(history(other), history(one), check_exact=True)


@pytest.mark.parametrize(("workers", "cohort_size"), [(1, 6), (2, 1)])
def test_workers_and_cohorts_do_not_change_the_numbers(
    undisturbed: Results, tmp_path: pathlib.Path, workers: int, cohort_size: int
) -> None:
    again = run(Study(**SMALL, cohort_size=cohort_size), store=tmp_path / "s.sqlite", workers=workers)
    pd.testing.assert_frame_equal(outcome(again), outcome(undisturbed), check_exact=True)
    pd.testing.assert_frame_equal(history(again), history(undisturbed), check_exact=True)


def test_running_again_trains_only_what_is_new(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(Study(**{**SMALL, "seeds": 1}), store=tmp_path / "s.sqlite", where="process")
    more = run(Study(**SMALL), store=tmp_path / "s.sqlite", where="process")
    kept = more.epochs[more.epochs["key"].isin(first.epochs["key"])]
    pd.testing.assert_frame_equal(
        kept.reset_index(drop=True), first.epochs.reset_index(drop=True)
    )  # the clocks too: not trained again
    # Nothing is left: neither Tune nor this process is asked.
    monkeypatch.setattr("sensitivity.running.through_ray.tune.Tuner", None)
    monkeypatch.setattr("sensitivity.running.run.ThisProcess", None)
    for where in ("process", "ray"):
        assert len(run(Study(**SMALL), store=tmp_path / "s.sqlite", where=where).trials) == 12


def optuna_trials(store: pathlib.Path) -> list[optuna.trial.FrozenTrial]:
    storage = f"sqlite:///{store}"
    return [
        each
        for name in optuna.get_all_study_names(storage)
        for each in optuna.load_study(study_name=name, storage=storage).trials
    ]


WILD = {"name": "lr", "low": 0.01, "high": 1e6, "scale": "log"}


@pytest.mark.parametrize(
    "design",
    [
        pytest.param({"kind": "grid", "points": {"lr": 5}}, id="grid"),
        pytest.param({"kind": "adaptive", "n": 5, "sampler": "random", "seed": 1}, id="adaptive"),
    ],
)
def test_divergence_is_counted_and_capped_in_every_design(
    tmp_path: pathlib.Path, design: dict[str, Any]
) -> None:
    study = Study(**{**SMALL, "variants": ["sgd"], "spaces": {"sgd": [WILD]}, "design": design})
    table = run(study, store=tmp_path / "s.sqlite", where="process").trials
    assert len(table) == 10
    diverged = table[table["status"] == "diverged"]
    assert len(diverged) >= 2
    assert (diverged["loss"] == diverged["initial_loss"]).all()
    if design["kind"] == "adaptive":
        told = optuna_trials(tmp_path / "s.sqlite")
        assert [each.state.name for each in told] == ["COMPLETE"] * 5
        by_key = table.set_index("key")["loss"]
        for each in told:
            assert each.value == pytest.approx(by_key[each.user_attrs["trials"]].mean())
        assert sum(each.user_attrs["diverged"] for each in told) == len(diverged)


def test_an_adaptive_study_goes_on_where_it_was(tmp_path: pathlib.Path) -> None:
    spec = {**SMALL, "seeds": 1, "epochs": 1}
    first, more = (
        run(
            Study(**{**spec, "design": {"kind": "adaptive", "n": n}}),
            store=tmp_path / "s.sqlite",
            where="process",
        )
        for n in (2, 4)
    )
    assert (len(first.trials), len(more.trials)) == (4, 8)
    assert set(first.trials["key"]) < set(more.trials["key"])
    assert {each.state.name for each in optuna_trials(tmp_path / "s.sqlite")} == {"COMPLETE"}


def test_an_adaptive_study_that_is_changed_and_changed_back_has_what_it_had(
    tmp_path: pathlib.Path,
) -> None:
    spec: dict[str, Any] = {
        **SMALL,
        "seeds": 1,
        "variants": ["sgd"],
        "design": {"kind": "adaptive", "n": "2"},
    }
    first, _, again = (
        run(Study(**{**spec, "epochs": epochs}), store=tmp_path / "s.sqlite", where="process")
        for epochs in (1, 2, 1)
    )
    pd.testing.assert_frame_equal(again.trials, first.trials)  # the clocks too: nothing is trained again


EVERYTHING = [
    {"name": "lr", "low": 1e-3, "high": 0.1, "scale": "log"},
    {"name": "lr_schedule", "choices": ["constant", "step", "cosine"]},
    {"name": "lr_decay", "low": 0.5, "high": 1.0, "when": {"lr_schedule": "step"}},
    {"name": "lr_warmup", "low": 0.0, "high": 0.5},
    {"name": "batch_size", "type": "integer", "low": 8, "high": 32, "scale": "log"},
    {"name": "weight_decay", "low": 1e-6, "high": 1e-2, "scale": "log"},
    {"name": "weight_decay_kind", "choices": ["coupled", "decoupled"]},
    {"name": "clip_norm", "low": 0.1, "high": 10, "scale": "log"},
    {"name": "activation", "choices": ["relu", "leaky_relu"]},
    {"name": "slope", "low": 1e-3, "high": 0.3, "scale": "log", "when": {"activation": "leaky_relu"}},
    {"name": "initialisation", "choices": ["glorot_uniform", "he_normal"]},
]


@pytest.mark.parametrize(
    "design",
    [{"kind": "latin_hypercube", "n": 6}, {"kind": "adaptive", "n": 6}],
    ids=["latin hypercube", "adaptive"],
)
def test_hyperparameters_of_optimizer_loop_and_model_are_searched_together(
    tmp_path: pathlib.Path, design: dict[str, Any]
) -> None:
    fields = {
        "tasks": ["mlp/digits"],
        "variants": ["adam"],
        "metric": "test_accuracy",
        "direction": "max",
        "limit": 64,
    }
    study = Study(name="everything", **fields, spaces={"adam": EVERYTHING}, design=design, epochs=2)
    results = run(study, store=tmp_path / "s.sqlite", where="process")
    table = results.trials
    assert list(table["status"]) == ["completed"] * 6
    assert (table["config/lr_decay"].notna() == (table["config/lr_schedule"] == "step")).all()
    assert (table["config/slope"].notna() == (table["config/activation"] == "leaky_relu")).all()
    assert table["config/batch_size"].nunique() > 2
    assert results.epochs["test_accuracy"].between(0, 1).all()
    assert write_report(results, tmp_path / "report").exists()
    assert len(run(study, store=tmp_path / "s.sqlite", where="process").epochs) == len(results.epochs)


def test_data_is_found_in_the_working_directory_by_workers_too(
    cluster: None, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np

    for split, count in (("train", 64), ("t10k", 16)):
        folder = tmp_path / "data" / "MNIST" / "raw"
        folder.mkdir(parents=True, exist_ok=True)
        images = np.random.default_rng(0).integers(0, 256, (count, 28, 28), dtype=np.uint8)
        header = b"\x00\x00\x08\x03" + b"".join(each.to_bytes(4, "big") for each in images.shape)
        (folder / f"{split}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        labels = bytes(each % 10 for each in range(count))
        (folder / f"{split}-labels-idx1-ubyte").write_bytes(
            b"\x00\x00\x08\x01" + count.to_bytes(4, "big") + labels
        )
    monkeypatch.chdir(tmp_path)
    study = Study(
        **{
            **SMALL,
            "tasks": ["autoencoder/mnist"],
            "variants": ["sgd"],
            "default_setting": False,
            "design": {"kind": "grid", "points": 2},
            "seeds": 1,
        }
    )
    assert not run(study, store=tmp_path / "s.sqlite", workers=1).trials["error"].any()


def test_a_lost_worker_is_replaced_and_nothing_is_lost(undisturbed: Results, tmp_path: pathlib.Path) -> None:
    import threading

    store = tmp_path / "s.sqlite"
    killed: list[int] = []

    def kill_a_worker() -> None:
        if wait_for_epochs(store, 2):
            workers = [
                pid for pid in descendants(os.getpid()) if re.match(rb"ray::\w*Trainable", command_of(pid))
            ]
            killed.extend(workers[:1])
            for pid in workers[:1]:
                os.kill(pid, signal.SIGKILL)

    thread = threading.Thread(target=kill_a_worker)
    thread.start()
    results = run(Study(**SMALL, cohort_size=3), store=store, workers=1)
    thread.join()
    assert killed
    assert not results.trials["error"].any(), results.trials["error"].dropna().tolist()
    pd.testing.assert_frame_equal(outcome(results), outcome(undisturbed), check_exact=True)
    pd.testing.assert_frame_equal(history(results), history(undisturbed), check_exact=True)


def start(folder: pathlib.Path, workers: int = 2) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "sensitivity.command.main", "run", "small.json", "--where", "ray"]
    return subprocess.Popen(
        [*command, "--workers", str(workers)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.slow
def test_a_run_killed_three_times_ends_as_if_it_had_not_been(
    undisturbed: Results, tmp_path: pathlib.Path
) -> None:
    study = Study(**SMALL, cohort_size=2)
    (tmp_path / "small.json").write_text(study.to_json())
    store = tmp_path / "sensitivity.sqlite"
    reported: pd.DataFrame | None = None
    for moment, workers in ((2, 2), (11, 1), (19, 2)):  # epochs in the store of at most 36
        process = start(tmp_path, workers)
        assert wait_for_epochs(store, moment)
        for pid in [process.pid, *descendants(process.pid)]:
            os.kill(pid, signal.SIGKILL)
        process.communicate()
        opened = Store(store, create=False)
        now = opened.epochs("small")
        opened.close()
        if (
            reported is not None
        ):  # what the earlier run reported is there, clocks included: not lost, and not trained again
            earlier = (
                now.set_index(["key", "epoch"])
                .loc[pd.MultiIndex.from_frame(reported[["key", "epoch"]])]
                .reset_index()
            )
            pd.testing.assert_frame_equal(earlier[reported.columns], reported)
        reported = now
    process = start(tmp_path, workers=1)
    output, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert "report: runs/small/report.html" in output
    opened = Store(store, create=False)
    results = Results.from_store(opened, "small")
    opened.close()
    pd.testing.assert_frame_equal(outcome(results), outcome(undisturbed), check_exact=True)
    pd.testing.assert_frame_equal(history(results), history(undisturbed), check_exact=True)


@pytest.mark.slow
def test_an_interrupted_run_says_how_to_continue(tmp_path: pathlib.Path) -> None:
    (tmp_path / "small.json").write_text(Study(**SMALL).to_json())
    process = start(tmp_path, workers=1)
    assert wait_for_epochs(tmp_path / "sensitivity.sqlite", 2)
    started = descendants(process.pid)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert errors.strip().endswith("Continue with: sensitivity run small.json --where ray --workers 1")
    deadline = time.monotonic() + 30
    while any(command_of(pid) for pid in started) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [command_of(pid) for pid in started if command_of(pid)], "Ray's processes are left behind"
