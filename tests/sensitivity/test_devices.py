"""What a run trained on: found, kept with its study, and said in the report."""

from __future__ import annotations

import pathlib
import socket
from contextlib import closing
from typing import Any

import pytest

from sensitivity.reporting.provenance import devices_in_words, provenance
from sensitivity.running.devices import environment, processor
from sensitivity.running.run import run
from sensitivity.store.copying import copy
from sensitivity.store.store import Store
from sensitivity.store.upkeep import delete
from sensitivity.study.study import Study
from tests.contracts import trial
from tests.sensitivity.tables import bowl, results


def node(host: str, *, alive: bool = True, **resources: float) -> dict[str, Any]:
    """A node as Ray lists it."""
    return {
        "Alive": alive,
        "NodeManagerHostname": host,
        "Resources": {name.replace("__", ":"): each for name, each in resources.items()},
    }


HERE = socket.gethostname()
BOX = node("box", CPU=64, GPU=8, accelerator_type__H100=1)


@pytest.mark.parametrize(
    ("nodes", "gpus", "hosts", "devices"),
    [
        ([node(HERE, CPU=2)], False, [HERE], {processor(): 1}),
        ([node("a", CPU=2), node("b", CPU=2)], False, ["a", "b"], {"CPU": 2}),
        ([node("a", CPU=2), BOX, BOX], True, ["a", "box"], {"H100": 16}),
        ([node("a", GPU=1)], True, ["a"], {"GPU": 1}),
        ([node("a", CPU=2), node("b", alive=False, CPU=2)], False, ["a"], {"CPU": 1}),
    ],
    ids=[
        "this machine",
        "hosts elsewhere",
        "GPUs as Ray names them",
        "a GPU without a name",
        "a node that left",
    ],
)
def test_devices_are_those_that_train(
    nodes: list[dict[str, Any]], gpus: bool, hosts: list[str], devices: dict[str, int]
) -> None:
    assert environment(nodes, 3, gpus=gpus) == {
        "workers": 3,
        "hosts": hosts,
        "devices": devices,
        "gpus": gpus,
    }


def test_what_a_study_trained_on_is_copied_and_deleted_with_it(tmp_path: pathlib.Path) -> None:
    found = environment([BOX], 8, gpus=True)
    with closing(Store(tmp_path / "a.sqlite")) as store, closing(Store(tmp_path / "b.sqlite")) as other:
        for name in ("s", "another"):
            store.add_study(name, "{}", [trial(0.1)])
            store.add_run(name, found)
        copy(store, other, "s")
        assert (other.runs("s"), other.runs("another")) == ([found], [])
        delete(store, "s")
        assert (store.runs("s"), store.runs("another")) == ([], [found])


@pytest.mark.usefixtures("cluster")
def test_a_run_notes_where_it_trains_and_the_report_says_it(tmp_path: pathlib.Path) -> None:
    study = Study(
        name="known",
        tasks=["function/ishigami"],
        variants=["direct"],
        design={"kind": "random", "n": 2},
        epochs=1,
    )
    for _ in range(2):  # the second finds nothing to train
        found = run(study, store=tmp_path / "s.sqlite", workers=1)
    assert [each["devices"] for each in found.runs] == [{processor(): 1}]
    assert dict(provenance(found))["trained on"] == f"{processor()} (1 worker)"
    assert "trained on" not in dict(provenance(results(bowl)))


def test_environments_are_said_once() -> None:
    one = {"workers": 2, "hosts": ["a"], "devices": {"EPYC": 1}}
    assert (
        devices_in_words([one, one, {**one, "devices": {}}])
        == "EPYC (up to 2 workers); unknown (up to 2 workers)"
    )
