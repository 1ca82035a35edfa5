"""Run histories of SMAC3, written by SMAC3 where it is installed, read as what was tried."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest

from search_spaces.hyperparameters import Float
from sensitivity import from_table
from sensitivity.exchange.tool_folders import tool_of
from tests.sensitivity.sweeps import Member, check, check_refused, outcomes, python, sweep

STATUSES = {"completed": 1, "diverged": 1, "failed": 2, "running": 0}
WORDS = {"completed": "SUCCESS", "diverged": "SUCCESS", "failed": "CRASHED", "running": "RUNNING"}
CRASH = 2147483647.0
"""What SMAC counts a crash as."""
PROGRAM = """
import json, pathlib, sys
from ConfigSpace import Categorical, Configuration, ConfigurationSpace, Float
from smac.runhistory import RunHistory
from smac.runhistory.enumerations import StatusType

out = pathlib.Path(sys.argv[1])
space = ConfigurationSpace(name="sweep", seed=0)
space.add(Float("lr", (1e-4, 1.0), log=True), Categorical("optimizer", ["adam", "sgd"]))
history = RunHistory()
for optimizer, lr, seed, status, loss in json.loads(sys.argv[2]):
    config = Configuration(space, {"lr": lr, "optimizer": optimizer})
    history.add(config, cost=loss, time=1.5, status=StatusType[status], seed=seed)
history.save(out / "runhistory.json")
space.to_json(out / "configspace.json")
"""


def entries() -> list[tuple[str, float, int, str, float]]:
    return [
        (m.optimizer, m.lr, m.seed, WORDS[m.status], CRASH if m.loss is None else m.loss) for m in sweep()
    ]


def by_smac(place: pathlib.Path) -> list[Member]:
    pytest.importorskip("smac", reason="SMAC3 is not installed")
    place.mkdir()
    python(PROGRAM, str(place), json.dumps(entries()), cwd=place)
    return sweep()


def by_hand(place: pathlib.Path, entry: Callable[..., Any] | None = None) -> list[Member]:
    """Write a history as version 2.4 does. Args: entry: of one trial, as another version writes it."""
    place.mkdir()
    points = list(dict.fromkeys((member.lr, member.optimizer) for member in sweep()))
    data = []
    for member in sweep():
        number = points.index((member.lr, member.optimizer)) + 1
        cost = CRASH if member.loss is None else member.loss
        status = STATUSES[member.status]
        data.append(
            {"config_id": number, "instance": None, "seed": member.seed, "budget": None, "cost": cost,
             "time": 1.5, "cpu_time": 0.0, "status": status, "starttime": 1.0, "endtime": 2.5,
             "additional_info": {}}
            if entry is None else entry(number, member, cost, status)
        )  # fmt: skip
    configs = {str(i): {"lr": lr, "optimizer": name} for i, (lr, name) in enumerate(points, 1)}
    content = {"stats": {"submitted": 16}, "data": data, "configs": configs, "config_origins": {}}
    (place / "runhistory.json").write_text(json.dumps(content))
    space = [
        {"type": "uniform_float", "name": "lr", "lower": 1e-4, "upper": 1.0, "log": True},
        {"type": "categorical", "name": "optimizer", "choices": ["adam", "sgd"]},
    ]
    (place / "configspace.json").write_text(json.dumps({"name": "sweep", "hyperparameters": space}))
    return sweep()


@pytest.mark.parametrize("write", [by_smac, by_hand])
def test_a_history_is_what_was_tried(
    tmp_path: pathlib.Path, write: Callable[[pathlib.Path], list[Member]]
) -> None:
    members = write(tmp_path / "sweep")
    assert tool_of(tmp_path / "sweep") == tool_of(tmp_path / "sweep" / "runhistory.json") == "smac"
    results = from_table(tmp_path / "sweep")
    check(results, members, metric="cost")
    assert list(results.spaces["sgd"]) == [Float("lr", 1e-4, 1.0, "log")]
    assert outcomes(from_table(tmp_path / "sweep" / "runhistory.json")) == outcomes(results)


@pytest.mark.parametrize(
    "entry",
    [
        lambda number, member, cost, status: [
            [number, None, member.seed, 0.0],
            [cost, 1.5, {"__enum__": f"StatusType.{WORDS[member.status]}"}, 1.0, 2.5, {}],
        ],
        lambda number, member, cost, status: [
            number, None, member.seed, None, cost, 1.5, status, 1.0, 2.5, {}
        ],
        lambda number, member, cost, status: [
            number, None, member.seed, None, cost, 1.5, 0.0, status, 1.0, 2.5, {}
        ],
    ],
    ids=["version 1", "version 2.0", "version 2.1"],
)  # fmt: skip
def test_earlier_versions_list_a_trial(tmp_path: pathlib.Path, entry: Callable[..., Any]) -> None:
    check(from_table(_made(tmp_path / "sweep", entry)), sweep(), metric="cost")


def _made(place: pathlib.Path, entry: Callable[..., Any] | None = None) -> pathlib.Path:
    by_hand(place, entry)
    return place


def test_several_objectives_are_a_question(tmp_path: pathlib.Path) -> None:
    place = _made(
        tmp_path / "sweep",
        lambda number, member, cost, status: {
            "config_id": number, "instance": None, "seed": member.seed, "budget": None,
            "cost": [cost, 1.0 + member.seed], "time": 1.0, "status": status,
        },
    )  # fmt: skip
    (place / "scenario.json").write_text(json.dumps({"objectives": ["val_loss", "size"]}))
    check(from_table(place, metric="val_loss"), sweep())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "cannot read"),
        ("[]", "holds no JSON object"),
        ("{}", "it has no entries 'configs' and 'data'"),
        ('{"configs": {}, "data": [{"config_id": 9}]}', "trial 1: config_id 9 is not in 'configs'"),
        ('{"configs": {}, "data": [7]}', "trial 1 is none"),
        ('{"configs": {}, "data": []}', "holds no trials"),
    ],
)
def test_a_broken_history_is_one_clear_error(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    content: str,
    words: str,
) -> None:
    place = _made(tmp_path / "sweep")
    (place / "runhistory.json").write_text(content)
    check_refused(place, words, monkeypatch, capfd)
