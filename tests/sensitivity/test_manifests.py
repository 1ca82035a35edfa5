"""Manifests: what is printed is what Kubernetes and Slurm take, and carries the study whole."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import jsonschema
import pytest
import yaml

from sensitivity.command import main as cli
from sensitivity.study.study import Study

STUDY = Study(
    name="Mine (1)",
    tasks=["logistic/synthetic"],
    variants=["adam"],
    design={"kind": "random", "n": 2},
    epochs=1,
)
NAME = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 47}
AMOUNTS = {
    "type": "object", "required": ["cpu", "memory"], "additionalProperties": False,
    "properties": {"cpu": {"type": "integer"}, "memory": {"pattern": "^[0-9]+Gi$"}, "nvidia.com/gpu": {"type": "integer"}},
}  # fmt: skip
CONTAINER = {
    "type": "object", "required": ["name", "image", "resources"], "additionalProperties": False,
    "properties": {
        "name": NAME, "image": {"type": "string"},
        "resources": {"type": "object", "properties": {"requests": AMOUNTS, "limits": AMOUNTS}, "required": ["requests", "limits"]},
        "envFrom": {"type": "array", "items": {"type": "object", "required": ["secretRef"]}},
        "volumeMounts": {"type": "array", "items": {"type": "object", "required": ["name", "mountPath"]}},
    },
}  # fmt: skip
POD = {
    "type": "object", "required": ["spec"],
    "properties": {"spec": {
        "type": "object", "required": ["containers"], "additionalProperties": False,
        "properties": {"containers": {"type": "array", "minItems": 1, "items": CONTAINER}, "volumes": {"type": "array"}},
    }},
}  # fmt: skip
STRINGS = {"type": "object", "additionalProperties": {"type": "string"}}
GROUP = {
    "type": "object", "required": ["groupName", "replicas", "rayStartParams", "template"], "additionalProperties": False,
    "properties": {
        "groupName": NAME, "replicas": {"type": "integer"}, "minReplicas": {"type": "integer"}, "maxReplicas": {"type": "integer"},
        "rayStartParams": STRINGS, "template": POD,
    },
}  # fmt: skip
RAY_JOB = {
    "type": "object", "required": ["apiVersion", "kind", "metadata", "spec"], "additionalProperties": False,
    "properties": {
        "apiVersion": {"const": "ray.io/v1"}, "kind": {"const": "RayJob"},
        "metadata": {"type": "object", "properties": {"name": NAME}, "required": ["name"]},
        "spec": {
            "type": "object", "required": ["entrypoint", "rayClusterSpec"], "additionalProperties": False,
            "properties": {
                "entrypoint": {"type": "string"}, "shutdownAfterJobFinishes": {"type": "boolean"},
                "ttlSecondsAfterFinished": {"type": "integer"}, "backoffLimit": {"type": "integer"},
                "rayClusterSpec": {
                    "type": "object", "required": ["headGroupSpec"], "additionalProperties": False,
                    "properties": {
                        "rayVersion": {"type": "string", "pattern": r"^\d+\.\d+\.\d+$"},
                        "authOptions": {"type": "object", "properties": {"mode": {"enum": ["token", "disabled"]}}, "required": ["mode"]},
                        "headGroupSpec": {"type": "object", "required": ["rayStartParams", "template"],
                                          "properties": {"rayStartParams": STRINGS, "template": POD}, "additionalProperties": False},
                        "workerGroupSpecs": {"type": "array", "items": GROUP},
                    },
                },
            },
        },
    },
}  # fmt: skip
"""The fields of KubeRay's RayJob (ray.io/v1) that are set, with their types."""


