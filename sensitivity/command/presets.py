"""``sensitivity presets``: the studies that come with the package."""

from __future__ import annotations

from typing import Annotated

import typer

from sensitivity.command.options import AsJson, the_studies
from sensitivity.command.terminal import show, show_plan

presets_app = typer.Typer(
    help="The studies that come with the package: list them, show what one would run, or print one as YAML "
    "to edit.",
    invoke_without_command=True,
    rich_markup_mode="rich",
)


@presets_app.callback()
def presets(context: typer.Context, as_json: AsJson = False) -> None:
    """List the studies that come with the package.

    `show` prints what a preset would run, `print` its YAML to edit.
    """
    if context.invoked_subcommand is not None:
        return
    from sensitivity.study.presets import GROUPS, PRESETS

    rows = [{"preset": name, "what": preset["description"]} for name, preset in PRESETS.items()]
    rows += [
        {"preset": name, "what": f"{', '.join(names)}, one after another"} for name, names in GROUPS.items()
    ]
    show(rows, as_json)


@presets_app.command("show")
def presets_show(name: Annotated[str, typer.Argument(help="Of a preset.")], as_json: AsJson = False) -> None:
    """Show the size of a preset and about how long it takes on this machine; run nothing.

    The size is the number of cells, configurations and trials.
    """
    show_plan(the_studies(None, name), as_json)


@presets_app.command("yaml")
def presets_yaml(name: Annotated[str, typer.Argument(help="Of a preset.")], as_json: AsJson = False) -> None:
    """Print a preset as YAML (or JSON), to edit and run."""
    from sensitivity.study.study import Study

    study = Study.preset(name)
    typer.echo(study.to_json() if as_json else study.to_yaml(), nl=as_json)
