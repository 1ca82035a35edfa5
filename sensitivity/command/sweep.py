"""``sensitivity sweep``: a study of any program, started once for every trial."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Annotated

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
)
from sensitivity.command.terminal import report_folder, show_plan
from sensitivity.text.file_names import folder_name
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.running.programs import Program
    from sensitivity.study.study import Study


def sweep(
    file: Annotated[str, typer.Argument(help="A study as YAML or JSON, without tasks.", show_default=False)],
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="-- PROGRAM [WORD...]",
            help="The program, after --. {args} becomes --lr=0.1 ..., {overrides} lr=0.1 ... (Hydra), {lr} "
            "one value, {seed} the seed, {folder} the trial's folder; NAME={lr} before it sets an "
            "environment variable.",
            show_default=False,
        ),
    ] = None,
    store: StorePlace = DEFAULT_STORE,
    out: Folder = None,
    csv: Annotated[
        str | None,
        typer.Option(
            metavar="{folder}/FILE",
            help="Read reports from this CSV file, which the program writes.",
            show_default="sensitivity.report(), or lines of JSON",
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Budget of a trial in steps of its reports, instead of the study's.", show_default=False
        ),
    ] = None,
    seeds: Seeds = None,
    configurations: Configurations = None,
    default_setting: DefaultSetting = None,
    workers: Annotated[
        int | None, typer.Option(help="Trials run at once, at most.", show_default="one a core")
    ] = None,
    cpus_per_trial: Annotated[float, typer.Option(help="CPUs that a trial takes.")] = 1.0,
    gpus_per_trial: Annotated[float, typer.Option(help="GPUs that a trial takes, or a share of one.")] = 0.0,
    address: Address = None,
    trial_timeout: Annotated[
        float | None,
        typer.Option(
            help="Seconds without a report after which a program is killed, and its trial tried once more.",
            show_default="none",
        ),
    ] = None,
    force: Force = False,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would be run; run nothing.")] = False,
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no report.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a program once for every trial that the store lacks of a study, then write the study's report.

    The program reports by sensitivity.report(loss=...), by lines of JSON, or in a CSV file. Every report is
    in the store before the program goes on: kill the command at any time, and give it again. The output of
    each trial is kept in runs/STUDY/trials/KEY/output.txt.
    """
    from sensitivity.command.training import train
    from sensitivity.study.study import with_changes, with_configurations

    program = _program(command or [], csv)
    study = _load(file, program)
    study = with_changes(study, epochs=epochs, seeds=seeds, default_setting=default_setting)
    study = with_configurations(study, configurations)
    _prepare(program, study)
    if plan:
        show_plan([study], as_json, store)
        return
    options = {
        "store": store,
        "address": address,
        "workers": workers,
        "cpus_per_worker": cpus_per_trial,
        "gpus_per_worker": gpus_per_trial,
        "trial_timeout": trial_timeout,
        "force": force,
    }
    place = None if no_report else report_folder(out, study.name)
    if not train(study, place, as_json, options):
        raise typer.Exit(1)


def _program(words: list[str], csv: str | None) -> Program:
    from sensitivity.running.command_line import CommandLine
    from sensitivity.running.programs import Program

    line = CommandLine(tuple(words))
    line.check_program()
    if csv is not None and "{folder}" not in csv:
        raise InputError(
            f"csv {csv!r} must be in the trial's folder, as trials run at once: '{{folder}}/metrics.csv', "
            "and tell the program the folder in its command"
        )
    return Program(line, metric="", csv_file=csv)


def _load(file: str, program: Program) -> Study:
    from sensitivity.study.study import Study

    return Study.load(file, trainable=program)


def _prepare(program: Program, study: Study) -> None:
    """Tell the program what it needs of its study."""
    names = list(dict.fromkeys(name for variant in study.variants for name in study.space(variant).names))
    program.command.check_placeholders(names)
    program.metric, program.epochs = study.metric, study.epochs
    several = {"seed": len(study.seeds), "variant": len(study.variants)}
    program.must_arrive = frozenset(name for name, count in several.items() if count > 1)
    program.outputs = str(pathlib.Path("runs", folder_name(study.name), "trials").absolute())
