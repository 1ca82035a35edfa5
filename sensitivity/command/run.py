"""``sensitivity run``: training of the missing trials of a study, and its report."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer

from sensitivity.command.options import (
    DEFAULT_STORE,
    Address,
    AsJson,
    Configurations,
    DefaultSetting,
    Folder,
    Force,
    Seeds,
    StorePlace,
    TaskModule,
    load_module,
    stored_study,
    the_studies,
)
from sensitivity.command.terminal import report_folder, show_plan
from trainables.names import InputError


def run(
    file: Annotated[str | None, typer.Argument(help="A study as YAML or JSON.", show_default=False)] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="A study that comes with the package; see `sensitivity presets`.", show_default=False
        ),
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(help="A study of the store, by its name, to be run again.", show_default=False),
    ] = None,
    store: StorePlace = DEFAULT_STORE,
    out: Folder = None,
    epochs: Annotated[int | None, typer.Option(help="Instead of the study's.", show_default=False)] = None,
    seeds: Seeds = None,
    configurations: Configurations = None,
    limit: Annotated[
        int | None,
        typer.Option(help="The first so many images only, instead of the study's.", show_default=False),
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="float32, tf32 or bf16, instead of the study's.", show_default=False)
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(
            help="A difference of the metric that counts as none, instead of the study's.",
            show_default=False,
        ),
    ] = None,
    default_setting: DefaultSetting = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", "--max-workers", help="Cohorts trained at once, at most.", show_default="one a core"
        ),
    ] = None,
    address: Address = None,
    gpus_per_worker: Annotated[
        float, typer.Option(help="Share of a GPU for each worker; 0 trains on the CPU.")
    ] = 0.0,
    resource: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=AMOUNT",
            help="Of the cluster's own resources, for each worker; repeat it.",
            show_default=False,
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Of the nodes that train; repeat it.", show_default=False),
    ] = None,
    trial_timeout: Annotated[
        float | None,
        typer.Option(
            help="Seconds without a report after which a worker is killed, and its trial tried once more.",
            show_default="none",
        ),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            help="Checkpoints of a cluster: a folder that every node has, or a URL (s3, gs, abfs, hdfs).",
            show_default="begin anew",
        ),
    ] = None,
    cohort_size: Annotated[
        int | None,
        typer.Option(
            help="Trials given to a worker at once; a GPU trains them as one program.",
            show_default="what is fastest",
        ),
    ] = None,
    data_root: Annotated[
        pathlib.Path | None,
        typer.Option(help="Folder of the datasets (holds MNIST/raw, cifar10.npz ...).", show_default="data"),
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch a dataset that is not in the data root.")
    ] = False,
    task_module: TaskModule = None,
    force: Force = False,
    where: Annotated[
        str | None,
        typer.Option(
            help="Where to train: process (this one) or ray. Results do not depend on it.",
            show_default="process if that is sooner, as for small studies",
        ),
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Show what would be run, and about how long it takes; run nothing.")
    ] = False,
    no_report: Annotated[
        bool, typer.Option("--no-report", help="Train only: measure nothing and write no report.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train what the store lacks of a study, then write its report.

    Every report of a worker is in the store before the next is asked for: kill it at any time and give the
    same command again.
    """
    from sensitivity.command.training import train
    from sensitivity.running.places import parse_labels, parse_resources
    from sensitivity.study.study import with_changes, with_configurations

    load_module(task_module)
    changes = {
        "epochs": epochs,
        "seeds": seeds,
        "limit": limit,
        "precision": precision,
        "margin": margin,
        "default_setting": default_setting,
    }
    changed = any(value is not None for value in changes.values())
    if study is not None and (file is not None or preset is not None):
        raise InputError("give a study file, --preset NAME or --study NAME, got more than one")
    chosen = the_studies(file, preset) if study is None else [stored_study(store, study)]
    studies = [
        with_configurations(with_changes(one, **changes) if changed else one, configurations)
        for one in chosen
    ]
    if plan:
        show_plan(studies, as_json, store)
        return
    if no_report and out is not None:
        raise InputError(
            f"--out {str(out)!r} is the folder of a report, which --no-report does not write; leave one out"
        )
    places = [
        None
        if no_report
        else report_folder(out / one.name if out is not None and len(studies) > 1 else out, one.name)
        for one in studies
    ]
    options = {
        "store": store,
        "address": address,
        "workers": workers,
        "gpus_per_worker": gpus_per_worker,
        "resources": parse_resources(resource or []),
        "labels": parse_labels(label or []),
        "trial_timeout": trial_timeout,
        "storage": storage,
        "cohort_size": cohort_size,
        "data_root": data_root,
        "download": download,
        "force": force,
        "where": where,
    }
    succeeded = [train(one, place, as_json, options) for one, place in zip(studies, places, strict=True)]
    if not all(succeeded):
        raise typer.Exit(1)
