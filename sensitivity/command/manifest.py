"""``sensitivity manifest``: a study as what Kubernetes or Slurm starts."""

from __future__ import annotations

from typing import Annotated

import typer

from sensitivity.command.options import Preset, StudyFile, TaskModule, load_module, the_studies
from trainables.names import InputError


def manifest(
    kind: Annotated[
        str, typer.Option(help="kuberay (a RayJob as YAML) or slurm (a batch script).", show_default=False)
    ],
    file: StudyFile = None,
    study: Annotated[
        str | None, typer.Option("--study", help="The same as the argument.", hidden=True)
    ] = None,
    preset: Preset = None,
    task_module: TaskModule = None,
    store: Annotated[
        str | None,
        typer.Option(
            help="Where results are kept: a path there, or a database URL.",
            show_default="SENSITIVITY_STORE there",
        ),
    ] = None,
    image: Annotated[
        str, typer.Option(help="kuberay: a container image with this package and Ray.")
    ] = "YOUR-REGISTRY/sensitivity:latest",
    nodes: Annotated[int, typer.Option(min=1, help="Nodes; with kuberay workers beside the head.")] = 2,
    cpus: Annotated[int, typer.Option(min=1, help="CPUs of each node.")] = 8,
    gpus: Annotated[int, typer.Option(min=0, help="GPUs of each node.")] = 0,
    gpus_per_worker: Annotated[float, typer.Option(min=0, help="Share of a GPU for each worker.")] = 0.0,
    hours: Annotated[int, typer.Option(min=1, help="slurm: time limit.")] = 24,
) -> None:
    """Print what starts a study on Kubernetes (KubeRay) or Slurm. Nothing is started."""
    from sensitivity.clusters.manifests import KINDS

    if study is not None and file is None:
        file = study
    if kind not in KINDS:
        from trainables.names import unknown

        raise unknown("kind", kind, KINDS)
    load_module(task_module)
    studies = the_studies(file, preset)
    if len(studies) > 1:
        names = ", ".join(study.name for study in studies)
        raise InputError(f"preset {preset!r} is {len(studies)} studies; print the manifest of one: {names}")
    if gpus_per_worker and not gpus:
        raise InputError(f"gpus_per_worker is {gpus_per_worker}, but nodes have no GPU; give --gpus")
    options = ["--gpus-per-worker", f"{gpus_per_worker:g}"] if gpus_per_worker else []
    places = {
        "nodes": nodes,
        "cpus": cpus,
        "gpus": gpus,
        "store": store,
        "task_module": task_module,
        "options": options,
    }
    more = {"image": image} if kind == "kuberay" else {"hours": hours}
    typer.echo(KINDS[kind](studies[0], **places, **more), nl=False)
