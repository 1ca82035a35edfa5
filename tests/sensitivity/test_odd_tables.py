"""Every table that can be read gets a report, and nothing in it fails."""

from __future__ import annotations

import pathlib

import pytest

from sensitivity.exchange.from_tables import from_table
from sensitivity.measures import Measured
from sensitivity.reporting import write_report
from tests.sensitivity.odd_tables import odd_table

TABLES = 20
"""The 2,000 of ``make validate`` begin with these."""


FAILED_ONCE = (53, 167, 232, 295, 862, 1061, 1103, 1139, 1722)
"""Losses that are huge, of all sizes, or small beside an outlier; seeds that agree to the last digits."""


@pytest.mark.slow
@pytest.mark.parametrize("number", [*range(TABLES), *FAILED_ONCE])
def test_an_odd_table_has_a_report_in_which_nothing_fails(number: int, tmp_path: pathlib.Path) -> None:
    table, features = odd_table(number)
    measured = Measured(from_table(table, direction="min", empty="diverged"))
    write_report(measured, tmp_path)
    assert not measured.failures, (features, measured.failures)
    assert (tmp_path / "report.html").stat().st_size > 0
