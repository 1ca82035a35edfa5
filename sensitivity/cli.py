"""The ``sensitivity`` command."""

from __future__ import annotations

import hashlib
import json
import math
import os
import pathlib
import shlex
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from sensitivity.planning import STATUSES
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from sensitivity.results import Results
    from sensitivity.study import Study

DEFAULT_STORE = "sensitivity.sqlite"
BAD_INPUT, INTERRUPTED = 2, 130

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""How sensitive is each optimizer variant to its hyperparameters, which of them matter, and how sure are we?

    Start with [bold]sensitivity run --preset quickstart[/bold]: six optimizers on handwritten digits, about three minutes on two
    cores, no download.
    It ends with a table and a report that opens offline. A run that is stopped is continued by giving the same command again.""",
    epilog="Every command that lists something takes --json. Exit codes: 0 done, 1 trials failed, 2 bad input, 130 interrupted.",
)

StorePlace = Annotated[
    str,
    typer.Option(
        "--store", help="Where results are kept: a SQLite file, or a database URL.", envvar="SENSITIVITY_STORE", show_default=True
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
Folder = Annotated[
    pathlib.Path | None,
    typer.Option("--out", help="Folder for the report: report.html, report.md, CSV, Parquet.", show_default="runs/STUDY"),
]
Metric = Annotated[
    str | None, typer.Option(help="train_loss_end, train_loss or test_loss, instead of the study's own.", show_default=False)
]


@app.command()
def run(
    file: Annotated[str | None, typer.Argument(help="A study as YAML or JSON.", show_default=False)] = None,
    preset: Annotated[
        str | None, typer.Option(help="A study that comes with the package; see `sensitivity presets`.", show_default=False)
    ] = None,
    store: StorePlace = DEFAULT_STORE,
    out: Folder = None,
    workers: Annotated[int | None, typer.Option(help="Cohorts trained at once.", show_default="one a core")] = None,
    address: Annotated[str | None, typer.Option(help="Ray cluster, such as auto or ray://host:10001.", show_default="a local Ray")] = None,
    gpus_per_worker: Annotated[float, typer.Option(help="Share of a GPU for each worker; 0 trains on the CPU.")] = 0.0,
    data_root: Annotated[pathlib.Path | None, typer.Option(help="Folder of the datasets (holds MNIST/raw).", show_default=False)] = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch a dataset that is not in the data root.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train what the store lacks of a study, then write its report.

    Every epoch is in the store before the next is asked for: kill it at any time and give the same command again.
    """
    from sensitivity.progress import Progress
    from sensitivity.running import run as run_study

    study = _study(file, preset)
    place = _report_folder(out, study.name)
    console = Console(stderr=True)
    with Progress(console) as progress:
        results = run_study(
            study,
            store=store,
            address=address,
            workers=workers,
            gpus_per_worker=gpus_per_worker,
            data_root=data_root,
            download=download,
            progress=progress,
        )
    for error in progress.errors[:5]:
        console.print(f"failed: {error}", style="red", markup=False, highlight=False)
    if not results.usable.empty or progress.errors == []:
        _conclude(results, place, as_json)
    if (results.trials["status"] == "failed").any():
        raise typer.Exit(1)


@app.command()
def report(
    study: Annotated[str | None, typer.Argument(help="Name of a study in the store.", show_default="the only one")] = None,
    store: StorePlace = DEFAULT_STORE,
    out: Folder = None,
    metric: Metric = None,
    as_json: AsJson = False,
) -> None:
    """Write the report of a study from what the store holds, also while it runs."""
    from sensitivity.results import Results
    from sensitivity.store import Store

    opened = Store(store, create=False)
    try:
        name = _which(opened, study)
        results = Results.from_store(opened, name, metric=metric)
    finally:
        opened.close()
    _conclude(results, _report_folder(out, name), as_json)


@app.command()
def studies(store: StorePlace = DEFAULT_STORE, as_json: AsJson = False) -> None:
    """List the studies of a store and how far each is."""
    from sensitivity.store import Store

    opened = Store(store, create=False)
    try:
        found = opened.studies()
    finally:
        opened.close()
    _show(found, as_json, empty="no study yet; try `sensitivity run --preset quickstart`")