@pytest.fixture
def printed(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """What `sensitivity manifest` prints for the study, which has a task module."""
    (tmp_path / "study.yaml").write_text(STUDY.to_yaml())
    (tmp_path / "own.py").write_text("'''Quotes ' \" and $HOME stay as they are.'''\n")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> str:
        monkeypatch.setattr(
            sys,
            "argv",
            ["sensitivity", "manifest", "--study", "study.yaml", "--task-module", "own.py", *arguments],
        )
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert not ended.value.code, capsys.readouterr().err
        return capsys.readouterr().out

    return run


def test_a_rayjob_is_what_kuberay_takes(printed) -> None:
    files, job = yaml.safe_load_all(
        printed("--kind", "kuberay", "--nodes", "3", "--gpus", "1", "--gpus-per-worker", "0.25")
    )
    jsonschema.validate(job, RAY_JOB)
    assert Study.from_json(files["data"]["study.json"]) == STUDY
    assert files["data"]["own.py"] == pathlib.Path("own.py").read_text()
    assert files["metadata"]["name"] == job["metadata"]["name"]
    spec = job["spec"]["rayClusterSpec"]
    assert spec["workerGroupSpecs"][0]["replicas"] == 3
    for pod in (spec["headGroupSpec"]["template"], spec["workerGroupSpecs"][0]["template"]):
        (container,) = pod["spec"]["containers"]
        assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
        assert pod["spec"]["volumes"][0]["configMap"]["name"] == files["metadata"]["name"]
    assert "--gpus-per-worker 0.25" in job["spec"]["entrypoint"]
    subprocess.run(["bash", "-n", "-c", job["spec"]["entrypoint"]], check=True)


def test_a_batch_script_is_clean_and_writes_the_study(printed, tmp_path: pathlib.Path) -> None:
    script = printed(
        "--kind",
        "slurm",
        "--gpus",
        "2",
        "--cpus",
        "16",
        "--hours",
        "3",
        "--store",
        "postgresql+psycopg://host/db",
    )
    (tmp_path / "job.sh").write_text(script)
    checked = subprocess.run(["bash", "-n", "job.sh"], capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")
    wanted = ["gpus-per-node=2", "cpus-per-task=16", "time=3:00:00", "nodes=2"]
    assert {f"#SBATCH --{each}" for each in wanted} < {*script.splitlines()}
    files = script[script.index("cat > study.json") : script.index("export RAY_AUTH_MODE")]
    subprocess.run(["bash", "-c", files], check=True, cwd=tmp_path)  # as the script writes them
    assert Study.from_json((tmp_path / "study.json").read_text()) == STUDY
    assert "Quotes ' \" and $HOME stay" in (tmp_path / "own.py").read_text()


def test_a_script_starts_ray_on_every_node_and_runs_the_study(printed, tmp_path: pathlib.Path) -> None:
    """The script itself, with Slurm's commands, Ray and Python replaced by ones that note what they are
    asked."""
    (tmp_path / "job.sh").write_text(printed("--kind", "slurm", "--nodes", "3"))
    fakes = tmp_path / "bin"
    fakes.mkdir()
    answers = {
        "scontrol": "printf 'n1\\nn2\\nn3\\n'",
        "srun": 'shift 3; if [ "$1" = hostname ]; then echo 10.0.0.1; else echo "$@" >> "$NOTES"; fi',
        "ray": "exit 0",
        "python": 'if [ "$1" = -c ]; then echo token; exit; fi; echo "python $*" >> "$NOTES"\n'
        # The script ends its sruns when it ends, so the run goes on until every node has begun.
        'until [ "$(grep -c "ray start" "$NOTES")" = 3 ]; do sleep 0.01; done',
    }
    for name, answer in answers.items():
        (fakes / name).write_text(f"#!/bin/bash\n{answer}\n")
        (fakes / name).chmod(0o755)
    given = {"PATH": f"{fakes}:/usr/bin:/bin", "NOTES": str(tmp_path / "notes"), "SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "n[1-3]",
             "HOME": str(tmp_path), "SLURM_SUBMIT_DIR": str(tmp_path)}  # fmt: skip
    ended = subprocess.run(
        ["bash", "job.sh"], cwd=tmp_path, env=given, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    notes = (tmp_path / "notes").read_text().splitlines()
    assert sum("ray start --head" in line for line in notes) == 1
    assert sum("ray start --address=10.0.0.1:20007" in line for line in notes) == 2
    (run,) = [line for line in notes if line.startswith("python")]
    assert run.startswith("python -P -m sensitivity.command.main run study.json --store")
    assert run.endswith("--address 10.0.0.1:20007")
    assert not list(tmp_path.glob("study.??????"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--kind", "kubernetes"], "unknown kind 'kubernetes' (known: kuberay, slurm)"),
        (
            ["--kind", "slurm", "--gpus-per-worker", "1"],
            "gpus_per_worker is 1.0, but nodes have no GPU; give --gpus",
        ),
        (["--kind", "slurm", "--store", "here.sqlite"], "is relative to a folder that is deleted"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["sensitivity", "manifest", "--preset", "quickstart", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
