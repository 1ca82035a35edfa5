"""The fault campaign in short: each kind of fault once or twice, in two studies."""

from __future__ import annotations

import pathlib

import pytest

from tests.faults.campaign import FROM_INSIDE, FROM_OUTSIDE, campaign, kinds_here


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_fault_has_its_outcome(tmp_path: pathlib.Path) -> None:
    said: list[str] = []
    kinds = kinds_here()
    table = campaign(2 * (FROM_INSIDE + FROM_OUTSIDE) - 2, 0, kinds, tmp_path / "campaign.jsonl", said.append).set_index("fault")
    assert set(kinds) <= set(table.index), said
    assert table.loc["all", ["lost", "doubled"]].to_dict() == {"lost": 0, "doubled": 0}, said
