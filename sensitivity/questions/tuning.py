"""Value of tuning: the number of configurations, the winner at a budget, the gain over defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sensitivity.figures import expected_best, tunability, win_probability
from sensitivity.figures.settings import tuning_order
from sensitivity.measures.guard import REFUSED
from sensitivity.measures.tunability import believed
from sensitivity.questions.fixed_settings import NOTHING_VARIES, something_varies
from sensitivity.questions.leads import gains_of_tuning, has_default
from sensitivity.questions.quantities import cell, constant, interval, several, share
from sensitivity.questions.question import Drawing, Question, nothing_learned, refusal, rows, tables
from sensitivity.text.quantities import of_quantities, quantity
from sensitivity.text.wording import listed

if TYPE_CHECKING:
    from sensitivity.measures import Measured


NEAR = constant("5%", "near")
"""Distance from the best that counts as tuned."""


@of_quantities
def within(measured: Measured, task: str) -> list[str]:
    """Return the number of random configurations that each variant needs."""
    if not something_varies(measured):
        return []
    chosen = rows(measured.budget_within, task)
    if len(chosen) == 1:
        one = chosen[0]
        count = "configuration" if one["high"] == 1 else "configurations"
        needed = interval("budget_within", one, form=".0f")
        return [f"{one['variant']} needs about {needed} random {count} to come within {NEAR} of its best."]
    needs = [f"about {interval('budget_within', row, form='.0f')} for {row['variant']}" for row in chosen]
    return (
        [f"Random configurations needed to come within {NEAR} of a variant's best: {several(needs)}."]
        if needs
        else []
    )


@of_quantities
def _wins(measured: Measured, task: str) -> list[str]:
    table = rows(measured.win_probability, task)
    if len({row["variant"] for row in table}) < 2:
        return []
    text = []
    budgets = sorted({row["k"] for row in table})
    for k in dict.fromkeys((budgets[0], budgets[-1])):
        chances = sorted((row for row in table if row["k"] == k), key=lambda row: -row["value"])
        words = [f"{row['variant']} {share('win_probability', row)}" for row in chances[:3]]
        many = cell(k, "win_probability", chances[0], "k")
        what = "one random configuration" if k == 1 else f"the best of {many} random configurations"
        text.append(f"With {what} each, these are most likely to end best: {several(words)}.")
    return text


@of_quantities
def _order(measured: Measured, task: str) -> list[str]:
    """Return which hyperparameter to tune first, for the variants whose first step clearly gains."""
    firsts = [row for row in rows(measured.tuning_order, task) if row["step"] == 1]
    sure = [row for row in firsts if row["low"] > 0]
    text = [
        f"Tune {effect} first for {listed([row['variant'] for row in sure if row['effect'] == effect])}."
        for effect in dict.fromkeys(row["effect"] for row in sure)
    ]
    rest = [row["variant"] for row in firsts if row not in sure]
    if rest:
        start = "default" if has_default(measured) else "middle of the ranges"
        text.append(f"No hyperparameter of {listed(rest)} clearly improves on the {start} when tuned alone.")
    return text


@of_quantities
def _gains(measured: Measured, task: str) -> list[str]:
    refused = refusal(measured.tunability)
    if refused:
        return [quantity(refused, "reason", "tunability")]
    known = believed(measured.tunability)
    whole = rows(known, task, kind="overall")
    if not whole:
        return []
    words = []
    for row in whole:
        alone = rows(known, task, kind="single", variant=row["variant"])
        most = max(alone, key=lambda gain: float(gain["value"]), default=None)
        single = (
            f" ({most['hyperparameters']} alone {_plain(most)})"
            if most and len(alone) > 1 and row["value"] > 0
            else ""
        )
        words.append(f"{row['variant']} {interval('tunability', row)}{single}")
    return [f"Gain from tuning over {_start(measured)}: {several(words)}."]


def _plain(row: dict[str, Any]) -> str:
    return cell(f"{row['value']:.3g}", "tunability", row, "value")


def _start(measured: Measured) -> str:
    """Return the configuration that tuning begins with; without defaults, the middles of the ranges."""
    return (
        "the default configuration"
        if has_default(measured)
        else "a configuration in the middle of the ranges"
    )


def _several(measured: Measured, task: str) -> bool:
    return len({row["variant"] for row in rows(measured.win_probability, task)}) > 1


def _tunable(measured: Measured, task: str) -> bool:
    known = measured.tunability
    return REFUSED not in known.attrs and bool(rows(believed(known), task))


def _ordered(measured: Measured, task: str) -> bool:
    return bool(rows(measured.tuning_order, task))


def _why_not(measured: Measured, task: str) -> str:
    if not something_varies(measured):
        return NOTHING_VARIES
    return nothing_learned(measured, task) or refusal(measured.budget_within)


TUNING = Question(
    "tuning",
    "Is it worth tuning?",
    (gains_of_tuning, within, _order, _wins, _gains),
    (
        Drawing(
            expected_best,
            "Expected loss of the best of k random configurations: the curve of a variant that is easily "
            "tuned falls early.",
            "expected_best",
        ),
        Drawing(
            win_probability,
            "The chance of each variant to end best when all are tuned with the same number of random "
            "configurations.",
            "win_probability",
            _several,
        ),
        Drawing(
            tunability,
            "Gain from tuning over the default configuration: all hyperparameters together, each alone, and "
            "each pair.",
            "tunability",
            _tunable,
        ),
        Drawing(
            tuning_order,
            "What tuning one hyperparameter after another gains over the default, in the order that gains "
            "most at each step.",
            "tuning_order",
            _ordered,
        ),
    ),
    tables(
        "expected_best",
        "budget_within",
        "win_probability",
        "relative_performance",
        "tunability",
        "tuning_order",
    ),
    _why_not,
)
