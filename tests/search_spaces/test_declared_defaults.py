"""Declared defaults: those of the user, never the middle of a range."""

from __future__ import annotations

from typing import Any

import pytest

from search_spaces import Categorical, Float, Integer, Ordinal, SearchSpace
from search_spaces.declared_defaults import declared_default

LR = Float("lr", 1e-3, 1.0, "log", 0.1)
RULE = Categorical("rule", ("sgd", "adam"), "sgd")


@pytest.mark.parametrize(
    ("space", "setting"),
    [
        pytest.param(SearchSpace(LR, Ordinal("p", (1, 2), 2)), {"lr": 0.1, "p": 2}, id="all declared"),
        pytest.param(SearchSpace(LR, Float("mu", 0.5, 0.99)), None, id="one missing"),
        pytest.param(SearchSpace(LR, Float("mu", 0.9, 0.9)), {"lr": 0.1, "mu": 0.9}, id="one value"),
        pytest.param(SearchSpace(Integer("period", 1, 9, default=1)), {"period": 1}, id="the lower bound"),
        pytest.param(SearchSpace(Categorical("on", (False, True), False)), {"on": False}, id="False"),
        pytest.param(
            SearchSpace(RULE, Float("nu", 0.9, 0.999, when={"rule": "adam"})),
            {"rule": "sgd"},
            id="without a default, and inactive",
        ),
        pytest.param(
            SearchSpace(RULE, Float("mu", 0, 0.9, when={"rule": "sgd"})),
            None,
            id="without a default, and active",
        ),
        pytest.param(SearchSpace(Float("lr", 0.1, 0.1)), None, id="nothing varies"),
        pytest.param(SearchSpace(), None, id="no hyperparameter"),
    ],
)
def test_a_default_setting_is_declared_by_every_active_hyperparameter(
    space: SearchSpace, setting: dict[str, Any] | None
) -> None:
    assert declared_default(space) == setting
