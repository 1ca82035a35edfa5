"""Studies as jobs of a cluster, with a client of Ray's jobs that is played here."""

from __future__ import annotations

import dataclasses
import pathlib
import types
from typing import Any

import pytest

from sensitivity.clusters.jobs import SPECIFICATION, STUDY, Jobs
from sensitivity.clusters.packing import pack
from sensitivity.study.study import Study
from tests.sensitivity import ray_head
from trainables.names import InputError

pytestmark = pytest.mark.skipif(
    bool(ray_head.lacking()),
    reason=f"Ray's client of jobs lacks {', '.join(ray_head.lacking())}: pip install 'ray[default]'",
)

SMALL = Study(
    name="small", tasks=["mlp/digits"], variants=["sgd"], design={"kind": "grid", "points": 3}, epochs=1
)


@dataclasses.dataclass
class Job:
    """A job as Ray's client lists it; times in milliseconds."""

    submission_id: str
    metadata: dict[str, str] | None
    status: str = "SUCCEEDED"
    start_time: int | None = 0
    end_time: int | None = None
    message: str | None = None


def job(number: int, study: str = "small", **more: Any) -> Job:
    metadata = {STUDY: study, SPECIFICATION: "another"}
    return Job(f"{study}-{number}", metadata, start_time=1000 * number, end_time=1000 * (number + 90), **more)


class Client:
    """Keeps jobs in a list instead of a cluster, in an order that is not that of their times."""

    listed: list[Job]

    def __init__(self, address: str, headers: dict[str, str]) -> None:
        self.address = address

    def list_jobs(self) -> list[Job]:
        return list(self.listed)

    def submit_job(self, *, submission_id: str, metadata: dict[str, str], **more: Any) -> str:
        start = 1 + max((each.start_time or 0 for each in self.listed), default=0)
        self.listed.insert(0, Job(submission_id, metadata, "PENDING", start))
        return submission_id

    def the(self, name: str) -> Job:
        return next(each for each in self.listed if each.submission_id == name)

    def get_job_logs(self, name: str) -> str:
        return f"output of {self.the(name).submission_id}"

    def get_job_status(self, name: str) -> types.SimpleNamespace:
        return types.SimpleNamespace(value=self.the(name).status)

    def stop_job(self, name: str) -> None:
        self.the(name).status = "STOPPED"


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """The jobs of the cluster."""
    Client.listed = []
    monkeypatch.setattr("ray.job_submission.JobSubmissionClient", Client)
    return Client.listed


@pytest.fixture
def jobs(listed: list[Job]) -> Jobs:
    return Jobs("http://head:8265/")


def test_a_study_means_its_newest_job(jobs: Jobs, listed: list[Job]) -> None:
    listed += [job(2), job(3, status="RUNNING"), job(1, status="FAILED"), job(9, "other")]
    assert jobs.logs("small") == "output of small-3"
    assert jobs.cancel("small") == "stopped"
    assert [each.status for each in listed] == ["SUCCEEDED", "STOPPED", "FAILED", "SUCCEEDED"]
    assert jobs.wait("small") == "stopped"
    assert jobs.logs("small-1") == "output of small-1"
    assert jobs.wait("small-1") == "failed"
    with pytest.raises(InputError, match="unknown job or study 'smal'; did you mean 'small'"):
        jobs.logs("smal")


def test_rows_are_the_jobs_of_studies_oldest_first(jobs: Jobs, listed: list[Job]) -> None:
    listed += [
        job(2, message="first line\n the  last line \n"),
        job(1),
        job(3, "other"),
        Job("no-study", {}),
        Job("none", None),
    ]
    assert [row["job"] for row in jobs.rows()] == ["small-1", "small-2", "other-3"]
    assert [row["job"] for row in jobs.rows("small")] == ["small-1", "small-2"]
    (row,) = jobs.rows("small-2")
    del row["started"]  # in the time zone of this machine
    assert row == {
        "job": "small-2",
        "study": "small",
        "status": "succeeded",
        "seconds": 90,
        "message": "the last line",
    }
    with pytest.raises(InputError, match="unknown job or study 'no-study'"):
        jobs.rows("no-study")


def test_a_study_that_is_submitted_again_is_joined_while_it_runs_and_a_new_job_afterwards(
    jobs: Jobs, listed: list[Job]
) -> None:
    listed.append(job(7, "other", status="RUNNING"))
    assert jobs.submit(SMALL) == ("small-1", False)
    for status in ("PENDING", "RUNNING"):
        listed[0].status = status
        assert jobs.submit(SMALL) == ("small-1", True)
        with pytest.raises(InputError, match="another study 'small' is running as job small-1"):
            jobs.submit(SMALL, options=["--workers", "2"])
    listed[0].status = "FAILED"
    assert jobs.submit(SMALL) == ("small-2", False)
    assert [each.submission_id for each in listed] == ["small-2", "small-1", "other-7"]


def test_a_job_that_does_not_end_is_waited_for_only_so_long(jobs: Jobs, listed: list[Job]) -> None:
    listed.append(job(1, status="RUNNING"))
    with pytest.raises(InputError, match="job small-1 is still running after 0 seconds"):
        jobs.wait("small", timeout=0)


def test_what_does_not_travel_counts_towards_no_limit(tmp_path: pathlib.Path) -> None:
    """Environments, caches and results in a working directory, at any depth."""
    working, packed = tmp_path / "working", tmp_path / "packed"
    for folder in (".git/objects/pack", "part/.venv/lib", "runs/small"):
        (working / folder).mkdir(parents=True)
        (working / folder / "large.bin").write_bytes(bytes(1000))
    (working / "mine.py").write_text("RATE = 0.25")
    packed.mkdir()
    with pytest.raises(InputError, match=r"more than .* \(largest: mine.py\)"):
        pack(SMALL, packed, working_dir=working, most=10)
    pack(SMALL, packed, working_dir=working, most=100)
    assert sorted(path.name for path in packed.rglob("*") if path.is_file()) == ["mine.py", "study.json"]
