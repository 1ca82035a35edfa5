"""The fault campaign in short: each kind of fault once, in as many studies as a store has faults."""

from __future__ import annotations

import pathlib

import pytest

from tests.faults.calamities import STORES
from tests.faults.campaign import GUESTS, campaign, kinds_here

GUESTS_OF_A_STUDY = -(-len(GUESTS) // len(STORES))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_fault_has_its_outcome(tmp_path: pathlib.Path) -> None:
    said: list[str] = []
    kinds = kinds_here()
    table = campaign(
        len(kinds), 0, kinds, tmp_path / "campaign.jsonl", said.append, inside=GUESTS_OF_A_STUDY
    ).set_index("fault")
    assert set(kinds) <= set(table.index), said
    assert table.loc["all", ["lost", "doubled"]].to_dict() == {"lost": 0, "doubled": 0}, said
