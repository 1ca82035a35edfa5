"""The number of seeds is the same wherever it is told."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import pytest

from sensitivity import from_table
from sensitivity.figures.words import about
from sensitivity.measures import Measured, best_loss, caveats
from sensitivity.measures.stability import repeated_rates
from sensitivity.reporting.provenance import lead, provenance
from sensitivity.results.repeats import repeats, seeds_in_words
from sensitivity.results.results import Results
from tests.sensitivity.tables import bowl, results

RATES = [10.0**-power for power in range(8)]


def table(seeds: Mapping[int, list[int]], variant: str = "adam") -> pd.DataFrame:
    rows = [
        {"variant": variant, "lr": RATES[i], "seed": seed, "loss": abs(i - 3.5) + seed / 100}
        for i, each in seeds.items()
        for seed in each
    ]
    return pd.DataFrame(rows)


def read(*frames: pd.DataFrame) -> Results:
    return from_table(pd.concat(frames, ignore_index=True), metric="loss", seed="seed", variant="variant")


@pytest.mark.parametrize(
    ("seeds", "words", "listed"),
    [
        pytest.param({i: [0, 1, 2] for i in range(8)}, "3 seeds", "0, 1 and 2", id="even"),
        pytest.param({i: [0] for i in range(8)}, "1 seed", "0", id="one"),
        pytest.param(
            {**{i: [0] for i in range(8)}, 3: [0, 1, 2]},
            "1 to 3 seeds",
            "0, 1 and 2; 1 to 3 seeds a configuration",
            id="uneven",
        ),
        pytest.param(
            {i: [i] for i in range(8)},
            "1 seed",
            "0, 1, 2, 3, 4, 5, 6 and 7; 1 seed a configuration",
            id="one each",
        ),
        pytest.param(
            {i: [i % 2] for i in range(8)}, "1 seed", "0 and 1; 1 seed a configuration", id="one of two"
        ),
    ],
)
def test_seeds_are_those_of_a_configuration_everywhere(
    seeds: Mapping[int, list[int]], words: str, listed: str
) -> None:
    found = read(table(seeds))
    assert seeds_in_words(found) == words
    assert f", {words}, " in lead(found)
    assert about(found, "table").endswith(f", {words}")
    assert dict(provenance(found))["seeds"] == listed
    kinds = set(caveats(found)["kind"])
    assert ("one seed" in kinds) == (words == "1 seed")
    note = best_loss(found)["note"].iloc[0]
    assert ("one seed" in note) == (words == "1 seed")
    assert ("1 to 3 seeds: " in note) == (words == "1 to 3 seeds")
    assert ("missing" in note) == (words == "1 to 3 seeds")


def test_a_variant_with_one_seed_is_named_where_others_have_more() -> None:
    more, one = table({i: [0, 1, 2] for i in range(8)}), table({i: [0] for i in range(8)}, "sgd")
    (text,) = caveats(read(more, one)).query("kind == 'one seed'")["text"]
    assert text == "One seed for sgd on table: the noise of these results is unknown (1 to 3 seeds in all)."
    assert caveats(read(more)).query("kind == 'one seed'").empty
    (text,) = caveats(read(one)).query("kind == 'one seed'")["text"]
    assert text.startswith("One seed: ")


def test_seeds_of_another_task_are_not_told() -> None:
    one, two = (
        table({i: list(range(count)) for i in range(8)}).assign(task=task)
        for task, count in (("a", 1), ("b", 2))
    )
    found = from_table(pd.concat([one, two]), metric="loss", seed="seed", task="task", variant="variant")
    assert [seeds_in_words(found, task) for task in ("a", "b", None)] == ["1 seed", "2 seeds", "1 to 2 seeds"]


@pytest.mark.parametrize(("count", "words"), [(1, "1 to 3 seeds"), (3, "3 seeds"), (4, "3 to 4 seeds")])
def test_configurations_that_lack_a_hyperparameter_count_like_others(count: int, words: str) -> None:
    momentum = table({i: [0, 1, 2] for i in range(8)})
    momentum["mu"] = momentum["lr"].map(dict(zip(RATES, [0.9, 0.99] * 4, strict=True)))
    found = read(momentum, table({i: list(range(count)) for i in range(8)}, "sgd"))
    assert seeds_in_words(found) == words
    counts = repeats(found.usable)
    assert counts.groupby("variant").agg(list).to_dict() == {"adam": [3] * 8, "sgd": [count] * 8}
    assert repeated_rates(found, "table") == {"adam": 8, "sgd": 8 * (count > 1)}


def test_failed_seeds_do_not_count_unless_no_trial_has_a_result() -> None:
    failed = results(bowl, status=lambda c, seed: "failed" if seed else "completed")
    assert seeds_in_words(failed) == "1 seed"
    assert seeds_in_words(results(bowl, status=lambda c, seed: "pending")) == "2 seeds"


def test_the_few_configurations_of_a_variant_are_counted() -> None:
    few = read(table({i: [0, 1] for i in range(5)}), table({i: [0, 1] for i in range(8)}, "sgd"))
    (text,) = caveats(few).query("kind == 'few trials'")["text"]
    assert text == "adam has only 5 configurations on table; 8 are needed."
    assert not [text for text in Measured(few).caveats["text"] if "sgd has only" in text]
