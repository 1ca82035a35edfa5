"""Outcome of a trial: the status and the capped loss that its reports give."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


def final_status(metric: float) -> str:
    """Return the status of a trial by its metric after the last epoch.

    >>> final_status(0.3), final_status(math.nan)
    ('completed', 'diverged')
    """
    return "completed" if math.isfinite(metric) else "diverged"


def capped_losses(losses: npt.ArrayLike, caps: npt.ArrayLike) -> npt.NDArray[np.float64]:
    r"""Return the losses that trials count as.

    .. math:: \min(\ell, c) \text{ where } \ell \text{ is finite, else } c

    Args:
        losses: metrics after the last epoch, lower is better; NaN or infinite for a diverged trial.
        caps: initial losses of the trials, of a shape that broadcasts; infinite or NaN leaves a finite loss
            as it is.

    Source: Wortsman et al., "Small-scale proxies for large-scale Transformer training instabilities",
        arXiv:2309.14322.

    >>> capped_losses([0.5, 3.0, math.nan], 2.0).tolist()
    [0.5, 2.0, 2.0]
    """
    metric, cap = np.asarray(losses, float), np.asarray(caps, float)
    capped: npt.NDArray[np.float64] = np.where(np.isfinite(metric), np.fmin(metric, cap), cap)
    return capped


@dataclass(frozen=True)
class Objective:
    """The metric by which the trials of a study are compared.

    Args:
        metric: name of the metric in reports.
        maximised: True if more is better; the loss is then the negative of the metric.
        capped: True if the metric is a loss that the initial loss caps; otherwise the cap is infinite.
    """

    metric: str
    maximised: bool
    capped: bool

    def loss(self, report: Mapping[str, Any]) -> float:
        """Return the capped loss of a report of any status; a report without the metric has the cap."""
        metric = report.get(self.metric, math.nan)
        return float(capped_losses(-metric if self.maximised else metric, self._cap(report)))

    def outcome(self, report: Mapping[str, Any]) -> tuple[str, float] | None:
        """Return status and capped loss of a trial by its last report.

        Returns:
            None while the trial runs. A diverged trial has the cap as its loss, a failed one NaN.
        """
        status = report["status"]
        if status == "running":
            return None
        if status == "failed":
            return status, math.nan
        return status, self._cap(report) if status == "diverged" else self.loss(report)

    def _cap(self, report: Mapping[str, Any]) -> float:
        return float(report.get("initial_loss", math.inf)) if self.capped else math.inf
