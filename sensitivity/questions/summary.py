"""Summary of a study, in sentences."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from sensitivity.questions.decided import changed, has_regret, recommendation, recommended, undecided
from sensitivity.questions.effects import leading
from sensitivity.questions.quantities import cell, count, setting, several
from sensitivity.questions.question import Sentences, nothing_learned, of_task
from sensitivity.questions.sensitive import diverged, ranking
from sensitivity.questions.tuning import within
from sensitivity.study.trial import METRICS
from sensitivity.text.quantities import Text, marked, of_quantities, quantity
from sensitivity.text.wording import DASH, known

if TYPE_CHECKING:
    from sensitivity.measures import Measured
    from sensitivity.results.results import Results


MOST_EDGES = 5
"""Most ranges with the best value at an end that are mentioned."""


def summary(measured: Measured, task: str) -> list[str]:
    """Return sentences on one task: the best, least and most sensitive variant, effects and divergence.

    A caveat follows the sentences that it limits (:data:`LIMITS`).
    """
    if not any(place == task for place, _ in measured.results.groups):
        return ["No trial has ended yet."]
    nothing = measured.attempt("summary", partial(nothing_learned, measured, task), "")
    pieces: tuple[Sentences, ...]
    if nothing:
        pieces = (ranking, diverged)
    elif measured.attempt("summary", partial(has_regret, measured, task), False):
        pieces = (recommendation, ranking, undecided, changed, leading, diverged)
    else:
        pieces = (_best, ranking, leading, within, diverged)
    sentences: list[str] = []
    for piece in pieces:
        said = measured.attempts("summary", (piece,), measured, task)
        sentences += [*said, *_limits(measured, task, piece)] if said else []
    return sentences


def _best_row(measured: Measured, task: str) -> pd.Series[Any] | None:
    """Return the row of the overview with the best loss."""
    table = of_task(measured.overview, task)
    table = table[table["best_loss"].notna()]
    return None if table.empty else table.sort_values("best_loss").iloc[0]


@of_quantities
def _best(measured: Measured, task: str) -> list[str]:
    """Return the best loss, its variant and its configuration."""
    best = _best_row(measured, task)
    if best is None:
        return []
    title = best_title(measured.results)
    measured_mean, expected = (
        marked(words(measured.results, best)) for words in (best_words, expected_words)
    )
    rerun = f" (expected on a rerun: {expected})" if expected else ""
    place = setting(best["configuration"], "overview", best)
    return [f"{title[0].upper()}{title[1:]}: {best['variant']}, {measured_mean} at {place}{rerun}."]


LIMITS: Mapping[Sentences, tuple[str, ...]] = {
    recommendation: ("edge",),
    _best: ("edge",),
    ranking: ("one seed", "adaptive", "few trials", "unequal ranges"),
    leading: ("poor surrogate", "constraints"),
    diverged: ("failed", "stopped", "unfinished"),
}
"""Kinds of caveats (:data:`sensitivity.measures.caveats.KINDS`) that limit the sentences of a summary."""


@of_quantities
def _limits(measured: Measured, task: str, piece: Sentences) -> list[str]:
    """Return the caveats that limit the sentences of a piece of the summary of a task.

    The end of a range limits the variant that is named; where there are several tasks, what concerns all of
    them limits no sentence of one.
    """
    table = measured.attempt("caveats", lambda: measured.caveats, None)
    kinds = LIMITS.get(piece, ())
    if not kinds or table is None or table.empty:
        return []
    places = {task} if len({place for place, _ in measured.results.groups}) > 1 else {task, ""}
    table = table[table["kind"].isin(kinds) & table["task"].isin(places)]
    if "edge" in kinds:
        named = measured.attempt("verdict", partial(recommended, measured, task), "")
        best = None if named else measured.attempt("summary", partial(_best_row, measured, task), None)
        table = table[table["variant"] == (named if best is None else best["variant"])]
    return [_caveat(row, place) for place, row in table.iterrows()]


def _caveat(row: pd.Series[Any], place: Any) -> str:
    return cell(row["text"], "caveats", {**row, "place": place}, "text")


def other_caveats(measured: Measured, said: Collection[str]) -> list[str]:
    """Return the caveats that are not among the sentences of summaries, ``said``."""
    return [text for text in caveats(measured) if text not in said]


@of_quantities
def caveats(measured: Measured) -> list[str]:
    """Return the assumptions about imported results, the caveats and the failures.

    It is called last, since later failures are not included.
    """
    careful: list[str] = measured.attempt("caveats", partial(_careful, measured), list[str]())
    failed = [f"{reason}; whatever needs it is left out." for reason in measured.failures.values()]
    notes = [quantity(note, "reason", "import") for note in measured.results.notes]
    return [*notes, *careful, *(quantity(reason, "reason", "failure") for reason in failed)]


def _careful(measured: Measured) -> list[str]:
    """Return the caveats of the results; of many ranges with the best value at an end, the first few."""
    table = measured.caveats
    if table.empty:
        return []
    edges = table[table["kind"] == "edge"]
    folded = edges.iloc[MOST_EDGES:]
    more = []
    if len(folded):
        noun = "range" if len(folded) == 1 else "ranges"
        names = several(list(dict.fromkeys(folded["variant"])))
        more = [
            f"And {count(len(folded), 'more')} more {noun} with the best at an end, of {names}: the measure "
            "`caveats` lists all."
        ]
    shown = table.drop(index=folded.index)
    return [*(_caveat(row, place) for place, row in shown.iterrows()), *more]


def best_words(results: Results, row: Mapping[str, Any] | pd.Series) -> str:
    """Return the measured mean of a variant's best configuration, with its seeds; a dash if all diverged.

    Where every configuration has one seed, the mean is called the observed minimum (or maximum).

    Args:
        results: Results of the study.
        row: A row of the overview.
    """
    if not has_finite(results, row):
        return DASH
    mean = cell(f"{_signed(results) * row['observed']:.3g}", "overview", row, "observed", "metric")
    if not known(row["best_loss_low"]):
        return Text(f"{mean}, the observed {results.direction}imum,")
    seeds = cell(row["seeds"], "overview", row, "seeds")
    return Text(f"{mean} (mean of {seeds} {'seed' if row['seeds'] == 1 else 'seeds'})")


def expected_words(results: Results, row: Mapping[str, Any] | pd.Series) -> str:
    """Return the result that the best configuration is expected to have on a rerun, and its interval.

    It is empty where the noise between seeds is unknown.

    Args:
        results: Results of the study.
        row: A row of the overview.
    """
    ends = [row["best_loss_low"], row["best_loss_high"]]
    if not (all(map(known, ends)) and has_finite(results, row)):
        return ""
    low, high = sorted(_signed(results) * end for end in ends)
    value = f"{_signed(results) * row['best_loss']:.3g}"
    whole = value if math.isclose(low, high, abs_tol=1e-12) else f"{value}, {low:.3g} to {high:.3g}"
    return Text(cell(whole, "overview", row, "best_loss", "metric"))


def _signed(results: Results) -> int:
    """Return the sign of the metric in its loss: that of a metric which is maximised is its negative."""
    return 1 if results.direction == "min" else -1


def has_finite(results: Results, row: Mapping[str, Any] | pd.Series) -> bool:
    """Return True if a trial of the variant and the task of a row of the overview has a finite result."""
    return bool((results.group(str(row["task"]), str(row["variant"]))["status"] == "completed").any())


def best_title(results: Results) -> str:
    """Return the title of a column of :func:`best_words`."""
    return "best loss" if results.metric in METRICS else f"best {results.metric}"
