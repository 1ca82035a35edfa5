"""Estimators side by side."""

from __future__ import annotations

import pandas as pd
import pytest

from search_spaces.designs import Random, Saltelli
from sensitivity.measures import estimators
from tests.sensitivity.measures.known import known_results
from trainables.known_answers import LrValley, SobolG
from trainables.names import InputError


def test_all_that_take_the_design_rank_and_the_others_say_why_not() -> None:
    table = estimators(known_results(SobolG((0.0, 4.5)), Saltelli(16)))
    assert set(table["estimator"]) == {
        "variance_shares", "factorial", "sobol", "morris", "pawn", "delta", "top_importance", "shapley "
"sensitivity", "shapley tunability",
    }  # fmt: skip
    refused = table[table["effect"] == ""].set_index("estimator")["note"]
    assert set(refused.index) == {"factorial", "morris"}
    assert "use variance_shares" in refused["factorial"]
    first = table[table["rank"] == 1]
    assert set(first[first["estimator"].isin(["variance_shares", "sobol", "pawn", "delta"])]["effect"]) == {
        "x1"
    }


def test_a_contradiction_that_chance_does_not_explain_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    module = sys.modules["sensitivity.measures.estimators"]

    def fake(first: float, second: float) -> object:
        def made(results: object) -> pd.DataFrame:
            rows = [("lr", first), ("mu", second), ("nu", (first + second) / 2)]
            bounds = {"task": "function/known", "variant": "direct", "order": "main", "n": 1, "note": ""}
            return pd.DataFrame(
                [{**bounds, "effect": name, "value": v, "low": v - 0.3, "high": v + 0.3} for name, v in rows]
            )

        return made

    monkeypatch.setattr(
        module, "ESTIMATORS", {"one": fake(1.0, 0.0), "other": fake(0.0, 1.0), "unsure": fake(0.4, 0.5)}
    )
    table = estimators(known_results(LrValley(), Random(4)), names=("one", "other", "unsure")).set_index(
        ["estimator", "effect"]
    )
    assert table.loc[("one", "lr"), "disagrees"] == "other"
    assert table.loc[("other", "mu"), "disagrees"] == "one"
    assert table.loc[("unsure", "lr"), "disagrees"] == ""
    assert table.loc[("one", "lr"), "rank"] == 1


def test_an_unknown_estimator_is_named() -> None:
    with pytest.raises(InputError, match="did you mean 'pawn'"):
        estimators(known_results(LrValley(), Random(4)), names=("pwan",))
