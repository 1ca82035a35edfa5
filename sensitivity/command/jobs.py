"""``sensitivity submit`` and ``sensitivity jobs``: studies on a Ray cluster, from anywhere."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer

from sensitivity.command.options import AsJson, Preset, StudyFile, TaskModule, load_module, the_studies
from sensitivity.command.terminal import show

Address = Annotated[
    str,
    typer.Option(
        envvar="RAY_API_SERVER_ADDRESS",
        help="Dashboard of the cluster's head: http://HOST:8265.",
        show_default=False,
    ),
]
Name = Annotated[
    str, typer.Argument(help="Of a job, or of a study, whose newest job is meant.", show_default=False)
]
RemoteStore = Annotated[
    str | None,
    typer.Option(
        help="Where the results are kept: a path on the head (/... or ~/...), or a database URL.",
        show_default="SENSITIVITY_STORE there, else ~/sensitivity.sqlite there",
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[-- OPTIONS]", help="Of `sensitivity run`, used there: -- --workers 8", show_default=False
    ),
]


def submit(
    address: Address,
    file: StudyFile = None,
    options: Options = None,
    preset: Preset = None,
    store: RemoteStore = None,
    task_module: TaskModule = None,
    working_dir: Annotated[
        pathlib.Path | None,
        typer.Option(help="A folder that goes along, such as that of your own modules.", show_default=False),
    ] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Hand it over and return.")] = False,
) -> None:
    """Run a study as a job of a Ray cluster, and show its progress.

    The specification, --task-module and --working-dir (at most 100 MB) travel; the store and the report
    (~/runs/STUDY) stay there. The job goes on when this command is stopped; the same study submitted again is
    joined.
    """
    from sensitivity.clusters.jobs import Jobs

    words = options or []
    if preset is not None and file is not None:
        words, file = [file, *words], None  # the words after -- are all options of the run
    load_module(task_module)
    jobs, started = Jobs(address), []
    for study in the_studies(file, preset):
        job, joined = jobs.submit(
            study, store=store, task_module=task_module, working_dir=working_dir, options=words
        )
        how = "runs already as" if joined else "is"
        ways = f"`sensitivity jobs logs {job} -f` follows it, `sensitivity jobs cancel {job}` ends it"
        typer.echo(f"study {study.name} {how} job {job}; {ways}", err=True)
        started.append(job)
    if no_wait:
        return
    _ended(*[jobs.follow(job, lambda text: typer.echo(text, nl=False)) for job in started])


jobs_app = typer.Typer(
    no_args_is_help=True, help="The studies that a Ray cluster runs as jobs.", rich_markup_mode="rich"
)


@jobs_app.command()
def status(
    address: Address,
    name: Annotated[str | None, typer.Argument(help="Of a job or a study.", show_default="all")] = None,
    as_json: AsJson = False,
) -> None:
    """List jobs: which study, how it stands, since when."""
    from sensitivity.clusters.jobs import Jobs

    show(Jobs(address).rows(name), as_json, empty="no study was submitted to this cluster")


@jobs_app.command()
def logs(
    address: Address,
    name: Name,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Until the job ends.")] = False,
) -> None:
    """Show what a job printed."""
    from sensitivity.clusters.jobs import Jobs

    if follow:
        _ended(Jobs(address).follow(name, lambda text: typer.echo(text, nl=False)))
    else:
        typer.echo(Jobs(address).logs(name), nl=False)


@jobs_app.command()
def wait(
    address: Address,
    name: Name,
    timeout: Annotated[float | None, typer.Option(help="In seconds.", show_default="for ever")] = None,
) -> None:
    """Wait until a job has ended; the exit code is 0 when it succeeded, else 1."""
    from sensitivity.clusters.jobs import Jobs

    _ended(Jobs(address).wait(name, timeout))


@jobs_app.command()
def cancel(address: Address, name: Name) -> None:
    """End a job. What it reported stays in its store; submit the study again to continue."""
    from sensitivity.clusters.jobs import Jobs

    typer.echo(f"{name}: {Jobs(address).cancel(name)}")


def _ended(*statuses: str) -> None:
    """Print the end status of jobs, and exit with code 1 unless all succeeded."""
    typer.echo(", ".join(statuses), err=True)
    if set(statuses) != {"succeeded"}:
        raise typer.Exit(1)
