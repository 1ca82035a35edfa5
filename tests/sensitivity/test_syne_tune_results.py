"""Experiments of Syne Tune, written by Syne Tune where it is installed, read as what was reported."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable

import pandas as pd
import pytest

from sensitivity import from_table
from sensitivity.exchange.tool_folders import tool_of
from tests.sensitivity.sweeps import Member, check, check_refused, python, sweep

PROGRAM = """
import json, pathlib, sys
from datetime import datetime
from syne_tune.backend.trial_status import Status, Trial
from syne_tune.optimizer.baselines import RandomSearch
from syne_tune.config_space import choice, loguniform
from syne_tune.results_callback import StoreResultsCallback
from syne_tune.util import dump_json_with_numpy

out = pathlib.Path(sys.argv[1])

class Tuner:
    tuner_path, results_update_interval = out, 1000

scheduler = RandomSearch(
    {"lr": loguniform(1e-3, 1.0), "optimizer": choice(["adam", "sgd"]), "seed": choice([0, 7])},
    metrics=["val_loss"], do_minimize=True,
)
dump_json_with_numpy(scheduler.metadata(), out / "metadata.json")
callback = StoreResultsCallback()
callback.on_tuning_start(Tuner)
for number, (config, losses, status) in enumerate(json.loads(sys.argv[2])):
    trial = Trial(number, config, datetime.now())
    for epoch, loss in enumerate(losses, 1):
        word = getattr(Status, status) if epoch == len(losses) else Status.in_progress
        result = {"epoch": epoch, "val_loss": loss, "st_worker_iter": epoch - 1, "st_worker_time": 0.1}
        callback.on_trial_result(trial, word, result, "CONTINUE")
callback.on_tuning_end()
"""


def reports(member: Member) -> tuple[dict[str, object], list[float], str]:
    """Config, losses and last status of a trial; one that runs or failed has reported once."""
    config = {"lr": member.lr, "optimizer": member.optimizer, "seed": member.seed, "epochs": 3}
    losses = [2.5] if member.loss is None else [2.5, 2.0, member.loss]
    words = {"running": "in_progress", "failed": "failed"}
    return config, losses, words.get(member.status, "completed")


def by_syne_tune(place: pathlib.Path) -> list[Member]:
    pytest.importorskip("syne_tune", reason="Syne Tune is not installed")
    place.mkdir()
    python(PROGRAM, str(place), json.dumps([reports(member) for member in sweep()]), cwd=place)
    return sweep()


def by_hand(place: pathlib.Path, *, last: str = "InProgress", decision: str = "CONTINUE") -> list[Member]:
    """Write an experiment as version 0.16 does. Args: last, decision: of the trial that runs."""
    place.mkdir()
    words = {"in_progress": last, "failed": "Failed", "completed": "Completed"}
    rows = []
    for number, member in enumerate(sweep()):
        config, losses, status = reports(member)
        for epoch, loss in enumerate(losses, 1):
            ended = epoch == len(losses)
            rows.append(
                {
                    "epoch": epoch, "val_loss": loss, "st_worker_iter": epoch - 1, "st_worker_time": 0.1,
                    "st_decision": decision if ended and status == "in_progress" else "CONTINUE",
                    "st_status": words[status] if ended else "InProgress", "trial_id": number,
                }
                | {f"config_{name}": value for name, value in config.items()}
                | {"st_tuner_time": 1.0}
            )  # fmt: skip
    pd.DataFrame(rows).to_csv(place / "results.csv.zip", index=False)
    meta = {"metric_names": ["val_loss"], "metric_mode": "min", "entrypoint": "train", "backend": "Local"}
    (place / "metadata.json").write_text(json.dumps(meta))
    return sweep()


@pytest.mark.parametrize("write", [by_syne_tune, by_hand])
def test_an_experiment_is_what_was_reported(
    tmp_path: pathlib.Path, write: Callable[[pathlib.Path], list[Member]]
) -> None:
    members = write(tmp_path / "sweep")
    assert tool_of(tmp_path / "sweep") == "syne_tune"
    assert tool_of(tmp_path / "sweep" / "results.csv.zip") == "syne_tune"
    results = from_table(tmp_path / "sweep")
    check(results, members)
    assert sorted(results.epochs["epoch"].unique()) == [1, 2, 3]
    check(from_table(tmp_path / "sweep" / "results.csv.zip"), members)


def test_the_scheduler_stops_and_folders_tell_failures(tmp_path: pathlib.Path) -> None:
    place = tmp_path / "sweep"
    by_hand(place, decision="STOP")
    assert from_table(place).trials["status"].tolist().count("stopped") == 2
    config = {"lr": 0.5, "optimizer": "adam", "seed": 0, "epochs": 3}
    for number in (90, 91):
        (place / str(number)).mkdir()
        (place / str(number) / "config.json").write_text(json.dumps(config | {"lr": number / 100}))
    (place / "90" / "std.err").write_text("Traceback (most recent call last):\nRuntimeError: x\n")
    trials = from_table(place).trials.set_index("config/lr")["status"]
    assert (trials[0.9], trials[0.91]) == ("failed", "running")


def test_a_configuration_that_was_tried_again_is_left_out(tmp_path: pathlib.Path) -> None:
    by_hand(tmp_path / "sweep")
    path = tmp_path / "sweep" / "results.csv.zip"
    table = pd.read_csv(path)
    again = table[table["trial_id"] == 0].assign(trial_id=99)
    pd.concat([table, again]).to_csv(path, index=False)
    results = from_table(tmp_path / "sweep")
    check(results, sweep())
    assert any("having the configuration and the seed of a trial before: 1 trial" in n for n in results.notes)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"not a zip", "cannot read"), (b"", "cannot read")],
)
def test_a_broken_archive_is_one_clear_error(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    content: bytes,
    words: str,
) -> None:
    by_hand(tmp_path / "sweep")
    (tmp_path / "sweep" / "results.csv.zip").write_bytes(content)
    check_refused(tmp_path / "sweep", words, monkeypatch, capfd)


def test_another_table_in_the_archive_is_one_clear_error(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    by_hand(tmp_path / "sweep")
    pd.DataFrame({"a": [1]}).to_csv(tmp_path / "sweep" / "results.csv.zip", index=False)
    check_refused(
        tmp_path / "sweep", "it has no columns trial_id and config_NAME", monkeypatch, capfd
    )  # fmt: skip
