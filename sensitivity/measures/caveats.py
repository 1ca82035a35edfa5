"""What the reader should not believe without a second look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sensitivity.measures import forest as forests
from sensitivity.measures.effects import exact_effects
from sensitivity.measures.losses import Losses, groups, moderated
from sensitivity.results import IMPORTED, PREFIX
from sensitivity.wording import listed, number

if TYPE_CHECKING:
    from search_spaces.hyperparameters import Hyperparameter
    from sensitivity.results import Results

NEAR = 0.05
"""Part of a range, in unit coordinates, that counts as its end where the design has no levels."""
FEWEST, EACH = 8, 5
"""Configurations that a variant should have: at least, and for each hyperparameter that varies."""
KINDS = (
    "failed", "stopped", "unfinished", "one seed", "adaptive", "few trials", "poor surrogate", "unequal ranges", "never learned",
    "constant", "edge",
)  # fmt: skip


def caveats(results: Results) -> pd.DataFrame:
    """One row for each reason to doubt: ``kind`` (one of :data:`KINDS`) and ``text``, with ``task`` and ``variant`` where it is of one.

    ``failed``, ``stopped``, ``unfinished``: trials without a result. ``one seed``: of every configuration, so seed noise is unknown.
    ``adaptive``: configurations chosen by an optimizer. ``few trials``: fewer than 8 configurations, or than 5 for each hyperparameter.
    ``poor surrogate``: effects are read from a random forest whose out-of-bag R2 is under .5. ``unequal ranges``: variants that search
    different ranges of the same hyperparameter. ``never learned``: no configuration better than the initial loss. ``constant``: all have
    the same loss. ``edge``: the best is at the end of what was tried of a numeric hyperparameter (or within 5% of it where the design has
    no levels), and better than all further inside by more than the standard error of seed noise; with the range of the same width to try
    next.

    Source: the checklist of Godbole et al., "Deep Learning Tuning Playbook" (2023), for ends of ranges; the rest is our own.
    """
    general = [*_unmeasured(results), *_design(results), *_few(results), *_surrogates(results), *_ranges(results)]
    rows = [("", "", kind, text) for kind, text in general]
    for group in groups(results):
        where = f"{group.variant} on {group.task}"
        if not group.learned:
            text = f"{where} never did better than the initial loss: its numbers say nothing about its hyperparameters."
            rows.append((group.task, group.variant, "never learned", text))
            continue
        if len(group.loss) > 1 and forests.constant(group):
            text = f"{where} has the same loss at every configuration: none of its hyperparameters has an effect that this study could see."
            rows.append((group.task, group.variant, "constant", text))
        rows += [(group.task, group.variant, "edge", text) for text in _edges(results, group, where)]
    rows.sort(key=lambda row: KINDS.index(row[2]))
    return pd.DataFrame(rows, columns=["task", "variant", "kind", "text"])


def _unmeasured(results: Results) -> list[tuple[str, str]]:
    status, total = results.trials["status"], len(results.trials)
    failed, stopped = int((status == "failed").sum()), int((status == "stopped").sum())
    unfinished = int(status.isin(("pending", "running")).sum())
    found = []
    if failed:
        where = "trials.csv says" if IMPORTED in results.spec else "`sensitivity trials --status failed` shows"
        text = f"{failed} of {total} trials failed and are left out; {where} why."
        found.append(("failed", text))
    if stopped:
        text = f"{stopped} of {total} trials were stopped early and are left out: they have no result at the full budget."
        found.append(("stopped", text))
    if unfinished:
        hint = "" if IMPORTED in results.spec else "; run the study again to complete it"
        found.append(("unfinished", f"{unfinished} of {total} trials have not finished{hint}."))
    return found


def _design(results: Results) -> list[tuple[str, str]]:
    found = []
    if not any((np.isfinite(group.loss).sum(axis=1) > 1).any() for group in groups(results)) and results.groups:
        found.append(("one seed", "One seed: differences may be luck, and seed noise is unknown."))
    variants = list(dict.fromkeys(variant for _, variant in results.groups))
    adaptive = [name for name in variants if results.design_of(name) == "adaptive"]
    if adaptive:
        of = "" if adaptive == variants else f" of {listed(adaptive)}"
        text = (
            f"The configurations{of} were chosen by an optimizer, which crowds near the best: sensitivities and shares describe where it "
            "looked, not the range. Use a grid, random or sobol design to measure sensitivity."
        )
        found.append(("adaptive", text))
    return found


def _few(results: Results) -> list[tuple[str, str]]:
    """One sentence a task for all its variants."""
    few: dict[str, list[str]] = {}
    for group in groups(results):
        count, needed = int(np.isfinite(group.loss).any(axis=1).sum()), max(FEWEST, EACH * len(group.names))
        if group.names and count < needed:
            few.setdefault(group.task, []).append(f"{group.variant} {count} for {len(group.names)}")
    return [
        ("few trials", f"Few configurations for their hyperparameters on {task} (at least {FEWEST}, and {EACH} each): {listed(words)}.")
        for task, words in few.items()
    ]


def _surrogates(results: Results) -> list[tuple[str, str]]:
    """One sentence a task for all its variants."""
    poor: dict[str, list[str]] = {}
    for group in groups(results):
        if group.learned and exact_effects(results, group.task, group.variant) is None:
            r2 = forests.surrogate_r_squared(group, results.spaces[group.variant])
            if r2 < forests.POOR:
                poor.setdefault(group.task, []).append(f"{group.variant} {r2:.2f}")
    return [
        (
            "poor surrogate",
            f"The forest from which effects on {task} are read predicts unseen configurations badly (out-of-bag R2 under {forests.POOR}: "
            f"{listed(words)}): do not rely on their shares. More configurations help, and more seeds where the loss is noisy.",
        )
        for task, words in poor.items()
    ]


def _ranges(results: Results) -> list[tuple[str, str]]:
    searched: dict[str, dict[str, list[str]]] = {}
    for variant in dict.fromkeys(variant for _, variant in results.groups):
        for each in results.spaces[variant]:
            if each.cardinality != 1:
                searched.setdefault(each.name, {}).setdefault(_domain(each), []).append(variant)
    found = []
    for name, domains in searched.items():
        if len(domains) > 1:
            words = [f"{domain} for {listed(variants)}" for domain, variants in domains.items()]
            text = f"The ranges of {name} differ, so what is measured over them does, too: {'; '.join(words)}."
            found.append(("unequal ranges", text))
    return found


def _domain(each: Hyperparameter) -> str:
    if each.scale in ("ordinal", "categorical"):
        return listed([number(value) for value in getattr(each, "levels", ()) or getattr(each, "choices", ())])
    return f"{number(each.low)} to {number(each.high)} ({each.scale})"  # type: ignore[union-attr]


def _edges(results: Results, group: Losses, where: str) -> list[str]:
    best = int(np.nanargmin(group.mean))
    deviation, _ = moderated(group.loss)
    noise = deviation / np.sqrt(np.maximum(np.isfinite(group.loss).sum(axis=1), 1))
    found = []
    for column, name in enumerate(group.names):
        domain = results.spaces[group.variant][name]
        if domain.scale not in ("linear", "log", "log1m") or name not in group.configurations[best]:
            continue
        active = np.array([name in each for each in group.configurations])
        units = group.units[:, column]
        tried, at = np.unique(units[active]), units[best]
        if len(tried) < 3:
            continue  # of two levels, one is always at an end
        near = 0.0 if group.fixed else NEAR
        lowest, highest = at <= tried[0] + near, at >= tried[-1] - near
        inner = active & (units > tried[0] + near) & (units < tried[-1] - near) & np.isfinite(group.mean)
        if not (lowest or highest) or not inner.any():
            continue
        rival = np.flatnonzero(inner)[int(np.argmin(group.mean[inner]))]
        gain = group.mean[rival] - group.mean[best]
        if gain <= np.hypot(noise[rival], noise[best]) + 1e-9 * abs(group.mean[best]):
            continue
        values = results.group(group.task, group.variant)[f"{PREFIX}{name}"].astype(float)
        # What lies higher on log1m is higher, too: unit coordinates rise with the value on every scale.
        end, way = ("lowest", "lower") if lowest else ("highest", "higher")
        called = "learning rate" if name == "lr" else name
        value = group.configurations[best][name]
        found.append(
            f"{where} does best at the {end} {called} tried ({number(value)}, range {number(values.min())} to {number(values.max())}): "
            f"its optimum may lie {way}; try {_next(domain, float(values.min()), float(values.max()), float(value))}."
        )
    return found


def _next(domain: Hyperparameter, low: float, high: float, at: float) -> str:
    """A range of the same width on its scale, in the middle of which the best of this one is."""
    if domain.scale == "log":
        reach = float(np.sqrt(high / low))
        ends = at / reach, at * reach
    elif domain.scale == "log1m":
        reach = float(np.sqrt((1 - low) / (1 - high)))
        ends = 1 - (1 - at) * reach, 1 - (1 - at) / reach
        if low >= 0:
            ends = max(0.0, ends[0]), ends[1]
    else:
        half = (high - low) / 2
        ends = at - half, at + half
        if low >= 0:
            ends = max(0.0, ends[0]), min(1.0, ends[1]) if high <= 1 else ends[1]
    if domain.kind == "integer":
        ends = float(np.floor(ends[0])), float(np.ceil(ends[1]))
        ends = max(1.0, ends[0]) if domain.scale == "log" else ends[0], ends[1]
    return " to ".join(number(end) for end in _readable(domain, ends))


def _readable(domain: Hyperparameter, ends: tuple[float, float]) -> tuple[float, float]:
    """Three digits; those of the distance from 1 on log1m."""
    if domain.scale == "log1m":
        first, second = (1 - float(f"{1 - end:.2g}") for end in ends)
        return float(f"{first:.10g}"), float(f"{second:.10g}")
    return float(f"{ends[0]:.3g}"), float(f"{ends[1]:.3g}")
