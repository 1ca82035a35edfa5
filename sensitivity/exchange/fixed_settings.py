"""Variants without a hyperparameter: each of their trials ran at one fixed setting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sensitivity.exchange.holes import decisive
from sensitivity.text.wording import several

if TYPE_CHECKING:
    from sensitivity.exchange.trial import Imported

NAME = "setting"
"""The hyperparameter of a variant that has none."""
ONLY = "fixed"
"""The one value of :data:`NAME`."""


def with_fixed_settings(trials: Sequence[Imported]) -> tuple[list[Imported], list[str]]:
    """Return the trials, with a hyperparameter of one value in each variant that has no hyperparameter.

    Such a variant is compared by its seeds, as one whose hyperparameters do not vary. One whose trials all
    failed, or run, shows no setting.

    Args:
        trials: as they were read.

    Returns:
        The trials, and a sentence about the variants that have no hyperparameter. Trials of which no variant
        has one are returned as they are, unless there are several variants.
    """
    having = {trial.variant for trial in trials if trial.configuration}
    ended = dict.fromkeys(trial.variant for trial in decisive(trials))
    lacking = [name for name in ended if name not in having]
    if not lacking or (not having and len(lacking) == 1):
        return list(trials), []
    taken = {name for trial in trials for name in trial.configuration}
    name = next(name for name in (NAME, f"{NAME}_of_variant", f"_{NAME}") if name not in taken)
    have = "has" if len(lacking) == 1 else "have"
    return [
        replace(trial, configuration={name: ONLY}) if trial.variant in lacking else trial for trial in trials
    ], [f"{several(lacking)} {have} no hyperparameter: one setting, stored as {name} = {ONLY}."]
