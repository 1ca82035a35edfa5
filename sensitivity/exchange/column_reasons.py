"""The names of columns by role, and the reasons for which a column is no hyperparameter."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from sensitivity.exchange.columns import MEASUREMENTS, MOST_TEXTS, SETTING_TOKENS, Column
from sensitivity.exchange.private_columns import is_private
from sensitivity.exchange.status_words import says_how_trials_ended

VARIANT_NAMES = ("variant", "optimizer", "optimiser", "optim", "opt", "algorithm", "algo", "method",
    "solver", "submission",
    "optimizername", "optimizertype", "algorithmname", "methodname")  # fmt: skip
TASK_NAMES = ("task", "taskname", "dataset", "datasetname", "workload", "workloadname", "testproblem",
    "problem", "benchmark", "env",
    "envid", "envname", "environment", "taskid", "datasetid")  # fmt: skip
SEED_NAMES = ("seed", "randomseed", "rngseed", "randomstate", "manualseed", "globalseed")
STATUS_NAMES = (
    "status", "state", "trialstatus", "runstatus", "trialstate", "jobstatus", "runstate", "outcome",
    "exitstatus", "exitcode", "returncode",
)  # fmt: skip
REPETITION_NAMES = (
    "repeat",
    "repetition",
    "rep",
    "replicate",
    "replica",
    "fold",
    "cvfold",
    "run",
    "trial",
    "instance",
    "study",
)
"""Names of seeds, where the numbers tell the repetitions of configurations apart."""
EPOCH_NAMES = ("epoch", "epochs", "budget", "budgets", "fidelity", "resource", "resources", "rung", "step",
    "steps", "globalstep",
    "iteration", "iterations", "iter", "trainingiteration", "nepochs", "numepochs", "maxepochs",
    "numsteps", "maxsteps",
    "nsteps")  # fmt: skip
"""Names of how long a trial trained: the epoch, where configurations come again with other values."""
SEARCHED_EPOCHS = (
    "epochs",
    "steps",
    "iterations",
    "nepochs",
    "numepochs",
    "maxepochs",
    "numsteps",
    "maxsteps",
    "nsteps",
)
"""The same, of names that are also hyperparameters."""
SECONDS_NAMES = (
    "seconds",
    "timetotals",
    "runtime",
    "duration",
    "totalduration",
    "elapsed",
    "elapsedtime",
    "traintime",
    "trainingtime",
    "walltime",
)
META_NAMES = frozenset(
    {
        "user", "notes", "note", "tags", "tag", "description", "comment", "comments", "remark", "remarks",
        "observation", "observations",
        "annotation", "annotations", "memo", "todo", "git", "github", "commit", "host", "hostname", "node",
        "nodeip", "ip", "pid", "worker", "message", "error", "traceback", "exception", "job", "jobtype",
        "jobname", "sweep", "python", "os",
        "executable", "program", "entrypoint", "lifecyclestage", "device", "gpu", "group",
        "framework", "wandb", "additional", "experimenttag",
    }
)  # fmt: skip
"""Names of texts about a run."""
ID_TOKENS = frozenset({"id", "uuid", "guid", "hash", "sha", "key"})
ROW_TOKENS = frozenset(
    {
        "name",
        "trial",
        "run",
        "number",
        "index",
        "idx",
        "no",
        "nr",
        "experiment",
        "job",
        "config",
        "configuration",
        "level",
    }
)
TIME_TOKENS = frozenset(
    {"time", "timestamp", "date", "datetime", "created", "updated", "started", "finished", "heartbeat",
    "modified", "seconds",
     "runtime", "duration", "elapsed", "walltime", "clock"}
)  # fmt: skip
MACHINE_TOKENS = frozenset(
    {"memory", "mem", "vram", "flops", "gflops", "throughput", "latency", "fps", "utilization", "util"}
)
"""Words of what a run takes of its machine."""
PATH_TOKENS = frozenset(
    {"path", "dir", "directory", "uri", "url", "file", "filename", "checkpoint", "ckpt", "logdir", "artifact"}
)


def _found(
    names: Sequence[str],
    fits: Callable[[Column], bool],
    groups: Collection[str] = ("hyperparameters", "tags", ""),
) -> Callable[[Sequence[Column]], str | None]:
    """Return a function that finds the first column with one of the names, in their order."""

    def find(columns: Sequence[Column]) -> str | None:
        fitting = [
            column
            for column in columns
            if column.leaf in names and column.group in groups and fits(column) and not is_private(column)
        ]
        return min(fitting, key=lambda column: names.index(column.leaf)).name if fitting else None

    return find


def _status(columns: Sequence[Column]) -> str | None:
    """Return the column of statuses: by its name, else by its words."""
    named = _found(STATUS_NAMES, lambda column: not column.is_constant or column.is_text, ("", "results"))
    worded = (column.name for column in columns if column.group == "" and says_how_trials_ended(column))
    return named(columns) or next(worded, None)


def _is_variant(column: Column) -> bool:
    return column.leaf == "variant" or (
        column.is_text and column.distinct <= MOST_TEXTS and not (column.is_unique and len(column.cells) > 3)
    )


def _is_task(column: Column) -> bool:
    return column.leaf == "task" or (
        bool(column.values)
        and len(column.values) == len(column.cells)
        and (column.is_text or column.is_whole)
        and 2 * column.distinct <= len(column.cells)
    )


def _is_seed(column: Column) -> bool:
    return column.leaf == "seed" or column.is_whole


ROLE_FINDERS: dict[str, Callable[[Sequence[Column]], str | None]] = {
    "variant": _found(VARIANT_NAMES, _is_variant),
    "task": _found(TASK_NAMES, _is_task),
    "seed": _found(SEED_NAMES, _is_seed),
    "status": _status,
    "initial_loss": _found(("initialloss",), lambda column: column.is_number, ("",)),
    "seconds": _found(SECONDS_NAMES, lambda column: column.is_number or column.is_date, ("", "results")),
}


def _is_time(column: Column) -> bool:
    if column.is_date:
        return True
    return (
        bool(column.tokens & TIME_TOKENS)
        and not column.tokens & SETTING_TOKENS
        and (column.is_unique or column.is_constant or not column.is_number)
    )


def _is_identifier(column: Column) -> bool:
    if column.leaf in META_NAMES and not column.is_number:
        return False
    ends_as_id = bool(column.tokens & ID_TOKENS) or column.leaf in ("runid", "trialid", "configid", "jobid")
    return (ends_as_id and not column.tokens & SETTING_TOKENS) or (
        bool(column.tokens & ROW_TOKENS) and (column.is_text or column.is_whole) and column.is_unique
    )


def _is_row_number(column: Column) -> bool:
    return (
        column.name == ""
        or column.name.startswith("Unnamed: ")
        or (
            column.counts_rows
            and (
                bool(column.tokens & ROW_TOKENS)
                or (len(column.cells) > 12 and column.leaf not in EPOCH_NAMES)
            )
        )
    )


def _is_of_machine(column: Column) -> bool:
    return bool(column.tokens & MACHINE_TOKENS) and not column.tokens & SETTING_TOKENS and column.is_unique


def _is_list(column: Column) -> bool:
    """Return True for lists that are no choices: nested ones, a constant, or many."""
    lists = [value for value in column.values if isinstance(value, (list, dict, set))]
    is_choice = all(isinstance(value, list) and not any(map(_is_nested, value)) for value in lists)
    return bool(lists) and not (is_choice and 1 < column.distinct <= MOST_TEXTS and not column.is_unique)


def _is_nested(entry: object) -> bool:
    return isinstance(entry, (list, dict, set))


def _is_path(column: Column) -> bool:
    if not column.is_text:
        return False
    slashes = sum(value.count("/") + value.count("\\") >= 2 or "://" in value for value in column.values)
    return 2 * slashes > len(column.values) or bool(column.tokens & PATH_TOKENS)


REASONS: dict[str, Callable[[Column], bool]] = {
    "statuses": lambda column: (
        (column.leaf in STATUS_NAMES and column.group != "hyperparameters") or says_how_trials_ended(column)
    ),
    "empty columns": lambda column: not column.values and not column.is_number,
    "row numbers": _is_row_number,
    "tags": lambda column: column.group == "tags" or (column.leaf in META_NAMES and not column.is_number),
    "times": _is_time,
    "identifiers": _is_identifier,
    "paths": _is_path,
    "measurements of the run": lambda column: (
        column.group != "hyperparameters"
        and (
            column.group == "results" or column.leaf in (*MEASUREMENTS, *SEED_NAMES) or _is_of_machine(column)
        )
    ),
    "labels": lambda column: column.is_label,
    "lists": lambda column: column.group != "hyperparameters" and _is_list(column),
    "secrets, persons and places": is_private,
}
"""By reason: the test of a column that is no hyperparameter. The first that applies counts."""
