"""Kubernetes and Slurm manifests that run a study; both contain the study and the user's task module."""

from __future__ import annotations

import importlib.metadata
import pathlib
import re
import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import yaml

from sensitivity.clusters.packing import SPECIFICATION, command
from sensitivity.text.file_names import folder_name
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.study.study import Study

MOST_BYTES = 1_000_000
"""Maximal size of a Kubernetes ConfigMap."""
WHERE = "/study"
SECRET = "sensitivity"
END = "END_OF_FILE"


def kuberay(
    study: Study,
    *,
    image: str,
    nodes: int,
    cpus: int,
    gpus: int,
    store: str | None = None,
    task_module: pathlib.Path | None = None,
    options: Sequence[str] = (),
) -> str:
    """Return a ConfigMap with the study, and a RayJob that runs the study on a cluster of its own.

    KubeRay deletes the cluster after the run.

    Args:
        study: the specification.
        image: container image with this package.
        nodes: number of worker nodes, besides the head node.
        cpus: CPUs of each node.
        gpus: GPUs of each node.
        store: a database URL that outlives the cluster; SENSITIVITY_STORE of the Kubernetes secret
            :data:`SECRET` if None.
        task_module: file of the user's tasks and variants.
        options: further options of ``sensitivity run``.

    Raises: InputError for files that exceed a ConfigMap.

    Source: KubeRay, "RayJob" (ray.io/v1); Kubernetes, "Configure a Pod to Use a ConfigMap".
    """
    files = _files(study, task_module)
    if sum(len(text.encode()) for text in files.values()) > MOST_BYTES:
        raise InputError(
            f"study {study.name!r} and its task module have more than the {MOST_BYTES:,} bytes that a "
            "ConfigMap holds"
        )
    name = _kubernetes_name(study.name)
    run = command(study, store=store, task_module=_name(task_module), options=["--address", "auto", *options])

    def pod(kind: str) -> dict[str, Any]:
        amounts: dict[str, Any] = {
            "cpu": cpus,
            "memory": f"{4 * cpus}Gi",
            **({"nvidia.com/gpu": gpus} if gpus else {}),
        }
        container = {
            "name": f"ray-{kind}",
            "image": image,
            "resources": {"requests": amounts, "limits": amounts},
            **({"envFrom": [{"secretRef": {"name": SECRET}}]} if store is None else {}),
            "volumeMounts": [{"name": "study", "mountPath": WHERE}],
        }
        return {
            "spec": {"containers": [container], "volumes": [{"name": "study", "configMap": {"name": name}}]}
        }

    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": files}
    ray_job = {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": {"name": name},
        "spec": {
            "entrypoint": f"sh -c {shlex.quote(f'cd {WHERE} && {run}')}",
            "shutdownAfterJobFinishes": True,
            "ttlSecondsAfterFinished": 300,
            "backoffLimit": 2,  # a lost driver is restarted, and trains the missing trials
            "rayClusterSpec": {
                "rayVersion": importlib.metadata.version("ray"),
                # Requests without a token are refused: KubeRay (1.5.1 or newer) makes a token for all pods.
                "authOptions": {"mode": "token"},
                "headGroupSpec": {"rayStartParams": {"dashboard-host": "0.0.0.0"}, "template": pod("head")},
                "workerGroupSpecs": [
                    {
                        "groupName": "workers",
                        "replicas": nodes,
                        "minReplicas": nodes,
                        "maxReplicas": nodes,
                        "rayStartParams": {},
                        "template": pod("worker"),
                    }
                ],
            },
        },
    }
    return yaml.safe_dump_all([config_map, ray_job], sort_keys=False, width=140)


def slurm(
    study: Study,
    *,
    nodes: int,
    cpus: int,
    gpus: int,
    hours: int,
    store: str | None = None,
    task_module: pathlib.Path | None = None,
    options: Sequence[str] = (),
) -> str:
    """Return a batch script that starts Ray on the nodes of a Slurm job and runs the study there.

    Args:
        study: the specification.
        nodes: number of nodes.
        cpus: CPUs of each node.
        gpus: GPUs of each node.
        hours: time limit.
        store: a database URL or a path that all nodes share.
        task_module: file of the user's tasks and variants.
        options: further options of ``sensitivity run``.

    Source: Ray, "Deploying on Slurm"; Slurm, ``sbatch`` (``--requeue``, ``--export``).
    """
    run = (
        command(study, store=store, task_module=_name(task_module), options=options) + ' --address "$address"'
    )
    files = "\n".join(
        f"cat > {shlex.quote(name)} <<'{END}'\n{text.rstrip()}\n{END}"
        for name, text in _files(study, task_module).items()
    )
    gpu_lines = [f"#SBATCH --gpus-per-node={gpus}"] if gpus else []
    head = [
        "#!/bin/bash",
        f"#SBATCH --job-name={folder_name(study.name)}",
        f"#SBATCH --nodes={nodes}",
        "#SBATCH --ntasks-per-node=1",
        f"#SBATCH --cpus-per-task={cpus}",
        *gpu_lines,
        f"#SBATCH --time={hours}:00:00",
        "#SBATCH --requeue",
    ]
    return "\n".join(head) + _SLURM.format(files=files, cpus=cpus, gpus=gpus, run=run)


_SLURM = """
# Run again (sbatch, or a requeue), it trains only what the store lacks. Every node has this package in its
# Python.
set -euo pipefail
folder=$(mktemp -d -p "${{SLURM_SUBMIT_DIR:-$PWD}}" study.XXXXXX)
cd "$folder"
{files}

export RAY_AUTH_MODE=token
RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')
export RAY_AUTH_TOKEN
port=$((20000 + SLURM_JOB_ID % 10000))
mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head_ip=$(srun --nodes=1 --ntasks=1 --nodelist="${{nodes[0]}}" hostname --ip-address | cut -d' ' -f1)
address="$head_ip:$port"
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$folder"' EXIT

srun --nodes=1 --ntasks=1 --nodelist="${{nodes[0]}}" \\
    ray start --head --node-ip-address="$head_ip" --port="$port" --num-cpus={cpus} --num-gpus={gpus} --block &
until ray health-check --address "$address" 2>/dev/null; do sleep 2; done
for node in "${{nodes[@]:1}}"; do
    srun --nodes=1 --ntasks=1 --nodelist="$node" \\
        ray start --address="$address" --num-cpus={cpus} --num-gpus={gpus} --block &
done

{run}
"""

KINDS: dict[str, Callable[..., str]] = {"kuberay": kuberay, "slurm": slurm}


def _files(study: Study, task_module: pathlib.Path | None) -> dict[str, str]:
    return {
        SPECIFICATION: study.to_json(),
        **({task_module.name: task_module.read_text()} if task_module is not None else {}),
    }


def _name(task_module: pathlib.Path | None) -> str | None:
    return task_module.name if task_module is not None else None


def _kubernetes_name(study: str) -> str:
    """Return a DNS label of at most 47 characters, KubeRay's limit for a RayJob.

    >>> _kubernetes_name("Paper table_1")
    'paper-table-1-f7108502689034e3'
    """
    return re.sub(r"[^a-z0-9]+", "-", folder_name(study).lower()).strip("-")[-47:].strip("-") or "study"
