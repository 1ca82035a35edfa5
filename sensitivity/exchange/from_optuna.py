"""Optuna studies as Results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from sensitivity.exchange.assembling import assemble
from sensitivity.exchange.inferring import Spaces
from sensitivity.exchange.optuna_files import studies_of
from sensitivity.exchange.optuna_trials import OptunaTrials
from sensitivity.exchange.trial import Imported, as_utf8
from sensitivity.results.results import ASSUMED_ADAPTIVE, Results
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from search_spaces.hyperparameters import Hyperparameter


def from_optuna(
    study: Any,
    *names: str,
    hyperparameters: Sequence[str] | None = None,
    ignore: Sequence[str] = (),
    metric: str | int | None = None,
    variant: str | None = None,
    task: str | None = None,
    seed: str | None = None,
    initial_loss: float | None = None,
    failed: Literal["failed", "diverged"] = "failed",
    defaults: Mapping[str, Any] | None = None,
    rename: Mapping[str, str] | None = None,
    scales: Mapping[str, str] | None = None,
    spaces: Spaces = None,
    design: str | None = None,
    study_name: str | None = None,
) -> Results:
    """Read one Optuna study, or several as the variants of one.

    A pruned trial is ``stopped`` early. One whose value, or last intermediate value, is NaN or infinite has
    diverged. Distributions keep their bounds, log scale and step; a choice that is None, a list or a tuple is
    called what it is written as. A parameter that only some trials have is given the condition that tells
    them from the others; a trial that lacks it for no such reason is left out and counted. Trials that
    failed, run or wait decide none of this.

    Args:
        study: a Study or several, or the URL of a storage (``sqlite:///file.db``; a path to a SQLite file or
            a journal will do).
        names: of studies in the storage; not needed where it holds one.
        hyperparameters: parameters to look at, instead of all that have more than one value.
        ignore: parameters to leave out.
        metric: name or number of an objective, where there are several.
        variant: parameter or user attribute of trials; a parameter that chooses an optimizer gives each its
            own space.
        task: parameter or user attribute.
        seed: parameter or user attribute; one called ``seed`` is the seed.
        initial_loss: the value before training, which diverged trials count as.
        failed: status of failed trials. Optuna also calls failed what returned NaN, and keeps no trace of
            which it was.
        defaults: values of parameters, for the trials that lack them.
        rename: new names of hyperparameters by old ones; the learning rate is called ``lr`` without it.
        scales: instead of what the distributions say, such as ``log1m``.
        spaces: as for :func:`sensitivity.exchange.from_tables.from_table`.
        design: as for :func:`sensitivity.exchange.from_tables.from_table`; a study's design is that of its
            sampler where it is given as an object with one that does not look at results, and else
            ``adaptive``.
        study_name: what the report calls it.

    Raises:
        InputError: the storage cannot be read, a name is unknown, a study has no trials, or several
        objectives and no metric is named.
    """
    hyperparameters = [hyperparameters] if isinstance(hyperparameters, str) else hyperparameters
    ignore = [ignore] if isinstance(ignore, str) else ignore
    if failed not in ("failed", "diverged"):
        raise unknown("meaning of failed", failed, ("failed", "diverged"))
    studies, source = (
        ([study], repr(study.study_name)) if hasattr(study, "trials") else studies_of(study, names)
    )
    roles = {"variant": variant, "task": task, "seed": seed}
    read = [OptunaTrials(single, metric, roles, hyperparameters, ignore, initial_loss) for single in studies]
    _check_alike(read)
    title = as_utf8(study_name or " and ".join(dict.fromkeys(single.title for single in read)))
    trials: list[Imported] = []
    known: dict[str, dict[str, Hyperparameter]] = {}
    for single in read:
        imported = single.imported(failed, title, several=len(read) > 1)
        trials += imported
        for name in dict.fromkeys(trial.variant for trial in imported):
            known[name] = {key: domain for key, domain in single.domains.items() if key not in (scales or {})}
    if spaces is None and not scales and not hyperparameters and not ignore and not rename:
        spaces = _written_spaces(read, trials)
    designs = {single.design for single in read}
    return assemble(
        trials,
        source=source,
        study=title,
        metric=read[0].metric,
        direction=read[0].direction,
        names=[name for single in read for name in single.names],
        scales=scales,
        spaces=spaces,
        known=known,
        design=design or (designs.pop() if len(designs) == 1 else "adaptive"),
        notes=[note for single in read for note in single.notes] + _notes(trials, read, design, failed),
        rename=rename,
        defaults=defaults,
    )


def _check_alike(read: Sequence[OptunaTrials]) -> None:
    """Raise InputError for studies that cannot be the variants of one: other objectives, or the same name."""
    metrics = {(single.metric, single.direction) for single in read}
    if len(metrics) > 1:
        raise InputError(
            "the studies have different objectives: "
            f"{', '.join(f'{name} ({way})' for name, way in sorted(metrics))}"
        )
    if len({single.name for single in read}) < len(read):
        raise InputError(
            f"studies must have names that differ, got {', '.join(repr(single.name) for single in read)}"
        )


def _written_spaces(read: Sequence[OptunaTrials], trials: Sequence[Imported]) -> Spaces:
    """Return the spaces that ``to_optuna`` wrote with the studies.

    None if a study lacks its space, or if the variants differ.
    """
    written = {single.default_variant: single.space for single in read if single.space is not None}
    return (
        written if len(written) == len(read) and {trial.variant for trial in trials} == set(written) else None
    )


def _notes(
    trials: Sequence[Imported], read: Sequence[OptunaTrials], design: str | None, failed: str
) -> list[str]:
    notes = []
    lost = sum(trial.status == "failed" for trial in trials)
    if lost and failed == "failed" and not all(single.ours for single in read):
        notes.append(
            f"Failed in Optuna: {lost} of {len(trials)} trials. It calls failed what returned NaN, too, and "
            f"keeps no trace of which it "
            'was; if they diverged, say failed="diverged" (--failed diverged).'
        )
    if design is None and any(single.design == "adaptive" and not single.ours for single in read):
        notes.append(ASSUMED_ADAPTIVE)
    return notes
