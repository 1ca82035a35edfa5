"""Outcomes: statuses and capped losses, of one report and of a table alike."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from trainables.outcomes import Objective, capped_losses, final_status

LOSSES = [0.5, 2.0, 3.0, -1.0, -0.0, math.nan, math.inf, -math.inf]
CAPS = [2.0, 0.0, math.inf, math.nan]


def report(status: str = "completed", **metrics: float) -> dict[str, Any]:
    return {"key": "a", "status": status, "initial_loss": 2.0, **metrics}


@pytest.mark.parametrize("cap", CAPS)
@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_counts_as_the_smaller_of_itself_and_the_cap_if_finite_and_as_the_cap_otherwise(loss: float, cap: float) -> None:
    expected = min(loss, cap) if math.isfinite(loss) else cap
    assert np.array_equal(capped_losses(loss, cap), expected, equal_nan=True)


def test_a_table_is_capped_as_its_rows_are() -> None:
    pairs = pd.DataFrame(itertools.product(LOSSES, CAPS), columns=["loss", "cap"])
    alone = [float(capped_losses(loss, cap)) for loss, cap in itertools.product(LOSSES, CAPS)]
    assert np.array_equal(capped_losses(pairs["loss"], pairs["cap"]), alone, equal_nan=True)
    assert len(capped_losses([], [])) == 0


@pytest.mark.parametrize(
    ("metric", "status"), [(0.3, "completed"), (math.nan, "diverged"), (math.inf, "diverged"), (-math.inf, "diverged")]
)
def test_a_metric_that_is_not_finite_is_a_diverged_trials(metric: float, status: str) -> None:
    assert final_status(metric) == status


@pytest.mark.parametrize(
    ("objective", "last", "outcome"),
    [
        pytest.param(Objective("loss", False, True), report("running", loss=1.0), None, id="running"),
        pytest.param(Objective("loss", False, True), report(loss=1.0), ("completed", 1.0), id="below the cap"),
        pytest.param(Objective("loss", False, True), report(loss=3.0), ("completed", 2.0), id="above the cap"),
        pytest.param(Objective("loss", False, True), report(loss=math.nan), ("completed", 2.0), id="not finite"),
        pytest.param(Objective("loss", False, True), report("diverged", loss=1.0), ("diverged", 2.0), id="diverged with a finite loss"),
        pytest.param(Objective("loss", False, True), report("stopped", loss=1.0), ("stopped", 1.0), id="stopped early"),
        pytest.param(Objective("accuracy", True, False), report(accuracy=0.9), ("completed", -0.9), id="maximised"),
        pytest.param(Objective("accuracy", True, False), report("diverged", accuracy=0.1), ("diverged", math.inf), id="no cap"),
        pytest.param(Objective("other", False, True), report(loss=1.0), ("completed", 2.0), id="metric not reported"),
    ],
)
def test_the_last_report_gives_status_and_loss(objective: Objective, last: dict[str, Any], outcome: tuple[str, float] | None) -> None:
    assert objective.outcome(last) == outcome


def test_a_failed_trial_has_no_loss() -> None:
    status, loss = Objective("loss", False, True).outcome({"key": "a", "status": "failed", "error": "out of luck"}) or ("", 0.0)
    assert status == "failed"
    assert math.isnan(loss)


def test_a_scheduler_compares_the_loss_so_far() -> None:
    objective = Objective("loss", False, True)
    assert [objective.loss(report("running", loss=loss)) for loss in (1.0, 3.0, math.inf)] == [1.0, 2.0, 2.0]
    assert objective.loss({"key": "a", "status": "failed"}) == math.inf
