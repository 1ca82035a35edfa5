"""Studies whose cluster loses a machine, its head, or its memory."""

from __future__ import annotations

import pathlib
import re
import tempfile
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from sensitivity.running.run import run
from sensitivity.study.study import Study
from sensitivity.study.trial import DONE
from tests.sensitivity import namespaces
from tests.sensitivity.clusters import nodes
from tests.sensitivity.processes import wait_for_epochs
from tests.sensitivity.test_clusters import CLOCKS, THIRTY, read

pytestmark = pytest.mark.slow
FEW: dict[str, Any] = {
    "name": "few",
    "tasks": ["function/ishigami"],
    "default_setting": False,
    "design": {"kind": "random", "n": 2},
    "epochs": 1,
    "cohort_size": 1,
}


@pytest.fixture
def short() -> Iterator[pathlib.Path]:
    """A folder whose path is short enough for the sockets that Ray makes there."""
    with tempfile.TemporaryDirectory(prefix="r-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield pathlib.Path(folder)


@pytest.mark.skipif(bool(namespaces.missing()), reason=str(namespaces.missing()))
def test_a_machine_whose_cable_is_pulled_changes_nothing(short: pathlib.Path) -> None:
    (short / "thirty.json").write_text(Study(**THIRTY).to_json())
    with namespaces.machines(short) as two:
        driver = two.run(short, "thirty.json", "--workers", "2")
        assert wait_for_epochs(short / "sensitivity.sqlite", 100)
        two.pull()
        _, errors = driver.communicate(timeout=240)
    assert driver.returncode == 0, errors
    lost, undisturbed = (
        read(short / "sensitivity.sqlite", "thirty"),
        run(Study(**THIRTY), store=short / "u.sqlite", where="process"),
    )
    assert len(lost.trials) == 30
    assert lost.trials["key"].is_unique
    assert not lost.epochs.duplicated(["key", "epoch"]).any()
    same = [
        each.trials.drop(columns=CLOCKS).sort_values("key", ignore_index=True) for each in (lost, undisturbed)
    ]
    pd.testing.assert_frame_equal(*same, check_exact=True)


def test_a_study_goes_on_under_another_head(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "RAY_gcs_rpc_server_reconnect_timeout_s", "5"
    )  # a driver waits a minute for a head that was lost, as Ray comes
    (tmp_path / "thirty.json").write_text(Study(**THIRTY).to_json())
    with nodes(1) as started:
        driver = started.run(tmp_path, "thirty.json")
        assert wait_for_epochs(tmp_path / "sensitivity.sqlite", 100)
        started.restart()
        _, errors = driver.communicate(timeout=120)
        assert driver.returncode == 1
        assert "Failed to connect to GCS" in errors
        again = started.run(tmp_path, "thirty.json")
        _, errors = again.communicate(timeout=240)
    assert again.returncode == 0, errors
    assert re.search(r"^thirty: 30 trials, [1-9]\d* in the store", errors, re.MULTILINE)
    results = read(tmp_path / "sensitivity.sqlite", "thirty")
    assert results.trials["key"].is_unique
    assert results.trials["status"].isin(DONE).all()
    assert not results.epochs.duplicated(["key", "epoch"]).any()


def test_a_node_without_memory_fails_trials_with_that_reason(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_memory_usage_threshold", "0.01")  # so that Ray finds every worker too large
    (tmp_path / "few.json").write_text(Study(**FEW).to_json())
    with nodes(1) as started:
        driver = started.run(tmp_path, "few.json", "--workers", "1")
        _, errors = driver.communicate(timeout=240)
    assert driver.returncode == 1, errors
    trials = read(tmp_path / "sensitivity.sqlite", "few").trials
    assert list(trials["status"]) == ["failed"] * 2
    assert (
        trials["error"]
        .str.match(r"worker lost 4 times: .*killed due to the node running low on memory")
        .all()
    ), list(trials["error"])
