"""Effects are named where the data tell them from noise, and what nothing explains is called that."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sensitivity import from_table
from sensitivity.figures import effect_shares, pair_effects
from sensitivity.measures import Measured, main_effects, variance_shares
from sensitivity.measures.effects import INTERACTIONS, NOISE, UNEXPLAINED
from sensitivity.questions.effects import EFFECTS, leading
from tests.sensitivity.tables import bowl, results

TASK = "table"
Loss = Callable[[float, float, float], float]
"""Of two hyperparameters in -1 to 1 and a standard normal number."""


def random(loss: Loss, names: tuple[str, ...] = ("x", "y"), n: int = 120) -> Measured:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 1, (2, n))
    frame = pd.DataFrame(dict(zip(names, (x, y), strict=False)))
    frame["loss"] = [loss(a, b, z) for a, b, z in zip(x, y, rng.normal(0, 1, n), strict=True)]
    return Measured(from_table(frame, metric="loss"))


def grid(loss: Loss, seeds: int = 3, second: tuple[float, ...] = (-1.0, 0.0, 1.0)) -> Measured:
    rng = np.random.default_rng(1)
    rows = [
        {"x": x, "y": y, "seed": seed}
        for x in (-1.0, -0.5, 0.5, 1.0)
        for y in second
        for seed in range(seeds)
    ]
    frame = pd.DataFrame([{**row, "loss": loss(row["x"], row["y"], rng.normal())} for row in rows])
    named = ["x", "y"] if len(second) > 1 else ["x"]
    return Measured(
        from_table(frame[[*named, "seed", "loss"]], metric="loss", hyperparameters=named, seed="seed")
    )


def both(x: float, y: float, z: float) -> float:
    return x * y + 0.05 * z


def added(x: float, y: float, z: float) -> float:
    return x + 0.5 * y + 0.05 * z


def noise(x: float, y: float, z: float) -> float:
    return 10 + z


def alone(x: float, y: float, z: float) -> float:
    return x + 0.3 * z


def said(measured: Measured) -> str:
    return " ".join(EFFECTS.sentences(measured, TASK))


@pytest.mark.parametrize("made", [random(both), grid(both)], ids=["a forest", "a full grid with seeds"])
def test_an_interaction_is_named_with_its_interval(made: Measured) -> None:
    row = made.main_effects.set_index("effect").loc[INTERACTIONS]
    assert row["value"] > 0.6
    assert 0 < row["low"] < row["value"] <= row["high"]
    assert f"interactions {row['value']:.0%} ({row['low']:.0%} to" in said(made)


@pytest.mark.parametrize(
    "made",
    [random(added), grid(added), random(noise), grid(noise)],
    ids=["added", "added on a grid", "noise", "noise on a grid"],
)
def test_no_interaction_is_named_where_there_is_none(made: Measured) -> None:
    assert made.main_effects.set_index("effect").loc[INTERACTIONS, "low"] == pytest.approx(0, abs=1e-3)
    assert "comes from interactions" not in said(made)
    assert "and interactions" not in said(made)


@pytest.mark.parametrize(
    "made", [random(alone, ("x",)), grid(alone, second=(0.0,)), grid(alone, 1, second=(0.0,))]
)
def test_one_hyperparameter_has_no_interactions(made: Measured) -> None:
    for table in (made.main_effects, variance_shares(made.results)):
        assert INTERACTIONS not in set(table["effect"])
    assert "interaction" not in said(made).lower()
    titles = [str(note.text) for note in effect_shares(made, TASK).layout.annotations]
    assert not [title for title in titles if "interaction" in title]


def test_pure_noise_is_unexplained() -> None:
    made = random(noise)
    shares = made.main_effects.set_index("effect")["value"]
    assert shares[UNEXPLAINED] > 0.6
    assert shares.drop(NOISE).sum() == pytest.approx(1)
    assert math.isnan(shares[NOISE])
    assert UNEXPLAINED in [str(note.text) for note in effect_shares(made, TASK).layout.annotations]


def test_the_remainder_is_told_where_it_is_large_and_only_there() -> None:
    part = random(lambda x, y, z: x + 0.25 * z)
    share = part.main_effects.set_index("effect").loc[UNEXPLAINED, "value"]
    assert share > 0.05
    assert f"; {UNEXPLAINED} {share:.0%}" in said(part)
    assert UNEXPLAINED not in said(random(lambda x, y, z: x, n=200))


def test_shares_of_effects_interactions_remainder_and_noise_sum_to_one() -> None:
    for made in (random(both), grid(both), grid(noise), grid(noise, 1)):
        assert main_effects(made.results)["value"].sum() == pytest.approx(1)
        assert made.main_effects["value"].sum() == pytest.approx(1)
        table = variance_shares(made.results)
        assert table.loc[
            table["order"].isin(("main", "pair", "rest", "noise")), "value"
        ].sum() == pytest.approx(1)
        assert table.loc[table["order"] == "pairs", "value"].sum() == pytest.approx(
            table.loc[table["order"] == "pair", "value"].sum()
        )


def test_what_matters_most_is_said_beyond_noise_only() -> None:
    assert leading(grid(alone), TASK)[0].startswith(
        "Most important, as a share of the variance of the loss: x for table, "
    )
    assert leading(grid(noise), TASK) == []
    assert "comes from" not in said(grid(noise))
    assert effect_shares(grid(alone), TASK).layout.title.text.startswith("x matters most: ")
    assert (
        effect_shares(grid(noise), TASK).layout.title.text
        == "No hyperparameter clearly explains the loss alone"
    )


def test_no_effect_is_said_without_doubt_where_all_intervals_are_small() -> None:
    assert "No hyperparameter clearly explains 5% of the variance of the loss on its own." in said(
        grid(noise)
    )
    assert "No hyperparameter explains 5% of the variance of the loss on its own." in said(
        grid(lambda x, y, z: 1.0)
    )
    assert "No hyperparameter" not in said(grid(added))


def test_a_forest_that_cannot_predict_says_nothing_of_the_number_of_trials() -> None:
    words = (
        "The trials of table do not show which hyperparameters matter: a forest cannot predict their loss."
    )
    assert words in said(random(noise))
    assert words not in said(random(added))


def variants(**tables: Measured) -> Measured:
    """Return the trials of several tables as variants of one study."""
    frames = [made.results.trials.assign(variant=name) for name, made in tables.items()]
    frame = pd.concat(frames, ignore_index=True)[["variant", "config/x", "config/y", "seed", "value"]]
    return Measured(
        from_table(frame, metric="value", direction="min", seed="seed", variant="variant", design="random")
    )


def few() -> Measured:
    return random(added, n=4)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        pytest.param(
            few,
            "Importance is unknown for these trials: one seed; 4 configurations are too few",
            id="nothing is known",
        ),
        pytest.param(
            lambda: variants(adam=random(added), sgd=few()),
            "Importance is unknown for sgd: ",
            id="one variant is unknown",
        ),
        pytest.param(lambda: random(added), "", id="all is known"),
    ],
)
def test_variants_without_a_share_are_named(made: Callable[[], Measured], words: str) -> None:
    text = said(made())
    assert ("Importance is unknown for" in text) == bool(words)
    assert words in text
    assert "No hyperparameter" not in text


def test_no_effect_is_claimed_of_too_few_trials_with_seeds() -> None:
    seeds = {0.001: 4, 0.01: 4, 0.1: 1, 1.0: 1}
    frame = pd.DataFrame(
        [{"x": x, "seed": seed, "loss": x} for x, count in seeds.items() for seed in range(count)]
    )
    made = Measured(from_table(frame, metric="loss", seed="seed"))
    assert made.main_effects.set_index("effect").loc[NOISE, "value"] == 0
    assert "Importance is unknown for these trials" in said(made)
    assert "No hyperparameter" not in said(made)


def test_interactions_are_told_of_forests_that_predict_only() -> None:
    assert "interaction" not in said(random(noise)).lower()
    text = said(variants(adam=random(added), sgd=random(noise)))
    assert "No interaction of adam clearly exceeds 5% (forests with out-of-bag R2 of 0." in text
    assert " to 0." not in text.partition("R2 of")[2].partition(")")[0]


def test_estimators_agree_where_two_keep_the_same_hyperparameters_apart() -> None:
    assert "Estimators agree: " in said(grid(added))
    assert "Estimators" not in said(grid(noise))
    assert "Estimators disagree" not in said(grid(added))


def test_estimators_that_disagree_are_named() -> None:
    made = grid(added)
    table = made.estimators
    first, second = list(dict.fromkeys(table.loc[table["value"].notna(), "estimator"]))[:2]
    odd = (table["estimator"] == first) & table["effect"].isin(["x", "y"])
    vars(made)["estimators"] = table.assign(disagrees=[second if is_odd else "" for is_odd in odd])
    assert (
        f"Estimators disagree by more than chance: for table, {first} orders x and y otherwise than {second}."
        in said(made)
    )
    assert "Estimators agree" not in said(made)


def test_pairs_are_named_where_they_are_clear() -> None:
    assert "Interactions, beyond what each hyperparameter explains alone (forests" in said(random(both))
    assert "No interaction clearly exceeds 5% (forests" in said(random(added))
    assert "x x y is the largest interaction" in pair_effects(random(both), TASK).layout.title.text
    assert pair_effects(random(added), TASK).layout.title.text == "No interaction is clearly above 0"
    assert (
        pair_effects(random(noise, n=60), TASK).layout.title.text
        == "The trials do not show what hyperparameters do together"
    )


def test_one_seed_of_a_grid_has_its_noise_among_the_unexplained() -> None:
    table: Any = grid(noise, 1).main_effects
    assert UNEXPLAINED in set(table["effect"])
    assert UNEXPLAINED not in set(grid(noise, 3).main_effects["effect"])


def test_what_matters_most_for_all_variants_is_said_once() -> None:
    def lr_alone(configuration: Mapping[str, Any], seed: int) -> float:
        return bowl({**configuration, "mu": 0.5}, seed)

    names = ("adam", "nadam", "sgd")
    (words,) = leading(Measured(results(lr_alone, variants=names)), "autoencoder/digits")
    assert words.startswith("lr matters most for all 3 variants: ")
    assert words.endswith("% of the variance of the loss.")
    (two,) = leading(Measured(results(lr_alone, variants=names[:2])), "autoencoder/digits")
    assert two.startswith("Most important, as a share of the variance of the loss: lr for adam, ")
