"""Importance of hyperparameters: alone, in pairs, against seed noise, and by several estimators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sensitivity.figures import effect_shares, estimator_agreement, pair_effects, seed_noise
from sensitivity.figures.agreement import ordered_by_two
from sensitivity.measures.effects import MINOR, NO_HYPERPARAMETER, NOISE, POOR_FIT, UNEXPLAINED
from sensitivity.questions.leads import named
from sensitivity.questions.quantities import cell, constant, count, several, share
from sensitivity.questions.question import Drawing, Question, nothing_learned, of_task, rows, tables
from sensitivity.results.results import records
from sensitivity.text.quantities import of_quantities, quantity
from sensitivity.text.wording import MOST, listed, percent

if TYPE_CHECKING:
    import pandas as pd

    from sensitivity.measures import Measured

FEW = 2
"""Variants up to which the share of each is said; hyperparameters that a first sentence names."""
LEAST = constant(percent(MINOR), "minor")
"""The share below which effects are not mentioned, in words."""
TRUSTED = 0.5
"""Out-of-bag R2 of a forest from which interactions are mentioned."""


@of_quantities
def main_effect(measured: Measured, task: str) -> list[str]:
    """Return the hyperparameter that matters most to each variant, where one clearly matters."""
    shares = of_task(measured.main_effects, task)
    if shares.loc[~shares["effect"].isin(NO_HYPERPARAMETER), "value"].isna().all():
        return ["The importance of no hyperparameter is known."]
    variants, tops = shares["variant"].nunique(), _tops(measured, task)
    words = [
        f"to {named(list(part.index), variants)}: {effect}"
        for effect, part in tops.groupby("effect", sort=False)
    ]
    if len(words) > FEW:
        return ["Which hyperparameter matters most differs between variants."]
    return [f"Most important {'; '.join(words)}."] if words else []


@of_quantities
def effects(measured: Measured, task: str) -> list[str]:
    """Return a sentence for each variant on its effects.

    It names the hyperparameters and interactions that clearly explain the loss, the remainder and seed noise.
    """
    shares = of_task(measured.main_effects, task)
    poor = shares[shares["note"].str.contains(POOR_FIT, regex=False)]
    text = []
    for variant, part in shares[shares["value"].notna()].groupby("variant", sort=False):
        large = _clear(part[~part["effect"].isin((UNEXPLAINED, NOISE))]).sort_values("value", ascending=False)
        if variant in set(poor["variant"]) or large.empty:
            continue
        words = [f"{row['effect']} {share('main_effects', row)}" for row in records(large)]
        rest = part[(part["effect"] == NOISE) | ((part["effect"] == UNEXPLAINED) & (part["value"] >= MINOR))]
        more = "".join(f"; {row['effect']} {_percent(row)}" for row in records(rest))
        text.append(f"For {variant}, the variance of the loss comes from {several(words, 5)}{more}.")
    if len(text) > MOST:
        text = [*text[:MOST], f"{count(len(text) - MOST, 'more')} more variants are in the table."]
    if len(poor):
        names = several(list(dict.fromkeys(poor["variant"])))
        text.append(
            f"The trials of {names} do not show which hyperparameters matter: a forest cannot predict their "
            "loss."
        )
    alone = shares[~shares["effect"].isin(NO_HYPERPARAMETER)]
    unknown = (
        alone.groupby("variant", sort=False)["value"]
        .transform(lambda values: values.isna().all())
        .astype(bool)
    )
    if not text and not alone[~unknown].empty:
        text.append(_none(alone[~unknown]))
    return [*text, *_unknown(alone[unknown], everything=bool(unknown.all()))]


def _percent(row: dict[str, Any]) -> str:
    return cell(percent(row["value"]), "main_effects", row, "value")


def _unknown(shares: pd.DataFrame, *, everything: bool) -> list[str]:
    """Return the sentence on variants of which no share is known.

    Args:
        shares: Rows of these variants.
        everything: True if there are no other variants.
    """
    if shares.empty:
        return []
    who = "these trials" if everything else several(list(dict.fromkeys(shares["variant"])))
    reasons = dict.fromkeys(part for note in shares["note"] for part in note.split("; ") if part)
    notes = quantity("; ".join(reasons), "reason", "main_effects")
    return [f"Importance is unknown for {who}: {notes}."]


def _clear(shares: pd.DataFrame) -> pd.DataFrame:
    """Return effects of 5% or more whose interval does not include 0."""
    return shares[(shares["value"] >= MINOR) & (shares["low"] > 0)]


def _none(shares: pd.DataFrame) -> str:
    """Return the sentence that no effect is large; where an interval exceeds 5%, one may be large."""
    surely = "" if (shares["high"] < MINOR).all() else "clearly "
    return f"No hyperparameter {surely}explains {LEAST} of the variance of the loss on its own."


@of_quantities
def leading(measured: Measured, task: str) -> list[str]:
    """Return one sentence for all variants: the hyperparameter that matters most to each, or to all."""
    shares, large = of_task(measured.main_effects, task), _tops(measured, task)
    names = list(large.index)
    everywhere = len(names) > FEW and len(names) == shares["variant"].nunique()
    if everywhere and large["effect"].nunique() == 1:
        ordered = [{**row, "variant": name} for name, row in large.sort_values("value").iterrows()]
        low, high = (_percent(row) for row in (ordered[0], ordered[-1]))
        alike = percent(ordered[0]["value"]) == percent(ordered[-1]["value"])
        ends = low if alike else f"{low} to {high}"
        effect = large["effect"].iloc[0]
        many = count(len(names), "variants", task)
        return [f"{effect} matters most for all {many} variants: {ends} of the variance of the loss."]
    words = [
        f"{row['effect']} for {variant}, {share('main_effects', {**row, 'variant': variant})}"
        for variant, row in large.iterrows()
    ]
    return (
        [f"Most important, as a share of the variance of the loss: {'; '.join(words[:MOST])}{_more(words)}."]
        if words
        else []
    )


def _tops(measured: Measured, task: str) -> pd.DataFrame:
    """Return the largest clear effect of a single hyperparameter, a row a variant that has one."""
    shares = of_task(measured.main_effects, task)
    single = shares[
        ~shares["effect"].isin(NO_HYPERPARAMETER) & ~shares["note"].str.contains(POOR_FIT, regex=False)
    ]
    large = _clear(single).sort_values("value", ascending=False).drop_duplicates("variant")
    names = [variant for variant in dict.fromkeys(single["variant"]) if variant in set(large["variant"])]
    return large.set_index("variant").loc[names]


def _more(words: list[str]) -> str:
    return f"; {count(len(words) - MOST, 'more')} more in the table" if len(words) > MOST else ""


@of_quantities
def _pairs(measured: Measured, task: str) -> list[str]:
    table = rows(measured.variance_shares, task, order="pair")
    if not table:
        return []
    believed = [row for row in table if row["r2"] >= TRUSTED]
    if not believed:
        return []
    large = sorted(
        (row for row in believed if row["low"] > 0 and row["value"] >= MINOR), key=lambda row: -row["value"]
    )
    worst, best = (end(believed, key=lambda row: float(row["r2"])) for end in (min, max))
    ends = [cell(f"{row['r2']:.2f}", "variance_shares", row, "r2") for row in (worst, best)]
    alike = f"{worst['r2']:.2f}" == f"{best['r2']:.2f}"
    surrogate = f"forests with out-of-bag R2 of {ends[0]}" + ("" if alike else f" to {ends[1]}")
    if not large:
        variants = list(dict.fromkeys(row["variant"] for row in believed))
        of = f" of {several(variants)}" if len(variants) < len({row["variant"] for row in table}) else ""
        return [f"No interaction{of} clearly exceeds {LEAST} ({surrogate})."]
    words = [f"{row['effect']} of {row['variant']} {share('variance_shares', row)}" for row in large]
    return [
        f"Interactions, beyond what each hyperparameter explains alone ({surrogate}): {several(words, 5)}."
    ]


@of_quantities
def _agreement(measured: Measured, task: str) -> list[str]:
    table = rows(measured.estimators, task)
    names = list(dict.fromkeys(row["estimator"] for row in table))
    if len(names) < 2 or not any(row["rank"] > 1 for row in table):
        return []
    words = []
    for variant in dict.fromkeys(row["variant"] for row in table if row["disagrees"]):
        disagreeing = [row for row in table if row["variant"] == variant and row["disagrees"]]
        against: dict[str, list[str]] = {}
        for row in disagreeing:
            against.setdefault(row["estimator"], []).extend(row["disagrees"].split(", "))
        odd = max(against, key=lambda estimator: len(set(against[estimator])))
        what = listed([row["effect"] for row in disagreeing if row["estimator"] == odd])
        words.append(
            f"for {variant}, {odd} orders {what} otherwise than {listed(list(dict.fromkeys(against[odd])))}"
        )
    if not words and ordered_by_two(table):
        return [
            f"Estimators agree: {listed(names)} order the hyperparameters alike wherever their intervals "
            "keep two apart."
        ]
    if not words:
        return []
    more = f"; {count(len(words) - 3, 'more')} more in the table" if len(words) > 3 else ""
    return [
        f"Estimators disagree by more than chance: {'; '.join(words[:3])}{more}. They measure different "
        "things."
    ]


def _noise(measured: Measured, task: str) -> pd.DataFrame:
    shares = of_task(measured.main_effects, task)
    return shares[(shares["effect"] == NOISE) & shares["value"].notna()].reset_index(drop=True)


def _has_noise(measured: Measured, task: str) -> bool:
    return not _noise(measured, task).empty


def _has_pairs(measured: Measured, task: str) -> bool:
    return bool(rows(measured.variance_shares, task, order="pair"))


def _why_not(measured: Measured, task: str) -> str:
    varied = any(
        measured.results.varied(variant) for place, variant in measured.results.groups if place == task
    )
    return nothing_learned(measured, task) if varied else "No hyperparameter varies."


EFFECTS = Question(
    "effects",
    "Which hyperparameters matter?",
    (main_effect, effects, _pairs, _agreement),
    (
        Drawing(
            effect_shares,
            "How much of the variance of the loss each hyperparameter explains on its own over the range "
            "searched, on its own scale; interactions, which pairs explain together; the remainder that no "
            "effect explains; and seed noise. An effect smaller than seed noise is not worth tuning for.",
            "main_effects",
        ),
        Drawing(
            pair_effects,
            "What two hyperparameters explain together beyond what each explains alone; on the diagonal, "
            "each alone. Of a forest.",
            "variance_shares",
            _has_pairs,
        ),
        Drawing(
            seed_noise,
            "Seed noise: as a share of the variance, and as a deviation along the learning rate.",
            "seed_noise",
            _has_noise,
        ),
        Drawing(
            estimator_agreement,
            "The rank that each estimator gives each hyperparameter; ≠ marks where another orders it "
            "otherwise by more than chance.",
            "estimators",
        ),
    ),
    (*tables("main_effects", "variance_shares", "estimators"), ("seed_noise", _noise)),
    _why_not,
)
