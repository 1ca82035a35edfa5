"""Options that commands share, and the study that a command is about."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sensitivity.text.import_path import search_last
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.study.study import Study

DEFAULT_STORE = "sensitivity.sqlite"

StorePlace = Annotated[
    str,
    typer.Option(
        "--store",
        help="Where results are kept: a SQLite file, or a database URL.",
        envvar="SENSITIVITY_STORE",
        show_default=True,
    ),
]
StudyFile = Annotated[str | None, typer.Argument(help="A study as YAML or JSON.", show_default=False)]
Preset = Annotated[
    str | None,
    typer.Option(help="A study that comes with the package; see `sensitivity presets`.", show_default=False),
]
TaskModule = Annotated[
    pathlib.Path | None,
    typer.Option(
        "--task-module",
        help="A Python file that registers tasks and variants of your own.",
        show_default=False,
    ),
]
DefaultSetting = Annotated[
    bool | None,
    typer.Option(
        "--default-setting/--no-default-setting",
        help="Train the default setting of each variant beside the design, or not, instead of the study's "
        "choice.",
        show_default=False,
    ),
]
Seeds = Annotated[int | None, typer.Option(help="How many, instead of the study's.", show_default=False)]
Configurations = Annotated[
    int | None,
    typer.Option(
        help="Of each variant, instead of n of a random, Sobol or Latin hypercube design.",
        show_default=False,
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        help="Ray cluster: auto on one of its nodes, or HOST:PORT of its head.", show_default="a local Ray"
    ),
]
Force = Annotated[
    bool, typer.Option("--force", help="Do not wait for another run of the same study that is under way.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
Folder = Annotated[
    pathlib.Path | None,
    typer.Option(
        "--out",
        help="Folder for the report: report.html, report.md, CSV, Parquet.",
        show_default="runs/STUDY",
    ),
]
Metric = Annotated[
    str | None,
    typer.Option(
        help="train_loss_end, train_loss or test_loss, instead of the study's own.", show_default=False
    ),
]

MetricDirection = Annotated[
    str | None,
    typer.Option(
        "--direction",
        help="min or max of --metric, where its name does not say which is better.",
        show_default=False,
    ),
]


def the_study(store: Any, name: str | None) -> str:
    """Return the name of the study in a store: the named one, or the only one.

    Args:
        store: an open store.
        name: of the study; None for the only one.

    Raises:
        InputError: no study has the name, or the store has several studies or none.
    """
    from sensitivity.results.loading import only_study

    return only_study(store) if name is None else name


def load_module(task_module: pathlib.Path | None) -> None:
    """Make the tasks and variants of a user's file known, where one is given."""
    if task_module is not None:
        from trainables.task_modules import load_task_module

        search_last()
        load_task_module(task_module)


def stored_study(store: str, name: str) -> Study:
    """Return a study of a store as it was given, to be run again.

    Args:
        store: path of a SQLite file, or URL of a database.
        name: of the study.

    Raises:
        InputError: there is no such store or study, or its tasks or variants are not known here.
    """
    from sensitivity.store.store import Store
    from sensitivity.study.study import Study

    opened = Store(store, create=False)
    try:
        text = opened.study(name)
    finally:
        opened.close()
    search_last()
    return Study.from_json(text)


def the_studies(file: str | None, preset: str | None) -> list[Study]:
    """Return the study of a file, or the studies of a preset.

    Args:
        file: path of a YAML or JSON study.
        preset: name of a preset or of a group of presets.

    Raises:
        InputError: both are set, or neither.
    """
    from sensitivity.study.presets import GROUPS
    from sensitivity.study.study import Study

    if (file is None) == (preset is None):
        count = "both" if file is not None else "neither"
        raise InputError(
            f"give a study file or --preset NAME, got {count} (`sensitivity presets` lists them)"
        )
    if preset is None:
        search_last()  # where a study file's module:name is looked for
        return [Study.load(str(file))]
    return [Study.preset(name) for name in GROUPS.get(preset, (preset,))]
