"""Provenance of a study: its specification, devices, versions, commit, seeds and time."""

from __future__ import annotations

import datetime
import importlib.metadata
import pathlib
import platform
import subprocess
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import yaml

from sensitivity.figures import metric_name
from sensitivity.questions.quantities import count
from sensitivity.results.repeats import between, seeds_in_words
from sensitivity.results.results import IMPORTED
from sensitivity.running import devices
from sensitivity.text.quantities import Text, quantity
from sensitivity.text.wording import listed

if TYPE_CHECKING:
    from sensitivity.results.results import Results

PACKAGES = ("optimizer-sensitivity", "torch", "ray", "optuna", "scikit-learn", "pandas", "plotly")
STATUSES = ("completed", "diverged", "stopped", "failed", "running", "pending")

MOST_REASONS, LONGEST_REASON = 5, 120
"""Reasons of failures that are told, and characters of each."""


def lead(results: Results) -> str:
    """Return a sentence on the study's question, and one on its trials."""
    trials = results.all_trials
    counts = trials["status"].value_counts()
    words = ", ".join(
        f"{count(counts[status], 'trials', status)} {status}" for status in STATUSES if status in counts
    )
    designs = " and ".join(dict.fromkeys(map(results.design_of, results.spaces)))
    variants = list(dict.fromkeys(results.trials["variant"]))
    who = variants[0] if len(variants) == 1 else f"each of {count(len(variants), 'variants')} variants"
    every = quantity(_counted(len(trials), "trial"), "count", "trials")
    return Text(
        f"How sensitive is {who} to its hyperparameters? {every} ({words}), "
        f"{quantity(seeds_in_words(results), 'count', 'seeds')}, {designs} design, judged by "
        f"{'' if IMPORTED in results.spec else 'the '}{metric_name(results)}."
    )


def provenance(results: Results) -> list[tuple[str, str]]:
    """Return names and values that a reader needs to repeat the study."""
    versions = ", ".join(f"{name} {version}" for name in PACKAGES if (version := _version(name)))
    hours, minutes = divmod(round(float(results.all_trials["seconds"].sum()) / 60), 60)
    is_timed = IMPORTED not in results.spec or bool(results.trials["seconds"].notna().any())
    rows = {
        "written": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "training time, all workers": f"{hours} h {minutes:02d} min" if is_timed else "",
        "failed trials, by reason": _reasons(results),
        "seeds": _seeds(results),
        "trained on": devices_in_words(results.runs),
        "repeatability": _repeatability(results),
        "reported on": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": versions,
        "commit": _commit(),
    }
    return [(name, Text(quantity(value, "provenance", name))) for name, value in rows.items() if value]


def specification(results: Results) -> str:
    """Return the study as YAML."""
    text = yaml.safe_dump(
        dict(results.spec), sort_keys=False, default_flow_style=None, width=100, allow_unicode=True
    )
    return Text(quantity(text, "specification"))


def _reasons(results: Results) -> str:
    """Return the number of failed trials by reason, the most frequent first."""
    trials = results.all_trials
    failed = trials.loc[trials["status"] == "failed", "error"]
    counts = failed.fillna("none given").astype(str).str.slice(0, LONGEST_REASON).value_counts()
    more = f"; {len(counts) - MOST_REASONS} other reasons" if len(counts) > MOST_REASONS else ""
    return "; ".join(f"{count} × {reason}" for reason, count in counts.head(MOST_REASONS).items()) + more


def _seeds(results: Results) -> str:
    """Return the seeds, and their number by configuration if some are missing."""
    seeds, words = sorted(results.trials["seed"].unique()), seeds_in_words(results)
    named = (
        listed([str(seed) for seed in seeds])
        if len(seeds) <= 20
        else f"{len(seeds)}, from {seeds[0]} to {seeds[-1]}"
    )
    return named if words == between(len(seeds), len(seeds)) else f"{named}; {words} a configuration"


def _repeatability(results: Results) -> str:
    """Return the bound on differences between cohort sizes, if results are not bit-identical.

    See :func:`sensitivity.running.run.run`.
    """
    if IMPORTED in results.spec or results.spec.get("trainable") is not None:  # each trial trains by itself
        return ""
    bound = "by no more than the rounding of the precision"
    if devices.on_gpu(results.runs):
        return f"on a GPU, results depend on how many trials train together, {bound}"
    if not results.runs:
        return ""
    from trainables.named_tasks import is_of_package

    foreign_tasks = [name for name in results.spec.get("tasks", ()) if not is_of_package(name)]
    whose = "a task of your own" if len(foreign_tasks) == 1 else "tasks of your own"
    return (
        f"results of {listed(foreign_tasks)}, {whose}, may depend on how many trials train together, {bound}"
        if foreign_tasks
        else ""
    )


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' if count != 1 else ''}"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _commit() -> str:
    """Return the commit of this package, if it runs from a clone of its repository."""
    root = pathlib.Path(__file__).parents[2]
    if not (root / ".git").exists():
        return ""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def devices_in_words(runs: Iterable[Mapping[str, Any]]) -> str:
    """List the environments of runs, one entry for each kind.

    >>> one = {"workers": 1, "hosts": ["a"], "devices": {"EPYC": 1}}
    >>> devices_in_words([{"workers": 8, "hosts": ["a", "b"], "devices": {"H100": 2}}, one])
    '2 x H100 (2 hosts, up to 8 workers); EPYC (1 worker)'
    """
    descriptions = []
    for run in runs:
        devices = [f"{count} x {name}" if count > 1 else name for name, count in run["devices"].items()]
        hosts = f"{len(run['hosts'])} hosts, " if len(run["hosts"]) > 1 else ""
        workers = "1 worker" if run["workers"] == 1 else f"up to {run['workers']} workers"
        descriptions.append(f"{listed(devices or ['unknown'])} ({hosts}{workers})")
    return "; ".join(dict.fromkeys(descriptions))
