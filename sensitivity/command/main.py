"""The ``sensitivity`` command."""

from __future__ import annotations

import pathlib
import shlex
import sys
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from sensitivity.command.compare import compare
from sensitivity.command.dashboard import dashboard
from sensitivity.command.export import export
from sensitivity.command.jobs import jobs_app, submit
from sensitivity.command.manifest import manifest
from sensitivity.command.options import (
    DEFAULT_STORE,
    AsJson,
    Folder,
    Metric,
    StorePlace,
    TaskModule,
    load_module,
    the_studies,
    the_study,
)
from sensitivity.command.paper import paper
from sensitivity.command.presets import presets_app
from sensitivity.command.serve import serve
from sensitivity.command.store import store_app
from sensitivity.command.tables import import_results, measure
from sensitivity.command.terminal import conclude, in_words, report_folder, show, show_plan
from sensitivity.running.node_losses import NodeLost
from sensitivity.study.trial import STATUSES
from sensitivity.text.import_path import search_last
from trainables.names import InputError, unknown

BAD_INPUT, INTERRUPTED = 2, 130

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""How sensitive is each optimizer variant to its hyperparameters, which of them matter, and how sure are we?

    Start with [bold]sensitivity run --preset quickstart[/bold]: six optimizers on handwritten digits, a few minutes, no download.
    It ends with a table and a report that opens offline. A run that is stopped is continued by giving the same command again.""",
    epilog="Every command that lists something takes --json. Exit codes: 0 done, 1 trials failed, 2 bad "
    "input, 130 interrupted.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        import importlib.metadata

        typer.echo(f"optimizer-sensitivity {importlib.metadata.version('optimizer-sensitivity')}")
        raise typer.Exit


@app.callback()
def every_command(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Take the options of every command; their help is that of the application."""


@app.command()
def run(
    file: Annotated[str | None, typer.Argument(help="A study as YAML or JSON.", show_default=False)] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="A study that comes with the package; see `sensitivity presets`.", show_default=False
        ),
    ] = None,
    store: StorePlace = DEFAULT_STORE,
    out: Folder = None,
    epochs: Annotated[int | None, typer.Option(help="Instead of the study's.", show_default=False)] = None,
    seeds: Annotated[
        int | None, typer.Option(help="How many, instead of the study's.", show_default=False)
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(help="The first so many images only, instead of the study's.", show_default=False),
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="float32, tf32 or bf16, instead of the study's.", show_default=False)
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", "--max-workers", help="Cohorts trained at once, at most.", show_default="one a core"
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            help="Ray cluster: auto on one of its nodes, or HOST:PORT of its head.",
            show_default="a local Ray",
        ),
    ] = None,
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
    force: Annotated[
        bool, typer.Option("--force", help="Do not wait for another run of the same study that is under way.")
    ] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Show what would be run, and about how long it takes; run nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train what the store lacks of a study, then write its report.

    Every report of a worker is in the store before the next is asked for: kill it at any time and give the
    same command again.
    """
    from sensitivity.running.places import given_labels, given_resources
    from sensitivity.running.progress import Progress
    from sensitivity.running.run import run as run_study
    from sensitivity.study.study import with_changes

    load_module(task_module)
    changes = {"epochs": epochs, "seeds": seeds, "limit": limit, "precision": precision}
    changed = any(value is not None for value in changes.values())
    studies = [with_changes(study, **changes) if changed else study for study in the_studies(file, preset)]
    if plan:
        show_plan(studies, as_json)
        return
    places = [
        report_folder(out / study.name if out is not None and len(studies) > 1 else out, study.name)
        for study in studies
    ]
    failed = False
    console = Console(stderr=True)
    for study, place in zip(studies, places, strict=True):
        with Progress(console) as progress:
            results = run_study(
                study,
                store=store,
                address=address,
                workers=workers,
                gpus_per_worker=gpus_per_worker,
                resources=given_resources(resource or []),
                labels=given_labels(label or []),
                trial_timeout=trial_timeout,
                storage=storage,
                cohort_size=cohort_size,
                data_root=data_root,
                download=download,
                progress=progress,
                force=force,
            )
        for error in progress.errors[:5]:
            console.print(f"failed: {error}", style="red", markup=False, highlight=False)
        if not results.usable.empty or not progress.errors:
            conclude(results, place, as_json)
        failed = failed or bool((results.trials["status"] == "failed").any())
    if failed:
        raise typer.Exit(1)


@app.command()
def report(
    study: Annotated[
        str | None, typer.Argument(help="Name of a study in the store.", show_default="the only one")
    ] = None,
    store: StorePlace = DEFAULT_STORE,
    out: Folder = None,
    metric: Metric = None,
    png: Annotated[
        bool,
        typer.Option("--png", help="Write the figures as PNG too; needs kaleido and Chrome or Chromium."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write the report of a study from what the store holds, also while it runs."""
    from sensitivity.results.results import Results
    from sensitivity.store.store import Store

    opened = Store(store, create=False)
    try:
        name = the_study(opened, study)
        results = Results.from_store(opened, name, metric=metric)
    finally:
        opened.close()
    conclude(results, report_folder(out, name), as_json, png=png)