@app.command()
def trials(
    study: Annotated[str | None, typer.Argument(help="Name of a study in the store.", show_default="the only one")] = None,
    store: StorePlace = DEFAULT_STORE,
    status: Annotated[str | None, typer.Option(help=f"Only these: {', '.join(STATUSES)}.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """List the trials of a study with configuration, status and loss."""
    from sensitivity.results import Results, records
    from sensitivity.store import Store

    if status is not None and status not in STATUSES:
        raise unknown("status", status, STATUSES)
    opened = Store(store, create=False)
    try:
        table = Results.from_store(opened, _which(opened, study)).trials
    finally:
        opened.close()
    if status is not None:
        table = table[table["status"] == status]
    table = table.rename(columns=lambda name: name.removeprefix("config/"))
    columns = [name for name in table.columns if name not in ("epochs", "initial_loss")]
    _show(records(table[columns]), as_json, empty="no such trial")


@app.command()
def variants(as_json: AsJson = False) -> None:
    """List the named optimizer variants, their hyperparameters and sources."""
    from trainables.variants import VARIANTS

    _show(
        [
            {"variant": each.name, "hyperparameters": ", ".join(each.hyperparameters), "what": each.description, "source": each.source}
            for each in VARIANTS.values()
        ],
        as_json,
    )


@app.command()
def spaces(
    variant: Annotated[list[str] | None, typer.Argument(help="Names of variants.", show_default="all")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the default search space of variants."""
    from search_spaces.defaults import default_space
    from trainables.variants import VARIANTS

    rows = [{"variant": name, **each} for name in variant or VARIANTS for each in default_space(name).to_dict()]
    _show(rows, as_json)


@app.command()
def presets(
    name: Annotated[str | None, typer.Argument(help="Print this preset as YAML, to edit and run.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """List the studies that come with the package, or print one as YAML."""
    from sensitivity.presets import PRESETS
    from sensitivity.study import Study

    if name is not None:
        study = Study.preset(name)
        typer.echo(study.to_json() if as_json else study.to_yaml(), nl=as_json)
        return
    _show([{"preset": each, "what": preset["description"]} for each, preset in PRESETS.items()], as_json)


def _study(file: str | None, preset: str | None) -> Study:
    from sensitivity.study import Study

    if (file is None) == (preset is None):
        given = "both" if file is not None else "neither"
        raise InputError(f"give a study file or --preset NAME, got {given} (`sensitivity presets` lists them)")
    return Study.preset(preset) if preset is not None else Study.load(str(file))


def _which(store: Any, name: str | None) -> str:
    """The study that is meant: the one named, or the only one."""
    if name is not None:
        return name
    names = [each["name"] for each in store.studies()]
    if len(names) != 1:
        raise InputError(f"name one of the {len(names)} studies of this store: {', '.join(names) or 'it is empty'}")
    return str(names[0])


def _report_folder(out: pathlib.Path | None, study: str) -> pathlib.Path:
    """Where the report goes; a place that cannot be written is found before the work, not after it."""
    place = out if out is not None else pathlib.Path("runs") / _folder_name(study)
    nearest = next(each for each in (place, *place.absolute().parents) if each.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise InputError(f"--out {str(place)!r} cannot be written: {str(nearest)!r} is not a writable folder")
    return place


def _folder_name(study: str) -> str:
    """The study's name where it can name a folder; else what can, with a few digits that keep two studies apart.

    >>> _folder_name("quickstart"), _folder_name("a/b"), _folder_name("a b")
    ('quickstart', 'a_b-c14cdd', 'a_b-c8687a')
    """
    name = "".join(each if each.isascii() and (each.isalnum() or each in "-_.") else "_" for each in study)
    if name == study and len(name) <= 100 and name.strip("."):
        return name
    return f"{name[:60].strip('.')}-{hashlib.sha256(study.encode()).hexdigest()[:6]}"


def _conclude(results: Results, place: pathlib.Path, as_json: bool) -> None:
    """Write the report, and say what it says."""
    from sensitivity.measures import Measured
    from sensitivity.report import write_report
    from sensitivity.results import records
    from sensitivity.summary import summary, with_interval

    written = write_report(results, place)
    measured = Measured(results)
    table = measured.overview
    if as_json:
        typer.echo(_json({"report": str(written), "overview": records(table)}))
        return
    console = Console()
    for task, part in table.groupby("task", sort=False):
        shown = Table(title=str(task), title_justify="left", box=None, header_style="bold")
        wide = part["robust_width"].notna().all()
        of_what = f"{measured.compared_over} sensitivity" if measured.compared_over else "sensitivity"
        for head in ("variant", "best loss", f"{of_what} (95 %)", *(["robust width"] if wide else []), "diverged", "trials"):
            shown.add_column(head, justify="left" if head == "variant" else "right", no_wrap=True)
        for row in records(part):
            width = [f"{row['robust_width']:.2f} decades"] if wide else []
            value = with_interval(row, "sensitivity") if row["learned"] else "did not learn"
            shown.add_row(row["variant"], f"{row['best_loss']:.3g}", value, *width, f"{row['divergence_rate']:.0%}", str(row["n"]))
        console.print(shown)
        for sentence in summary(measured, str(task)):
            console.print(f"- {sentence}", markup=False, highlight=False, soft_wrap=not console.is_terminal)
    typer.echo(f"\nreport: {written}")


def _show(rows: list[dict[str, Any]], as_json: bool, *, empty: str = "nothing") -> None:
    """Rows as JSON, or as a table that a terminal's width cannot cut when it is read by a program."""
    if as_json:
        typer.echo(_json(rows))
        return
    if not rows:
        typer.echo(empty)
        return
    columns = list(dict.fromkeys(name for row in rows for name in row))
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for name in columns:
        shown.add_column(name, overflow="fold")
    for row in rows:
        shown.add_row(*(_cell(row.get(name)) for name in columns))
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(240, console.width))
    console.print(shown, markup=False, highlight=False)


def _json(value: Any) -> str:
    """JSON to the last digit: nothing measured is null, infinity a string."""

    def plain(each: Any) -> Any:
        if isinstance(each, Mapping):
            return {str(name): plain(one) for name, one in each.items()}
        if isinstance(each, (list, tuple)):
            return [plain(one) for one in each]
        if hasattr(each, "item"):  # a NumPy number
            each = each.item()
        if isinstance(each, float) and not math.isfinite(each):
            return None if math.isnan(each) else str(each)
        return each

    return json.dumps(plain(value), allow_nan=False)


def _cell(value: Any) -> str:
    from rich.markup import escape

    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    return escape(str(value))


def main() -> None:
    """Run the command; bad input is one line and exit code 2, an interruption says how to continue and is 130."""
    try:
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
        if type(error).__name__ != "Interrupted":  # its class lives beside Ray, which most commands need not load
            raise
        _stopped()


def _stopped() -> NoReturn:
    again = shlex.join(["sensitivity", *sys.argv[1:]])
    print(f"Stopped; everything reported is kept. Continue with: {again}", file=sys.stderr)  # noqa: T201
    raise SystemExit(INTERRUPTED) from None


if __name__ == "__main__":
    main()
