"""The roles of a table's columns: hyperparameters, and what is none, each with its reason."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sensitivity.exchange.column_names import bare_name, without_shared_path
from sensitivity.exchange.column_reasons import (
    EPOCH_NAMES,
    REASONS,
    REPETITION_NAMES,
    ROLE_FINDERS,
    SEARCHED_EPOCHS,
)
from sensitivity.exchange.columns import Column
from sensitivity.exchange.repetitions import (
    cross_hyperparameters,
    differ_between_seeds,
    group_numbers,
    is_factor,
    measured_on_grid,
    number_repetitions,
)

OWN_COLUMNS = frozenset(
    {"key", "seconds", "epochs_done", "started", "finished", "epochs", "error", "value", "loss"}
)
"""Columns of the tables that this package writes."""
RESULTS, CONSTANTS = "results", "constants"


@dataclass
class Roles:
    """The roles of a table's columns.

    named: column by role: variant, task, seed, status, initial_loss, epoch, seconds.
    hyperparameters: names by column.
    left_out: reason by column, for what is neither.
    results: columns that hold results, and could be the metric.
    inferred: roles that were taken by the names of their columns.
    """

    named: dict[str, str] = field(default_factory=dict)
    hyperparameters: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    results: list[str] = field(default_factory=list)
    inferred: list[str] = field(default_factory=list)


def column_roles(
    columns: Mapping[str, Column],
    *,
    named: Mapping[str, str],
    metric: str | None,
    hyperparameters: Sequence[str] | None,
    ignore: Collection[str] = (),
    closed: Collection[str] = (),
    searched: Collection[str] | None = None,
) -> Roles:
    """Return the roles of a table's columns.

    Args:
        columns: of the table, by name.
        named: columns by role, as the user names them.
        metric: column of the result, where the user names it.
        hyperparameters: columns, where the user names them.
        ignore: columns that the user leaves out.
        closed: roles that no column takes.
        searched: names of hyperparameters, where the search space is given.
    """
    roles = Roles(named=dict(named))
    taken = {*named.values(), *(hyperparameters or ()), *ignore, *([metric] if metric else [])}
    roles.left_out |= dict.fromkeys(ignore, "named by you")
    for role, find in ROLE_FINDERS.items():
        if role not in roles.named and role not in closed:
            column = find([column for name, column in columns.items() if name not in taken])
            if column is not None:
                roles.named[role] = column
                roles.inferred.append(role)
                taken.add(column)
    free = [column for name, column in columns.items() if name not in taken]
    candidates = _without_others(free, roles)
    if hyperparameters is not None:
        roles.hyperparameters = {name: bare_name(name) for name in hyperparameters}
        repeating = [column for column in candidates if column.leaf in (*REPETITION_NAMES, *EPOCH_NAMES)]
        _take_repetitions(columns, roles, closed, repeating)
        used = {*roles.named.values(), *roles.left_out}
        roles.left_out |= {column.name: "not named" for column in candidates if column.name not in used}
        return roles
    candidates = _of_group(candidates, roles, searched)
    candidates = _take_repetitions(columns, roles, closed, candidates)
    chosen = _without_hidden_results(columns, candidates, roles)
    varied = [column for column in chosen if not column.is_constant]
    if varied and searched is None:
        roles.left_out |= {column.name: CONSTANTS for column in chosen if column.is_constant}
        chosen = varied
    names = [bare_name(column.name) for column in chosen]
    short = without_shared_path(names) if searched is None else dict(zip(names, names, strict=True))
    roles.hyperparameters = {column.name: short[bare_name(column.name)] for column in chosen}
    return roles


def _without_others(free: Sequence[Column], roles: Roles) -> list[Column]:
    """Return the columns that could be hyperparameters.

    Other columns are recorded in ``roles``, as results or as left out with a reason.
    """
    candidates = []
    for column in free:
        if column.names_result or (column.group == "results" and column.is_number):
            roles.results.append(column.name)
            roles.left_out[column.name] = RESULTS
            continue
        reason = next((reason for reason, applies in REASONS.items() if applies(column)), None)
        if reason is None:
            candidates.append(column)
        else:
            roles.left_out[column.name] = reason
    return candidates


def _of_group(candidates: Sequence[Column], roles: Roles, searched: Collection[str] | None) -> list[Column]:
    """Return the candidates that a prefix or the search space marks as hyperparameters.

    All candidates are returned if none is marked.
    """
    if searched is not None and {bare_name(column.name) for column in candidates} >= set(searched):
        group, reason = (
            [column for column in candidates if bare_name(column.name) in searched],
            "not in the search space",
        )
    else:
        group, reason = (
            [column for column in candidates if column.group == "hyperparameters"],
            "without the prefix of hyperparameters",
        )
    if not group:
        return list(candidates)
    others = [
        column
        for column in candidates
        if column not in group and column.leaf not in (*EPOCH_NAMES, *REPETITION_NAMES)
    ]
    roles.left_out |= {column.name: reason for column in others}
    return [column for column in candidates if column not in others]


def _take_repetitions(
    columns: Mapping[str, Column], roles: Roles, closed: Collection[str], candidates: Sequence[Column]
) -> list[Column]:
    """Return the candidates without columns that number the rows of a configuration.

    Such a column is a seed, an epoch, or neither.
    """
    repeating = [
        column
        for column in candidates
        if column.is_number and column.leaf in (*REPETITION_NAMES, *EPOCH_NAMES)
    ]
    others = [column for column in candidates if column not in repeating]
    base = others or [columns[name] for name in roles.hyperparameters]
    base = [*base, *(columns[roles.named[role]] for role in ("variant", "task") if role in roles.named)]
    for column in sorted(repeating, key=lambda column: column.leaf in EPOCH_NAMES):
        seed = [columns[roles.named["seed"]]] if "seed" in roles.named else []
        if column.group == "hyperparameters":
            others.append(column)
        elif column.leaf in REPETITION_NAMES:
            is_role = not seed and "seed" not in closed and number_repetitions(column, group_numbers(base))
            _give("seed" if is_role else None, column, roles, "row numbers")
        else:
            is_open = "epoch" not in roles.named and "epoch" not in closed
            is_role = is_open and cross_hyperparameters(column, group_numbers([*base, *seed]))
            if not is_role and column.leaf in SEARCHED_EPOCHS and not column.is_constant:
                others.append(column)
            else:
                _give("epoch" if is_role else None, column, roles, "epochs and budgets")
    return [column for column in candidates if column in others]


def _give(role: str | None, column: Column, roles: Roles, reason: str) -> None:
    if role is None:
        roles.left_out[column.name] = reason
    else:
        roles.named[role] = column.name
        roles.inferred.append(role)


def _without_hidden_results(
    columns: Mapping[str, Column], chosen: Sequence[Column], roles: Roles
) -> list[Column]:
    """Return the candidates without hidden results.

    A hidden result is a numeric column that differs between the seeds of one configuration, or in every row
    of a full grid.
    """
    seed = columns.get(roles.named.get("seed", ""))
    if "epoch" in roles.named:
        return list(chosen)
    context = [columns[roles.named[role]] for role in ("variant", "task") if role in roles.named]
    seeds = [seed] if seed is not None else []
    free = [column for column in chosen if column.group == ""]
    hidden = {
        "numbers that differ in every row of a full grid": measured_on_grid(free, [*context, *seeds]),
        "numbers that differ between the seeds of one configuration": (
            differ_between_seeds(free, seed, context) if seed is not None else []
        ),
    }
    for reason, found in hidden.items():
        roles.left_out |= {column.name: reason for column in found}
    return [column for column in chosen if column.name not in roles.left_out]


def doubtful_results(columns: Mapping[str, Column], roles: Roles, metric: str) -> list[str]:
    """Return the results, except the metric, that could be hyperparameters.

    Such a column has few levels, each crossed with the hyperparameters.

    What differs only from epoch to epoch of a configuration is a result.
    """
    context = [roles.named[role] for role in ("variant", "task", "epoch") if role in roles.named]
    base = [columns[name] for name in (*roles.hyperparameters, *context)]
    return [
        name
        for name in roles.results
        if name != metric and columns[name].group == "" and is_factor(columns[name], group_numbers(base))
    ]
