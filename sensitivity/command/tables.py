"""The commands that read what is there already: ``sensitivity import`` and ``sensitivity measure``."""

from __future__ import annotations

import inspect
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sensitivity.command.options import (
    DEFAULT_STORE,
    AsJson,
    Folder,
    Metric,
    MetricDirection,
    StorePlace,
    the_study,
)
from sensitivity.command.terminal import conclude, in_words, report_folder, show
from sensitivity.text.wording import listed
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from sensitivity.results.results import Results

TOOLS = (
    "deepcave",
    "keras_tuner",
    "smac",
    "syne_tune",
    "wandb",
    "neptune",
    "mlflow",
    "hydra",
    "deepobs",
    "tensorboard",
)
"""Kinds of files and folders that are tables of a tool."""
TABLES = ("table", *TOOLS)
KINDS = (*TABLES, "optuna", "ray")
ONLY = {
    **dict.fromkeys(("status", "epoch", "statuses", "empty"), TABLES),
    **dict.fromkeys(("study", "failed"), ("optuna",)),
    "direction": (*TABLES, "ray"),
}
"""Options that not every kind has."""
PAIRS = {
    "--scale": "NAME=SCALE, such as lr=log",
    "--default": "NAME=VALUE, such as mu=0",
    "--rename": "OLD=NEW, such as step_size=lr",
    "--status-word": "WORD=STATUS, such as 3=failed",
}
"""Options that pair a name with a value, as they are written."""
SPELLED = {"statuses": "status-word"}
"""Options whose names are not those of the arguments."""


def _option(words: str, *names: str) -> Any:
    return typer.Option(*names, help=words, show_default=False)


