"""Studies on a cluster of several nodes: one is killed midway, some come late, some are not there."""

from __future__ import annotations

import json
import pathlib
import threading
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from sensitivity.results.results import Results
from sensitivity.running.places import Place
from sensitivity.running.run import run
from sensitivity.store.store import Store
from sensitivity.study.study import Study
from tests.sensitivity.clusters import Nodes, nodes
from tests.sensitivity.processes import wait_for_epochs
from trainables.names import InputError

THIRTY: dict[str, Any] = {
    "name": "thirty", "tasks": ["logistic/synthetic"], "variants": ["sgd", "adam"], "default_setting": False, "design": {"kind": "random", "n": 15}, "epochs": 10,
    "cohort_size": 2,
}  # fmt: skip
pytestmark = pytest.mark.timeout(1200)  # two clusters on one machine: slow, and slower beside other tests
CLOCKS = ["seconds", "started", "finished"]


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[Nodes]:
    with nodes(2, fast=1) as started:
        yield started


def read(place: pathlib.Path, study: str) -> Results:
    store = Store(place, create=False)
    try:
        return Results.from_store(store, study)
    finally:
        store.close()


@pytest.mark.slow
def test_a_node_that_is_lost_changes_nothing(two_nodes: Nodes, tmp_path: pathlib.Path) -> None:
    (tmp_path / "thirty.json").write_text(Study(**THIRTY).to_json())
    driver = two_nodes.run(
        tmp_path, "thirty.json", "--workers", "2", "--storage", f"file://{tmp_path}/checkpoints"
    )
    assert wait_for_epochs(tmp_path / "sensitivity.sqlite", 100, seconds=300)
    two_nodes.kill()
    two_nodes.add()
    _, errors = driver.communicate(timeout=400)
    assert driver.returncode == 0, errors
    lost, undisturbed = (
        read(tmp_path / "sensitivity.sqlite", "thirty"),
        run(Study(**THIRTY), store=tmp_path / "u.sqlite", where="process"),
    )
    assert len(lost.trials) == 30
    assert lost.trials["key"].is_unique
    assert not lost.epochs.duplicated(["key", "epoch"]).any()
    same = [
        each.trials.drop(columns=CLOCKS).sort_values("key", ignore_index=True) for each in (lost, undisturbed)
    ]
    pd.testing.assert_frame_equal(*same, check_exact=True)


@pytest.mark.slow
def test_trials_wait_for_a_node_and_two_studies_share_what_comes(tmp_path: pathlib.Path) -> None:
    small = {
        **THIRTY,
        "default_setting": False,
        "design": {"kind": "random", "n": 6},
        "epochs": 40,
        "cohort_size": 1,
    }  # longer than the watch is patient
    for name in ("one", "two"):
        (tmp_path / f"{name}.json").write_text(
            Study(**{**small, "name": name, "seeds": 1 if name == "one" else [1]}).to_json()
        )
    with nodes(1) as started:
        drivers = [started.run(tmp_path, f"{name}.json", "--max-workers", "3") for name in ("one", "two")]
        said = drivers[0].stderr
        assert said is not None
        lines = threading.Thread(target=lambda: heard.extend(iter(said.readline, "")))
        heard: list[str] = []
        lines.start()
        for driver in drivers[1:]:
            _, errors = driver.communicate(timeout=400)
            assert driver.returncode == 0, errors
        assert drivers[0].wait(400) == 0, heard
        lines.join()
        drivers[0].communicate()
    assert "waiting for 3 CPUs; the cluster has 1\n" in heard
    for name in ("one", "two"):
        assert set(read(tmp_path / "sensitivity.sqlite", name).trials["status"]) <= {"completed", "diverged"}


@pytest.mark.parametrize("storage", ["memory://here", "checkpoints", "s4://bucket"])
def test_a_place_where_no_checkpoint_can_be_is_refused(storage: str) -> None:
    with pytest.raises(
        InputError,
        match=f"storage '{storage}' cannot be used .*; give an absolute folder .* or a file, s3, gs, abfs",
    ):
        Place(storage=storage).reach()


@pytest.mark.parametrize("storage", ["/tmp/checkpoints", "file:///tmp/checkpoints"])
def test_a_folder_or_a_url_may_hold_checkpoints(storage: str) -> None:
    Place(storage=storage).reach()


