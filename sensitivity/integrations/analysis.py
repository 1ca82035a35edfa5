"""The sensitivity of a Ray Tune experiment that has ended, in one call."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sensitivity.text.file_names import folder_name

if TYPE_CHECKING:
    from search_spaces.spaces import SearchSpace
    from sensitivity.measures import Measured
    from sensitivity.results.results import Results


@dataclass(frozen=True)
class Analysis:
    """The results of an experiment and what is measured on them; a notebook shows them.

    Args:
        results: the trials of the experiment.
    """

    results: Results

    @cached_property
    def measured(self) -> Measured:
        """The measures, each computed when it is first used."""
        from sensitivity.measures import Measured

        return Measured(self.results)

    def report(self, folder: str | pathlib.Path | None = None) -> pathlib.Path:
        """Write the report, and return its page.

        Args:
            folder: of the report; ``runs/EXPERIMENT`` if None.
        """
        from sensitivity.reporting import write_report

        place = pathlib.Path("runs", folder_name(self.results.study)) if folder is None else folder
        return write_report(self.measured, place)

    def _repr_html_(self) -> str | None:
        return self.results._repr_html_()


def analyze(
    experiment: Any,
    *,
    param_space: Mapping[str, Any] | SearchSpace | None = None,
    metric: str | None = None,
    mode: str | None = None,
    **options: Any,
) -> Analysis:
    """Analyze a Ray Tune experiment: which hyperparameters matter, how much, and how sure that is.

    Args:
        experiment: the ResultGrid of ``Tuner.fit()``, or the folder of an experiment.
        param_space: the Tuner's, with nested entries and ``tune.sample_from``; without it, ranges are those
            of the trials.
        metric: as for ``tune.TuneConfig``; what the Tuner was given if None.
        mode: ``min`` or ``max``, as for ``tune.TuneConfig``; what the Tuner was given, or what the metric's
            name says, if None.
        options: further arguments of :func:`sensitivity.exchange.from_ray.from_ray`, such as ``seed``.

    Raises: InputError as ``from_ray`` does.
    """
    from sensitivity.exchange.from_ray import from_ray

    if mode is not None:
        options["direction"] = mode
    return Analysis(from_ray(experiment, metric=metric, spaces=param_space, **options))
