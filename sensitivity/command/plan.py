"""``sensitivity plan``: how many trials decide between the variants of a study."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from sensitivity.command.options import (
    DEFAULT_STORE,
    AsJson,
    DefaultSetting,
    Preset,
    StorePlace,
    StudyFile,
    TaskModule,
    load_module,
    the_studies,
)
from sensitivity.command.terminal import show

if TYPE_CHECKING:
    from sensitivity.deciding.planner import Plan


def plan(
    file: StudyFile = None,
    preset: Preset = None,
    tell_apart: Annotated[
        float, typer.Option(help="Difference in regret to find, as a share of what can be won.")
    ] = 0.05,
    power: Annotated[float, typer.Option(help="Chance that it is found.")] = 0.8,
    noise: Annotated[
        float | None,
        typer.Option(
            help="Standard deviation of one seed as a share of what can be won; of one trial of a random "
            "design.",
            show_default="that of the study's results in the store",
        ),
    ] = None,
    default_setting: DefaultSetting = None,
    store: StorePlace = DEFAULT_STORE,
    task_module: TaskModule = None,
    as_json: AsJson = False,
) -> None:
    """Show how many seeds, trials and hours decide between the variants of a study.

    Two variants whose regret differs by --tell-apart are told apart with the chance --power, and equal ones
    are shown equal within the margin, at an error of 5% over all pairs. For a random design, its number of
    configurations is planned. Results of the study in the store are the pilot, which tells the noise.
    `sensitivity run --plan` lists the trials of the study as it stands.
    """
    from sensitivity.deciding.planner import planned
    from sensitivity.store.addresses import without_password
    from sensitivity.study.study import with_changes

    load_module(task_module)
    place = "" if store == DEFAULT_STORE else f" --store {shlex.quote(without_password(store))}"
    plans = {}
    chosen = "" if default_setting is None else f" --{'' if default_setting else 'no-'}default-setting"
    for study in the_studies(file, preset):
        source = (f"--preset {study.name}" if file is None else shlex.quote(file)) + place + chosen
        plans[source] = planned(
            with_changes(study, default_setting=default_setting),
            tell_apart=tell_apart,
            power=power,
            pilot=store,
            noise=noise,
            source=source,
        )
    if as_json:
        show([row for one in plans.values() for row in one.records()], as_json)
        return
    for source, one in plans.items():
        _show(one, source)


def _show(plan: Plan, source: str) -> None:
    from sensitivity.deciding.planner import MOST, SEEDS

    typer.echo(f"{plan.study}:")
    show(
        [
            {
                "what": row["what"],
                plan.unit: row[plan.unit] or f"more than {MOST[plan.unit]:,}",
                "trials": row["trials"],
                "hours": None if row["hours"] is None else f"{row['hours']:.2g}",
            }
            for row in plan.records()
        ],
        as_json=False,
    )
    for note in plan.notes:
        typer.echo(note)
    if plan.units is not None and (plan.unit == SEEDS or plan.numbered):
        typer.echo(f"Run it: sensitivity run {source} --{plan.unit} {plan.units}")
    typer.echo("")
