"""Runs of W&B's API in a JSON file, through W&B's own classes where it is installed, read as what ran."""

from __future__ import annotations

import json
import math
import pathlib
from collections.abc import Callable
from typing import Any

import pytest

from sensitivity import from_table
from sensitivity.exchange.tool_folders import tool_of
from tests.sensitivity.command import run as command
from tests.sensitivity.sweeps import Member, check, check_refused, python, sweep

STATES = {"completed": "finished", "diverged": "finished", "failed": "crashed", "running": "running"}
KEY = "0123456789abcdef0123456789abcdef01234567"
PROGRAM = """
import json, pathlib, sys
from unittest.mock import MagicMock
from wandb.apis.public import Run

runs = [
    Run(MagicMock(), "team", "project", attrs["name"], attrs=attrs) for attrs in json.loads(sys.argv[2])
]
rows = [
    {
        "id": run.id, "name": run.name, "state": run.state, "config": run.config,
        "summary": run.summary._json_dict, "url": "https://wandb.ai/team/project", "user": "ada",
    }
    for run in runs
]
pathlib.Path(sys.argv[1]).write_text(json.dumps(rows))
"""


def answer(number: int, member: Member) -> dict[str, Any]:
    """A run as the API answers: config and summary are texts of JSON, and NaN is a text, too."""
    loss = member.loss
    said = None if loss is None else "NaN" if math.isnan(loss) else "Infinity" if math.isinf(loss) else loss
    config = {
        "lr": member.lr, "optimizer": member.optimizer, "seed": member.seed, "wandb_api_key": KEY,
        "data_dir": "/home/ada/data", "batch_size": 64,
    }  # fmt: skip
    summary = {"_step": 10, "_runtime": 3.5, "_timestamp": 1714557600.5 + number}
    return {
        "id": f"UnVu{number}", "name": f"abc{number}", "displayName": f"sunny-{number}", "tags": [],
        "state": STATES[member.status], "sweepName": None, "createdAt": "2024-05-01T10:00:00",
        "heartbeatAt": "2024-05-01T10:10:00", "user": {"name": "Ada", "username": "ada"}, "host": "ada-laptop",
        "config": json.dumps({"_wandb": {"desc": None, "value": {}}}
            | {name: {"desc": None, "value": value} for name, value in config.items()}),
        "summaryMetrics": json.dumps(summary | ({} if said is None else {"val_loss": said})),
    }  # fmt: skip


def answers() -> list[dict[str, Any]]:
    return [answer(number, member) for number, member in enumerate(sweep())]


def by_wandb(place: pathlib.Path) -> None:
    pytest.importorskip("wandb", reason="W&B is not installed")
    python(PROGRAM, str(place), json.dumps(answers()), cwd=place.parent)


def as_answered(place: pathlib.Path) -> None:
    place.write_text(json.dumps(answers()))


def as_graphql(place: pathlib.Path) -> None:
    edges = [{"node": run, "cursor": str(number)} for number, run in enumerate(answers())]
    place.write_text(json.dumps({"data": {"project": {"runs": {"edges": edges}}}}))


def as_documented(place: pathlib.Path) -> None:
    """Write the three lists of the guide "Export metrics from all runs in a project" as records."""
    rows = []
    for run in answers():
        config = {name: entry["value"] for name, entry in json.loads(run["config"]).items()}
        summary = json.loads(run["summaryMetrics"])
        summary = {name: math.nan if entry == "NaN" else entry for name, entry in summary.items()}
        rows.append({"name": run["displayName"], "state": run["state"], "config": config, "summary": summary})
    place.write_text(json.dumps(rows))


@pytest.mark.parametrize("write", [by_wandb, as_answered, as_graphql, as_documented])
def test_runs_are_what_ran(tmp_path: pathlib.Path, write: Callable[[pathlib.Path], None]) -> None:
    write(tmp_path / "runs.json")
    assert tool_of(tmp_path / "runs.json") == "wandb"
    results = from_table(tmp_path / "runs.json")
    check(results, sweep())
    assert set(results.trials["seconds"]) == {3.5}


def test_lines_of_runs(tmp_path: pathlib.Path) -> None:
    place = tmp_path / "runs.jsonl"
    place.write_text("".join(json.dumps(run) + "\n" for run in answers()))
    check(from_table(place), sweep())


def test_the_sweep_tells_the_metric(tmp_path: pathlib.Path) -> None:
    runs = answers()
    for run in runs:
        summary = json.loads(run["summaryMetrics"])
        run["summaryMetrics"] = json.dumps(summary | {"test_loss": 0.5, "quality": summary.get("val_loss")})
        run["sweep"] = {"config": {"metric": {"name": "quality", "goal": "minimize"}}}
    (tmp_path / "runs.json").write_text(json.dumps(runs))
    check(from_table(tmp_path / "runs.json"), sweep(), metric="quality")


def test_the_report_keeps_no_secret(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    as_answered(tmp_path / "runs.json")
    monkeypatch.chdir(tmp_path)
    assert command(["import", "runs.json", "--out", "out"], monkeypatch) == 0
    said = capfd.readouterr()
    contents = [path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()]
    for secret in (KEY, "/home/ada", "ada-laptop"):
        assert secret not in said.out + said.err
        assert not any(secret.encode() in content for content in contents)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('[{"config": "oops", "summary": {}}]', "the config of a run must be an object, got 'oops'"),
        ('[{"config": {}, "summary": 3}]', "the summary of a run must be an object, got 3"),
        ('[{"config": {"lr": 1}, "summary": {"val_loss": 1}}', "cannot read"),
    ],
)
def test_broken_runs_are_one_clear_error(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    content: str,
    words: str,
) -> None:
    (tmp_path / "runs.json").write_text(content)
    check_refused(tmp_path / "runs.json", words, monkeypatch, capfd)