CLUSTER = {"CPU": 2.0, "fast": 1.0, "memory": 1e9, "node:10.0.0.1": 1.0, "node:__internal_head__": 1.0}


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (
            {"gpus_per_worker": 0.25},
            r"gpus_per_worker is 0.25, but the cluster has 2 CPUs, 1 fast and no GPU",
        ),
        ({"resources": {"fats": 1}}, r"unknown resource 'fats'; did you mean 'fast'\?"),
        ({"resources": {"fast": 2}}, r"resource fast=2 is more than the cluster has: 1"),
        (
            {"resources": {"cpu": 2}},
            r"resource cpu=2 must be one of the cluster's own; a worker takes one CPU",
        ),
        ({"resources": {"fast": 0}}, r"resource fast=0 must be one of the cluster's own, an amount above 0"),
        ({"resources": {"fast": 1}, "address": None}, r"resource 'fast' is a cluster's; give its address"),
        ({"gpus_per_worker": 1.5}, r"gpus_per_worker above 1 must be a whole number, got 1.5"),
        (
            {"labels": {"zone": "a"}, "address": None},
            r"label 'zone' is of a cluster's nodes; give its address",
        ),
        (
            {"labels": {"zone": "a,b"}},
            r"label must be NAME=VALUE of letters, digits and _\.- such as zone=eu-1; got 'zone=a,b'",
        ),
        ({"trial_timeout": 0}, r"trial_timeout must be a number of seconds above 0, got 0"),
    ],
    ids=lambda each: "" if isinstance(each, dict) else each[:40],
)
def test_what_a_cluster_cannot_hold_is_refused(place: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Place(**{"address": "auto", **place}).check(CLUSTER)


@pytest.mark.parametrize(
    ("place", "room"),
    [
        ({}, 2),
        ({"workers": 7}, 7),
        ({"resources": {"fast": 0.25}}, 2),
        ({"resources": {"fast": 1}}, 1),
        ({"resources": {"later": 1}}, 1),
    ],
)
def test_a_cluster_has_room_for_so_many_workers(place: dict[str, Any], room: int) -> None:
    assert Place(**{"address": "auto", **place}).room(CLUSTER) == room


ZONES = [
    {"Alive": alive, "Resources": {"CPU": cpus}, "Labels": {"zone": zone, "ray.io/node-id": zone, **more}}
    for alive, cpus, zone, more in [
        (True, 2.0, "eu-1", {}),
        (True, 4.0, "eu-2", {"disk": "ssd"}),
        (False, 8.0, "us-1", {}),
    ]
]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"zon": "eu-1"}, r"unknown label 'zon'; did you mean 'zone'\? \(known: disk, zone\)"),
        (
            {"zone": "eu1"},
            r"unknown value of label 'zone': 'eu1'; did you mean 'eu-1'\? \(known: eu-1, eu-2\)",
        ),
        ({"zone": "us-1"}, r"unknown value of label 'zone': 'us-1'"),
        ({"zone": "eu-1", "disk": "ssd"}, r"no node has all of the labels zone=eu-1, disk=ssd"),
    ],
    ids=str,
)
def test_labels_that_no_node_has_are_refused(labels: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Place(address="auto", labels=labels).check_labels(ZONES)


@pytest.mark.parametrize(
    ("labels", "cpus"),
    [({}, 6), ({"zone": "eu-2"}, 4), ({"zone": "eu-2", "disk": "ssd"}, 4), ({"zone": "eu-3"}, 0)],
)
def test_only_nodes_with_the_labels_count(labels: dict[str, str], cpus: float) -> None:
    place = Place(address="auto", labels=labels)
    assert place.amounts(ZONES).get("CPU", 0) == cpus
    assert place.room(place.amounts(ZONES)) == max(cpus, 1)


WHERE = """
import pathlib
import ray
from trainables import FunctionTask, register_task
from trainables.known_answers import Ishigami

class Where(Ishigami):
    def __call__(self, configuration, seed=0):
        with pathlib.Path("FILE").open("a") as file:
            file.write(ray.get_runtime_context().get_node_labels()["zone"])
        return super().__call__(configuration, seed)

register_task(FunctionTask("function/where", Where()))
"""


@pytest.mark.slow
def test_workers_are_on_the_nodes_with_the_label(two_nodes: Nodes, tmp_path: pathlib.Path) -> None:
    (tmp_path / "where.py").write_text(WHERE.replace("FILE", str(tmp_path / "zones")))
    study = {
        "name": "where",
        "tasks": ["function/where"],
        "default_setting": False,
        "design": {"kind": "random", "n": 6},
        "epochs": 1,
        "cohort_size": 1,
    }
    (tmp_path / "where.json").write_text(json.dumps(study))
    driver = two_nodes.run(tmp_path, "where.json", "--task-module", "where.py", "--label", "zone=b")
    _, errors = driver.communicate(timeout=400)
    assert driver.returncode == 0, errors
    assert (tmp_path / "zones").read_text() == "b" * 6
    refused = two_nodes.run(
        tmp_path, "where.json", "--task-module", "where.py", "--epochs", "2", "--label", "zone=c"
    )
    assert refused.communicate(timeout=100)[1].startswith("Error: unknown value of label 'zone': 'c'")
    assert refused.returncode == 2


@pytest.mark.slow
def test_workers_that_ask_for_a_resource_are_where_it_is(two_nodes: Nodes, tmp_path: pathlib.Path) -> None:
    (tmp_path / "few.json").write_text(
        Study(
            **{
                **THIRTY,
                "name": "few",
                "default_setting": False,
                "design": {"kind": "random", "n": 2},
                "epochs": 1,
            }
        ).to_json()
    )
    driver = two_nodes.run(tmp_path, "few.json", "--resource", "fast=0.5")
    _, errors = driver.communicate(timeout=400)
    assert driver.returncode == 0, errors
    refused = two_nodes.run(tmp_path, "few.json", "--epochs", "2", "--gpus-per-worker", "0.25")
    assert (
        refused.communicate(timeout=100)[1]
        == "Error: gpus_per_worker is 0.25, but the cluster has 2 CPUs, 2 fast and no GPU\n"
    )
    assert refused.returncode == 2
