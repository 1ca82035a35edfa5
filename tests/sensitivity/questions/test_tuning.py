"""Sentences on tuning name the configuration that the gain is counted from."""

from __future__ import annotations

import pytest

from search_spaces import Float, SearchSpace
from sensitivity.figures import tunability
from sensitivity.measures import Measured
from sensitivity.questions.tuning import TUNING
from tests.sensitivity.tables import LR, MU, bowl, results


@pytest.mark.parametrize(
    ("space", "start"),
    [
        pytest.param(SearchSpace(LR, MU), "the default configuration", id="a default"),
        pytest.param(
            SearchSpace(LR, Float("mu", 0.5, 0.99, "log1m")),
            "a configuration in the middle of the ranges",
            id="no default",
        ),
    ],
)
def test_a_default_is_spoken_of_where_there_is_one(space: SearchSpace, start: str) -> None:
    text = " ".join(TUNING.sentences(Measured(results(bowl, space=space)), "autoencoder/digits"))
    assert f"Gain from tuning over {start}: adam " in text


@pytest.mark.parametrize(
    ("count", "known"),
    [pytest.param(None, True, id="a grid"), pytest.param(3, False, id="three configurations")],
)
def test_the_figure_says_where_nothing_is_known_of_tuning(count: int | None, known: bool) -> None:
    points = (
        None
        if count is None
        else [{"lr": 0.01 * 3**place, "mu": 0.6 + 0.1 * place} for place in range(count)]
    )
    made = Measured(results(bowl, configurations=points, design="grid" if known else "random"))
    title = tunability(made, "autoencoder/digits").layout.title.text
    assert ("do not show what tuning gains" in title) == (not known)
