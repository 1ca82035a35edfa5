"""Folders of the studies that the service runs; each is created, checked and deleted as a whole."""

from __future__ import annotations

import datetime
import fcntl
import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from sensitivity.service.degraded import Degraded
from sensitivity.text.file_names import folder_name
from trainables.names import InputError

State = Literal["queued", "running", "completed", "failed", "cancelled"]
SPEC, RUN, LOCK, LOG = "study.json", "run.json", "lock", "log.txt"
VERSION = 1
"""Version of ``run.json``; a file without a version has version 1."""
UNFINISHED, DELETED = ".new-", ".old-"
"""Prefixes of folders that are being made or deleted. No study's folder begins with a dot."""
LINES = 4_096
"""Bytes at the end of a log among which its last line is looked for."""


class Damaged(InputError):
    """A file of a study's folder that cannot be read."""


@dataclass(frozen=True)
class Run:
    """A study that was given to the service.

    Args:
        name: of the study.
        state: what has become of it.
        asked: when it was given, ISO 8601.
        trials: how many it has.
        attempts: how often it was started.
        cancelled: the time of the request to stop it, in seconds since 1970.
        error: why it failed, in one line.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)
    name: str
    state: State
    asked: str
    trials: int
    attempts: int = 0
    cancelled: float | None = None
    error: str | None = None


_RUN = TypeAdapter(Run)
_ANSWER: TypeAdapter[Any] = TypeAdapter(Any)


class RunFolders:
    """A folder for each study that was given to the service.

    Args:
        root: the folder of folders; made where it is not there.
        degraded: is told of folders that cannot be read.
    """

    def __init__(self, root: pathlib.Path, degraded: Degraded) -> None:
        self.root, self._degraded = root, degraded
        self._places: dict[str, pathlib.Path] = {}
        root.mkdir(parents=True, exist_ok=True)

    def __getitem__(self, name: str) -> pathlib.Path:
        """Return where the files of a study are; a folder that an earlier release named stays where it is."""
        return self._places.get(name, self.root / folder_name(name))

    def read(self) -> tuple[dict[str, Run], dict[str, str]]:
        """Return the studies in the order of submission, and the reasons for those of a newer release.

        Only a newer release may change the latter.

        Files that an interrupted program left behind are removed. A study whose ``run.json`` cannot be read
        has failed, with the reason.
        """
        runs, newer = [], {}
        for folder in sorted(self.root.iterdir()):
            if folder.name.startswith((UNFINISHED, DELETED)):
                delete(folder)
            elif folder.is_dir() and not folder.name.startswith("."):
                with self._degraded.isolated(f"folder {folder.name!r}"):
                    run, is_newer = self._read(folder)
                    if run is None:
                        continue
                    if run.name in self._places:
                        raise Damaged(
                            f"{RUN} names study {run.name!r}, which is in folder "
                            f"{self._places[run.name].name!r}"
                        )
                    self._places[run.name] = folder
                    runs.append(run)
                    if is_newer:
                        newer[run.name] = str(run.error)
        return {run.name: run for run in sorted(runs, key=lambda run: run.asked)}, newer

    def _read(self, folder: pathlib.Path) -> tuple[Run | None, bool]:
        """Return the study of a folder, None for half of one, and whether a newer release wrote it."""
        file = folder / RUN
        if not file.exists():
            if {path.name for path in folder.iterdir()} <= {
                SPEC,
                LOCK,
                "study.new",
                "run.new",
            } and not is_locked(folder / LOCK):
                shutil.rmtree(folder, ignore_errors=True)
            return None, False
        try:
            content = read_mapping(file)
        except Damaged as damage:
            return self._failed(folder, {}, str(damage)), False
        version = content.pop("version", 1)
        if isinstance(version, int) and version > VERSION:
            reason = (
                f"{RUN} has version {version}, this program reads up to {VERSION}; install a newer release"
            )
            return self._failed(folder, content, reason), True
        try:
            if not isinstance(version, int):
                raise ValueError(f"version is {json.dumps(version)[:50]}, not a number")
            run = _RUN.validate_json(json.dumps(content))  # strict, but a mapping is a run
            moment = datetime.datetime.fromisoformat(run.asked)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            reason = (
                f"{RUN} cannot be read: {'.'.join(map(str, first['loc']))}: "
                f"{first['msg'][0].lower()}{first['msg'][1:]}"
            )
            return self._failed(folder, content, reason), False
        except ValueError as error:
            return self._failed(folder, content, f"{RUN} cannot be read: {error}"), False
        return (
            run if moment.tzinfo else replace(run, asked=moment.replace(tzinfo=datetime.UTC).isoformat())
        ), False

    def _failed(self, folder: pathlib.Path, content: Mapping[str, Any], reason: str) -> Run:
        """Return a study that has failed, by what can be read of its folder.

        Raises: Damaged where not even its name can be read.
        """
        name = content.get("name")
        if not isinstance(name, str):
            try:
                name = read_mapping(folder / SPEC).get("name")
            except Damaged as damage:
                raise Damaged(f"{reason}; {damage}") from None
            if not isinstance(name, str):
                raise Damaged(f"{reason}; {SPEC} has no name")
        self._degraded.note(f"study {name!r}", reason)
        changed = datetime.datetime.fromtimestamp((folder / RUN).stat().st_mtime, datetime.UTC)
        return Run(name, "failed", changed.isoformat(timespec="seconds"), 0, error=reason)

    def spec(self, name: str) -> dict[str, Any] | None:
        """Return the specification of a study as it was given; None where there is none.

        Raises: Damaged.
        """
        file = self[name] / SPEC
        return read_mapping(file) if file.exists() else None

    def make(self, run: Run, spec: Mapping[str, Any]) -> None:
        """Make the folder of a study, whole or not at all; of one that is there the files are replaced."""
        folder = self[run.name]
        if not folder.is_dir():
            delete(folder)
            unfinished = pathlib.Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=self.root))
            try:
                unfinished.chmod(0o755)
                write(unfinished / SPEC, spec)
                write(unfinished / RUN, _fields(run))
                unfinished.rename(folder)
            except BaseException:
                shutil.rmtree(unfinished, ignore_errors=True)
                raise
            sync_folder(self.root)
        else:
            write(folder / SPEC, spec)
            write(folder / RUN, _fields(run))
        self._places[run.name] = folder
        self._degraded.clear(f"folder {folder.name!r}")

    def update(self, run: Run) -> None:
        """Write what has become of a study, unless somebody has removed its folder."""
        try:
            write(self[run.name] / RUN, _fields(run))
        except (FileNotFoundError, NotADirectoryError):
            if self[run.name].is_dir():
                raise

    def rename(self, name: str, run: Run) -> None:
        """Give a study another name, in its files too; its folder is renamed where no other has that name.

        Args:
            name: before.
            run: the study with its new name.
        """
        folder = self[name]
        if folder.is_dir():
            with suppress(Damaged):  # a damaged file is no reason against another name
                if (spec := self.spec(name)) is not None:
                    write(folder / SPEC, {**spec, "name": run.name})
            write(folder / RUN, _fields(run))
            target = self.root / folder_name(run.name)
            if not target.exists():
                folder = folder.rename(target)
                sync_folder(self.root)
            self._places[run.name] = folder
        self._places.pop(name, None)

    def remove(self, name: str) -> None:
        """Delete the files of a study: all of them, also where the program is interrupted meanwhile."""
        folder = self[name]
        if folder.exists():
            deleted = self.root / f"{DELETED}{folder.name}"
            delete(deleted)
            folder.rename(deleted)
            delete(deleted)
        self._places.pop(name, None)

    def last_line(self, name: str) -> str:
        """Return the last line of a log: what the command says when it fails."""
        lines = [line for line in tail(self[name] / LOG, LINES).split("\n") if line.strip()]
        return lines[-1].removeprefix("Error: ")[:500] if lines else "it said nothing"


def _fields(run: Run) -> dict[str, Any]:
    return {"version": VERSION, **asdict(run)}


def read_mapping(file: pathlib.Path) -> dict[str, Any]:
    """Return the mapping of a JSON file.

    Raises: Damaged for a file that holds none, or one that no answer can hold, as half of a surrogate pair;
    OSError for one that cannot be opened just now.
    """
    try:
        content = json.loads(file.read_bytes())
        _ANSWER.dump_json(content)
    except (ValueError, RecursionError) as error:
        raise Damaged(
            f"{file.name} cannot be read: {error if file.stat().st_size else 'it is empty'}"
        ) from None
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        raise Damaged(f"{file.name} cannot be read: {error.strerror}") from None
    if not isinstance(content, dict):
        raise Damaged(f"{file.name} cannot be read: it is a {type(content).__name__}, not a mapping")
    return content


def write(file: pathlib.Path, content: Mapping[str, Any]) -> None:
    """Write a file as JSON, whole or as it was, also after the machine lost its power."""
    unfinished = file.with_suffix(".new")
    with unfinished.open("w") as opened:
        json.dump(content, opened)
        opened.flush()
        os.fsync(opened.fileno())
    unfinished.replace(file)


def delete(path: pathlib.Path) -> None:
    """Delete a folder or a file as far as possible.

    The next start of the service deletes the rest.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def sync_folder(folder: pathlib.Path) -> None:
    """Make what was renamed in a folder outlast a loss of power."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def tail(file: pathlib.Path, size: int) -> str:
    """Return the last bytes of a file as text; nothing for a file that is not there.

    Args:
        file: of any size.
        size: bytes.
    """
    try:
        with file.open("rb") as opened:
            opened.seek(max(0, os.fstat(opened.fileno()).st_size - size))
            return opened.read(size).decode(errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return ""


def is_locked(file: pathlib.Path) -> bool:
    """Return whether a process holds the lock of a file."""
    if not file.exists():
        return False
    descriptor = os.open(file, os.O_RDWR)
    try:
        return not lock(descriptor)
    finally:
        os.close(descriptor)


def lock(descriptor: int) -> bool:
    """Lock an open file; False where another process has locked it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
