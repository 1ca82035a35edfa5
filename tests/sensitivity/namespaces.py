"""Machines of a cluster as network namespaces of this one: each has an address of its own, and its cable can
be pulled."""

from __future__ import annotations

import contextlib
import os
import pathlib
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator

from tests.sensitivity import ray_head
from tests.sensitivity.processes import descendants

PORT = 6379
SETTINGS = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
}
"""A machine that does not answer for three seconds is lost; Ray's own setting is half a minute."""


def missing() -> str | None:
    """Why there can be no namespaces here, or None."""
    if not sys.platform.startswith("linux") or shutil.which("ip") is None:
        return "needs Linux and its program ip (apt-get install iproute2)"
    name = f"probe-{secrets.token_hex(3)}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode:
        return "ip netns add is not permitted"
    subprocess.run(["ip", "netns", "delete", name], check=True)
    return None


class Machines:
    """Two machines with a cable between them. Ray's head is on the first, where the driver lives too; both
    have one CPU."""

    def __init__(self, place: pathlib.Path) -> None:
        tag = secrets.token_hex(2)
        self.names, self.addresses = [f"sens-{tag}-{k}" for k in "ab"], ["10.213.0.1", "10.213.0.2"]
        self._cables = [f"v{tag}{k}" for k in "ab"]
        self._place, self._processes = place, list[subprocess.Popen[bytes]]()
        self._environment = {**ray_head.environment(place, secrets.token_hex(32)), **SETTINGS}

    def plug(self) -> None:
        """Make the machines and their cable, and start Ray on both."""
        for name in self.names:
            _ip("netns", "add", name)
        _ip(
            "link",
            "add",
            self._cables[0],
            "netns",
            self.names[0],
            "type",
            "veth",
            "peer",
            self._cables[1],
            "netns",
            self.names[1],
        )
        for name, cable, address in zip(self.names, self._cables, self.addresses, strict=True):
            _ip("-n", name, "address", "add", f"{address}/24", "dev", cable)
            for device in ("lo", cable):
                _ip("-n", name, "link", "set", device, "up")
        for k, given in enumerate(
            (
                ["--head", f"--port={PORT}", "--include-dashboard=false"],
                [f"--address={self.addresses[0]}:{PORT}"],
            )
        ):
            self._start(k, *given)
        deadline = time.monotonic() + 120
        while not all("Ray runtime started" in (self._place / f"{k}.log").read_text() for k in (0, 1)):
            if time.monotonic() > deadline:
                raise RuntimeError((self._place / "1.log").read_text()[-2000:])
            time.sleep(0.1)

    def _start(self, machine: int, *given: str) -> None:
        options = [
            f"--node-ip-address={self.addresses[machine]}",
            "--num-cpus=1",
            "--object-store-memory=100000000",
        ]
        options += [f"--temp-dir={self._place}"] if machine == 0 else []
        ray = ["-m", "ray.scripts.scripts", "start", "--block", *given, *options]
        with (self._place / f"{machine}.log").open("wb") as log:
            self._processes.append(
                subprocess.Popen(self.command(machine, *ray), env=self._environment, stdout=log, stderr=log)
            )

    def command(self, machine: int, *arguments: str) -> list[str]:
        """Python on one of the machines."""
        return ["ip", "netns", "exec", self.names[machine], sys.executable, *arguments]

    def run(self, folder: pathlib.Path, *arguments: str) -> subprocess.Popen[str]:
        """The driver, on the first machine."""
        address = f"{self.addresses[0]}:{PORT}"
        command = self.command(
            0, "-m", "sensitivity.command.main", "run", *arguments, "--address", address, "--no-report"
        )
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=folder, env=self._environment, stdout=pipe, stderr=pipe, text=True
        )

    def pull(self) -> None:
        """Pull the cable: the second machine works on, and nobody hears of it."""
        _ip("-n", self.names[1], "link", "set", self._cables[1], "down")

    def unplug(self) -> None:
        """End what runs on the machines, and leave nothing."""
        for each in self._processes:
            for pid in [each.pid, *descendants(each.pid)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)
            each.wait()
        for name in self.names:
            pids = subprocess.run(
                ["ip", "netns", "pids", name], capture_output=True, text=True
            ).stdout.split()
            for text in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(text), 9)
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)


@contextlib.contextmanager
def machines(place: pathlib.Path) -> Iterator[Machines]:
    """The machines for the time of a block. Args: place: a folder with a short path, for Ray's sockets."""
    made = Machines(place)
    try:
        made.plug()
        yield made
    finally:
        made.unplug()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