@app.command()
def studies(store: StorePlace = DEFAULT_STORE, as_json: AsJson = False) -> None:
    """List the studies of a store and how far each is."""
    from sensitivity.store.store import Store

    opened = Store(store, create=False)
    try:
        rows = opened.studies()
    finally:
        opened.close()
    show(rows, as_json, empty="no study yet; try `sensitivity run --preset quickstart`")


@app.command()
def trials(
    study: Annotated[
        str | None, typer.Argument(help="Name of a study in the store.", show_default="the only one")
    ] = None,
    store: StorePlace = DEFAULT_STORE,
    status: Annotated[
        str | None, typer.Option(help=f"Only these: {', '.join(STATUSES)}.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the trials of a study with configuration, status and loss."""
    from sensitivity.results.results import Results, records
    from sensitivity.store.store import Store

    if status is not None and status not in STATUSES:
        raise unknown("status", status, STATUSES)
    opened = Store(store, create=False)
    try:
        table = Results.from_store(opened, the_study(opened, study)).trials
    finally:
        opened.close()
    if status is not None:
        table = table[table["status"] == status]
    table = table.rename(columns=lambda name: name.removeprefix("config/"))
    columns = [name for name in table.columns if name not in ("epochs", "initial_loss")]
    show(records(table[columns]), as_json, empty="no such trial")


@app.command()
def variants(
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="The optimizers of torch.optim and the paper's 768 combinations too, by name."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the named optimizer variants, their hyperparameters and sources.

    Any torch.optim optimizer is a variant too (torch.optim.AdamW), one of your own by module:Name, and every
    combination such as cm-unscaled-mean-constant+l1-mean-bias_corrected.
    """
    from trainables.variants import VARIANTS

    listed = list(VARIANTS.values())
    if everything:
        import torch

        from trainables.torch_variants import TORCH_DEFAULTS, torch_variant
        from trainables.variant_names import all_variants

        listed += [
            torch_variant(name) for name in TORCH_DEFAULTS if hasattr(torch.optim, name.rpartition(".")[2])
        ]
        listed += all_variants()
    show(
        [
            {
                "variant": variant.name,
                "hyperparameters": ", ".join(variant.hyperparameters),
                "what": variant.description,
                "source": variant.source,
            }
            for variant in listed
        ],
        as_json,
    )


@app.command()
def spaces(
    variant: Annotated[
        list[str] | None, typer.Argument(help="Names of variants.", show_default="all")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the default search space of variants."""
    from search_spaces.defaults import default_space
    from trainables.variants import VARIANTS

    search_last()  # where module:Name is looked for
    names = variant or list(VARIANTS)
    if as_json:
        show([{"variant": name, **row} for name in names for row in default_space(name).to_dict()], as_json)
    else:
        show([{"variant": name, **row} for name in names for row in default_space(name).table()], as_json)


@app.command()
def tasks(task_module: TaskModule = None, as_json: AsJson = False) -> None:
    """List the tasks: model, data, loss, metrics and the hyperparameters of the model.

    Every model also trains on data of your own: mlp/arrays:FILE.npz, resnet/images:FOLDER. +augmented crops
    and mirrors the images.
    """
    from trainables.tasks import task_rows

    load_module(task_module)
    rows = task_rows()
    if not as_json:
        wanted = ("name", "model", "parameters", "images", "loss", "metrics", "settings", "description")
        rows = [{name: in_words(row[name]) for name in wanted} for row in rows]
    show(rows, as_json)


app.command("import")(import_results)
app.command()(measure)
app.command()(compare)
app.command()(export)
app.command()(dashboard)
app.command()(serve)
app.command()(paper)
app.add_typer(store_app, name="store")
app.command()(submit)
app.command()(manifest)
app.add_typer(jobs_app, name="jobs")

app.add_typer(presets_app, name="presets")


def main() -> None:
    """Run the command: exit code 2 for bad input, 130 for an interruption.

    Bad input is one line on stderr. An interruption prints the command that continues the run.
    """
    try:
        _check_working_directory()
        app()
    except InputError as error:
        print(f"Error: {error}", file=sys.stderr)
        raise SystemExit(BAD_INPUT) from None
    except KeyboardInterrupt:
        _stopped()
    except SystemExit as ended:  # Typer's own way to end on SIGINT
        if ended.code != INTERRUPTED:
            raise
        _stopped()
    except Exception as error:
        if isinstance(error, NodeLost):
            print(f"Error: {error}", file=sys.stderr)
            raise SystemExit(1) from None
        if (
            type(error).__name__ != "Interrupted"
        ):  # its class lives beside Ray, which most commands need not load
            raise
        _stopped()


def _check_working_directory() -> None:
    try:
        pathlib.Path.cwd()
    except OSError as error:
        raise InputError(
            f"the working directory cannot be used: {error.strerror}; change to another"
        ) from None


def _stopped() -> NoReturn:
    from sensitivity.store.databases import without_password

    again = shlex.join(["sensitivity", *map(without_password, sys.argv[1:])])
    print(f"Stopped; everything reported is kept. Continue with: {again}", file=sys.stderr)
    raise SystemExit(INTERRUPTED) from None


if __name__ == "__main__":
    main()
