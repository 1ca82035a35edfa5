"""What the page on the paper says beside claims and cells: effects of settings, what the paper leaves open, what carries
over to another task, and the price of an undecided claim; on studies made up so that the truth is known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from search_spaces.paper import UNKNOWN
from sensitivity.paper.carried import carried_over
from sensitivity.paper.claims import claims
from sensitivity.paper.effects import moves, shares
from sensitivity.paper.prices import prices, repeated, seconds_of
from sensitivity.paper.sections import Paper, sections
from sensitivity.paper.trials import is_of_unsaid, pooled
from sensitivity.paper.unsaid import in_words, unsaid
from sensitivity.results.results import Results, records
from sensitivity.study.planning import trials
from sensitivity.study.study import Study
from tests.sensitivity.paper_studies import as_claimed, joined, noisy, table, world
from tests.sensitivity.tables import results


@cache
def studies() -> tuple[Results, ...]:
    return tuple(world(noisy(as_claimed, 0.02)))


@cache
def moved() -> dict[tuple[str, str, str], Mapping[str, Any]]:
    rows = records(moves(studies()))
    return {(row["family"], row["setting"], row["to"]): row for row in rows}


MOVES = {
    ("momentum", "mu", "0.95"): 1.1,
    ("momentum", "schedule of mu", "corrected"): 1.0,
    ("momentum", "kind of momentum", "NAG"): 1.2,
    ("momentum", "learning rate", "2 steps lower"): 1.0,
    ("norms", "nu", "0.999"): 1.1,
    ("norms", "norm", "L1"): 1.0,
    ("norms", "norm", "Linf"): 1.0,
    ("norms with momentum", "mu", "0.95"): 1.3,
    ("norms with momentum", "nu", "0.999"): 1.1,
    ("norms with momentum", "kind of momentum", "NAG"): 1.0,
}
"""What each move multiplies the loss by, by construction."""


@pytest.mark.parametrize("move", MOVES)
def test_a_move_multiplies_the_loss_as_it_was_made_up(move: tuple[str, str, str]) -> None:
    row = moved()[move]
    assert row["value"] == pytest.approx(MOVES[move], rel=0.03)
    assert row["low"] <= row["value"] <= row["high"]


def test_the_intervals_of_moves_hold_the_truth() -> None:
    inside = [moved()[move]["low"] < times < moved()[move]["high"] for move, times in MOVES.items()]
    assert sum(inside) >= len(MOVES) - 1  # nine in ten or more, of intervals of 95%


def test_a_move_of_the_learning_rate_costs_what_the_valleys_of_the_norms_cost_on_average() -> None:
    costs = [bend * math.log(rate) ** 2 for bend, rate in ((0.3, 2), (0.3, 2.5), (2, 2))]
    row = moved()["norms with momentum", "learning rate", "higher"]
    assert row["value"] == pytest.approx(math.exp(np.mean(costs)), rel=0.02)


def test_the_settings_of_a_family_share_its_variance() -> None:
    table = shares(studies())
    for family, part in table.groupby("family"):
        values = part.set_index("effect")["value"]
        assert values.sum() == pytest.approx(1, abs=1e-6), family
        assert ((part["low"] <= part["value"]) & (part["value"] <= part["high"])).all()
    by_family = {family: part.set_index("effect")["value"] for family, part in table.groupby("family")}
    assert by_family["momentum"].idxmax() == "kind of momentum"
    assert {"nu", "schedule of nu"} <= set(by_family["norms"].nlargest(3).index)
    assert by_family["norms with momentum"]["learning rate"] > by_family["norms with momentum"]["mu"]


def of_unsaid(batch: float, how: float) -> Results:
    """The study of what the paper leaves open, where a doubled batch multiplies the loss, and He's weights do."""
    study = Study.preset("paper-cpu-unknowns")
    rng = np.random.default_rng(1)

    def loss(configuration: Mapping[str, Any], seed: int) -> float:
        doubled = math.log2(configuration["batch_size"] / 16)
        he = configuration["initialisation"].startswith("he")
        return float(0.02 * batch**doubled * how**he * math.exp(rng.normal(0, 0.01)))

    planned = trials(study)
    parts = []
    for name in study.variants:
        rows = [each.configuration for each in planned if each.variant == name and each.seed == 0]
        parts.append(
            results(
                loss,
                variants=(name,),
                space=study.resolved.space(name),
                configurations=rows,
                seeds=range(3),
                task=study.tasks[0],
            )
        )
    return joined(parts, study.name)


