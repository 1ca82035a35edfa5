"""The fault campaign in short: each kind of fault once."""

from __future__ import annotations

import pytest

from tests.faults.campaign import KILLS, ONCE, REASONS, campaign


@pytest.mark.slow
def test_every_fault_has_its_outcome() -> None:
    said: list[str] = []
    table = campaign(len(KILLS) + len(ONCE) + len(REASONS), 0, said.append).table().set_index("fault")
    assert set(table.index) == {*KILLS, *ONCE, *REASONS, "all"}
    assert table.loc["all"].to_dict() == {"injected": 10, "survived": 10, "lost": 0, "doubled": 0}, said
