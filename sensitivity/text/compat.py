"""Private names of Ray Tune that are read from an object of the caller's, without importing Ray.

:mod:`sensitivity.running.compat` has those that Ray itself is needed for. No other module of ``sensitivity``
uses a private name of a library.
"""

from __future__ import annotations

from typing import Any


def has_resources(trainable: Any) -> bool:
    """True if a trainable was wrapped by ``tune.with_resources``.

    Private name: ``_resources``, an attribute of the function or class (Ray 2.60). No public function tells.

    Args:
        trainable: a function or class that Ray Tune takes.
    """
    return hasattr(trainable, "_resources")


def grid_metric(grid: Any) -> tuple[str | None, str | None]:
    """The metric and the mode that the Tuner of a ResultGrid was given; None where it was given none.

    Private name: ``ResultGrid._experiment_analysis`` (Ray 2.60). The public ``ResultGrid`` takes a metric,
    and does not tell one.

    Args:
        grid: what ``Tuner.fit()`` returned.
    """
    analysis = getattr(grid, "_experiment_analysis", None)
    return getattr(analysis, "default_metric", None), getattr(analysis, "default_mode", None)
