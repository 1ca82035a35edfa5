"""The metric of a Ray Tune experiment, and its curve in every trial."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sensitivity.exchange.ray_files import CONFIG, Experiment, Run
from sensitivity.exchange.ray_reports import number_in
from sensitivity.exchange.trial import ENDED, Direction
from sensitivity.study.metric_names import direction_in, direction_too, tokens_of
from trainables.names import MOST_LISTED, InputError, unknown

AUTOMATIC = (
    "training_iteration", "time_this_iter_s", "time_total_s", "time_since_restore",
    "iterations_since_restore", "timestamp", "pid",
    "warmup_time", "done", "timesteps_total", "timesteps_this_iter", "timesteps_since_restore",
    "episodes_total", "episodes_this_iter",
    "agent_timesteps_total", "num_healthy_workers", "trial_id", "experiment_id", "date",
    "checkpoint_dir_name", "hostname", "node_ip",
    "experiment_tag", "should_checkpoint", "config", "logdir", "neg_mean_loss",
)  # fmt: skip
"""Entries that Ray Tune adds to a report."""
COUNTERS = frozenset(
    {
        "time", "timer", "timers", "seconds", "secs", "sec", "ms", "minutes", "hours", "duration",
        "elapsed", "wall", "walltime", "date",
        "timestamp", "epoch", "epochs", "step", "steps", "iter", "iters", "iteration", "iterations",
        "batch", "batches", "sample",
        "samples", "example", "examples", "token", "tokens", "episode", "episodes", "timesteps", "count",
        "counter", "counters", "num",
        "n", "id", "lr", "rate", "memory", "mem", "gpu", "cpu", "ram", "throughput", "fps", "size",
        "params", "parameters", "seed", "pid",
    }
)  # fmt: skip
"""Words of the name of a number that counts or times."""


def metric_of(read: Experiment, metric: str | None, direction: Direction | None) -> tuple[str, list[str]]:
    """Return the metric, and the sentence that says so where it was not named.

    Args:
        read: the experiment.
        metric: as the user names it.
        direction: as the user gives it.

    Raises:
        InputError: no report has a metric of that name, or more than one number may be the metric.
    """
    numbers = _numbers(read.runs)
    if metric is not None:
        if metric not in numbers and not any(metric in report for run in read.runs for report in run.reports):
            raise unknown("metric", metric, numbers)
        return metric, []
    if read.metric in numbers:
        return str(read.metric), [f"The metric is {read.metric}, as Ray Tune was given (metric=, --metric)."]
    if len(numbers) == 1:
        return numbers[0], []
    candidates = [
        name for name in numbers if not COUNTERS.intersection(tokens_of(name)) or direction_in(name)
    ]
    if len(candidates) == 1:
        return candidates[0], [
            f"The metric is {candidates[0]}, as other numbers count or time by their names (metric=, "
            "--metric)."
        ]
    ranked = sorted(candidates or numbers, key=lambda name: direction_in(name) is None)
    more = f" and {len(ranked) - MOST_LISTED} more" if len(ranked) > MOST_LISTED else ""
    listed = ", ".join(ranked[:MOST_LISTED]) + more or "no number"
    too = "" if direction else direction_too(ranked)
    raise InputError(f"name the metric (metric=, --metric): {read.source} reports {listed}{too}")


def _numbers(runs: Sequence[Run]) -> list[str]:
    """Return the names under which numbers were reported, without what Ray Tune adds."""
    return list(
        dict.fromkeys(
            name
            for run in runs
            for report in run.reports
            for name, value in report.items()
            if name not in AUTOMATIC
            and not name.startswith(CONFIG)
            and not isinstance(value, bool)
            and _is_number(value)
        )
    )


def _is_number(value: Any) -> bool:
    number = number_in(value)
    return number is not None and (not isinstance(value, str) or not math.isfinite(number))


@dataclass(frozen=True)
class Curves:
    """The metric of every trial.

    curves: by trial, the metric by iteration.
    notes: reports whose metric is no number, in words.
    """

    curves: Mapping[str, Mapping[int, float]]
    notes: Sequence[str]

    def outcome(self, run: Run, epochs: int | None) -> tuple[str, list[tuple[int, float]]]:
        """Return the status of a trial and its reports, by iteration.

        Args:
            run: one of the trials.
            epochs: of a trial that was not stopped early; as many as any has.
        """
        reports = sorted(self.curves.get(run.key, {}).items())
        if not reports:
            return run.status, []
        if run.status == "failed" and not math.isfinite(reports[-1][1]):
            return "diverged", reports
        if run.is_lost and run.status == ENDED and math.isfinite(reports[-1][1]):
            budget = epochs or max((max(curve) for curve in self.curves.values() if curve), default=1)
            return ("completed" if reports[-1][0] >= budget else "stopped"), reports
        return run.status, reports


def curves_of(runs: Sequence[Run], metric: str) -> Curves:
    """Return the metric of every trial, by iteration.

    A report without the metric does not count. Of an iteration that a restored trial repeats, the last report
    counts.

    Args:
        runs: trials.
        metric: name of the number.

    Raises:
        InputError: no report holds a number for the metric.
    """
    curves: dict[str, dict[int, float]] = {}
    texts: list[tuple[str, Any]] = []
    for run in runs:
        curve = curves.setdefault(run.key, {})
        for place, report in enumerate(run.reports, 1):
            value = report.get(metric)
            number = number_in(value)
            if number is not None:
                curve[_iteration(report, place)] = number
            elif value is not None:
                texts.append((run.key, value))
    if not texts:
        return Curves(curves, [])
    key, value = texts[0]
    if not any(curves.values()):
        raise InputError(f"metric {metric!r} must be a number, got {value!r} in trial {key}")
    return Curves(
        curves,
        [
            f"Not readable: {len(texts)} reports whose {metric} is no number (such as {str(value)[:40]!r} in "
            f"trial {key})."
        ],
    )


def _iteration(report: Mapping[str, Any], place: int) -> int:
    number = number_in(report.get("training_iteration"))
    return int(number) if number is not None and math.isfinite(number) else place
