"""Waiting reports, adaptive studies, manifests and the folder of a service of commit 4aa37a2 still work."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
from typing import Any

import pytest

from sensitivity import Store, Study
from sensitivity.running.assignments import Assignments
from sensitivity.service.runs import Runs
from sensitivity.service.settings import Settings
from sensitivity.store.journal import bring_in
from sensitivity.study.planning import trials

EARLIER = pathlib.Path(__file__).parent / "earlier"
"""Files of commit 4aa37a2; its README says how each was made."""
ADAPTIVE: dict[str, Any] = {"name": "ad", "design": {"kind": "adaptive", "n": 3}}
LEARNED = {"tasks": ["mlp/digits"], "variants": ["adam"], "seeds": 2, "epochs": 2, "limit": 100}


def test_reports_that_wait_for_the_store_are_delivered(tmp_path: pathlib.Path) -> None:
    """The file of waiting reports is found by its earlier name, a hash of the path of the store."""
    place = tmp_path / "store.db"
    digits = hashlib.sha256(os.fsencode(place)).hexdigest()[:8]
    shutil.copy(EARLIER / "waiting.jsonl", tmp_path / f"sensitivity-waiting-{digits}-01234567.jsonl")
    study, store = Study.load(EARLIER / "study.yaml"), Store(place)
    store.add_study(study.name, study.to_stored(), trials(study))
    assert bring_in(store, tmp_path) == 2
    delivered = store.epochs("earlier")
    status = store.trials("earlier").set_index("key")["status"]
    store.close()
    shutil.copy(EARLIER / "store.db", place)
    store = Store(place)
    before = store.epochs("earlier")
    store.close()
    key = delivered["key"].unique().item()
    losses = before.loc[before["key"] == key, "test_loss"].tolist()
    assert status[key] == "completed"
    assert delivered["test_loss"].tolist() == losses
    assert not list(tmp_path.glob("*.jsonl"))


@pytest.mark.parametrize(
    ("fields", "label"),
    [
        (LEARNED, "ad/mlp/digits/adam/2a3ab830"),
        ({"tasks": ["function/ishigami"]}, "ad/function/ishigami/direct/939b2388"),
    ],
)
def test_an_adaptive_study_goes_on_with_its_study_of_optuna(
    fields: dict[str, Any], label: str, tmp_path: pathlib.Path
) -> None:
    """Optuna's study is found by its name, which has a hash of the fields."""
    store = Store(tmp_path / "store.db")
    assignments = Assignments(Study(**ADAPTIVE, **fields), store, {}, "cpu")
    store.close()
    assert list(assignments.labels()) == [label]


@pytest.mark.slow
def test_the_command_of_a_manifest_is_there(tmp_path: pathlib.Path) -> None:
    """Manifests for Slurm and Kubernetes have the line ``python -m sensitivity.cli run study.yaml ...``."""
    shutil.copy(EARLIER / "store.db", tmp_path)
    command = [sys.executable, "-m", "sensitivity.cli", "studies", "--store", "store.db", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parents[2])}
    ended = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)[0]["name"] == "earlier"


def test_a_service_finds_its_studies(tmp_path: pathlib.Path) -> None:
    """A folder keeps its name, though a new one would be longer; a study that waits is started."""
    shutil.copytree(EARLIER / "service", tmp_path / "service")
    started = []
    settings = Settings(str(tmp_path / "store.db"), tmp_path / "service", max_studies=1)
    runs = Runs(settings, lambda folder, settings, lock: started.append(folder.name))
    try:
        assert {name: run.state for name, run in runs.all().items()} == {
            "a b": "completed",
            "second": "queued",
        }
        assert runs.folder("a b").name == "a_b-c8687a"
        spec = runs.spec("a b")
        assert spec is not None
        assert not runs.submit(Study(**spec), 3, None)
        runs.tend()
    finally:
        runs.close()
    assert started == ["second"]
