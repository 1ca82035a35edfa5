"""What the reader is warned of, and what not."""

from __future__ import annotations

import html
import math
import pathlib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from search_spaces import Float, Integer, Ordinal, SearchSpace
from search_spaces.designs import Grid, Random
from sensitivity import from_table
from sensitivity.measures import Measured, variance_shares
from sensitivity.measures.caveats import KINDS, caveats
from sensitivity.questions.summary import caveats as sentences
from sensitivity.reporting import write_report
from sensitivity.results.results import Results
from tests.sensitivity.quantities import without_ids
from tests.sensitivity.tables import INITIAL, SPACE, bowl, noisy, results

TWO = ("adam", "sgd")
PLENTY = Grid({"lr": 5, "mu": 3}).configurations(SPACE)


def centred(configuration: Mapping[str, Any], seed: int) -> float:
    """Best in the middle of both ranges."""
    return bowl(configuration, seed) + 0.1 * (math.log10(1 - configuration["mu"]) + 1.15) ** 2


def plenty(loss: Any = centred, **more: Any) -> Results:
    return results(loss, **{"configurations": PLENTY, **more})


def falling(configuration: Mapping[str, Any], seed: int) -> float:
    return 0.1 / configuration["lr"] ** 0.1


def kinds(table: Results) -> list[str]:
    return list(caveats(table)["kind"])


def text(table: Results, kind: str) -> str:
    found = caveats(table)
    return " ".join(found.loc[found["kind"] == kind, "text"])


def test_a_sound_study_has_none() -> None:
    assert kinds(plenty()) == []
    assert kinds(plenty(noisy(0.005, 1, centred), seeds=(0, 1, 2))) == []


@pytest.mark.parametrize(
    ("table", "kind", "words"),
    [
        pytest.param(
            plenty(status=lambda c, s: "failed" if s else "completed"),
            "failed",
            "15 of 30 trials failed",
            id="failed",
        ),
        pytest.param(
            plenty(status=lambda c, s: "stopped" if s else "completed"),
            "stopped",
            "15 of 30 trials were stopped early",
            id="stopped",
        ),
        pytest.param(
            plenty(status=lambda c, s: "pending" if s else "completed"),
            "unfinished",
            "15 of 30 trials have not finished",
            id="unfinished",
        ),
        pytest.param(plenty(seeds=(7,)), "one seed", "differences may be luck", id="one seed"),
        pytest.param(plenty(design="adaptive"), "adaptive", "chosen by an optimizer", id="adaptive"),
        pytest.param(
            results(centred, configurations=PLENTY[:7]),
            "few trials",
            "adam has only 7 configurations on autoencoder/digits; 10 are needed.",
            id="few",
        ),
        pytest.param(
            plenty(lambda c, s: math.inf),
            "never learned",
            "adam on autoencoder/digits never did better",
            id="all diverged",
        ),
        pytest.param(
            plenty(lambda c, s: 0.3),
            "constant",
            "adam on autoencoder/digits has the same loss at every",
            id="constant",
        ),
        pytest.param(
            plenty(lambda c, s: INITIAL),
            "never learned",
            "never did better than the initial loss",
            id="constant at the start",
        ),
    ],
)
def test_each_reason_is_named(table: Results, kind: str, words: str) -> None:
    assert words in text(table, kind)
    assert set(kinds(table)) <= set(KINDS)


def test_a_constant_loss_and_one_configuration_are_at_no_edge() -> None:
    assert "edge" not in kinds(plenty(lambda c, s: 0.3))
    assert "edge" not in kinds(results(bowl, configurations=[{"lr": 0.1, "mu": 0.9}]))


def test_the_range_to_try_next_is_as_wide_and_about_the_best() -> None:
    assert text(plenty(falling), "edge") == (
        "adam on autoencoder/digits does best at the highest learning rate tried (1, range 0.001 to 1): its "
        "optimum may lie higher; try 0.0316 to 31.6."
    )
    low = plenty(lambda c, s: 0.5 * c["lr"] ** 0.1)
    assert (
        "lowest learning rate tried (0.001, range 0.001 to 1): its optimum may lie lower; try 3.16e-05 to "
        "0.0316." in text(low, "edge")
    )


@pytest.mark.parametrize(
    ("hyperparameter", "words"),
    [
        pytest.param(Float("x", 0.9, 0.999, "log1m"), "highest x tried (0.999, range 0.9 to 0.999): {}; try "
"0.99 to 0.9999.", id="log1m"),
        pytest.param(Float("x", 0.0, 0.8), "highest x tried (0.8, range 0 to 0.8): {}; try 0.4 to 1.", id="a "
"share"),
        pytest.param(Float("x", -4, 4), "(4, range -4 to 4): {}; try 0 to 8.", id="linear"),
        pytest.param(Integer("x", 1, 9), "(9, range 1 to 9): {}; try 5 to 13.", id="integer"),
    ],
)  # fmt: skip
def test_every_numeric_scale_has_its_range(hyperparameter: Any, words: str) -> None:
    space = SearchSpace(hyperparameter)
    table = results(
        lambda c, s: 0.9 - 0.5 * hyperparameter.to_unit(c["x"]),
        space=space,
        configurations=Grid(9).configurations(space),
    )
    assert words.format("its optimum may lie higher") in text(table, "edge")


def test_levels_without_distance_and_pairs_of_levels_have_no_edge() -> None:
    space = SearchSpace(Ordinal("p", (1, 2, math.inf)), Float("x", 0, 1))
    table = results(
        lambda c, s: 0.1 / c["p"] + 0.1 * c["x"], space=space, configurations=Grid(2).configurations(space)
    )
    assert "edge" not in kinds(table)


