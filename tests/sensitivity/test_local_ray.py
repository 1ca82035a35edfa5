"""A Ray of our own: nobody else reaches it, and nothing of the working directory replaces a module in its
workers."""

from __future__ import annotations

import ipaddress
import json
import os
import pathlib
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
import ray
from ray._private import ray_constants

from sensitivity.running import local_ray
from sensitivity.running.local_ray import check_temporary_folder, token
from tests.sensitivity.clusters import nodes
from tests.sensitivity.processes import descendants, listening
from trainables.names import InputError

ROOT = pathlib.Path(__file__).parents[2]
HIDING = ("queue", "secrets", "uuid", "trainables", "search_spaces")
"""Modules that a file of the working directory would replace, were the directory searched first."""
TRAIN = """
import json, pathlib, sys, time
from ray import tune

def train(config):
    import neighbour, queue, search_spaces, secrets, trainables, uuid
    here = pathlib.Path(neighbour.__file__).parent
    modules = {name: sys.modules[name].__file__ for name in ("queue", "secrets", "uuid", "trainables", "search_spaces")}
    (here / "new.json").write_text(json.dumps({"path": sys.path, "modules": modules}))
    (here / "new.json").rename(here / "worker.json")
    deadline = time.monotonic() + 120
    while not (here / "looked").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    tune.report({"loss": neighbour.LOSS * config["lr"]})
"""
SPEC = {
    "name": "mine",
    "trainable": "mine:train",
    "metric": "loss",
    "default_setting": False,
    "design": {"kind": "explicit", "rows": [{"lr": 0.5}]},
    "spaces": {"train": [{"type": "float", "name": "lr", "low": 0.1, "high": 1.0}]},
}


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """A working directory with a trainable, and with files that have the names of modules."""
    for name in HIDING:
        (tmp_path / f"{name}.py").write_text(
            f"raise SystemExit('{name}.py of the working directory was imported')"
        )
    (tmp_path / "mine.py").write_text(TRAIN)
    (tmp_path / "neighbour.py").write_text("LOSS = 0.25")
    (tmp_path / "mine.json").write_text(json.dumps(SPEC))
    return tmp_path


def wait_for(file: pathlib.Path, process: subprocess.Popen[str]) -> Any:
    deadline = time.monotonic() + 120
    while not file.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return json.loads(file.read_text())


def check_search_path(worker: Any, folder: pathlib.Path) -> None:
    """A worker found the neighbour of the trainable, and everything else where it is installed."""
    installed = (str(pathlib.Path(json.__path__[0]).parent), str(ROOT))
    assert worker["path"].index(str(folder)) > max(worker["path"].index(place) for place in installed)
    assert not [file for file in worker["modules"].values() if pathlib.Path(file).is_relative_to(folder)]


