"""The private names of Ray: one test a use, which fails when a version of Ray lacks the name. Nothing here starts Ray."""

from __future__ import annotations

import inspect

import pytest
import ray
from ray import tune
from ray._private import node, ray_constants, services, state, worker
from ray.air._internal import usage
from ray.job_config import JobConfig

from sensitivity.running.compat import (
    SERVERS,
    SearchPath,
    few_servers,
    init_on,
    largest_cluster,
    uncounted_callbacks,
)
from sensitivity.text.import_path import search_path


def test_a_job_config_is_serialized_with_the_search_path() -> None:
    assert "_py_driver_sys_path" in inspect.signature(JobConfig.__init__).parameters
    assert "self._cached_pb" in inspect.getsource(JobConfig), (
        "JobConfig has no cache that a changed path would have to empty"
    )
    config = SearchPath()
    message = type(JobConfig()._get_proto_job_config()).FromString(config._serialize())
    assert list(message.py_driver_sys_path) == search_path()[::-1]


def test_init_takes_the_address_of_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    assert '"_node_ip_address"' in inspect.getsource(worker.init), "ray.init has no _node_ip_address"
    seen: dict[str, object] = {}
    monkeypatch.setattr(
        ray, "init", lambda **options: seen.update(options, for_clusters=ray_constants.ENABLE_RAY_CLUSTER)
    )
    before = ray_constants.ENABLE_RAY_CLUSTER
    init_on("127.0.0.1", num_cpus=2)
    assert seen == {"address": "local", "_node_ip_address": "127.0.0.1", "num_cpus": 2, "for_clusters": False}
    assert before == ray_constants.ENABLE_RAY_CLUSTER


def test_a_ray_that_is_not_for_clusters_resolves_to_the_loopback_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "ray_constants.ENABLE_RAY_CLUSTER" in inspect.getsource(services), (
        "Ray does not read ENABLE_RAY_CLUSTER"
    )
    monkeypatch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", False)
    monkeypatch.setattr(worker, "_global_node", None)  # a running Ray answers for its own node
    assert services.get_node_ip_address() == "127.0.0.1"


def test_the_state_knows_how_far_a_cluster_may_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(getattr(state.GlobalState, "get_max_resources_from_cluster_config", None))
    monkeypatch.setattr(state.state, "get_max_resources_from_cluster_config", lambda: {"CPU": 8})
    assert largest_cluster() == {"CPU": 8}


def test_a_node_starts_its_servers_by_methods_that_can_be_left_out() -> None:
    source = inspect.getsource(node)
    before = {name: getattr(node.Node, name) for name in SERVERS}
    with few_servers():
        for name in SERVERS:
            assert f"self.{name}(" in source, f"Ray's node does not call {name}"
            assert getattr(node.Node, name)(None, include_dashboard=False) is None
    assert {name: getattr(node.Node, name) for name in SERVERS} == before


def test_tune_counts_the_callbacks_by_a_function_that_can_be_replaced() -> None:
    source = inspect.getsource(inspect.getmodule(tune.run))
    assert "air_usage.tag_callbacks(callbacks)" in source
    before = usage.tag_callbacks
    with uncounted_callbacks():
        assert usage.tag_callbacks([object()]) is False
    assert usage.tag_callbacks is before
