"""A study on a cluster that has no node for it yet: its autoscaler makes some."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing

import pytest
import ray

from sensitivity.store.store import Store
from sensitivity.study.trial import DONE
from tests.sensitivity import ray_head
from tests.sensitivity.processes import descendants

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(ray_head.lacking()), reason=f"Ray's dashboard lacks {ray_head.lacking()}"),
]
FEW = {
    "name": "few",
    "tasks": ["function/ishigami"],
    "default_setting": False,
    "design": {"kind": "random", "n": 4},
    "epochs": 1,
    "cohort_size": 1,
}
NOT_USED = (
    "cluster_synced_files",
    "initialization_commands",
    "setup_commands",
    "head_setup_commands",
    "worker_setup_commands",
)
NOT_USED += ("head_start_ray_commands", "worker_start_ray_commands")
"""What the autoscaler reads of its file and has no use for where nodes are processes of this machine."""


@pytest.fixture
def autoscaling(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ray_head.Head, str]]:
    """A head without a CPU, whose autoscaler may start two nodes of one CPU each, here; and its address."""
    monkeypatch.setenv("AUTOSCALER_UPDATE_INTERVAL_S", "1")
    monkeypatch.setenv("RAY_FAKE_CLUSTER", "1")
    port = ray_head.free_port()
    address = f"{ray.util.get_node_ip_address()}:{port}"
    with tempfile.TemporaryDirectory(prefix="r-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        kinds = {
            "ray.head.default": {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
            "one": {
                "resources": {"CPU": 1, "object_store_memory": 10**8},
                "node_config": {},
                "min_workers": 0,
                "max_workers": 2,
            },
        }
        config = {
            "cluster_name": "tests", "max_workers": 2, "upscaling_speed": 1.0, "idle_timeout_minutes": 1, "available_node_types": kinds,
            "provider": {"type": "fake_multinode", "gcs_address": address}, "auth": {}, "head_node_type": "ray.head.default",
            "file_mounts": {}, **{name: [] for name in NOT_USED},
        }  # fmt: skip
        (pathlib.Path(folder) / "autoscaling.json").write_text(json.dumps(config))
        options = [f"--autoscaling-config={folder}/autoscaling.json"]
        process, head = ray_head.start(pathlib.Path(folder), cpus=0, port=port, more=options)
        try:
            yield head, address
        finally:
            started = descendants(process.pid)
            process.send_signal(signal.SIGTERM)
            process.wait(60)
            for pid in started:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def test_trials_wait_for_the_nodes_that_the_autoscaler_makes(
    autoscaling: tuple[ray_head.Head, str], tmp_path: pathlib.Path
) -> None:
    head, address = autoscaling
    (tmp_path / "few.json").write_text(json.dumps(FEW))
    driver = subprocess.run(
        [
            sys.executable,
            "-m",
            "sensitivity.command.main",
            "run",
            "few.json",
            "--address",
            address,
            "--workers",
            "2",
            "--no-report",
        ],
        cwd=tmp_path,
        env=ray_head.environment(tmp_path, head.token),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert driver.returncode == 0, driver.stderr
    assert re.search(
        r"^waiting for 2 CPUs; the cluster has [01]$", driver.stderr, re.MULTILINE
    )  # one may be there at the first look
    with closing(Store(tmp_path / "sensitivity.sqlite", create=False)) as store:
        assert set(store.statuses("few").values()) <= set(DONE)
