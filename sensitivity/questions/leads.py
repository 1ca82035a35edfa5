"""First sentences of answers: one short claim each, before the numbers of all variants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sensitivity.measures.guard import REFUSED
from sensitivity.measures.tunability import believed
from sensitivity.measures.verdicts import EQUIVALENT, UNDECIDED
from sensitivity.questions.decided import COMPARED_BY, tried_beside
from sensitivity.questions.fixed_settings import something_varies
from sensitivity.questions.quantities import count
from sensitivity.questions.question import of_task, rows
from sensitivity.results.results import records
from sensitivity.text.quantities import of_quantities
from sensitivity.text.wording import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sensitivity.measures import Measured

FEW = 4
"""Most variants that a first sentence names."""


@of_quantities
def decided_pairs(measured: Measured, task: str) -> list[str]:
    """Return how many pairs of variants are decided; of a single pair, which variant is better."""
    table = rows(measured.verdicts, task)
    if len(table) < 2:
        return [_better(row) for row in table if row["better"]]
    told = sum(row["verdict"] not in (UNDECIDED, EQUIVALENT) for row in table)
    equal = sum(row["verdict"] == EQUIVALENT for row in table)
    pairs = count(len(table), "pairs", task)
    words = f"Of {pairs} pairs of variants {count(told, 'told_apart', task)} are told apart"
    return [f"{words} and {count(equal, 'equivalent', task)} equivalent." if equal else f"{words}."]


def _better(row: dict[str, Any]) -> str:
    worse = row["b"] if row["better"] == row["a"] else row["a"]
    start = COMPARED_BY[row["by"]]
    return f"{start}{row['better']} is better than {worse}."


@of_quantities
def gains_of_tuning(measured: Measured, task: str) -> list[str]:
    """Return the variants that clearly gain from tuning over their defaults, where that is known.

    Where it is not, return who needs fewest and most configurations.
    """
    refused = REFUSED in measured.tunability.attrs
    whole = [] if refused else rows(believed(measured.tunability), task, kind="overall")
    if not whole:
        return _tries(measured, task)
    clear = [row["variant"] for row in whole if row["low"] > 0]
    start = "default" if has_default(measured) else "middle of the ranges"
    if not clear:
        return [f"Tuning clearly improves on the {start} of no variant."]
    return [f"Tuning clearly improves on the {start} of {named(clear, len(whole))}."]


def has_default(measured: Measured) -> bool:
    """Return True if a hyperparameter that varies has a default; tuning begins in the middle of others."""
    results = measured.results
    return any(
        results.spaces[variant][name].default is not None
        for variant in results.spaces
        for name in results.varied(variant)
    )


def _tries(measured: Measured, task: str) -> list[str]:
    ends = _apart(rows(measured.budget_within, task))
    if ends is None:
        return []
    if ends:
        return [f"To come near its best, {ends[0]} needs fewer random configurations than {ends[1]}."]
    return ["No variant is seen to need more random configurations than another to come near its best."]


def _apart(table: list[dict[str, Any]]) -> tuple[str, str] | tuple[()] | None:
    """Return the variants of least and largest value, if their intervals keep them apart, else nothing.

    The result is None for fewer than two variants.
    """
    if len(table) < 2:
        return None
    least, most = (choose(table, key=lambda row: float(row["value"])) for choose in (min, max))
    return (least["variant"], most["variant"]) if least["high"] < most["low"] else ()


@of_quantities
def ridges_seen(measured: Measured, task: str) -> list[str]:
    """Return the variants whose best learning rate clearly moves with another hyperparameter."""
    table = rows(measured.ridges, task)
    text = []
    for one, other in dict.fromkeys((row["one"], row["other"]) for row in table):
        part = [row for row in table if (row["one"], row["other"]) == (one, other)]
        moved = [row["variant"] for row in part if row["low"] > 0 or row["high"] < 0]
        whose = f" of {named(moved, len(part))}" if moved else ""
        text.append(
            f"The best {one}{whose} clearly moves with {other}."
            if moved
            else f"No best {one} is seen to move with {other}."
        )
    return text or _rates_seen(measured, task)


def _rates_seen(measured: Measured, task: str) -> list[str]:
    """Return the variants whose best learning rate clearly differs between levels of a hyperparameter."""
    table = rows(measured.best_rates, task)
    text = []
    for other in dict.fromkeys(row["other"] for row in table):
        part = [row for row in table if row["other"] == other]
        names = list(dict.fromkeys(row["variant"] for row in part))
        moved = [name for name in names if _differs([row for row in part if row["variant"] == name])]
        whose = f"The best learning rate of {named(moved, len(names))} clearly moves" if moved else ""
        text.append(f"{whose or 'No best learning rate is seen to move'} with {other}.")
    return text


def _differs(levels: list[dict[str, Any]]) -> bool:
    return any(one["low"] > other["high"] for one in levels for other in levels)


@of_quantities
def costly_rates(measured: Measured, task: str) -> list[str]:
    """Return who loses least and most by a wrong learning rate, where intervals keep the two apart."""
    table = _learned(measured, task, rows(measured.tuned_lr_sensitivity, task))
    if len(table) > 1 and any(row["by"] == "miss" for row in rows(measured.verdicts, task)):
        return ["The ranges of the learning rate differ in width, so costs over them are not compared."]
    ends = _apart(table)
    if ends is None:
        return _near_best(measured, task)
    tuned = any(tried_beside(measured, task, row["variant"]) for row in table)
    start = "With the rest tuned, " if tuned else ""
    words = (
        f"a wrong learning rate costs {ends[0]} less than {ends[1]}"
        if ends
        else "no variant is seen to lose more by a wrong learning rate than another"
    )
    sentence = f"{start}{words}."
    return [f"{sentence[0].upper()}{sentence[1:]}"]


def _learned(measured: Measured, task: str, table: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of variants that learned, and are ranked where there are ranks."""
    learned = set(of_task(measured.overview, task).query("learned")["variant"])
    idle = {row["variant"] for row in records(of_task(measured.regret, task)) if not row["learned"]}
    return [row for row in table if row["variant"] in learned - idle]


def _near_best(measured: Measured, task: str) -> list[str]:
    ends = _apart(_learned(measured, task, rows(measured.robust_share, task)))
    if ends is None or not something_varies(measured):
        return []
    if ends:
        return [f"A random configuration is near the best more often with {ends[1]} than with {ends[0]}."]
    return ["No variant is seen to have more configurations near its best than another."]


@of_quantities
def one_for_all(measured: Measured, task: str) -> list[str]:
    """Return who loses least and most by one configuration for all tasks, where intervals keep them apart."""
    ends = _apart(rows(measured.cross_task_sensitivity, ""))
    if ends is None:
        return []
    if ends:
        return [f"One configuration for all tasks costs {ends[0]} less than {ends[1]}."]
    return ["No variant is seen to lose more by one configuration for all tasks than another."]


def named(names: Sequence[str], among: int) -> str:
    """Return a few names, or the number of many; "every variant" for all of them."""
    if len(names) == among and among > 1:
        return "every variant"
    return listed(names) if len(names) <= FEW else f"{count(len(names), 'variants')} variants"
