"""The ``sensitivity`` command."""

from __future__ import annotations

import errno
import pathlib
import shlex
import sys
from typing import Annotated, NoReturn

import typer

from sensitivity.command.compare import compare
from sensitivity.command.dashboard import dashboard
from sensitivity.command.demo import demo
from sensitivity.command.export import export
from sensitivity.command.jobs import jobs_app, submit
from sensitivity.command.manifest import manifest
from sensitivity.command.paper import paper
from sensitivity.command.plan import plan
from sensitivity.command.presets import presets_app
from sensitivity.command.report import report
from sensitivity.command.run import run
from sensitivity.command.serve import serve
from sensitivity.command.store import store_app
from sensitivity.command.studies import studies, trials
from sensitivity.command.sweep import sweep
from sensitivity.command.tables import import_results, measure
from sensitivity.command.tasks import tasks
from sensitivity.command.variants import spaces, variants
from sensitivity.running.node_losses import NodeLost
from trainables.names import InputError

BAD_INPUT, INTERRUPTED = 2, 130
LACKING = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE)
"""Errors of a machine that lacks something, as room on the disk of what a command prints."""

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="How sensitive is each optimizer variant to its hyperparameters, which of them matter, and how sure "
    "are we?\n\n"
    "See a finished study first: [bold]sensitivity demo[/bold], a report in seconds.\n"
    "Train it with [bold]sensitivity run --preset quickstart[/bold]: six optimizers on handwritten digits, a "
    "few minutes, no download.\n"
    "It ends with a table and a report that opens offline. A run that is stopped is continued by giving the "
    "same command again.",
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


app.command()(demo)
app.command()(run)
app.command()(sweep)
app.command()(plan)
app.command()(report)
app.command()(studies)
app.command()(trials)
app.command()(variants)
app.command()(spaces)
app.command()(tasks)
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

    Bad input is one line on stderr, as is what the machine lacks. An interruption prints the command that
    continues the run.
    """
    try:
        _check_working_directory()
        app()
    except InputError as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201
        raise SystemExit(BAD_INPUT) from None
    except KeyboardInterrupt:
        _stopped()
    except SystemExit as ended:  # Typer's own way to end on SIGINT
        if ended.code != INTERRUPTED:
            raise
        _stopped()
    except Exception as error:
        if isinstance(error, OSError) and error.errno in LACKING:
            where = f": {error.filename}" if error.filename is not None else ""
            print(f"Error: {error.strerror}{where}", file=sys.stderr)  # noqa: T201
            raise SystemExit(BAD_INPUT) from None
        if isinstance(error, NodeLost):
            print(f"Error: {error}", file=sys.stderr)  # noqa: T201
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
    from sensitivity.store.addresses import without_password

    again = shlex.join(["sensitivity", *map(without_password, sys.argv[1:])])
    print(f"Stopped; everything reported is kept. Continue with: {again}", file=sys.stderr)  # noqa: T201
    raise SystemExit(INTERRUPTED) from None


if __name__ == "__main__":
    main()
