"""What a study decides: the variant and setting to use, how careful to be, and what is not decided."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from search_spaces.declared_defaults import declared_default
from sensitivity.figures.words import metric_name
from sensitivity.measures.estimates import estimates, stakes
from sensitivity.measures.guard import REFUSED
from sensitivity.measures.robustness import HALF
from sensitivity.measures.verdicts import EQUIVALENT, FACTOR, UNDECIDED, leader
from sensitivity.questions.fixed_settings import something_varies
from sensitivity.questions.next_steps import MOST_SEEDS, command_for, more_seeds
from sensitivity.questions.quantities import PAIR, cell, constant, count, setting, several, share
from sensitivity.questions.question import of_task, rows
from sensitivity.results.capping import INITIAL, cap_of, reference
from sensitivity.results.results import PREFIX, records
from sensitivity.text.quantities import of_quantities, quantity
from sensitivity.text.wording import known, listed, number, percent, with_interval

if TYPE_CHECKING:
    from sensitivity.measures import Measured

WIDE = 1.1
"""Factor between the ends of a range of learning rates that is worth telling."""
SAME = 1.001
"""Factor within which an end of that range is an end of the learning rates that were tried."""
BOUNDS = ("capped", "low", "high")
"""Columns of a cost that is known only by its bounds."""
PAIRS = 3
"""Most undecided pairs that are named."""


def recommended(measured: Measured, task: str) -> str:
    """Return the variant to use (:func:`sensitivity.measures.verdicts.leader`); empty where no regret is
    measured."""
    if not has_regret(measured, task):
        return ""
    return leader(measured.results, estimates(measured.results)[task], stakes(measured.results)[task])


@of_quantities
def recommendation(measured: Measured, task: str) -> list[str]:
    """Return the variant and setting to use, with its measured mean, and what a learning rate that is off and
    the default setting cost."""
    variant = recommended(measured, task)
    if not variant:
        return []
    one = next(one for one in estimates(measured.results)[task] if one.variant == variant)
    place = one.best.place
    seeds = int(np.isfinite(one.group.loss[place]).sum())
    sign = -1 if measured.results.direction == "max" else 1
    row = {"task": task, "variant": variant}
    over = f"mean of {cell(seeds, 'overview', row, 'seeds')} seeds" if seeds > 1 else "one seed"
    mean = cell(f"{sign * one.best.observed:z.3g}", "overview", row, "observed", "metric")  # as in the table
    at = setting(one.group.configurations[place], "overview", row)
    text = f"Use {variant} at {at}: {metric_name(measured.results)} {mean} ({over})."
    pieces = (_good_range, _miss, _default)
    return [text, *(sentence for piece in pieces for sentence in piece(measured, task, variant))]


def good_range(measured: Measured, task: str, variant: str) -> dict[str, float | bool] | None:
    """Return the smallest and the largest learning rate of the valley (``first``, ``last``), and True where
    the range that was tried ends in it (``at_least``); None where it has no width."""
    for row in records(of_task(measured.valley, task)):
        if row["variant"] == variant and known(row["value"]) and row["last"] > WIDE * row["first"] > 0:
            return {
                "first": float(row["first"]),
                "last": float(row["last"]),
                "at_least": bool(row["at_least"]),
            }
    return None


def _good_range(measured: Measured, task: str, variant: str) -> list[str]:
    found = good_range(measured, task, variant)
    if found is None:
        return []
    row = {"task": task, "variant": variant}
    first, last = (cell(f"{found[end]:.2g}", "valley", row, end) for end in ("first", "last"))
    tried = measured.results.group(task, variant)
    rates = tried[f"{PREFIX}lr"]
    if found["first"] <= rates.min() * SAME:
        first = f"{first}, the lowest tried,"
    if found["last"] >= rates.max() / SAME:
        last = f"{last}, the highest tried"
    rest = tried_beside(measured, task, variant)
    tuned = f", if {listed(rest)} {'is' if len(rest) == 1 else 'are'} tuned" if rest else ""
    return [
        f"{variant} loses at most a tenth of {won(measured, task)} at learning rates from about {first} to "
        f"{last}{tuned}."
    ]


def tried_beside(measured: Measured, task: str, variant: str) -> list[str]:
    """Return the hyperparameters beside the learning rate that were tried at several values."""
    tried = measured.results.group(task, variant)
    names = measured.results.varied(variant)
    return [name for name in names if name != "lr" and tried[f"{PREFIX}{name}"].nunique() > 1]


def default_of(measured: Measured, task: str, variant: str) -> dict[str, Any] | None:
    """Return the default setting of a variant (``configuration``) and its regret, with ``low`` and ``high``.

    None where it was not trained.
    """
    row = next(row for row in records(of_task(measured.regret, task)) if row["variant"] == variant)
    declared = declared_default(measured.results.spaces[variant])
    if declared is None or not known(row["default"]):
        return None
    names = {"value": "default", "low": "default_low", "high": "default_high"}
    return {"configuration": declared, **{name: float(row[column]) for name, column in names.items()}}


def _default(measured: Measured, task: str, variant: str) -> list[str]:
    found = default_of(measured, task, variant)
    if found is None:
        return []
    varied = measured.results.varied(variant)
    shown = ", ".join(
        f"{name} {quantity(number(value), 'setting', 'default', variant, name)}"
        for name, value in found["configuration"].items()
        if name in varied
    )
    row = {"task": task, "variant": variant}
    start, gain = f"At its default setting ({shown}), {variant}", won(measured, task)
    low, high = (found[name] if known(found[name]) else found["value"] for name in ("low", "high"))
    if high < 0:
        gap = {"value": -found["value"], "low": -found["high"], "high": -found["low"]}
        better = cell(with_interval(gap, form=".0%"), "regret", row, "default", "negative")
        return [f"{start} is better than the best setting of the design, by {better} of {gain}."]
    words = cell(with_interval(found, form=".0%"), "regret", row, "default")
    if low <= 0 < high:
        return [f"{start} cannot be told from the best setting of the design: {words} of {gain}."]
    return [f"{start} loses {words} of {gain}."]


def _miss(measured: Measured, task: str, variant: str) -> list[str]:
    found = [
        row
        for row in records(of_task(measured.miss_cost, task))
        if row["variant"] == variant and row["factor"] == FACTOR
    ]
    if not found:
        return []
    row, gain = found[0], won(measured, task)
    factor = constant(f"{FACTOR:.0f}", "factor")
    start = f"A learning rate that is wrong by a factor of {factor}"
    if known(row["value"]):
        seen = "" if row["value"] > 0 else "nothing that can be seen: "
        return [f"{start} costs {variant} {seen}{share('miss_cost', row)} of {gain}."]
    if known(row["low"]) and row["capped"] > 0:
        capped, low, high = (cell(percent(row[name]), "miss_cost", row, name) for name in BOUNDS)
        return [
            f"{start} may lead to where {capped} of the trials of {variant} diverge; it costs {low} to "
            f"{high} of {gain}."
        ]
    sides = [side for side in ("below", "above") if known(row[side])]
    if sides:
        side = sides[0]
        words, note = share("miss_cost", row, side), cell(row["note"], "miss_cost", row, "note")
        way = "too small" if side == "below" else "too large"
        return [f"A learning rate {factor} times {way} costs {variant} {words} of {gain}; {note}."]
    if not row["note"]:
        return []
    note = cell(row["note"], "miss_cost", row, "note")
    return [f"What a learning rate that is wrong by a factor of {factor} costs is not known: {note}."]


def won(measured: Measured, task: str) -> str:
    """Return the words for the unit of regret."""
    if cap_of(measured.results, task) == INITIAL:
        return "what training gains"
    return "the distance from the worst result to the best"


@of_quantities
def standing(measured: Measured, task: str) -> list[str]:
    """Return which variants lead, tuned and untuned, which are not ranked, and why."""
    regrets = [row for row in rows(measured.regret, task) if row["learned"]]
    text = []
    if len(regrets) > 1:
        text += _leaders(measured, task, "Tuned", tuned=True)
        text += _untuned(measured, task, regrets)
    idle = [row["variant"] for row in records(of_task(measured.regret, task)) if not row["learned"]]
    flat = {one.variant for one in estimates(measured.results)[task] if not one.group.learned}
    untrained = reference(measured.results, task)
    for start, names in (
        ("Never better", [name for name in idle if name in flat]),
        ("Hardly better", [name for name in idle if name not in flat]),
    ):
        if names:
            text.append(f"{start} than {untrained}, so not ranked: {several(names)}.")
    return text


def _leaders(measured: Measured, task: str, when: str, *, tuned: bool) -> list[str]:
    tied = _first(measured, task, tuned=tuned)
    if len(tied) != 1:
        return [f"{when}, {several(tied)} cannot be told apart."] if tied else []
    table = rows(measured.tuned_ranks if tuned else measured.ranks, task)
    if next(row for row in table if row["variant"] == tied[0])["last"] == 1:
        return [f"{when}, {tied[0]} is better than every other variant."]
    return [f"{when}, {tied[0]} leads, though not every other variant is told apart from it."]


UNTUNED = "Untuned is a random setting of the range searched."


def _untuned(measured: Measured, task: str, regrets: list[dict[str, Any]]) -> list[str]:
    whole = [row for row in regrets if known(row["value"])]
    if len(whole) < 2:
        return []
    if not rows(measured.verdicts, task, by="regret"):
        return (
            [
                "The ranges of the learning rate differ in width, so the loss of an untuned setting is not "
                "compared."
            ]
            if rows(measured.verdicts, task)
            else []
        )
    tied = _first(measured, task, tuned=False)
    shares = {row["variant"]: row for row in whole}
    least = [f"{variant} {share('regret', shares[variant])}" for variant in tied if variant in shares]
    best, most = (choose(whole, key=lambda row: row["value"]) for choose in (min, max))
    if len(tied) == len(rows(measured.ranks, task)) > 2:
        alike = percent(best["value"]) == percent(most["value"])
        rows_shown = (best,) if alike else (best, most)
        ends = " to ".join(cell(percent(row["value"]), "regret", row, "value") for row in rows_shown)
        return [
            f"Untuned, no variant can be told from the best: they lose {ends} of {won(measured, task)}. "
            f"{UNTUNED}"
        ]
    verb = "loses" if len(least) == 1 else "lose"
    more = "" if most["variant"] in tied else f"; {most['variant']} loses most, {share('regret', most)}"
    return [
        f"Untuned, {listed(tied)} {verb} least of {won(measured, task)}: {several(least)}{more}. {UNTUNED}"
    ]


def _first(measured: Measured, task: str, *, tuned: bool) -> list[str]:
    """Return the variants that may have rank 1, in order of their estimates."""
    table = measured.tuned_ranks if tuned else measured.ranks
    return [row["variant"] for row in rows(table, task) if row["first"] == 1]


COMPARED_BY = {"regret": "Untuned, ", "miss": "By what a miss costs, "}
"""Beginning of the sentence on decided pairs, by the primary measure."""


@of_quantities
def undecided(measured: Measured, task: str) -> list[str]:
    """Return how many pairs are decided by the primary measure, and the first that are not."""
    pairs = rows(measured.verdicts, task)
    if not pairs:
        return []
    left = sorted(
        (row for row in pairs if row["verdict"] == UNDECIDED), key=lambda row: (_units(row), row["p"])
    )
    noun = "pair is decided" if len(pairs) == 1 else "pairs are decided"
    whole, ended = (
        count(many, of, task) for many, of in ((len(pairs), "pairs"), (len(pairs) - len(left), "decided"))
    )
    start = COMPARED_BY[pairs[0]["by"]]
    equal = sum(row["verdict"] == EQUIVALENT for row in pairs)
    which = "" if len(pairs) == 1 else f"{count(equal, 'equivalent', task)} of them "
    noun += f", {which}as equivalent" if equal else ""
    if not left:
        return [f"{start}{'the only' if len(pairs) == 1 else f'all {whole}'} {noun}."]
    names = [f"{row['a']} against {row['b']}{_needs(row)}" for row in left]
    command = command_for(measured.results, left[0])
    shown = quantity(command, "command", *(left[0][name] for name in PAIR))
    chance = constant("80%", "power")
    more = f" To decide the first with a chance of {chance}: `{shown}`." if command else ""
    seeds = more_seeds(measured.results) if left[0]["note"] and not more else ""
    if seeds:
        shown = quantity(seeds, "command", *(left[0][name] for name in PAIR))
        more = f" One seed does not tell the noise: `{shown}`."
    return [f"{start}{ended} of {whole} {noun}. Not decided: {several(names, PAIRS)}.{more}"]


@of_quantities
def changed(measured: Measured, task: str) -> list[str]:
    """Return the choices of the study that change what it concludes.

    Another name among variants that cannot be told apart is no change.
    """
    table = records(of_task(measured.conclusion_changes, task))
    if len(table) < 2:
        return []
    whole = table[0]
    tied = {*_first(measured, task, tuned=True)} & {*_first(measured, task, tuned=False)}
    tied.add(whole["leader"])
    others = [
        row
        for row in table[1:]
        if row["leader"] not in tied and row["change"] != f"without {whole['leader']}"
    ]
    names = [f"{_change(row)}, {row['leader']} would be named" for row in others]
    names += [f"{_change(row)}, {row['reversed']} {_turned(row)}" for row in table[1:] if row["reversed"]]
    if not names:
        return []
    return [f"The conclusion depends on choices of this study: {'; '.join(names)}."]


def _change(row: dict[str, Any]) -> str:
    return cell(row["change"], "conclusion_changes", row, "change")


def _turned(row: dict[str, Any]) -> str:
    return "would differ by more than the margin" if row["change"] == HALF else "would turn round"


def _units(row: dict[str, Any]) -> float:
    """Return the seeds, or configurations, that would decide a pair; infinity where that is not known."""
    units = [row[name] for name in ("seeds", "configurations") if not math.isnan(row[name])]
    return min(units, default=math.inf)


def _needs(row: dict[str, Any]) -> str:
    if math.isfinite(row["configurations"]):
        needed = cell(f"{row['configurations']:,.0f}", "verdicts", row, "configurations")
        return f" (about {needed} configurations of each would decide)"
    if not math.isfinite(row["seeds"]):
        return ""
    if row["seeds"] > MOST_SEEDS:
        return f" (more than {constant(MOST_SEEDS, 'most_seeds')} seeds)"
    needed = cell(f"{row['seeds']:.0f}", "verdicts", row, "seeds")
    return f" (about {needed} seeds in all would decide)"


@of_quantities
def not_ranked(measured: Measured, task: str) -> list[str]:
    """Return why variants are not ranked, where their design refuses it."""
    reason = measured.regret.attrs.get(REFUSED)
    return [f"Variants are not ranked: {quantity(reason, 'reason', 'regret')}."] if reason else []


def has_regret(measured: Measured, task: str) -> bool:
    """Return True if the regret of some variant is measured."""
    return something_varies(measured) and bool(of_task(measured.regret, task)["value"].notna().any())
