"""The connection of a run to Ray: a cluster, or a private Ray on this machine's loopback address."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import pathlib
import secrets
import sys
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import AuthenticationError, RaySystemError

from sensitivity.running.compat import SearchPath, init_on, largest_cluster
from sensitivity.text.environment import settings
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.running.places import Place

LOOPBACK = "127.0.0.1"
NO_PORT = "-1"
ENVIRONMENT = {
    "RAY_enable_metrics_collection": "0",  # the agent serves metrics without a token
    # these two serve metrics without a token too; Ray logs that it cannot open the port
    "AUTOSCALER_METRIC_PORT": NO_PORT,
    "DASHBOARD_METRIC_PORT": NO_PORT,
    # workers that Ray starts ahead have another search path, so no trial would ever use them
    "RAY_prestart_worker_first_driver": "0",
}
"""Environment variables of a local Ray that the user has not set."""
LONGEST_SOCKET = 107
"""Maximal length of a Unix socket's path in bytes."""
SOCKET = "/ray/session_2026-01-01_00-00-00_000000_{process}/sockets/plasma_store"
"""The longest socket path of Ray in the folder for temporary files."""
_tokens: list[str] = []
"""The token of this process where no file can hold one. Ray reads its token once in a process, so a second
run has the same."""


def start(cpus: int, **options: Any) -> None:
    """Start a Ray on this machine, which ``ray.shutdown`` ends.

    Args:
        cpus: number of its CPUs.
        options: arguments of ``ray.init``.

    Raises: InputError for a folder or a token that Ray cannot use, and for a Ray that ends while it starts.
    """
    check_temporary_folder()
    wanted = {name: value for name, value in ENVIRONMENT.items() if name not in os.environ}
    try:
        with settings(wanted | token()):
            init_on(LOOPBACK, num_cpus=cpus, include_dashboard=False, job_config=SearchPath(), **options)
    except AuthenticationError as error:
        raise InputError(f"Ray has no token: {str(error).partition('. ')[0]}") from None
    except (RaySystemError, ConnectionError, TimeoutError) as error:
        first = str(error).strip().partition(". ")[0].removeprefix("System error: ")
        raise InputError(f"Ray did not start on this machine: {first}; give the command again") from None


@contextlib.contextmanager
def connection(place: Place) -> Iterator[bool]:
    """Connect to the cluster, or start a local Ray, for the duration of the run.

    Yields: True if a Ray was started here.

    Raises: InputError for a cluster that cannot hold the run.
    """
    already = ray.is_initialized()
    if not already:
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        if place.address is None:
            start(math.ceil(place.room({}) * place.cpus_per_worker), **options)
        else:
            try:
                ray.init(address=place.address, job_config=SearchPath(), **options)
            except (ConnectionError, ValueError) as error:
                first = str(error).strip().splitlines()[0]
                raise InputError(f"no Ray cluster at address {place.address!r}: {first}") from error
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    try:
        if place.address is not None:
            place.check_nodes(ray.nodes(), largest_cluster())
        yield place.address is None and not already
    finally:
        if not already:
            ray.shutdown()


def check_temporary_folder() -> None:
    """Refuse a folder for temporary files in which Ray could not start.

    Raises: InputError that names the folder and its variable.
    """
    # The variables that Ray reads.
    names = ("RAY_TMPDIR", "TMPDIR") if sys.platform == "linux" else ("RAY_TMPDIR",)
    name = next((name for name in names if name in os.environ), None)
    folder = pathlib.Path(os.environ[name] if name else "/tmp")
    folder_in_words = f"the folder for temporary files, {name or 'TMPDIR'}={str(folder)!r},"
    instead = "set RAY_TMPDIR to another folder"
    most = LONGEST_SOCKET - len(SOCKET.format(process=os.getpid()))
    if not folder.is_absolute():
        raise InputError(f"{folder_in_words} must be absolute; {instead}")
    if len(os.fsencode(folder)) > most:
        raise InputError(
            f"{folder_in_words} has {len(os.fsencode(folder))} bytes, and Ray's sockets leave room for "
            f"{most}; {instead}"
        )
    try:
        str(folder).encode()
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.gettempdir()
    except UnicodeEncodeError:
        raise InputError(f"{folder_in_words} is not UTF-8, which Ray needs; {instead}") from None
    except OSError as error:
        raise InputError(f"{folder_in_words} cannot be used: {error.strerror or error}; {instead}") from None
    shared = folder / "ray" if (folder / "ray").exists() else folder
    if not shared.is_dir() or not os.access(shared, os.W_OK | os.X_OK):
        raise InputError(
            f"{folder_in_words} cannot be used: {str(shared)!r} is not a writable folder; {instead}"
        )


def token() -> dict[str, str]:
    """Create this user's token of Ray if missing, in a file that only this user can read.

    Ray itself would create a file that every user can read.

    Returns: further environment variables for Ray: the token itself if the home folder cannot hold the file.
    """
    if (
        os.environ.get("RAY_AUTH_MODE", "token").lower() != "token"
        or {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & os.environ.keys()
    ):
        return {}
    try:
        file = pathlib.Path.home() / ".ray" / "auth_token"
        if not file.is_file() or not file.read_text().strip():
            _write_token(file)
        return {}
    except (OSError, RuntimeError, UnicodeError):  # RuntimeError: this user has no home folder
        if not _tokens:
            _tokens.append(secrets.token_hex(32))
        return {"RAY_AUTH_TOKEN": _tokens[0]}


def _write_token(file: pathlib.Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    # Mode 0600.
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False) as opened:
        opened.write(secrets.token_hex(32))
    written = pathlib.Path(opened.name)
    try:
        if file.exists():  # an empty file
            written.replace(file)
        else:
            file.hardlink_to(written)
    except FileExistsError:  # another run has created the file: use its token
        pass
    finally:
        written.unlink(missing_ok=True)
