"""The folder that a study needs on another machine: its specification, the task module, other files."""

from __future__ import annotations

import fnmatch
import pathlib
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sensitivity.text.file_names import folder_name
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.study.study import Study

SPECIFICATION = "study.json"
FILES = "files"
"""The folder of the user's files. Ray searches its parent folder before the standard library, so the parent
must not contain modules."""
MOST_BYTES = 100_000_000
LEFT_OUT = (
    ".git",
    ".venv",
    "__pycache__",
    "node_modules",
    "runs",
    "*.sqlite",
    "*.sqlite-wal",
    "*.sqlite-shm",
)
"""Patterns of files that are not copied: caches and results."""
HOME_STORE = "~/sensitivity.sqlite"


@dataclass(frozen=True)
class Luggage:
    """A packed folder, and the command that runs it on another machine.

    Args:
        folder: has :data:`SPECIFICATION` and all files that the command names.
        command: shell command, run in that folder.
    """

    folder: pathlib.Path
    command: str


def check_remote_store(store: str | None) -> None:
    """Refuse a store that the remote machine could not keep.

    Args:
        store: an absolute path on the remote machine, a URL, or None for its default.

    Raises: InputError for a relative path, and for a URL with a password, which everyone who may list jobs
    could read.
    """
    if store is None or store.startswith(("/", "~/", "sqlite:////")):
        return
    if "://" not in store or store.startswith("sqlite:"):
        raise InputError(
            f"store {store!r} is relative to a folder that is deleted after the job; give /a/path or "
            "~/a/path there, or a URL"
        )
    import sqlalchemy

    try:
        secret = sqlalchemy.make_url(store).password
    except sqlalchemy.exc.ArgumentError as error:
        raise InputError(f"store is not a URL: {error}") from None
    if secret is not None:
        raise InputError(
            "store has a password, which everybody who lists jobs would read; set SENSITIVITY_STORE on the "
            "cluster instead"
        )


def command(
    study: Study,
    *,
    store: str | None,
    task_module: str | None = None,
    options: Sequence[str] = (),
    inside: str | None = None,
) -> str:
    """Return the shell command that runs a study from its own folder on a node of a cluster.

    Args:
        study: the specification.
        store: see :func:`check_remote_store`; None uses SENSITIVITY_STORE on the node, else
            :data:`HOME_STORE`.
        task_module: path of the task module in the folder.
        options: further options of ``sensitivity run``.
        inside: a subfolder in which the command runs.
    """
    check_remote_store(store)
    url = (
        _quoted(store)
        if store is not None
        else f'"${{SENSITIVITY_STORE:-$HOME/{HOME_STORE.removeprefix("~/")}}}"'
    )
    specification = f"../{SPECIFICATION}" if inside is not None else SPECIFICATION
    start = f"cd {shlex.quote(inside)} && " if inside is not None else ""
    # -P: do not put the folder before the standard library in the import path.
    words = [
        f"{start}python -P -m sensitivity.command.main run",
        specification,
        "--store",
        url,
        "--out",
        f"~/runs/{folder_name(study.name)}",
    ]
    if task_module is not None:
        words += ["--task-module", shlex.quote(task_module)]
    return " ".join([*words, *map(shlex.quote, options)])


def pack(
    study: Study,
    folder: pathlib.Path,
    *,
    store: str | None = None,
    task_module: pathlib.Path | None = None,
    working_dir: pathlib.Path | None = None,
    options: Sequence[str] = (),
    most: int = MOST_BYTES,
) -> Luggage:
    """Put the files of a study into an empty folder.

    Args:
        study: the specification.
        folder: the empty folder.
        store: see :func:`command`.
        task_module: file of the user's tasks and variants.
        working_dir: folder that is copied along, except :data:`LEFT_OUT`.
        options: see :func:`command`.
        most: limit of its size in bytes.

    Raises: InputError for a folder that is missing or too large, naming its largest file.
    """
    files = folder / FILES
    if working_dir is not None:
        _check_size(working_dir, most)
        shutil.copytree(working_dir, files, ignore=shutil.ignore_patterns(*LEFT_OUT), dirs_exist_ok=True)
    (folder / SPECIFICATION).write_text(study.to_json())
    place = None
    if task_module is not None:
        goes_along = working_dir is not None and task_module.resolve().is_relative_to(working_dir.resolve())
        place = (
            str(task_module.resolve().relative_to(working_dir.resolve()))
            if goes_along and working_dir
            else task_module.name
        )
        if not (files / place).exists():
            files.mkdir(exist_ok=True)
            shutil.copy(task_module, files / place)
    inside = FILES if files.is_dir() and any(files.iterdir()) else None  # Ray's package omits empty folders
    return Luggage(folder, command(study, store=store, task_module=place, options=options, inside=inside))


def _check_size(working_dir: pathlib.Path, most: int) -> None:
    if not working_dir.is_dir():
        raise InputError(f"--working-dir {str(working_dir)!r} is not a folder")
    sizes = {
        path: path.stat().st_size
        for path in working_dir.rglob("*")
        if path.is_file() and _goes_along(path.relative_to(working_dir))
    }
    if sum(sizes.values()) > most:
        largest = max(sizes, key=lambda folder: sizes[folder])
        raise InputError(
            f"--working-dir {str(working_dir)!r} has {sum(sizes.values()) / 1e6:,.1f} MB, more than "
            f"{most / 1e6:,.1f} (largest: {largest.relative_to(working_dir)}); data belong on the cluster, "
            "under its --data-root"
        )


def _goes_along(path: pathlib.Path) -> bool:
    return not any(fnmatch.fnmatch(part, pattern) for part in path.parts for pattern in LEFT_OUT)


def _quoted(path: str) -> str:
    """Quote a path for a shell, which still expands a leading ``~/``."""
    return "~/" + shlex.quote(path.removeprefix("~/")) if path.startswith("~/") else shlex.quote(path)