def import_results(
    place: Annotated[
        str,
        typer.Argument(
            metavar="FILE_OR_DIR_OR_URL",
            help="A table (CSV, JSON, Excel, Parquet), an Optuna storage, or the file or folder of a tool.",
        ),
    ],
    kind: Annotated[
        str | None, typer.Option(help=f"{', '.join(KINDS)}.", show_default="what it looks like")
    ] = None,
    hyperparameter: Annotated[
        list[str] | None, _option("A hyperparameter; once for each. Else all that is nothing else.")
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        _option("A column (parameter, config entry) that is no hyperparameter; once for each."),
    ] = None,
    rename: Annotated[
        list[str] | None,
        _option("OLD=NEW: a name for a hyperparameter; once for each. The learning rate is called lr."),
    ] = None,
    metric: Annotated[str | None, _option("What trials are judged by.")] = None,
    direction: Annotated[
        str | None,
        typer.Option(help="min or max.", show_default="by the metric's name; of an Optuna study its own"),
    ] = None,
    variant: Annotated[
        str | None, _option("The column (parameter, config entry) that names the variant.")
    ] = None,
    task: Annotated[str | None, _option("The one that names the task.")] = None,
    seed: Annotated[str | None, _option("The one that holds the seed.")] = None,
    status: Annotated[str | None, _option("Tables: the column that says how a trial ended, or none.")] = None,
    status_word: Annotated[
        list[str] | None,
        _option("WORD=completed, diverged, stopped, failed, running or pending: tables; once for each word."),
    ] = None,
    empty: Annotated[
        str | None, _option("Tables: what a trial without a result and a status is, diverged or failed.")
    ] = None,
    epoch: Annotated[
        str | None, _option("Tables with a row an epoch or budget: the column of its number.")
    ] = None,
    initial_loss: Annotated[
        str | None,
        _option("The metric before training, which diverged trials count as: a number, or a table's column."),
    ] = None,
    default: Annotated[
        list[str] | None, _option("NAME=VALUE of a hyperparameter, for trials that lack it; once for each.")
    ] = None,
    scale: Annotated[
        list[str] | None,
        _option("NAME=linear, log, log1m, ordinal or categorical; once for each. Else inferred, and said."),
    ] = None,
    space: Annotated[
        pathlib.Path | None, _option("The search space as a YAML file, instead of inferring it.")
    ] = None,
    design: Annotated[
        str | None, _option("How configurations were chosen: grid, random, sobol, adaptive ...")
    ] = None,
    study: Annotated[
        list[str] | None, _option("Optuna: a study of the storage; several are the variants of one.")
    ] = None,
    failed: Annotated[
        str | None, _option("Optuna: what its failed trials are, failed or diverged (it calls NaN failed).")
    ] = None,
    name: Annotated[str | None, _option("What the report calls it.")] = None,
    out: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Report on existing results: a table, an Optuna storage, or the folder of a tool.

    Tables are CSV, TSV, JSON, Excel or Parquet. Tools are Ray Tune, Optuna, MLflow, TensorBoard, Weights &
    Biases, Neptune, Hydra, SMAC3, Syne Tune, Keras Tuner, DeepCAVE and DeepOBS. Secrets and places of a
    machine are left out. No training is started.
    """
    kind = _kind_of(place) if kind is None else kind
    if kind not in KINDS:
        raise unknown("kind", kind, KINDS)
    arguments: dict[str, Any] = {
        "hyperparameters": hyperparameter or None, "metric": metric, "direction": direction,
        "variant": variant, "task": task, "seed": seed,
        "status": status, "epoch": epoch, "scales": _pairs("--scale", scale), "spaces": _space(space),
        "design": design,
        "study": study or None, "failed": failed, "ignore": leave_out or None, "rename": _pairs("--rename",
        rename),
        "statuses": _pairs("--status-word", status_word), "empty": empty, "defaults": _defaults(default),
        "initial_loss": _number(initial_loss) if initial_loss is not None else None,
    }  # fmt: skip
    arguments = {option: value for option, value in arguments.items() if value is not None}
    for option, kinds in ONLY.items():
        if option in arguments and kind not in kinds:
            raise InputError(
                f"--{SPELLED.get(option, option)} is for {listed(kinds)}, and {place!r} is read as {kind}"
            )
    if kind not in TABLES and isinstance(arguments.get("initial_loss"), str):
        raise InputError(
            f"--initial-loss must be a number, got {initial_loss!r} (only a table has a column for it)"
        )
    results = _read(kind, place, name, arguments)
    if results.usable.empty:
        raise InputError(f"{place!r} holds no finished trial")
    conclude(results, report_folder(out, results.study), as_json)


def measure(
    name: Annotated[
        str, typer.Argument(help="Of a measure, such as excess_loss; `sensitivity measure list` lists them.")
    ],
    study: Annotated[
        str | None, typer.Argument(help="Name of a study in the store.", show_default="the only one")
    ] = None,
    store: StorePlace = DEFAULT_STORE,
    metric: Metric = None,
    direction: MetricDirection = None,
    having: Annotated[
        list[str] | None, _option("An argument of the measure, such as over=mu; once for each.", "--with")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the table of one measure, with intervals.

    Columns: value, interval (low, high), number of trials (n), and a note where something limits the value.
    """
    from sensitivity.measures.named import arguments, measures
    from sensitivity.results.results import Results, records
    from sensitivity.store.store import Store

    known = measures()
    if name == "list":
        show(
            [
                {"measure": title, "what": (inspect.getdoc(function) or "").split("\n")[0]}
                for title, function in known.items()
            ],
            as_json,
        )
        return
    chosen = name.replace("-", "_")
    if chosen not in known:
        raise unknown("measure", name, known)
    chosen_arguments = arguments(chosen, known[chosen], having or [])
    opened = Store(store, create=False)
    try:
        results = Results.from_store(opened, the_study(opened, study), metric=metric, direction=direction)
    finally:
        opened.close()
    try:
        rows = records(known[chosen](results, **chosen_arguments))
    except (TypeError, ValueError) as error:
        if isinstance(error, InputError) or not chosen_arguments:
            raise
        raise InputError(f"{chosen} cannot take {', '.join(having or [])}: {error}") from None
    if not as_json:
        rows = [{column: in_words(value) for column, value in row.items()} for row in rows]
    show(rows, as_json, empty=f"{chosen} has no row for this study")


def _kind_of(place: str) -> str:
    """Return the kind of import that a path or URL looks like.

    Raises:
        InputError: no kind fits.
    """
    from sensitivity.exchange.optuna_files import JOURNALS, is_sqlite
    from sensitivity.exchange.table_files import is_table
    from sensitivity.exchange.tool_folders import tool_of

    path = pathlib.Path(place).expanduser()
    if "://" in place or is_sqlite(path) or path.suffix in JOURNALS:
        return "optuna"
    tool = tool_of(path)
    if tool is not None:
        return tool
    if path.is_dir():
        return "ray"
    if is_table(path):
        return "table"
    if not path.exists():
        raise InputError(f"no file or directory {place!r}")
    raise InputError(
        f"{place!r} looks like no table, Optuna storage or folder of a tool; say which with --kind "
        f"({', '.join(KINDS)})"
    )


def _read(kind: str, place: str, name: str | None, arguments: dict[str, Any]) -> Results:
    from sensitivity.exchange.from_optuna import from_optuna
    from sensitivity.exchange.from_ray import from_ray
    from sensitivity.exchange.from_tables import from_table

    if kind == "optuna":
        return from_optuna(place, *arguments.pop("study", ()), study_name=name, **arguments)
    if kind == "ray":
        return from_ray(place, study=name, **arguments)
    return from_table(place, study=name, kind=None if kind == "table" else kind, **arguments)


def _pairs(option: str, texts: Sequence[str] | None) -> dict[str, str] | None:
    """Return the values of an option that is written NAME=VALUE, by name."""
    pairs = {}
    for text in texts or ():
        name, separator, value = text.rpartition("=")
        if not separator or not name or not value:
            raise InputError(f"{option} must be {PAIRS[option]}; got {text!r}")
        pairs[name] = value
    return pairs or None


def _defaults(texts: Sequence[str] | None) -> dict[str, Any] | None:
    from search_spaces.values import read_value

    pairs = _pairs("--default", texts)
    return {name: read_value(value) for name, value in pairs.items()} if pairs else None


def _space(path: pathlib.Path | None) -> Any:
    if path is None:
        return None
    from search_spaces.spaces import SearchSpace

    try:
        return SearchSpace.from_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError) as error:
        raise InputError(f"cannot read the search space {str(path)!r}: {error}") from None


def _number(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text
