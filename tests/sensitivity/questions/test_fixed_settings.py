"""Variants at one setting each are compared by their seeds; no sensitivity is claimed where nothing
varies."""

from __future__ import annotations

import pathlib

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sensitivity import from_table
from sensitivity.measures import Measured
from sensitivity.questions.summary import summary
from sensitivity.reporting import write_report
from trainables.names import InputError

NOTHING = "No hyperparameter varies, so there is no sensitivity to measure."


def published(difference: float, seeds: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    means = (("adam", 0.2), ("sgd", 0.2 + difference))
    return pd.DataFrame(
        [
            {"variant": name, "lr": 0.1, "seed": seed, "loss": mean + 0.01 * rng.normal()}
            for name, mean in means
            for seed in range(seeds)
        ]
    )


def said(table: pd.DataFrame) -> str:
    return " ".join(summary(Measured(from_table(table)), "table"))


def test_a_clear_difference_is_told_with_the_interval_of_welch() -> None:
    table = published(0.1)
    a, b = (part["loss"].to_numpy() for _, part in table.groupby("variant"))
    ends = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    words = said(table)
    assert NOTHING in words
    assert (
        f"adam ends lower than sgd by {b.mean() - a.mean():.3g} ({-ends.high:.3g} to {-ends.low:.3g})"
        in words
    )
    assert "Least sensitive" not in words
    assert "Random configurations needed" not in words


def test_a_metric_that_is_maximised_ends_higher() -> None:
    table = published(0.1)
    words = said(table.assign(acc=1 - table["loss"]).drop(columns="loss"))
    assert "adam ends higher than sgd by 0.1" in words
    assert "ends lower" not in words
    assert "ends higher" not in said(table)


@pytest.mark.parametrize("metric", ["loss", "acc"])
def test_without_noise_nothing_is_decided(metric: str) -> None:
    rows = [
        {"variant": name, "lr": 0.1, "seed": seed, metric: loss}
        for name, loss in (("adam", 0.2), ("sgd", 0.3))
        for seed in (0, 1)
    ]
    words = (
        f"adam and sgd have the same {metric} for every seed, so seed noise is unknown and nothing is "
        "decided."
    )
    assert words in said(pd.DataFrame(rows))
    assert words not in said(pd.DataFrame([{**row, metric: row[metric] + row["seed"]} for row in rows]))


def test_one_seed_tells_no_variants_apart() -> None:
    words = "One seed: the variants cannot be told apart; at least 2 seeds are needed."
    assert words in said(published(0.1, seeds=1))
    assert words not in said(published(0.1, seeds=2))


def test_no_difference_is_undecided() -> None:
    words = said(published(0.0))
    assert "cannot be told apart: the difference is " in words
    assert words.count("; more seeds may decide.") == 1
    assert "cannot be told apart" not in said(published(0.1))
    assert "ends lower" not in words


def test_where_something_varies_sensitivity_is_told() -> None:
    table = pd.concat([published(0.1).assign(lr=lr) for lr in (0.01, 0.1, 1.0)])
    assert NOTHING not in said(table)


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(published(0.1), id="two variants, five seeds"),
        pytest.param(published(0.1, seeds=1), id="two variants, one seed"),
        pytest.param(pd.DataFrame([{"lr": 0.1, "loss": 0.2}]), id="one row"),
        pytest.param(
            pd.DataFrame([{"lr": 0.1, "seed": seed, "loss": 0.2} for seed in range(3)]),
            id="one configuration, equal losses",
        ),
    ],
)
def test_every_such_table_has_a_report_in_which_nothing_fails(
    table: pd.DataFrame, tmp_path: pathlib.Path
) -> None:
    measured = Measured(from_table(table))
    write_report(measured, tmp_path)
    assert not measured.failures
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert NOTHING in text
    for claim in (
        "most likely to end best",
        "do not differ in sensitivity",
        "within 10% of the best:",
        "takes off the loss",
    ):
        assert claim not in text
    assert "| sensitivity |" in text
    assert "| 0 (0 to" not in text


def test_a_table_of_variants_and_seeds_alone_is_compared_by_seeds(tmp_path: pathlib.Path) -> None:
    results = from_table(published(0.1).drop(columns="lr"))
    words = " ".join(summary(Measured(results), "table"))
    assert "adam ends lower than sgd by" in words
    assert "adam and sgd have no hyperparameter: one setting, stored as setting = fixed." in results.notes
    assert not any("Taken for hyperparameters" in note for note in results.notes)
    assert write_report(results, tmp_path).read_text()


def test_a_variant_without_a_hyperparameter_beside_one_that_has_some(tmp_path: pathlib.Path) -> None:
    table = pd.concat([published(0.1), published(0.1).query("variant == 'adam'").assign(lr=0.2)])
    table.loc[table["variant"] == "sgd", "lr"] = np.nan
    results = from_table(table)
    assert results.spaces["sgd"].names == ("setting",)
    assert results.spaces["adam"].names == ("lr",)
    assert "sgd has no hyperparameter: one setting, stored as setting = fixed." in results.notes
    measured = Measured(results)
    assert write_report(measured, tmp_path).read_text()
    assert not measured.failures


def test_a_table_without_variants_needs_a_hyperparameter() -> None:
    alone = published(0.1).query("variant == 'adam'").drop(columns=["lr", "variant"])
    with pytest.raises(InputError, match="no column left to be a hyperparameter"):
        from_table(alone)
