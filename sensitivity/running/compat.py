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
    with _loopback():
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


def largest_cluster() -> Mapping[str, float] | None:
    """The amounts that the autoscaler of the connected cluster may grow to, by resource; None where nothing
    is known of it.

    Private name: ``ray._private.state.state.get_max_resources_from_cluster_config`` (Ray 2.60). The public
    ``ray.cluster_resources`` has what is there now.
    """
    amounts: Mapping[str, float] | None = ray._private.state.state.get_max_resources_from_cluster_config()
    return amounts