def test_an_edge_within_seed_noise_is_none() -> None:
    """The end of mu is best by less than seeds differ."""

    def loss(configuration: Mapping[str, Any], seed: int) -> float:
        return bowl(configuration, seed) + 0.0001 * (1 - configuration["mu"]) + 0.05 * (-1) ** seed

    assert "edge" not in kinds(plenty(loss))
    assert "edge" in kinds(plenty(lambda c, s: bowl(c, s) + 0.01 * (1 - c["mu"])))


def test_random_designs_are_near_an_edge() -> None:
    points = Random(200, seed=0).configurations(SPACE)
    assert "highest learning rate tried" in text(
        results(falling, configurations=points, design="random"), "edge"
    )
    assert "edge" not in kinds(results(centred, configurations=points, design="random"))


def test_effects_from_a_forest_that_predicts_badly_are_doubted() -> None:
    chance, points = noisy(0.3), Random(60, seed=0).configurations(SPACE)
    both = {"variants": TWO, "configurations": points, "design": "random"}
    table = results(lambda c, s: chance(c, s) if c["variant"] == "sgd" else centred(c, s), **both)
    r2 = variance_shares(table).groupby("variant")["r2"].first()
    assert r2["sgd"] < 0.5 < r2["adam"]
    assert f"predicts unseen configurations badly (out-of-bag R2 under 0.5: sgd {r2['sgd']:.2f})" in text(
        table, "poor surrogate"
    )
    assert "poor surrogate" not in kinds(plenty(noisy(0.3)))  # a full grid with seeds needs no forest


@pytest.mark.slow
def test_a_study_of_all_that_goes_wrong_has_every_caveat_and_a_report_without_nan(
    tmp_path: pathlib.Path,
) -> None:
    """Failures, one seed, an optimum at the edge and a constant objective."""

    def status(configuration: Mapping[str, Any], seed: int) -> str:
        return "failed" if configuration["mu"] == 0.5 and configuration["lr"] < 0.1 else "completed"

    table = plenty(
        lambda c, s: 0.3 if c["variant"] == "sgd" else falling(c, s), variants=TWO, seeds=(0,), status=status
    )
    found = caveats(table)
    assert list(found["kind"]) == ["failed", "one seed", "constant", "edge"]
    assert list(found["variant"]) == ["", "", "sgd", "adam"]
    write_report(table, tmp_path)
    page = re.sub(r"<(script|style)\b.*?</\1>", "", (tmp_path / "report.html").read_text(), flags=re.DOTALL)
    for written in (page, (tmp_path / "report.md").read_text()):
        assert not re.search(r"\b(nan|NaN|None|inf|null)\b", written)
        for sentence in found["text"]:
            assert _said(without_ids(written)).count(sentence) == 1


def _said(written: str) -> str:
    """Return the text of a page, its commands between backticks."""
    return html.unescape(re.sub(r"</?code>", "`", written)).replace("\\`", "`")


def test_unequal_ranges_are_said_once_for_each_hyperparameter() -> None:
    table = plenty(variants=("adam", "nadam", "sgd"))
    other = SPACE.replace(Float("lr", 1e-3, 10.0, "log"))
    table = replace(table, spaces={"adam": SPACE, "nadam": SPACE, "sgd": other})
    assert text(table, "unequal ranges") == (
        "The ranges of lr differ, so what is measured over them does, too: 0.001 to 1 (log) for adam and "
        "nadam; 0.001 to 10 (log) for sgd."
    )


def test_ranges_of_equally_many_decades_are_no_caveat() -> None:
    """Each variant is searched around its own good rate, by one rule."""
    rows = [
        {"optimizer": name, "lr": low * 10**place, "seed": seed, "loss": abs(place - 1.5) + 0.1 * seed}
        for name, low in (("adam", 1e-4), ("sgd", 1e-2))
        for place in range(4)
        for seed in range(2)
    ]
    assert "unequal ranges" not in kinds(from_table(pd.DataFrame(rows), variant="optimizer"))
    wider = [*rows, {"optimizer": "sgd", "lr": 100.0, "seed": 0, "loss": 2.0}]
    assert "unequal ranges" in kinds(from_table(pd.DataFrame(wider), variant="optimizer"))


@pytest.mark.parametrize("lowest", [1e-4, 1e-2])
def test_ranges_read_off_random_configurations_differ_only_by_more_than_chance(lowest: float) -> None:
    rng = np.random.default_rng(0)
    rates = {"adam": 10 ** rng.uniform(-4, -1, 40), "sgd": 10 ** rng.uniform(np.log10(lowest), -1, 40)}
    rows = [
        {"optimizer": name, "lr": lr, "loss": abs(np.log10(lr) + 2)}
        for name, values in rates.items()
        for lr in values
    ]
    found = kinds(from_table(pd.DataFrame(rows), variant="optimizer"))
    assert ("unequal ranges" in found) is (lowest > 1e-4)


def test_only_the_variants_that_an_optimizer_chose_are_named() -> None:
    table = replace(plenty(variants=("adam", "sgd")), designs={"sgd": "adaptive"})
    assert text(table, "adaptive").startswith("The configurations of sgd were chosen by an optimizer")


def test_the_report_has_the_same_sentences() -> None:
    table = plenty(falling, seeds=(0,))
    assert sentences(Measured(table)) == list(caveats(table)["text"])


def test_nothing_done_yet_is_unfinished_only() -> None:
    assert kinds(plenty(status=lambda c, s: "pending")) == ["unfinished"]
