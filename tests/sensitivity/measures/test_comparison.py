"""Comparisons of two variants: pairs, tests that hold their level, and what cannot be compared."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from search_spaces.designs import Random
from sensitivity.measures.comparison import compare, holm
from sensitivity.measures.excess import excess_loss
from sensitivity.results.results import Results
from tests.sensitivity.tables import SPACE, bowl, noisy, results
from trainables.names import InputError

PAIR = ("adam", "sgd")


def tilted(configuration: Mapping[str, Any], seed: int) -> float:
    """One configuration is best."""
    return bowl({"lr": configuration["lr"] * 1.5}, seed) + 0.1 * configuration["mu"]


def steep(configuration: Mapping[str, Any], seed: int) -> float:
    """sgd cares twice as much for lr as adam."""
    return tilted(configuration, seed) * (2 if configuration["variant"] == "sgd" else 1) / 3


def drawn(loss: Any, study: int = 0, count: int = 40, **more: Any) -> Results:
    points = Random(count, seed=study + 1000).configurations(SPACE)
    return results(loss, **{"configurations": points, "design": "random", "variants": PAIR, **more})


def test_the_difference_is_that_of_the_measure() -> None:
    table = results(noisy(0.01, 0, steep), variants=PAIR, seeds=(0, 1, 2))
    row = compare(table, "sgd", "adam", over="lr").iloc[0]
    values = excess_loss(table, over="lr").set_index("variant")["value"]
    assert row["value"] == pytest.approx(values["sgd"] - values["adam"])
    assert (row["a"], row["b"], row["n"], row["paired"]) == ("sgd", "adam", 72, True)
    assert row["p"] < 0.001
    assert 0 < row["low"] < row["value"] < row["high"]
    assert row["detectable"] == pytest.approx(
        (1.959964 + 0.841621) / (2 * 1.959964) * (row["high"] - row["low"]), rel=1e-5
    )


@pytest.mark.parametrize("of", ["sensitivity", "best_loss", "mean_loss"])
def test_the_order_of_the_two_is_only_the_sign(of: str) -> None:
    table = results(noisy(0.05, 1, steep), variants=PAIR)
    one, two = (compare(table, *names, of=of).iloc[0] for names in (PAIR, PAIR[::-1]))
    assert one["value"] == -two["value"]
    assert one["p"] == pytest.approx(two["p"], abs=0.1)


def test_all_pairs_have_holms_correction() -> None:
    table = results(noisy(0.02, 2, tilted), variants=("adam", "nadam", "sgd"))
    pairs = compare(table)
    assert list(zip(pairs["a"], pairs["b"], strict=True)) == [
        ("adam", "nadam"),
        ("adam", "sgd"),
        ("nadam", "sgd"),
    ]
    assert pairs["p_holm"].to_numpy() == pytest.approx(holm(pairs["p"].to_numpy()))
    assert len(compare(table, "nadam")) == 2
    assert set(compare(table, "nadam")["a"]) == {"nadam"}


def test_holm_on_a_worked_example() -> None:
    """.01 x 4, then .013 x 3 = .039 is raised to .04, .03 x 2, .2."""
    assert holm(np.array([0.2, 0.013, 0.01, 0.03])) == pytest.approx([0.2, 0.04, 0.04, 0.06])
    assert len(holm(np.array([]))) == 0


@pytest.mark.slow
@pytest.mark.parametrize("design", ["grid", "random"])
def test_a_true_null_is_rejected_as_often_as_said(design: str) -> None:
    """5 of 100, more by at most three standard errors; `make validate` does more of them."""
    rejected = 0
    for study in range(100):
        loss = noisy(0.02, study, tilted)
        table = drawn(loss, study) if design == "random" else results(loss, variants=PAIR, seeds=(0, 1, 2))
        rejected += compare(table, over="lr", draws=200).iloc[0]["p"] < 0.05
    assert rejected <= 5 + 3 * math.sqrt(100 * 0.05 * 0.95)


@pytest.mark.slow
def test_a_true_null_of_one_seed_is_rejected_as_often_where_configurations_were_drawn_apart() -> None:
    rejected = 0
    for study in range(100):
        one, two = (
            drawn(noisy(0.02, 2 * study + i, tilted), 2 * study + i, 12, variants=(name,), seeds=(0,))
            for i, name in enumerate(PAIR)
        )
        trials = pd.concat([one.trials, two.trials], ignore_index=True)
        both = replace(one, trials=trials, spaces={**one.spaces, **two.spaces})
        rejected += compare(both, *PAIR, of="mean_loss", draws=300).iloc[0]["p"] < 0.05
    assert rejected <= 7 + 3 * math.sqrt(100 * 0.07 * 0.93)


@pytest.mark.slow
def test_the_detectable_difference_is_detected_four_times_in_five() -> None:
    """Of mean losses of 2 x 36 trials with noise .02 it is (1.96 + .84) .02 sqrt(2 / 36); 60 studies, three
    standard errors."""
    delta = (1.959964 + 0.841621) * 0.02 * math.sqrt(2 / 36)

    def shifted(configuration: Mapping[str, Any], seed: int) -> float:
        return tilted(configuration, seed) + (delta if configuration["variant"] == "sgd" else 0)

    rows = [
        compare(
            results(noisy(0.02, i, shifted), variants=PAIR, seeds=range(3)), of="mean_loss", draws=200
        ).iloc[0]
        for i in range(60)
    ]
    assert np.mean([row["detectable"] for row in rows]) == pytest.approx(delta, rel=0.15)
    assert np.mean([row["p"] < 0.05 for row in rows]) == pytest.approx(0.8, abs=3 * math.sqrt(0.8 * 0.2 / 60))


def test_pairing_sees_what_resampling_apart_does_not() -> None:
    """The noise of a seed is the same for both: only together is the difference certain."""
    shared = {
        (i, seed): loss
        for i, row in enumerate(np.random.default_rng(0).normal(0, 0.05, (12, 2)))
        for seed, loss in enumerate(row)
    }
    numbers: dict[tuple[float, float], int] = {}

    def loss(configuration: Mapping[str, Any], seed: int) -> float:
        place = numbers.setdefault((configuration["lr"], configuration["mu"]), len(numbers))
        return 0.5 + shared[place, seed] + (0.01 if configuration["variant"] == "sgd" else 0.0)

    row = compare(results(loss, variants=PAIR), of="mean_loss").iloc[0]
    assert row["paired"]
    assert row["value"] == pytest.approx(-0.01)
    assert row["high"] < 0


def test_variants_with_other_configurations_are_compared_apart() -> None:
    one, two = drawn(tilted, 1, variants=("adam",)), drawn(tilted, 2, variants=("sgd",))
    table = replace(
        one,
        trials=pd.concat([one.trials, two.trials], ignore_index=True),
        spaces={**one.spaces, **two.spaces},
    )
    row = compare(table).iloc[0]
    assert not row["paired"]
    assert row["low"] < 0 < row["high"]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        pytest.param(results(lambda c, seed: 0.3, variants=PAIR), "no noise to test against", id="constant"),
        pytest.param(
            results(lambda c, seed: math.inf, variants=PAIR),
            "never better than a diverged trial",
            id="all diverged",
        ),
        pytest.param(results(noisy(0.1), variants=PAIR, seeds=(0,)), "one seed", id="one seed"),
        pytest.param(
            results(bowl, variants=PAIR, configurations=[{"lr": 0.1, "mu": 0.9}], seeds=(0,)),
            "one seed",
            id="one trial",
        ),
        pytest.param(
            results(noisy(0.1), variants=PAIR, status=lambda c, s: "failed" if s else "completed"),
            "one seed",
            id="failed",
        ),
    ],
)
def test_awkward_results_have_numbers(table: Results, words: str) -> None:
    row = compare(table).iloc[0]
    assert words in row["note"]
    assert np.isfinite(row[["value", "low", "high", "p", "p_holm", "detectable"]].to_numpy(float)).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"a": "adm"}, "unknown variant 'adm'; did you mean 'adam'"),
        ({"a": "adam", "b": "adam"}, "needs two variants, got 'adam' twice"),
        ({"b": "adam"}, "a must be a variant where b is one"),
        ({"of": "best"}, "unknown value to compare 'best'"),
        ({"over": "lrr"}, "unknown hyperparameter 'lrr'"),
        ({"level": 1.0}, "level must be between 0 and 1"),
    ],
)
def test_what_cannot_be_compared_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare(results(bowl, variants=PAIR), **arguments)


def test_an_adaptive_design_compares_best_losses_only() -> None:
    table = results(noisy(0.1), variants=PAIR, design="adaptive")
    with pytest.raises(InputError, match=r"compare of='best_loss'"):
        compare(table)
    assert len(compare(table, of="best_loss")) == 1


def test_the_last_part_of_a_name_is_enough() -> None:
    table = results(bowl, variants=("torch.optim.AdamW", "sgd"))
    row = compare(table, "adamw", "SGD").iloc[0]
    assert (row["a"], row["b"]) == ("torch.optim.AdamW", "sgd")
