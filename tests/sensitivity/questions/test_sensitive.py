"""What is said of divergence and of seeds holds for the trials that there are."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from search_spaces import Float, SearchSpace
from sensitivity import from_table
from sensitivity.figures import danger_zone, divergence_map, performance_sensitivity
from sensitivity.measures import Measured
from sensitivity.questions import decided
from sensitivity.questions.overview import overview
from sensitivity.questions.sensitive import SENSITIVE
from sensitivity.questions.summary import summary

TASK = "table"
LR = Float("lr", 0.001, 1.0, "log")
RATES = (0.001, 0.01, 0.1, 1.0)
Ends = Callable[[float, int], bool]
"""Whether a learning rate and a seed diverge."""


def table(seeds: Mapping[float, int], diverges: Ends, **more: Any) -> Measured:
    """One configuration a learning rate, with so many seeds."""
    rows = [
        {"lr": lr, "seed": seed, "loss": math.nan if diverges(lr, seed) else 0.5 + lr}
        for lr, count in seeds.items()
        for seed in range(count)
    ]
    return Measured(from_table(pd.DataFrame(rows), metric="loss", seed="seed", **more))


def said(measured: Measured) -> str:
    return " ".join(SENSITIVE.sentences(measured, TASK))


def high(lr: float, seed: int) -> bool:
    return lr > 0.05


EVEN = dict.fromkeys(RATES, 2)
UNEVEN = {0.001: 4, 0.01: 4, 0.1: 1, 1.0: 1}


def test_the_share_that_diverged_is_of_the_space() -> None:
    made = table(UNEVEN, high)
    row = made.divergence_rate.iloc[0]
    assert (row["value"], row["diverged"], row["n"]) == (0.5, 2, 10)
    assert row["note"] == "configurations weighted alike; 20% of trials"
    assert "table 2 of 10 (50% with every configuration weighted alike)." in said(made)
    assert divergence_map(made, TASK).layout.title.text == "table diverges most: 50% of its configurations"


def test_with_as_many_seeds_everywhere_the_share_is_of_the_trials() -> None:
    made = table(EVEN, high)
    assert made.divergence_rate.iloc[0]["note"] == ""
    assert "table 4 of 8." in said(made)
    assert divergence_map(made, TASK).layout.title.text == "table diverges most: 50% of 8 trials"


def test_an_interval_is_as_wide_as_the_seeds_allow() -> None:
    """Kish: 4^2 / (1/4 + 1/4 + 1 + 1) trials."""
    row = table(UNEVEN, high).divergence_rate.iloc[0]
    z, n, p = 1.959963984540054, 16 / 2.5, 0.5
    half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert (row["low"], row["high"]) == pytest.approx((0.5 - half, 0.5 + half))


@pytest.mark.parametrize(
    ("seeds", "diverges", "words", "title"),
    [
        pytest.param(EVEN, high, "At none of the 4 learning rates with at least two seeds did the seed decide", "At none of 4 ", id="four"),
        pytest.param({**UNEVEN, 0.01: 1}, high, "", "One learning rate with two seeds: whether the seed "
"decides is unknown", id="one"),
        pytest.param({**UNEVEN}, high, "At none of the 2 learning rates with at least two seeds", "At none of 2 ", id="two"),
        pytest.param(dict.fromkeys(RATES, 1), high, "With one seed of each configuration, whether", "One seed: ", id="none"),
        pytest.param(
            EVEN, lambda lr, seed: high(lr, seed) and seed > 0, "decides between training and divergence: "
"table at 0.1, 100% (21% to 100%) "
            "of 1 configuration.", "The seed decides most for table", id="it decides",
        ),
    ],
)  # fmt: skip
def test_where_the_seed_decides_is_told_of_the_repeats_that_there_are(
    seeds: Any, diverges: Ends, words: str, title: str
) -> None:
    made = table(seeds, diverges)
    text = said(made)
    assert words in text
    assert ("did the seed decide" in text) == ("did the seed decide" in words or "At none" in words)
    assert danger_zone(made, TASK).layout.title.text.startswith(title)


def test_variants_with_other_repeats_are_named() -> None:
    one, two = (
        table(seeds, high).results.trials.assign(variant=name)
        for name, seeds in (("adam", EVEN), ("sgd", UNEVEN))
    )
    frame = pd.concat([one, two], ignore_index=True)[["variant", "config/lr", "seed", "value"]]
    made = Measured(from_table(frame, metric="value", direction="min", seed="seed", variant="variant"))
    assert "learning rates with at least two seeds (adam 4 and sgd 2) did the seed decide" in " ".join(
        SENSITIVE.sentences(made, TASK)
    )


def several(**ends: Ends) -> Measured:
    """One seed of four learning rates for each variant."""
    frames = [table(EVEN, diverges).results.trials.assign(variant=name) for name, diverges in ends.items()]
    frame = pd.concat(frames, ignore_index=True)[["variant", "config/lr", "seed", "value"]]
    return Measured(
        from_table(
            frame, metric="value", direction="min", seed="seed", variant="variant", spaces=SearchSpace(LR)
        )
    )


def test_a_variant_with_one_learning_rate_has_no_sensitivity() -> None:
    made = several(adam=lambda lr, seed: False, sgd=lambda lr, seed: False)
    words = "No sensitivity is measured of sgd: one learning rate has results."
    assert words not in said(made)
    assert "Tuned, adam and sgd cannot be told apart." in said(made)
    trials = made.results.trials
    left = Measured(
        replace(made.results, trials=trials[(trials["variant"] == "adam") | (trials["config/lr"] == 0.01)])
    )
    assert words in said(left)
    assert "Least sensitive" not in said(left)
    assert "A random adam configuration costs on average" in said(left)
    assert left.overview.set_index("variant")["sensitivity"].isna().to_dict() == {"adam": False, "sgd": True}
    assert performance_sensitivity(left, TASK).layout.title.text.startswith("adam: best 0.5")
    alone = Measured(replace(made.results, trials=trials[trials["config/lr"] == 0.01]))
    assert "performance_sensitivity" in [drawing.name for drawing in SENSITIVE.drawn(left, TASK)]
    assert "performance_sensitivity" not in [drawing.name for drawing in SENSITIVE.drawn(alone, TASK)]


def test_what_never_learned_is_not_ranked() -> None:
    words = "Never better than the worst result of the task, so not ranked: sgd."
    assert words in said(several(adam=high, sgd=lambda lr, seed: True))
    assert words not in said(several(adam=high, sgd=high))
    shown = overview(several(adam=high, sgd=lambda lr, seed: True), TASK).set_index("variant")
    assert (shown.loc["sgd", "best value"], shown.loc["sgd", "at"]) == ("–", "–")
    assert shown.loc["adam", "at"] == "lr 0.001"


def test_what_a_learning_rate_costs_is_told_of_what_learned() -> None:
    rows = [
        {"lr": lr, "mu": mu, "seed": seed, "loss": 1.0}
        for lr in RATES
        for mu in (0.0, 0.5)
        for seed in (0, 1)
    ]
    for slope, words in ((0.0, False), (1.0, True)):
        frame = pd.DataFrame([{**row, "loss": 1 + slope * (row["lr"] + row["mu"])} for row in rows])
        text = said(Measured(from_table(frame, metric="loss", seed="seed")))
        assert ("With the rest tuned, a wrong learning rate costs" in text) == words


@pytest.mark.parametrize(
    ("ends", "title"),
    [
        pytest.param({"adam": high, "sgd": high}, "Every variant diverges in 50% of its trials", id="alike"),
        pytest.param(
            {"adam": high, "sgd": lambda lr, seed: lr > 0.5},
            "adam diverges most: 50% of 8 trials; sgd least: 25%",
            id="more",
        ),
        pytest.param({"adam": lambda lr, seed: False}, "No trial diverged", id="none"),
    ],
)
def test_the_title_of_the_map_says_who_diverges_most(ends: dict[str, Ends], title: str) -> None:
    assert divergence_map(several(**ends), TASK).layout.title.text == title


def test_nothing_is_said_of_the_seed_where_nothing_diverged() -> None:
    text = said(table(EVEN, lambda lr, seed: False))
    assert "No trial diverged." in text
    assert "seed decide" not in text


def test_sensitivities_that_noise_cannot_tell_apart_are_named_and_no_others() -> None:
    for steeper, words in ((0.0, True), (3.0, False)):
        rows = [
            {
                "variant": variant,
                "lr": lr,
                "seed": seed,
                "loss": 1 + (1 + slope) * abs(place - 1.5) + 0.05 * (-1) ** (seed + place),
            }
            for variant, slope in (("adam", 0.0), ("sgd", steeper))
            for place, lr in enumerate(RATES)
            for seed in range(2)
        ]
        made = Measured(from_table(pd.DataFrame(rows), metric="loss", seed="seed", variant="variant"))
        text = " ".join(SENSITIVE.sentences(made, TASK))
        assert bool(re.search(r"Untuned, (adam and sgd|sgd and adam) lose least", text)) == words
        assert "Least sensitive" not in text


def test_adaptive_trials_are_not_ranked_in_words() -> None:
    """The same function, searched with many trials and with few: nothing is said of which is less sensitive."""
    frame = pd.DataFrame(
        [
            {"variant": name, "lr": lr, "seed": seed, "loss": 1 + abs(place - 1.5) + 0.05 * seed}
            for name, rates in (("many", RATES), ("few", RATES[1:3]))
            for place, lr in enumerate(rates)
            for seed in range(2)
        ]
    )
    made = from_table(frame, metric="loss", seed="seed", variant="variant")
    text = " ".join(summary(Measured(replace(made, design="adaptive", designs={})), TASK))
    assert "Variants are not ranked: regret needs a random or fixed design" in text
    assert "Least sensitive" not in text
    assert "lose least" not in text


def test_a_leader_that_is_not_told_from_all_others_is_not_called_better_than_all() -> None:
    class Ranks:
        results = None
        tuned_ranks = pd.DataFrame(
            [
                {"task": TASK, "variant": "a", "value": 1.0, "first": 1, "last": 2},
                {"task": TASK, "variant": "b", "value": 1.1, "first": 2, "last": 2},
            ]
        )

    words = decided._leaders(Ranks(), TASK, "Tuned", tuned=True)  # type: ignore[arg-type]
    assert words == ["Tuned, a leads, though not every other variant is told apart from it."]
    Ranks.tuned_ranks.loc[0, "last"] = 1
    words = decided._leaders(Ranks(), TASK, "Tuned", tuned=True)  # type: ignore[arg-type]
    assert words == ["Tuned, a is better than every other variant."]


OVER = "Over the whole space, an untuned configuration costs on average, over the best: "


def momenta(loss: Callable[[float, float], float], *, holes: bool = False) -> Measured:
    """A grid of learning rates and momenta; with holes, the average over all of it is not that over the
    learning rates."""
    rows = [
        {
            "lr": lr,
            "mu": mu,
            "variant": name,
            "loss": loss(lr, mu) if name == "adam" else 2.0,
            "seed": seed,
            "start": 1.0,
        }
        for name in ("adam", "idle")
        for lr in RATES
        for mu in (0.5, 0.9, 0.99)
        for seed in (0, 1)
        if not (holes and lr > 0.5 and mu > 0.6)
    ]
    return Measured(
        from_table(pd.DataFrame(rows), metric="loss", seed="seed", variant="variant", initial_loss="start")
    )


def test_the_whole_space_is_told_of_variants_that_learned_where_it_says_more_than_the_learning_rate() -> None:
    text = said(momenta(lambda lr, mu: 0.1 + 0.1 * lr + 0.4 * mu, holes=True))
    assert f"{OVER}adam " in text
    assert "idle" not in text.partition(OVER)[2].partition(". ")[0]
    assert OVER not in said(momenta(lambda lr, mu: 0.1 + 0.1 * lr + 0.4 * mu))
    only = pd.DataFrame([{"mu": mu, "seed": seed, "loss": mu} for mu in (0.5, 0.9, 0.99) for seed in (0, 1)])
    assert OVER not in said(Measured(from_table(only, metric="loss", seed="seed")))
