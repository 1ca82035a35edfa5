"""Private names of Ray that a run needs; each is used here only, and has a test that fails when a version of
Ray lacks it.

:mod:`sensitivity.text.compat` has those that are read from an object without Ray.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import ray
from ray._private import ray_constants
from ray._private.node import Node
from ray.air._internal import usage
from ray.job_config import JobConfig

from sensitivity.text.import_path import search_path


class SearchPath(JobConfig):
    """Settings of a Ray job whose workers search the folders that the driver searches, and the working
    directory last.

    Ray itself puts the working directory first there, where a ``queue.py`` would replace the standard
    library's.

    Private names: ``JobConfig._serialize``, ``_py_driver_sys_path`` and ``_cached_pb`` (Ray 2.60). The public
    ``runtime_env`` appends to ``PYTHONPATH``, which comes after the working directory.
    """

    def _serialize(self) -> Any:
        self._py_driver_sys_path = search_path()[
            ::-1
        ]  # a worker puts one after another to the front of its path
        self._cached_pb = None
        return super()._serialize()


def init_on(address: str, **options: Any) -> None:
    """Start a Ray on this machine that listens on one address.

    Private name: ``_node_ip_address`` of ``ray.init`` (Ray 2.60). Without it Ray takes the address of the
    network.

    Args:
        address: an IP address of this machine.
        options: of ``ray.init``.
    """
    with _loopback(), few_servers():
        ray.init(address="local", _node_ip_address=address, **options)


@contextlib.contextmanager
def _loopback() -> Iterator[None]:
    """Ray takes the loopback address for this machine's, as it does where it is not made for clusters, on
    macOS and Windows.

    Private name: ``ray._private.ray_constants.ENABLE_RAY_CLUSTER`` (Ray 2.60). Its environment variable is
    read once, when Ray is imported.
    """
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


SERVERS = ("start_monitor", "start_log_monitor", "start_api_server")
"""The methods of Ray's node that start its autoscaler, the reader of its workers' output, and its API."""


@contextlib.contextmanager
def few_servers() -> Iterator[None]:
    """A Ray that starts inside the context has no servers that a run on one machine does not use: it starts
    in 2 seconds of the processor less, and no server polls while it runs.

    Private names: ``ray._private.node.Node`` and its methods :data:`SERVERS` (Ray 2.60).
    """
    before = {name: getattr(Node, name) for name in SERVERS}
    for name in SERVERS:
        setattr(Node, name, lambda node, *arguments, **options: None)
    try:
        yield
    finally:
        for name, method in before.items():
            setattr(Node, name, method)


@contextlib.contextmanager
def uncounted_callbacks() -> Iterator[None]:
    """Tune does not count a run's callbacks by class, for which it would import MLflow where that is
    installed: 2 seconds of the processor.

    Private name: ``ray.air._internal.usage.tag_callbacks`` (Ray 2.60).
    """
    before = usage.tag_callbacks
    usage.tag_callbacks = lambda callbacks: False
    try:
        yield
    finally:
        usage.tag_callbacks = before


def largest_cluster() -> Mapping[str, float] | None:
    """The amounts that the autoscaler of the connected cluster may grow to, by resource; None where nothing
    is known of it.

    Private name: ``ray._private.state.state.get_max_resources_from_cluster_config`` (Ray 2.60). The public
    ``ray.cluster_resources`` has what is there now.
    """
    amounts: Mapping[str, float] | None = ray._private.state.state.get_max_resources_from_cluster_config()
    return amounts
