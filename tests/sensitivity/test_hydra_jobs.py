"""Sweeps of Hydra, written by Hydra where it is installed, read as what ran."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable

import pytest

from sensitivity import from_table
from sensitivity.exchange.tool_folders import tool_of
from tests.sensitivity.sweeps import LRS, OPTIMIZERS, SEEDS, Member, check, check_refused, python, sweep

PROGRAM = """
import dataclasses, json, logging, math, pathlib, sys
import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig

@dataclasses.dataclass
class Config:
    lr: float = 0.1
    seed: int = 0
    optimizer: str = "sgd"
    batch_size: int = 64
    api_key: str = "hf_0123456789abcdefXYZ"

ConfigStore.instance().store(name="config", node=Config)

@hydra.main(version_base=None, config_name="config")
def main(config):
    if config.seed == 7 and config.lr in (0.1, 0.01):
        raise RuntimeError("out of memory")
    loss = math.inf if config.lr == 1.0 and config.seed else math.nan if config.lr == 1.0 else (
        config.lr + config.seed / 1000
    )
    if WRITES:
        path = pathlib.Path(HydraConfig.get().runtime.output_dir) / "metrics.json"
        path.write_text(json.dumps({"val_loss": loss}))
    else:
        logging.getLogger("train").info("epoch 1: val_loss=2.5")
        logging.getLogger("train").info("epoch 2: val_loss=%s", loss)

sys.argv = ["app", "-m", *sys.argv[1:], "hydra.sweep.dir=multirun/day/time"]
try:
    main()
except SystemExit:
    pass
"""


def by_hydra(place: pathlib.Path, *, writes: bool = True) -> list[Member]:
    pytest.importorskip("hydra", reason="Hydra is not installed")
    overrides = [
        "lr=" + ",".join(map(str, LRS)),
        "seed=" + ",".join(map(str, SEEDS)),
        "optimizer=" + ",".join(OPTIMIZERS),
    ]
    app = place.parent / "app.py"
    app.write_text(PROGRAM.replace("WRITES", str(writes)))
    python(f"import runpy; runpy.run_path({str(app)!r}, run_name='__main__')", *overrides, cwd=place.parent)
    return sweep(running=False)


def by_hydra_with_logs(place: pathlib.Path) -> list[Member]:
    return by_hydra(place, writes=False)


def by_hand(place: pathlib.Path, kind: str = "json") -> list[Member]:
    """Write a sweep as Hydra 1.3 does, with results of a kind."""
    for number, member in enumerate(sweep(running=False)):
        job = place / "day" / "time" / str(number)
        (job / ".hydra").mkdir(parents=True)
        config = f"lr: {member.lr}\nseed: {member.seed}\noptimizer: {member.optimizer}\nbatch_size: 64\n"
        (job / ".hydra" / "config.yaml").write_text(config)
        overrides = f"- lr={member.lr}\n- seed={member.seed}\n- optimizer={member.optimizer}\n"
        (job / ".hydra" / "overrides.yaml").write_text(overrides)
        (job / "args.json").write_text(json.dumps({"lr": member.lr, "workers": 4}))  # no result
        _write(job, kind, member.loss)
    return sweep(running=False)


def _write(job: pathlib.Path, kind: str, loss: float | None) -> None:
    (job / "app.log").write_text("")
    if loss is None:
        return
    if kind == "json":
        (job / "metrics.json").write_text(json.dumps({"val_loss": loss}))
    elif kind == "csv":
        (job / "metrics.csv").write_text(f"epoch,train,val_loss\n0,1.0,\n0,,2.5\n1,0.5,\n1,,{loss}\n")
    else:
        lines = [
            f"[2026-01-02 10:00:0{i},123][train][INFO] - val_loss: {x}" for i, x in enumerate((2.5, loss))
        ]
        (job / "app.log").write_text("\n".join(lines) + "\n")


def by_hand_as_csv(place: pathlib.Path) -> list[Member]:
    return by_hand(place, "csv")


def by_hand_as_log(place: pathlib.Path) -> list[Member]:
    return by_hand(place, "log")


@pytest.mark.parametrize("write", [by_hydra, by_hydra_with_logs, by_hand, by_hand_as_csv, by_hand_as_log])
def test_jobs_are_what_ran(tmp_path: pathlib.Path, write: Callable[[pathlib.Path], list[Member]]) -> None:
    members = write(tmp_path / "multirun")
    assert tool_of(tmp_path / "multirun") == "hydra"
    results = from_table(tmp_path / "multirun")
    check(results, members)
    assert any("Jobs without a result count as failed: 4 of 16" in note for note in results.notes)
    check(from_table(tmp_path / "multirun" / "day" / "time"), members)


def test_overrides_serve_without_a_config(tmp_path: pathlib.Path) -> None:
    members = by_hand(tmp_path / "multirun")
    for path in tmp_path.rglob("config.yaml"):
        path.unlink()
    check(from_table(tmp_path / "multirun"), members)


@pytest.mark.parametrize(
    ("pattern", "content", "words"),
    [
        ("config.yaml", "lr: [", "config.yaml"),
        ("config.yaml", "- 1", "holds no entries"),
        ("metrics.json", "{", "metrics.json"),
    ],
)
def test_a_broken_sweep_is_one_clear_error(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    pattern: str,
    content: str,
    words: str,
) -> None:
    by_hand(tmp_path / "multirun")
    next(iter(sorted(tmp_path.rglob(pattern)))).write_text(content)
    check_refused(tmp_path / "multirun", words, monkeypatch, capfd)


def test_jobs_that_wrote_nothing_are_an_error(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    by_hand(tmp_path / "multirun")
    for path in tmp_path.rglob("metrics.json"):
        path.unlink()
    check_refused(tmp_path / "multirun", "no job in", monkeypatch, capfd)
