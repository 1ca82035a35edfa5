"""Every claim of a sentence holds in the tables: who wins, who ties, which direction, what is only a bound."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from sensitivity.measures import Measured
from sensitivity.measures.verdicts import EQUIVALENT, FACTOR, UNDECIDED
from sensitivity.questions import QUESTIONS
from sensitivity.questions.overview import GOOD, MISSED, overview
from sensitivity.questions.question import of_task, rows
from sensitivity.questions.summary import summary
from tests.sensitivity.tables import maximised, noisy, results
from tests.sensitivity.test_quantities import odd_study

NAME = r"[\w/]+"
NAMES = rf"{NAME}(?:, {NAME})*(?: and {NAME})?"


class Facts:
    """What the tables of one task say."""

    def __init__(self, measured: Measured, task: str) -> None:
        self.measured, self.task = measured, task
        self.sign = -1 if measured.results.direction == "max" else 1

    def rows(self, name: str) -> list[dict[str, Any]]:
        return rows(self.measured.table_named(name), self.task)

    def row(self, name: str, variant: str) -> dict[str, Any]:
        (found,) = [row for row in self.rows(name) if row["variant"] == variant]
        return found

    def first(self, *, tuned: bool) -> set[str]:
        """The variants that no other surely beats."""
        table = self.rows("tuned_ranks" if tuned else "ranks")
        return {row["variant"] for row in table if row["first"] == 1}

    def verdicts(self, verdict: str) -> set[tuple[str, str]]:
        return {(row["a"], row["b"]) for row in self.rows("verdicts") if row["verdict"] == verdict}

    def losses(self, variant: str) -> pd.Series[float]:
        """The mean loss of each configuration: a metric that is maximised counts as its negative."""
        trials = self.measured.results.group(self.task, variant)
        columns = [name for name in trials.columns if name.startswith("config/")]
        return trials.groupby(columns, dropna=False)["loss"].mean()


def names(text: str) -> list[str]:
    return re.split(r", | and ", text)


def used(facts: Facts, variant: str) -> bool:
    """The variant to use is not surely beaten when tuned, and has the best mean of those named first."""
    ranks = facts.rows("tuned_ranks")
    row = facts.measured.overview.query("task == @facts.task and variant == @variant").iloc[0]
    losses = facts.losses(variant)
    best, rounding = losses.min(), 1e-14 * losses.abs().max()
    return (not ranks or variant in facts.first(tuned=True)) and math.isclose(
        best, row["observed"], rel_tol=1e-9, abs_tol=rounding
    )


def best_of_all(facts: Facts, variant: str) -> bool:
    return all(
        row["first"] > 1 for row in facts.rows("tuned_ranks") if row["variant"] != variant
    ) and facts.first(tuned=True) == {variant}


def loses_most(facts: Facts, variant: str) -> bool:
    shares = {row["variant"]: row["value"] for row in facts.rows("regret") if row["learned"]}
    return bool(shares[variant] == max(shares.values()))


def told_apart(facts: Facts, text: str) -> bool:
    table = {frozenset((row["a"], row["b"])): row for row in facts.rows("verdicts")}
    pairs = re.findall(rf"({NAME}) is better than ({NAME}) by", text)
    return bool(pairs) and all(
        table[frozenset(pair)]["better"] == pair[0]
        and (table[frozenset(pair)]["value"] < 0) == (table[frozenset(pair)]["a"] == pair[0])
        for pair in pairs
    )


def never_better(facts: Facts, text: str) -> bool:
    learned = of_task(facts.measured.overview, facts.task).set_index("variant")["learned"]
    idle = {row["variant"] for row in facts.rows("regret") if not row["learned"]} | set(
        learned[~learned].index
    )
    return set(names(text)) <= idle | {
        row["variant"]
        for row in of_task(facts.measured.regret, facts.task).to_dict("records")
        if not row["learned"]
    }


def by_sensitivity(facts: Facts, least: str, most: str) -> bool:
    table = of_task(facts.measured.overview, facts.task)
    table = table[table["learned"]].set_index("variant")["sensitivity"].dropna()
    return bool(table[least] == table.min() and table[most] == table.max())


def default_is(facts: Facts, variant: str, claim: str) -> bool:
    row = facts.row("regret", variant)
    low, high = (
        row[end] if row[end] == row[end] else row["default"] for end in ("default_low", "default_high")
    )
    return {
        "is better": high < 0,
        "cannot be told": low <= 0 < high,
        "loses": low > 0 or low == high == 0,
    }[claim]


def ends_best(facts: Facts, k: str, text: str) -> bool:
    table = [row for row in facts.rows("win_probability") if str(row["k"]) == k]
    return names(re.sub(r" \d+%(?: \([^)]*\))?", "", text)) == [
        row["variant"] for row in sorted(table, key=lambda row: -row["value"])[:3]
    ]


def last_epoch_winner(facts: Facts, variant: str) -> bool:
    """By the metric itself: the highest where it is maximised."""
    from sensitivity.questions.epochs import curves

    table = curves(facts.measured, facts.task)
    end = table[table["epoch"] == table["epoch"].max()].set_index("variant")["value"].dropna() * facts.sign
    return bool(end[variant] == end.min())


def ends_ahead(facts: Facts, better: str, way: str, worse: str) -> bool:
    """Of variants with one setting each: the loss, or the metric in its own sign, is lower or higher."""
    means = [facts.sign * facts.losses(variant).mean() for variant in (better, worse)]
    return (means[0] > means[1]) == (way == "higher") and (way == "higher") == (facts.sign < 0)


def matters_most(facts: Facts, effect: str) -> bool:
    table = of_task(facts.measured.main_effects, facts.task)
    table = table[~table["effect"].isin(("interactions", "unexplained", "seed noise"))]
    return all(
        part.sort_values("value", ascending=False)["effect"].iloc[0] == effect
        for _, part in table.groupby("variant")
        if part["value"].notna().any()
    )


CLAIMS: dict[str, Callable[..., bool]] = {
    rf"Use ({NAME}) at ": used,
    rf"({NAME}) loses at most a tenth of [^:]* at learning rates from ": used,
    rf"Tuned, ({NAME}) is better than every other variant\.": best_of_all,
    rf"Tuned, ({NAME}) leads, though": lambda facts, name: (
        facts.first(tuned=True) == {name} and facts.row("tuned_ranks", name)["last"] > 1
    ),
    rf"Tuned, ({NAMES}) cannot be told apart\.": lambda facts, text: set(names(text)) == facts.first(tuned=True),
    rf"Untuned, ({NAMES}) loses? least of ": lambda facts, text: set(names(text)) == facts.first(tuned=False),
    rf"Untuned, .*; ({NAME}) loses most, ": loses_most,
    rf"(?:Never|Hardly) better than [^,]*, so not ranked: ({NAMES})\.": never_better,
    rf"Least sensitive to [^:]*: ({NAME}), .* most sensitive: ({NAME}), ": by_sensitivity,
    r"Untuned, no variant can be told from the best": lambda facts: (
        facts.first(tuned=False) == {row["variant"] for row in facts.rows("ranks")}
    ),
    r"(?:Untuned|costs), (?:all )?(\d+|the only)(?: of (\d+))? pairs? (?:is|are) decided"
    r"(?:, (?:(\d+) of them )?(as equivalent))?\.": (
        lambda facts, ended, whole, equal, alike: (
            (1 if ended == "the only" else int(ended))
            == len(facts.rows("verdicts")) - len(facts.verdicts(UNDECIDED))
            and (whole is None or int(whole) == len(facts.rows("verdicts")))
            and int(equal or bool(alike)) == len(facts.verdicts(EQUIVALENT))
        )
    ),
    rf"Not decided(?:, of \d+ pairs?)?: ({NAME}) against ({NAME})": lambda facts, *pair: (
        pair in facts.verdicts(UNDECIDED)
    ),
    rf"At its default setting \([^)]*\), ({NAME}) (is better|cannot be told|loses)": default_is,
    r"(.*) \(simultaneous ": told_apart,
    rf"Equivalent within [^:]*: ({NAME}) with ({NAME})": lambda facts, *pair: pair in facts.verdicts(EQUIVALENT),
    rf"^({NAME}) ends (higher|lower) than ({NAME}) by ": ends_ahead,
    r"No trial diverged\.": lambda facts: not any(row["diverged"] for row in facts.rows("divergence_rate")),
    rf"({NAME}) matters most for all ": matters_most,
    r"With the best of (\d+) random configurations each, [^:]*: (.*)\.": ends_best,
    rf"The variant that was best .*(?:, too: |at half, )({NAME})(?:\.| at the end)": last_epoch_winner,
    rf"A learning rate that is wrong by a factor of 3 may lead to where \d+% of the trials of ({NAME}) diverge": (
        lambda facts, name: any(
            row["capped"] > 0 and math.isnan(row["value"])
            for row in of_task(facts.measured.miss_cost, facts.task).to_dict("records")
            if row["variant"] == name and row["factor"] == FACTOR
        )
    ),
}  # fmt: skip
"""Regular expressions of claims, and functions of the facts and of their groups that say if a claim holds."""


def wrong(measured: Measured, task: str) -> tuple[list[str], set[str]]:
    """Return the sentences whose claim does not hold, and the claims that were held against the tables."""
    facts, found, seen = Facts(measured, task), [], set()
    answers = [
        question.sentences(measured, task) for question in QUESTIONS if question.applies(measured, task)
    ]
    for sentence in [*summary(measured, task), *(text for texts in answers for text in texts)]:
        for claim, holds in CLAIMS.items():
            match = re.search(claim, sentence)
            if match:
                seen.add(claim)
                if not holds(facts, *match.groups()):
                    found.append(sentence)
    return found, seen


@pytest.mark.parametrize(
    "number", [*range(12), *(pytest.param(number, marks=pytest.mark.slow) for number in range(12, 100))]
)
def test_every_claim_about_an_odd_table_holds_in_the_tables(number: int) -> None:
    measured = odd_study(number)
    for task in dict.fromkeys(task for task, _ in measured.results.groups):
        assert not wrong(measured, task)[0]
        _check_bounds(measured, task)


STUDIES = {
    "a grid": results(noisy(0.02), variants=("adam", "cm", "nadam")),
    "one that is better": results(
        lambda c, seed: noisy(0.01)(c, seed) * (1 + (c["variant"] == "cm")), variants=("adam", "cm")
    ),
    "one that diverges": results(
        lambda c, seed: math.inf if c["lr"] > 0.5 else noisy(0.01)(c, seed), variants=("adam", "cm")
    ),
    "one that is maximised": maximised(),
}


@pytest.mark.parametrize("name", STUDIES)
def test_every_claim_about_a_study_holds_in_the_tables(name: str) -> None:
    measured = Measured(STUDIES[name])
    task = measured.results.groups[0][0]
    found, seen = wrong(measured, task)
    assert not found
    assert len(seen) >= 5
    _check_bounds(measured, task)


def _check_bounds(measured: Measured, task: str) -> None:
    """A value of which only a bound is known says so, and no other does."""
    shown = overview(measured, task).set_index("variant")
    if GOOD in shown:
        valleys = {row["variant"]: row for row in rows(measured.valley, task)}
        for variant, cell in shown[GOOD].items():
            assert cell.startswith("at least ") == bool(valleys.get(variant, {"at_least": False})["at_least"])
    if MISSED in shown:
        costs = [
            row for row in of_task(measured.miss_cost, task).to_dict("records") if row["factor"] == FACTOR
        ]
        for row in costs:
            cell = shown[MISSED].get(row["variant"], "–")
            assert cell.startswith("too ") == (
                math.isnan(row["value"])
                and math.isnan(row["low"])
                and not (math.isnan(row["below"]) and math.isnan(row["above"]))
            ), (cell, row)
