"""What tests see of a run from outside: its processes, and how far its store is."""

from __future__ import annotations

import os
import pathlib
import socket
import sqlite3
import time
from collections.abc import Iterable


def descendants(pid: int) -> list[int]:
    """Processes below a process: Ray's servers and workers are children of the driver that started them."""
    parents: dict[int, list[int]] = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents.setdefault(int(text.rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
    found, queue = [], [pid]
    while queue:
        children = parents.get(queue.pop(), [])
        found += children
        queue += children
    return found


def command_of(pid: int) -> bytes:
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def processor_seconds(pid: int) -> float:
    """What a process has used of the processor so far."""
    user, system = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def epochs_in(store: pathlib.Path) -> int:
    if not store.exists():
        return 0
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT count(*) FROM sensitivity_epochs").fetchone()[0])
    except sqlite3.OperationalError:  # the tables are being made
        return 0
    finally:
        connection.close()


def wait_for_epochs(store: pathlib.Path, count: int, seconds: float = 120) -> bool:
    """Wait until the store has so many epochs."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if epochs_in(store) >= count:
            return True
        time.sleep(0.02)
    return False


def listening(pids: Iterable[int]) -> set[tuple[str, int]]:
    """Addresses and ports on which processes listen, as the kernel tells them."""
    inodes = set()
    for pid in pids:
        for descriptor in pathlib.Path(f"/proc/{pid}/fd").glob("*"):
            try:
                inodes.add(str(descriptor.readlink()))
            except OSError:  # closed meanwhile
                continue
    found = set()
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in pathlib.Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            local, state, inode = (line.split()[column] for column in (1, 3, 9))
            if state == "0A" and f"socket:[{inode}]" in inodes:
                address, _, port = local.partition(":")
                words = b"".join(
                    bytes.fromhex(address[start : start + 8])[::-1] for start in range(0, len(address), 8)
                )
                found.add((socket.inet_ntop(family, words), int(port, 16)))
    return found