def test_what_the_paper_leaves_open_moves_its_cells_as_it_was_made_up() -> None:
    study = of_unsaid(1.2, 0.9)
    found = unsaid([*studies(), study])
    assert found["variant"].nunique() == len(UNKNOWN)
    assert len(found) == len(UNKNOWN) * (5 + 4)
    for row in found.to_dict("records"):
        if row["level"] == row["usual"]:
            assert (row["value"], row["n"]) == (1.0, 3)
            continue
        truth = (
            1.2 ** math.log2(int(row["level"]) / 16)
            if row["setting"] == "batch_size"
            else 0.9 ** row["level"].startswith("he")
        )
        assert row["value"] == pytest.approx(truth, rel=0.03)
        assert row["low"] <= row["value"] <= row["high"]
        assert row["n"] == 6
    words = in_words(found)
    assert "batch size 128 instead of 16 multiplies the loss of" in words
    assert "by 1.7" in words
    assert "initialisation he_" in words


def test_studies_of_what_the_paper_leaves_open_are_not_pooled_with_its_tables() -> None:
    study = of_unsaid(1.5, 1.0)
    assert is_of_unsaid(study)
    assert not any(map(is_of_unsaid, studies()))
    pd.testing.assert_frame_equal(pooled([study, *studies()]), pooled(studies()))


@pytest.mark.parametrize(("sign", "value"), [(1, 1.0), (-1, -1.0)])
def test_ranks_carry_over_or_turn_round(sign: int, value: float) -> None:
    order = list(table(4, lambda *_: 0.1).spaces)

    def loss(configuration: Mapping[str, Any], seed: int) -> float:
        name = configuration["variant"]
        place = order.index(name) if name in order else 7
        return float(0.01 * (10 + sign * place + 0.01 * seed))

    def straight(configuration: Mapping[str, Any], seed: int) -> float:
        name = configuration["variant"]
        return float(0.01 * (10 + (order.index(name) if name in order else 7) + 0.01 * seed))

    found = carried_over([*(table(number, straight) for number in (1, 2, 3)), table(4, loss)])
    row = found[found["metric"].str.contains("train")].iloc[0]
    assert (row["value"], row["n"], row["trials"]) == (pytest.approx(value), 6, 36)
    assert row["low"] <= row["value"] <= row["high"]
    alone = carried_over([table(4, loss)])
    assert alone["value"].isna().all()
    assert (alone["note"] == "0 settings were run on both tasks (at least 4)").all()


def test_more_seeds_decide_what_they_say_they_decide() -> None:
    few = world(noisy(as_claimed, 0.3))
    table = claims(few)
    priced = dict(zip(table["name"], prices(few, table), strict=True))
    decided = table["verdict"] != "undecided"
    assert all(not priced[name] for name in table.loc[decided, "name"])
    assert all(priced[name] for name in table.loc[~decided, "name"])
    said = [text for text in priced.values() if "if the means stay" in text]
    assert said
    assert all(text.partition(" seeds")[0].isdecimal() and "more trials" in text for text in said)


def test_a_claim_without_trials_says_what_was_not_run() -> None:
    one = [table(1, noisy(as_claimed, 0.1))]
    found = claims(one)
    priced = dict(zip(found["name"], prices(one, found), strict=True))
    assert priced["L1 prefers 0.001"] == "trials that were not run: no trials of norms without momentum"


def test_repeated_trials_have_other_seeds() -> None:
    again = repeated(pd.DataFrame({"seed": [0, 2**40], "loss": [1.0, 2.0]}), 3)
    assert again["seed"].nunique() == 6
    assert list(again["loss"]) == [1.0, 2.0] * 3


def test_the_mean_duration_is_of_completed_trials() -> None:
    one = table(1, lambda *_: 0.01)
    timed = one.trials.assign(seconds=[10.0, 20.0] * (len(one.trials) // 2))
    assert seconds_of([replace(one, trials=timed)]) == {"autoencoder/mnist": 15.0}


def test_every_section_has_its_sentences_and_tables() -> None:
    everything = [*studies(), table(4, noisy(as_claimed, 0.02)), of_unsaid(1.2, 1.0)]
    found = {section.title: section for section in sections(Paper.measured(everything))}
    assert list(found) == [
        "Claims", "Which setting matters", "From the autoencoder to a residual network",
        "What the paper does not say", "Tables: rank correlation", "Table 1", "Table 2", "Table 3", "Table 4",
    ]  # fmt: skip
    assert any(words.startswith("Hold with seeds and intervals: ") for words in found["Claims"].words)
    matters = found["Which setting matters"].words
    assert any(
        words.startswith("Momentum (autoencoder/mnist): kind of momentum ")
        and "the dearest move is kind of momentum from CM to NAG, which multiplies the loss by 1.2" in words
        for words in matters
    )
    assert found["Table 2"].figure == 2
    few = {section.title for section in sections(Paper.measured([studies()[0]]))}
    assert few == {"Claims", "Which setting matters", "Tables: rank correlation", "Table 1"}
