"""PED-ANOVA on our scales, with our conditions."""

from __future__ import annotations

import optuna
import pytest

from search_spaces import Categorical, Float, SearchSpace
from search_spaces.designs import Random, Sobol
from sensitivity.measures import top_importance
from tests.sensitivity.measures.known import known_results, made, study_of
from trainables.known_answers import Diverging, LrValley, SobolG
from trainables.names import InputError

SPACE = SearchSpace(
    Categorical("rule", ("sgd", "adam")),
    Float("nu", 0.9, 0.999, "log1m", when={"rule": "adam"}),
    Float("idle", 0, 1),
)


def test_on_unit_scales_it_is_optunas() -> None:
    results = known_results(SobolG(), Random(80, seed=0))
    theirs = optuna.importance.PedAnovaImportanceEvaluator().evaluate(study_of(results))
    ours = top_importance(results, draws=2).set_index("effect")["value"]
    total = sum(theirs.values())
    assert dict(ours) == pytest.approx({name: share / total for name, share in theirs.items()})


def test_what_decides_the_best_comes_first_and_divergence_does_not_matter() -> None:
    for function in (LrValley(), Diverging(LrValley(), above=0.8)):
        found = top_importance(known_results(function, Random(200, seed=0)), draws=5).set_index("effect")
        assert found["value"].idxmax() == "lr"
        assert found["value"].sum() == pytest.approx(1)
        assert found.loc["nu", "value"] < 0.1


def test_conditions_are_followed() -> None:
    def loss(c: dict[str, float], seed: int) -> float:
        return 0.5 if c["rule"] == "sgd" else 0.1 + 0.5 * SPACE["nu"].to_unit(c["nu"])

    found = top_importance(
        made(SPACE, Sobol(128).configurations(SPACE), loss, 1.0, "sobol"), draws=2
    ).set_index("effect")["value"]
    assert found["nu"] > found["idle"]
    assert found["rule"] > found["idle"]


def test_a_constant_loss_gives_zeros_and_few_configurations_none() -> None:
    table = top_importance(made(SPACE, Sobol(32).configurations(SPACE), lambda c, seed: 0.5, 1.0, "sobol"))
    assert (table["value"] == 0).all()
    assert top_importance(known_results(SobolG(), Random(8)))["value"].isna().all()


def test_top_must_be_a_share() -> None:
    with pytest.raises(InputError, match=r"top must be between 0 and 1.*got 1"):
        top_importance(known_results(SobolG(), Random(20)), top=1)
