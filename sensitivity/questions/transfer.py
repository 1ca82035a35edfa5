"""Transfer between tasks: the cost of one configuration for all, and the correlation between tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sensitivity.figures import cross_task, performance_profiles, transfer_matrix
from sensitivity.questions.leads import one_for_all
from sensitivity.questions.quantities import cell, constant, interval, several
from sensitivity.questions.question import Drawing, Question, for_all, refusal, rows, tables
from sensitivity.text.quantities import of_quantities, quantity
from sensitivity.text.wording import percent

if TYPE_CHECKING:
    from sensitivity.measures import Measured


@of_quantities
def _across(measured: Measured, task: str) -> list[str]:
    table = "cross_task_sensitivity"
    words = [f"{row['variant']} {interval(table, row)}" for row in rows(measured.cross_task_sensitivity, "")]
    if not words:
        reason = refusal(measured.cross_task_sensitivity)
        return [quantity(reason, "reason", table) if reason else "No configuration was tried on every task."]
    ends = f"{constant(0, 'score')} to {constant(1, 'best_score')}"
    return [f"What one configuration for all tasks costs, in normalised score ({ends}): {several(words)}."]


@of_quantities
def _dimensions(measured: Measured, task: str) -> list[str]:
    refused = refusal(measured.effective_dimensionality)
    if refused:
        return [quantity(refused, "reason", "effective_dimensionality")]
    words = [
        f"{row['variant']} {interval('effective_dimensionality', row, form='.0f')}"
        for row in rows(measured.effective_dimensionality, "")
    ]
    return (
        [
            "Hyperparameters that have to be tuned for each task, to reach "
            f"{constant('95%', 'most_of_tuning')} of tuning all: "
            f"{several(words)}."
        ]
        if words
        else []
    )


@of_quantities
def _ranks(measured: Measured, task: str) -> list[str]:
    correlations = rows(measured.rank_correlation, "")
    pairs = {(row["a"], row["b"]) for row in correlations}
    words = [
        f"{row['variant']} {interval('rank_correlation', row)}" + _between(row, pairs)
        for row in _extremes(correlations, "value", most=False)
    ]
    least = ", where they are least alike" if len(pairs) > 1 else ""
    return (
        [f"Rank correlation of the configurations between two tasks{least}: {several(words, 5)}."]
        if words
        else []
    )


def _between(row: dict[str, Any], pairs: set[tuple[str, str]]) -> str:
    return f" ({row['a']} and {row['b']})" if len(pairs) > 1 else ""


@of_quantities
def _regret(measured: Measured, task: str) -> list[str]:
    words = [
        f"{row['variant']} {interval('transfer_regret', row)} on {row['target']} with the best of "
        f"{row['source']} ({cell(percent(row['share']), 'transfer_regret', row, 'share')} of what tuning "
        "gains there)"
        for row in _extremes(rows(measured.transfer_regret, ""), "share", most=True)
    ]
    return [f"What another task's best configuration costs at worst: {several(words, 5)}."] if words else []


def _extremes(table: list[dict[str, Any]], by: str, *, most: bool) -> list[dict[str, Any]]:
    """Return the row of each variant with its smallest or largest value, in that order."""
    chosen: dict[str, dict[str, Any]] = {}
    for row in sorted(table, key=lambda candidate: float(candidate[by]), reverse=most):
        chosen.setdefault(row["variant"], row)
    return list(chosen.values())


def _profiled(measured: Measured, task: str) -> bool:
    return not measured.performance_profiles.empty


def _why_not(measured: Measured, task: str) -> str:
    if len({place for place, _ in measured.results.groups}) < 2:
        return "Needs at least two tasks with results."
    return refusal(measured.cross_task_sensitivity)


TRANSFER = Question(
    "transfer",
    "Does it carry over to other tasks?",
    (one_for_all, _across, _dimensions, _ranks, _regret),
    (
        Drawing(
            for_all(transfer_matrix),
            "What it costs to use one task's best configuration on another, as a share of what tuning gains "
            "there.",
            "transfer_regret",
        ),
        Drawing(
            for_all(cross_task),
            "What a variant scores when it is tuned for each task, and with one configuration for all: the "
            "gap is its sensitivity.",
            "cross_task_sensitivity",
        ),
        Drawing(
            for_all(performance_profiles),
            "The share of tasks on which a variant reaches the target within so many times the epochs of the "
            "fastest.",
            "performance_profiles",
            _profiled,
        ),
    ),
    tables(
        "cross_task_sensitivity",
        "effective_dimensionality",
        "rank_correlation",
        "transfer_regret",
        "performance_profiles",
    ),
    _why_not,
    once=True,
)
