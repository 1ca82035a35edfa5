"""Trade-offs of hyperparameters: the ridge of lr against mu and nu, and the best lr by norm and schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sensitivity.figures import pairwise_map
from sensitivity.questions.leads import ridges_seen
from sensitivity.questions.quantities import cell, constant, interval, several
from sensitivity.questions.question import (
    Condition,
    Drawing,
    Question,
    nothing_learned,
    of_task,
    refusal,
    rows,
    tables,
)
from sensitivity.text.quantities import of_quantities, quantity
from sensitivity.text.wording import number

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from sensitivity.measures import Measured

ONE, NONE = constant(1, "one"), constant(0, "zero")
MEANING = {
    "log1m": f"{{one}} scales as ({ONE} - {{other}})^c, with c: {{words}}. c = {ONE} means that only "
    f"{{one}} / ({ONE} - {{other}}) matters, c = {NONE} that {{other}} does not move the best {{one}}.",
    "log": f"{{one}} scales as {{other}}^c, with c: {{words}}. c = {NONE} means that {{other}} does not move "
    "the best {one}.",
    "linear": f"log {{one}} rises with each unit of {{other}} by: {{words}}. {NONE} would mean that "
    "{other} does not move the best {one}.",
}


@of_quantities
def _ridges(measured: Measured, task: str) -> list[str]:
    text = []
    table = rows(measured.ridges, task)
    for one, other in dict.fromkeys((row["one"], row["other"]) for row in table):
        part = [row for row in table if (row["one"], row["other"]) == (one, other)]
        for scale, meaning in MEANING.items():
            of_scale = [row for row in part if measured.results.spaces[row["variant"]][other].scale == scale]
            if of_scale:
                words = several([f"{row['variant']} {interval('ridges', row)}" for row in of_scale])
                rough = all("two levels" in row["note"] for row in of_scale)
                doubt = (
                    f" Two levels of {other} cannot show whether that holds between them." if rough else ""
                )
                text.append(f"The best {meaning.format(one=one, other=other, words=words)}{doubt}")
    lost = of_task(measured.ridges, task)
    lost = lost[lost["value"].isna()]
    if len(lost) and not table:
        reasons = dict.fromkeys(note.split("; ")[-1].removeprefix("no ridge: ") for note in lost["note"])
        text.append(f"No ridge can be fitted: {quantity('; '.join(reasons), 'reason', 'ridges')}.")
    return text


@of_quantities
def _rates(measured: Measured, task: str) -> list[str]:
    text = []
    table = rows(measured.best_rates, task)
    for variant, other in dict.fromkeys((row["variant"], row["other"]) for row in table):
        part = [row for row in table if (row["variant"], row["other"]) == (variant, other)]
        words = [f"{interval('best_rates', row)} at {other} {_level(row)}" for row in part]
        text.append(f"The best learning rate of {variant}: {several(words)}.")
    return text


def _level(row: dict[str, Any]) -> str:
    return cell(number(row["level"]), "best_rates", row, "level")


def _why_not(measured: Measured, task: str) -> str:
    nothing = nothing_learned(measured, task)
    if nothing:
        return nothing
    if len(of_task(measured.ridges, task)) or len(of_task(measured.best_rates, task)):
        return ""
    return (
        refusal(measured.ridges)
        or refusal(measured.best_rates)
        or "No variant varies such a pair of hyperparameters."
    )


def lr_mu_map(measured: Measured, task: str) -> go.Figure:
    """Draw the loss over the learning rate and mu."""
    return pairwise_map(measured, task, "lr", "mu")


def lr_nu_map(measured: Measured, task: str) -> go.Figure:
    """Draw the loss over the learning rate and nu."""
    return pairwise_map(measured, task, "lr", "nu")


def _ridge_of(other: str) -> Condition:
    return lambda measured, task: (
        bool(len(measured.ridges)) and other in set(of_task(measured.ridges, task)["other"])
    )


HOW = (
    "The mean loss over two hyperparameters; the line through it is the best learning rate for each level of "
    "the other, the ridge."
)

TRADEOFFS = Question(
    "tradeoffs",
    "How do hyperparameters trade off?",
    (ridges_seen, _ridges, _rates),
    (Drawing(lr_mu_map, HOW, "ridges", _ridge_of("mu")), Drawing(lr_nu_map, HOW, "ridges", _ridge_of("nu"))),
    tables("ridges", "best_rates"),
    _why_not,
)
