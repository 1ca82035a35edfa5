"""A Ray cluster of several nodes on this machine, whose nodes can be killed and replaced."""

from __future__ import annotations

import contextlib
import itertools
import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sensitivity.running.compat import few_servers
from sensitivity.text.environment import settings
from tests.sensitivity.processes import command_of, descendants

ROOT = pathlib.Path(__file__).parents[2]
IMPATIENT = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_failure_threshold": "3",
    "RAY_prestart_worker_first_driver": "0",
}
"""Ray asks for the health of a node more often than every three seconds, five refusals are not needed, and no
worker is started that no run uses."""


class Nodes:
    """A head without CPUs, for the driver to live on, and nodes of one CPU each, by turns with the label
    zone=a and zone=b."""

    def __init__(self, count: int, **resources: float) -> None:
        self._resources = resources
        self._start(count)

    def _start(self, count: int) -> None:
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 0, "include_dashboard": False}
        with few_servers(), settings(IMPATIENT):
            self._cluster = started(lambda: Cluster(initialize_head=True, head_node_args=head))
        self._nodes: list[Any] = []
        self._zones = itertools.cycle("ab")
        for _ in range(count):
            self.add()

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    def add(self) -> None:
        node = {"num_cpus": 1, "resources": self._resources or None, "labels": {"zone": next(self._zones)}}
        self._nodes.append(started(lambda: self._cluster.add_node(**node)))

    def kill(self) -> None:
        """End all processes of the oldest node at once."""
        self._cluster.remove_node(self._nodes.pop(0), allow_graceful=False)

    def restart(self) -> None:
        """End the head, and with it the cluster, at once; then start another with as many nodes, at another
        address."""
        count = len(self._nodes)
        self._cluster.remove_node(self._cluster.head_node, allow_graceful=False)
        self._cluster.shutdown()
        self._start(count)

    def workers(self) -> list[int]:
        """The processes that train."""
        return [pid for pid in descendants(os.getpid()) if re.match(rb"ray::\w*Trainable", command_of(pid))]

    def close(self) -> None:
        self._cluster.shutdown()

    def run(
        self, folder: pathlib.Path, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start the driver, a process of its own, which writes a report only into ``--out``. Args:
        environment: added to this process's."""
        report = () if "--out" in arguments else ("--no-report",)
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "sensitivity.command.main", "run", *arguments),
                *("--address", self.address, *report),
            ],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


def started(start: Callable[[], Any], tries: int = 3) -> Any:
    """What a call starts, tried again: Ray gives a node half a minute to start, which a busy machine exceeds
    now and then."""
    try:
        return start()
    except Exception as error:
        if "timed out during startup" not in str(error) or tries == 1:
            raise
        return started(start, tries - 1)


@contextlib.contextmanager
def nodes(count: int, **resources: float) -> Iterator[Nodes]:
    """The cluster for the time of a block."""
    made = Nodes(count, **resources)
    try:
        yield made
    finally:
        made.close()
