"""Losses of a variant are computed once for all measures of :class:`Measured`, and never kept for a table
that may change."""

from __future__ import annotations

import pytest

from sensitivity.measures import Measured, best_loss
from sensitivity.measures import losses as module
from tests.sensitivity.tables import bowl, results


def test_measures_share_the_losses_of_a_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[tuple[str, str]] = []
    original = module._losses
    monkeypatch.setattr(
        module,
        "_losses",
        lambda table, task, variant: computed.append((task, variant)) or original(table, task, variant),
    )
    table = results(bowl, variants=("adam", "sgd"))
    measured = Measured(table)
    for name in ("best_loss", "excess_loss", "lr_sensitivity", "differences"):
        getattr(measured, name)
    assert sorted(computed) == sorted(table.groups)


def test_a_table_that_changes_is_read_again() -> None:
    table = results(bowl)
    before = best_loss(table)["value"][0]
    table.trials["loss"] += 1.0
    assert best_loss(table)["value"][0] == pytest.approx(before + 1)


def test_kept_losses_cannot_be_written_to() -> None:
    measured = Measured(results(bowl))
    group = module.losses(measured.results, *measured.results.groups[0])
    with pytest.raises(ValueError, match="read-only"):
        group.loss[0, 0] = 0.0
