"""What would decide the pairs that a study leaves undecided, with commands that can be pasted."""

from __future__ import annotations

import math
import shlex
from typing import TYPE_CHECKING, Any

from sensitivity.measures.differences import FEW_SEEDS
from sensitivity.measures.verdicts import UNDECIDED
from sensitivity.results.results import IMPORTED, records

if TYPE_CHECKING:
    import pandas as pd

    from sensitivity.results.results import Results

MOST_SEEDS, MOST_CONFIGURATIONS = 50, 1_000
"""Units above which no command is told: nobody decides a pair at that cost."""


def next_steps(results: Results, table: pd.DataFrame, *, source: str | None = None) -> list[str]:
    """Return a sentence for each undecided pair of the primary measure, the cheapest first.

    Args:
        results: Results that the verdicts are about.
        table: Verdicts of :func:`sensitivity.measures.verdicts.verdicts`.
        source: The study in the words of ``sensitivity run``: a file, or ``--preset NAME``; None for
            :func:`source_of`.
    """
    source = source or source_of(results)
    pairs = [row for row in records(table) if row["primary"] and row["verdict"] == UNDECIDED]
    several = table["task"].nunique() > 1
    steps = [_step(results, row, source, several=several) for row in pairs]
    return [text for _, text in sorted(steps, key=lambda step: step[0])]


def source_of(results: Results) -> str:
    """Return the study of results in the words of ``sensitivity run``.

    A study that is a preset, but for its seeds and default settings, is named; so is another of the store,
    unless it has a trainable of the user's own: that is ``STUDY.yaml``.
    """
    from sensitivity.study.presets import PRESETS

    if results.study in PRESETS:
        from sensitivity.study.fields import StudyFields

        named = {name: value for name, value in PRESETS[results.study].items() if name != "description"}
        preset = StudyFields(name=results.study, **named)  # the checks of Study import torch
        fields = preset.plain()
        changes = {name for name in fields if fields[name] != results.spec.get(name)}
        same = all(preset.space(name) == results.spaces.get(name) for name in preset.variants)
        # The store has spaces in a longer form.
        if changes <= {"seeds", "spaces", "default_setting"} and same:
            return f"--preset {results.study}"
    stored = "tasks" in results.spec and not results.spec.get("trainable") and IMPORTED not in results.spec
    return f"--study {shlex.quote(results.study)}" if stored else "STUDY.yaml"


def command_for(results: Results, row: dict[str, Any], source: str | None = None) -> str:
    """Return the command that decides an undecided pair with a chance of 80%; empty where there is none.

    Args:
        results: Results that the verdict is about.
        row: A row of the verdicts.
        source: As for :func:`next_steps`.
    """
    source = source or source_of(results)
    if math.isfinite(row["configurations"]):
        if row["configurations"] > MOST_CONFIGURATIONS or not _is_numbered(results):
            return ""
        return f"sensitivity run {source} --configurations {row['configurations']:.0f}"
    if math.isfinite(row["seeds"]) and row["seeds"] <= MOST_SEEDS:
        return _command(results, source, int(row["seeds"]))
    return ""


def more_seeds(results: Results, source: str | None = None) -> str:
    """Return the command that trains enough seeds to tell the noise; empty where there is none."""
    return _command(results, source or source_of(results), FEW_SEEDS)


def _step(results: Results, row: dict[str, Any], source: str, *, several: bool) -> tuple[float, str]:
    """Return the units that a pair needs, and its sentence."""
    where = f" on {row['task']}" if several else ""
    pair = f"Not decided{where}: {row['a']} against {row['b']}."
    if math.isfinite(row["configurations"]):
        return row["configurations"], f"{pair} {_configurations(results, row, source)}"
    if math.isfinite(row["seeds"]):
        return row["seeds"], f"{pair} {_seeds(results, row, source)}"
    if row["note"]:
        command = more_seeds(results, source)
        more = f": `{command}`" if command else ""
        return math.inf, f"{pair} One seed does not tell the noise{more}."
    return math.inf, f"{pair} Nothing tells how many trials would decide it."


def _seeds(results: Results, row: dict[str, Any], source: str) -> str:
    needed, there = int(row["seeds"]), int(results.trials["seed"].nunique())
    if needed > MOST_SEEDS:
        return f"More than {MOST_SEEDS} seeds would be needed."
    more = max(1, needed - there)
    words = f"{more} more seed{'s' if more > 1 else ''} would decide it with a chance of 80%"
    command = command_for(results, row, source)
    return f"{words}: `{command}`." if command else f"{words}."


def _command(results: Results, source: str, seeds: int) -> str:
    """Return the command that gives a study so many seeds; empty where its seeds are not the first ones."""
    there = sorted(set(results.trials["seed"]))
    if IMPORTED in results.spec or there != list(range(len(there))):
        return ""
    return f"sensitivity run {source} --seeds {seeds}"


def _configurations(results: Results, row: dict[str, Any], source: str) -> str:
    needed = int(row["configurations"])
    if needed > MOST_CONFIGURATIONS:
        return f"More than {MOST_CONFIGURATIONS:,} configurations of each variant would be needed."
    words = f"{needed} configurations of each variant would decide it with a chance of 80%"
    command = command_for(results, row, source)
    return f"{words}: `{command}`." if command else f"{words}."


def _is_numbered(results: Results) -> bool:
    """Return True if ``--configurations`` changes the number of configurations of the study."""
    if IMPORTED in results.spec or results.designs:
        return False
    from sensitivity.study.study import NUMBERED

    return results.design in NUMBERED
