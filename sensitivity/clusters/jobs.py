"""Studies as jobs of a Ray cluster: submit, list, follow, wait and cancel."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import pathlib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sensitivity.clusters.packing import pack
from sensitivity.text.file_names import folder_name
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from sensitivity.study.study import Study

OPEN = ("PENDING", "RUNNING")
STUDY, SPECIFICATION = "sensitivity_study", "sensitivity_specification"
"""Keys of the metadata of a study's job."""
LOOK_EVERY = 0.5


class Jobs:
    """The jobs of a Ray cluster that are studies.

    Args:
        address: ``http://HOST:8265``, the dashboard of the cluster's head node.

    Raises: InputError, in one line, for a cluster that does not answer and for a missing or refused token.
    """

    def __init__(self, address: str) -> None:
        try:
            import aiohttp  # noqa: F401 (Ray's client of jobs fails without it, in words of its own)
            from ray.job_submission import JobSubmissionClient
        except ImportError:
            raise InputError(
                "jobs need Ray's client of them: pip install 'optimizer-sensitivity[cluster]'"
            ) from None
        if not address.startswith(("http://", "https://")):
            raise InputError(
                f"address {address!r} is not a cluster's dashboard; give http://HOST:8265, or https://"
            )
        self.address = address.rstrip("/")
        logging.getLogger("ray").setLevel(logging.WARNING)  # Ray logs every package that it makes
        with self._in_one_line():
            self._client = JobSubmissionClient(self.address, headers=_headers())

    def submit(
        self,
        study: Study,
        *,
        store: str | None = None,
        task_module: pathlib.Path | None = None,
        working_dir: pathlib.Path | None = None,
        options: Sequence[str] = (),
    ) -> tuple[str, bool]:
        """Submit a study, and return its job and whether the job was already running.

        Args:
            study: the specification.
            store: store on the cluster, as in :func:`sensitivity.clusters.packing.pack`.
            task_module: file of the user's tasks and variants.
            working_dir: folder that is sent along.
            options: further options of ``sensitivity run`` on the cluster, such as ``["--workers", "8"]``.

        Raises: InputError if another study of the same name is running.
        """
        with tempfile.TemporaryDirectory(prefix="sensitivity-job-") as folder:
            luggage = pack(
                study,
                pathlib.Path(folder),
                store=store,
                task_module=task_module,
                working_dir=working_dir,
                options=["--address", "auto", *options],
            )
            same = _content(luggage.folder, luggage.command)
            earlier = self._of(study.name)
            for job in earlier:
                if job.status in OPEN:
                    if job.metadata[SPECIFICATION] != same:
                        raise InputError(
                            f"another study {study.name!r} is running as job {job.submission_id}; cancel it, "
                            "or give this one another name"
                        )
                    return str(job.submission_id), True
            with self._in_one_line():
                # Ray refuses the second of two simultaneous submissions, as both have the same number.
                job = self._client.submit_job(
                    entrypoint=luggage.command,
                    submission_id=f"{folder_name(study.name)}-{len(earlier) + 1}",
                    runtime_env={"working_dir": folder, "env_vars": {"PYTHONUNBUFFERED": "1"}},
                    metadata={STUDY: study.name, SPECIFICATION: same},
                )
        return str(job), False

    def rows(self, name: str | None = None) -> list[dict[str, Any]]:
        """Return a row for every study's job, oldest first.

        A row has job, study, status, start time, seconds and Ray's message.

        Args:
            name: a job or a study, whose jobs alone are returned; None for all.
        """
        every = self._all()
        chosen = [job for job in every if name in (None, job.submission_id, job.metadata[STUDY])]
        if name is not None and not chosen:
            raise _unknown(name, every)
        return [
            {
                "job": job.submission_id,
                "study": job.metadata[STUDY],
                "status": job.status.lower(),
                "started": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime((job.start_time or 0) / 1000)),
                "seconds": round(((job.end_time or time.time() * 1000) - (job.start_time or 0)) / 1000),
                "message": _one_line((job.message or "").strip().rpartition("\n")[2]),
            }
            for job in chosen
        ]

    def logs(self, name: str) -> str:
        """Return the output of a job so far.

        Args:
            name: a job, or a study, whose newest job is meant.
        """
        with self._in_one_line():
            return str(self._client.get_job_logs(self._find(name).submission_id))

    def follow(self, name: str, say: Callable[[str], None]) -> str:
        """Pass on a job's output until the job ends, and return its status.

        Args:
            name: a job, or a study, whose newest job is meant.
            say: called with each piece of the output.
        """
        job = self._find(name).submission_id

        async def tail() -> None:
            async for text in self._client.tail_job_logs(job):
                say(text)

        with self._in_one_line():
            asyncio.run(tail())
        return self.wait(job)

    def wait(self, name: str, timeout: float | None = None) -> str:
        """Wait until a job has ended, and return its status: succeeded, failed or stopped.

        Args:
            name: a job, or a study, whose newest job is meant.
            timeout: seconds to wait; no limit if None.

        Raises: InputError if the job has not ended within ``timeout`` seconds.
        """
        job, deadline = (
            self._find(name).submission_id,
            time.monotonic() + (timeout if timeout is not None else float("inf")),
        )
        while (status := self._status(job)) in OPEN:
            if time.monotonic() > deadline:
                raise InputError(f"job {job} is still {status.lower()} after {timeout:g} seconds")
            time.sleep(LOOK_EVERY)
        return status.lower()

    def cancel(self, name: str) -> str:
        """Cancel a job, and return its status; its reports stay in the store."""
        job = self._find(name).submission_id
        with self._in_one_line():
            self._client.stop_job(job)
        return self.wait(job)

    def _status(self, job: str) -> str:
        with self._in_one_line():
            return str(self._client.get_job_status(job).value)

    def _all(self) -> list[Any]:
        with self._in_one_line():
            jobs = [job for job in self._client.list_jobs() if STUDY in (job.metadata or {})]
        return sorted(jobs, key=lambda job: job.start_time or 0)

    def _of(self, study: str) -> list[Any]:
        return [job for job in self._all() if job.metadata[STUDY] == study]

    def _find(self, name: str) -> Any:
        """Return the job of that name, or the newest job of that study."""
        every = self._all()
        for job in reversed(every):
            if name in (job.submission_id, job.metadata[STUDY]):
                return job
        raise _unknown(name, every)

    @contextmanager
    def _in_one_line(self) -> Iterator[None]:
        """Turn the exceptions of Ray's client into an InputError of one line."""
        from ray.exceptions import AuthenticationError

        try:
            yield
        except AuthenticationError as error:
            if "required" in str(error):
                way = (
                    "set RAY_AUTH_TOKEN to what `ray get-auth-token` prints on its head, or "
                    "RAY_AUTH_TOKEN_PATH to a file of it"
                )
                raise InputError(f"the cluster at {self.address} asks for a token: {way}") from None
            raise InputError(
                f"the cluster at {self.address} refuses the token; its own is what `ray get-auth-token` "
                "prints on its head"
            ) from None
        except ConnectionError:
            raise InputError(
                f"no Ray cluster at {self.address}; is its dashboard there, and the port open?"
            ) from None
        except (RuntimeError, ValueError, OSError) as error:
            raise InputError(f"the cluster at {self.address} says: {_one_line(error)}") from None


def _unknown(name: str, every: Sequence[Any]) -> InputError:
    return unknown(
        "job or study",
        name,
        sorted({job.submission_id for job in every} | {job.metadata[STUDY] for job in every}),
    )


def _headers() -> dict[str, str]:
    """Return the header with this machine's token, if it has one.

    Ray's client sends the token itself only if RAY_AUTH_MODE is set.
    """
    if os.environ.get("RAY_AUTH_MODE", "token").lower() != "token":
        return {}
    token = os.environ.get("RAY_AUTH_TOKEN")
    file = pathlib.Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token").expanduser()
    if not token and file.is_file():
        token = file.read_text()
    return {"Authorization": f"Bearer {token.strip()}"} if token else {}


def _content(folder: pathlib.Path, command: str) -> str:
    """Return a hash of the command and all files of a job."""
    content = hashlib.sha256(command.encode())
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content.update(b"\n" + os.fsencode(path.relative_to(folder)) + b"\n" + path.read_bytes())
    return content.hexdigest()[:16]


def _one_line(message: object) -> str:
    return " ".join(str(message or "").split())[:300]