@pytest.mark.slow
def test_a_local_run_listens_on_the_loopback_address_only(folder: pathlib.Path) -> None:
    command = [sys.executable, "-m", "sensitivity.command.main", "run", "mine.json", "--workers", "1"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment = {**kept, "PYTHONPATH": str(ROOT), "HOME": str(folder / "home")}
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as driver:
        worker = wait_for(folder / "worker.json", driver)
        sockets = listening([driver.pid, *descendants(driver.pid)])
        answers = {
            port: asked(port, path) for _, port in sockets for path in ("/metrics", "/api/version", "/nodes")
        }
        (folder / "looked").touch()
        said, errors = driver.communicate(timeout=120)
    assert driver.returncode == 0, errors
    assert len(sockets) >= 5, "the servers of Ray and its worker"  # GCS, two of the raylet, driver, worker
    assert {ipaddress.ip_address(address.removeprefix("::ffff:")).is_loopback for address, _ in sockets} == {
        True
    }, sockets
    assert 200 not in answers.values(), answers
    assert stat.S_IMODE((folder / "home/.ray/auth_token").stat().st_mode) == 0o600
    assert "0.125" in said
    check_search_path(worker, folder)


def asked(port: int, path: str) -> int | None:
    """The status that a stranger's request gets; None where there is no HTTP."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except Exception:  # gRPC answers with what is no HTTP/1.1
        return None


@pytest.mark.slow
def test_workers_of_a_cluster_search_the_working_directory_last(folder: pathlib.Path) -> None:
    (folder / "looked").touch()
    with nodes(1) as started:
        driver = started.run(folder, "mine.json", "--workers", "1")
        _, errors = driver.communicate(timeout=200)
    assert driver.returncode == 0, errors
    check_search_path(json.loads((folder / "worker.json").read_text()), folder)


def test_only_the_start_of_a_local_ray_sees_its_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    seen: dict[str, Any] = {}

    def init(**options: Any) -> None:
        seen.update(options, cluster=ray_constants.ENABLE_RAY_CLUSTER, environment=dict(os.environ))

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DASHBOARD_METRIC_PORT", "1234")  # the user's own
    before, cluster = dict(os.environ), ray_constants.ENABLE_RAY_CLUSTER
    local_ray.start(2, log_to_driver=False)
    assert (seen["address"], seen["num_cpus"], seen["_node_ip_address"], seen["cluster"]) == (
        "local",
        2,
        "127.0.0.1",
        False,
    )
    assert seen["environment"] == before | {
        "RAY_enable_metrics_collection": "0",
        "AUTOSCALER_METRIC_PORT": "-1",
        "RAY_prestart_worker_first_driver": "0",
    }
    assert (dict(os.environ), ray_constants.ENABLE_RAY_CLUSTER) == (before, cluster)


@pytest.fixture
def home(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A home folder, with nothing said about Ray's token."""
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("before", [None, "", " \n"])
def test_a_token_that_we_make_is_for_this_user_only(home: pathlib.Path, before: str | None) -> None:
    file = home / ".ray/auth_token"
    if before is not None:
        file.parent.mkdir()
        file.write_text(before)
    assert token() == {}
    assert len(file.read_text()) == 64
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    made = file.read_text()
    assert token() == {}
    assert (file.read_text(), list(file.parent.iterdir())) == (made, [file])


def test_a_ray_that_ends_while_it_starts_is_an_error_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def ends(address: str, **options: Any) -> None:
        raise ray.exceptions.RaySystemError(
            "Failed to connect to GCS. Please check if the GCS server is running"
        )

    monkeypatch.setattr(local_ray, "init_on", ends)
    with pytest.raises(InputError) as caught:
        local_ray.start(1)
    assert str(caught.value) == (
        "Ray did not start on this machine: Failed to connect to GCS; give the command again"
    )


def test_a_token_of_the_user_is_left_as_it_is(home: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = home / ".ray/auth_token"
    for name, value in (
        ("RAY_AUTH_TOKEN", "mine"),
        ("RAY_AUTH_TOKEN_PATH", "/some/file"),
        ("RAY_AUTH_MODE", "disabled"),
    ):
        with monkeypatch.context() as context:
            context.setenv(name, value)
            assert token() == {}
        assert not file.exists()
    file.parent.mkdir()
    file.write_text("mine")
    file.chmod(0o640)
    assert token() == {}
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("mine", 0o640)


def test_without_a_home_folder_the_process_has_one_token(
    home: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/proc/nobody")
    first = token()
    assert len(first["RAY_AUTH_TOKEN"]) == 64
    assert token() == first


@pytest.mark.parametrize("name", ["TMPDIR", "RAY_TMPDIR"])
@pytest.mark.parametrize(
    ("place", "said"),
    [
        pytest.param("/tmp/" + "x" * 120, "has 125 bytes, and Ray's sockets leave room for", id="long"),
        pytest.param("here", "must be absolute", id="relative"),
        pytest.param("", "must be absolute", id="empty"),
        pytest.param("/proc/none", "cannot be used: No such file or directory", id="not to be made"),
        pytest.param("/etc/hostname", "cannot be used: File exists", id="a file"),
        pytest.param("/tmp/caf\udce9", "is not UTF-8", id="not UTF-8"),
    ],
)
def test_a_temporary_folder_that_ray_cannot_use_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, place: str, said: str
) -> None:
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv(name, place)
    with pytest.raises(InputError, match=f"{name}=.*{said}.*; set RAY_TMPDIR to another folder"):
        check_temporary_folder()


def test_a_temporary_folder_that_is_missing_is_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.setenv("RAY_TMPDIR", "/tmp")
    check_temporary_folder()
    monkeypatch.setattr(local_ray, "LONGEST_SOCKET", 1000)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path / "new/folder"))
    check_temporary_folder()
    assert (tmp_path / "new/folder").is_dir()
