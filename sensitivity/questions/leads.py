"""First sentences of answers: one short claim each, before the numbers of all variants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sensitivity.measures.guard import REFUSED
from sensitivity.measures.tunability import believed
from sensitivity.measures.verdicts import EQUIVALENT, UNDECIDED
from sensitivity.questions.quantities import count
from sensitivity.questions.question import rows
from sensitivity.text.quantities import of_quantities
from sensitivity.text.wording import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sensitivity.measures import Measured

FEW = 4
"""Most variants that a first sentence names."""


@of_quantities
def decided_pairs(measured: Measured, task: str) -> list[str]:
    """Return how many pairs of variants are decided, where there are several."""
    table = rows(measured.verdicts, task)
    if len(table) < 2:
        return []
    told = sum(row["verdict"] not in (UNDECIDED, EQUIVALENT) for row in table)
    equal = sum(row["verdict"] == EQUIVALENT for row in table)
    pairs = count(len(table), "pairs", task)
    words = f"Of {pairs} pairs of variants {count(told, 'told_apart', task)} are told apart"
    return [f"{words} and {count(equal, 'equivalent', task)} equivalent." if equal else f"{words}."]


@of_quantities
def gains_of_tuning(measured: Measured, task: str) -> list[str]:
    """Return the variants that clearly gain from tuning over their defaults."""
    if REFUSED in measured.tunability.attrs:
        return []
    whole = rows(believed(measured.tunability), task, kind="overall")
    if not whole:
        return []
    clear = [row["variant"] for row in whole if row["low"] > 0]
    if not clear:
        return ["Tuning clearly improves on no variant's default."]
    return [f"Tuning clearly improves on the default of {_named(clear, len(whole))}."]


@of_quantities
def ridges_seen(measured: Measured, task: str) -> list[str]:
    """Return the variants whose best learning rate clearly moves with another hyperparameter."""
    table = rows(measured.ridges, task)
    text = []
    for one, other in dict.fromkeys((row["one"], row["other"]) for row in table):
        part = [row for row in table if (row["one"], row["other"]) == (one, other)]
        moved = [row["variant"] for row in part if row["low"] > 0 or row["high"] < 0]
        whose = f" of {_named(moved, len(part))}" if moved else ""
        text.append(
            f"The best {one}{whose} clearly moves with {other}."
            if moved
            else f"No best {one} is seen to move with {other}."
        )
    return text


@of_quantities
def costly_rates(measured: Measured, task: str) -> list[str]:
    """Return who loses least and most by a wrong learning rate, where intervals keep the two apart."""
    table = rows(measured.tuned_lr_sensitivity, task)
    if len(table) < 2:
        return []
    least, most = (choose(table, key=lambda row: float(row["value"])) for choose in (min, max))
    if least["high"] < most["low"]:
        costs = f"costs {least['variant']} less than {most['variant']}"
        return [f"With the rest tuned, a wrong learning rate {costs}."]
    return ["With the rest tuned, no variant is seen to lose more by a wrong learning rate than another."]


def _named(names: Sequence[str], among: int) -> str:
    if len(names) == among and among > 1:
        return "every variant"
    return listed(names) if len(names) <= FEW else f"{count(len(names), 'variants')} variants"
