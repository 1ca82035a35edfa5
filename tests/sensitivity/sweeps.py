"""A sweep that every tool's files can hold, and what its import has to be."""

from __future__ import annotations

import math
import pathlib
import subprocess
import sys
from dataclasses import dataclass

import pytest

from sensitivity.results.results import Results
from tests.sensitivity.command import run

LRS, SEEDS, OPTIMIZERS = (0.001, 0.01, 0.1, 1.0), (0, 7), ("adam", "sgd")


@dataclass(frozen=True)
class Member:
    """A trial of the sweep; loss: NaN or infinite where it diverged, None without one."""

    optimizer: str
    lr: float
    seed: int
    status: str
    loss: float | None


def sweep(*, running: bool = True) -> list[Member]:
    """The sweep. Args: running: one trial still runs; else it failed."""
    ends = {(0.1, 7): "failed", (0.01, 7): "running" if running else "failed"}
    members = []
    for optimizer in OPTIMIZERS:
        for lr in LRS:
            for seed in SEEDS:
                status = "diverged" if lr == 1.0 else ends.get((lr, seed), "completed")
                loss = {"diverged": math.inf if seed else math.nan, "completed": lr + seed / 1000}.get(status)
                members.append(Member(optimizer, lr, seed, status, loss))
    return members


def outcomes(results: Results) -> dict[tuple[str, float, int], tuple[str, float | None]]:
    """Status and value of every trial, by variant, lr and seed."""
    trials = results.trials
    return {
        (row["variant"], row["config/lr"], row["seed"]): (
            row["status"],
            None if math.isnan(row["value"]) else row["value"],
        )
        for row in trials.to_dict("records")
    }


def check(results: Results, members: list[Member], *, metric: str = "val_loss") -> None:
    """Hold an import, made without an option, against the sweep that went in."""
    assert (results.metric, results.direction) == (metric, "min")
    assert {name: space.names for name, space in results.spaces.items()} == {"adam": ("lr",), "sgd": ("lr",)}
    assert outcomes(results) == {
        (member.optimizer, member.lr, member.seed): (
            member.status,
            member.loss if member.status == "completed" else None,
        )
        for member in members
    }


def python(code: str, *arguments: str, cwd: pathlib.Path) -> None:
    """Run a program of another tool in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments], cwd=cwd, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def check_refused(
    place: pathlib.Path,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    *options: str,
) -> None:
    """The command ends with code 2 and one clear error, and writes nothing."""
    out = place.parent / "report of nothing"
    assert run(["import", str(place), "--out", str(out), *options], monkeypatch) == 2
    said = capfd.readouterr()
    assert words in " ".join(said.err.split())
    assert "Traceback" not in said.err + said.out
    assert not out.exists()
