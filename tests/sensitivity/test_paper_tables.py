"""The paper's tables and figures beside ours."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from search_spaces.paper import TABLES
from sensitivity.paper.figures import paper_figure
from sensitivity.paper.page import agreement, cells
from sensitivity.paper.tables import published
from tests.sensitivity.paper_studies import as_claimed, noisy, table
from tests.sensitivity.tables import INITIAL


def test_every_published_cell_is_one_that_its_preset_runs() -> None:
    cells = published()
    assert cells.groupby("table").size().to_dict() == {1: 8, 2: 10, 3: 24, 4: 12}
    for row in cells.itertuples():
        levels = TABLES[row.table].levels(row.variant)
        assert row.lr in levels["lr"]
        assert all(
            value in levels[name] if name in levels else math.isnan(value)
            for name, value in (("mu", row.mu), ("nu", row.nu))
        )
    known = cells.set_index(["table", "variant", "metric", "mu", "nu"]).sort_index()["paper"]
    combined = "nag-unscaled-mean-bias_corrected+linf-mean-bias_corrected"
    assert known[3, combined, "train_mse_x1000", 0.9, 0.9] == 5.90


PUBLISHED = published().query("table < 4")


def as_published(configuration: Mapping[str, Any], seed: int) -> float:
    """The paper's loss in the paper's cells (the initial one where it diverged), another at other learning
    rates."""
    cells = PUBLISHED
    for name in ("variant", "lr", "mu", "nu"):
        cells = cells[(cells[name] == configuration[name]) if name in configuration else cells[name].isna()]
    return float(cells["paper"].fillna(np.inf).iloc[0]) / 1000 if len(cells) else 0.004 * configuration["lr"]


@pytest.mark.slow
def test_cells_hold_the_mean_at_the_papers_learning_rate() -> None:
    one = table(1, lambda configuration, seed: as_published(configuration, seed) * (0.9, 1.0, 1.1)[seed])
    rows = cells(one)
    run = rows[rows["table"] == 1]
    np.testing.assert_allclose(run["value"], run["paper"])
    np.testing.assert_allclose(run["ratio"], 1.0)
    assert (run["n"] == 3).all()
    assert ((run["low"] < run["value"]) & (run["value"] < run["high"])).all()
    assert set(run["best_lr"]) == {0.5}
    assert set(rows.loc[rows["table"] == 3, "note"]) == {"not run"}


@pytest.mark.slow
def test_agreement_is_spearmans() -> None:
    same = agreement([table(number, as_published) for number in (1, 2, 3)]).set_index("table")
    np.testing.assert_allclose(same.loc[[1, 2, 3], "value"], 1.0)
    assert (same.loc[[1, 2, 3], "p"] < 0.01).all()
    assert math.isnan(same.loc[4, "value"].iloc[0])
    turned = table(1, lambda configuration, seed: 1e-3 / as_published(configuration, seed))
    assert agreement(turned)["value"][0] == pytest.approx(-1.0)
    one = table(3, noisy(lambda settings: 0.0, 0.3))
    rows = cells(one).dropna(subset="value")
    expected, row = spearmanr(rows["paper"], rows["value"]), agreement(one).iloc[2]
    assert row["value"] == pytest.approx(expected.statistic)
    assert row["p"] == pytest.approx(expected.pvalue, abs=0.03)
    assert row["low"] < row["value"] < row["high"]


@pytest.mark.slow
def test_table_4_has_training_and_test_loss() -> None:
    one = table(4, lambda configuration, seed: 0.3 + 0.1 * configuration["lr"])
    one = replace(one, reported=one.epochs.assign(test_loss=one.epochs["train_loss_end"] + 0.25))
    rows = cells(one)[lambda rows: rows["table"] == 4].set_index(["variant", "metric"])
    nag = rows.loc["nag-unscaled-mean-bias_corrected"]
    assert nag["value"].to_dict() == pytest.approx({"train_cross_entropy": 0.4, "test_cross_entropy": 0.65})
    assert nag["note"].tolist() == ["", ""]
    assert rows.loc["l1-mean-bias_corrected", "note"].str.contains("does not say").all()
    figure = paper_figure([one], 4)
    assert figure is not None
    assert len(figure.data) == 3 * 2 * 6  # range of the seeds, mean and the paper's value
    crosses = {
        (trace.legendgroup, trace.yaxis): trace.y[0] for trace in figure.data if trace.mode == "markers"
    }
    known = published().query("table == 4").set_index(["variant", "metric"])["paper"]
    assert (
        crosses["NAG, mu .9 corrected", "y"]
        == known["nag-unscaled-mean-bias_corrected", "train_cross_entropy"]
    )
    assert (
        crosses["NAG, mu .9 corrected", "y2"]
        == known["nag-unscaled-mean-bias_corrected", "test_cross_entropy"]
    )
    assert sorted(crosses.values()) == sorted(known)


@pytest.mark.parametrize(("number", "lines"), [(1, 4), (2, 10), (3, 6)])
def test_figures_have_the_cells_of_the_papers(number: int, lines: int) -> None:
    figure = paper_figure([table(number, noisy(as_claimed, 0.01))], number)
    assert figure is not None
    drawn = [each for each in figure.data if each.name]
    assert len(drawn) == lines
    assert len({(each.line.color, each.line.dash) for each in drawn}) == lines
    assert all(list(each.x) == [0, 1, 2] and each.y[0] == INITIAL for each in drawn)
    crosses = [each.y[0] for each in figure.data if each.mode == "markers"]
    assert len(crosses) == lines - (number == 2)  # the paper has one cell of Table 2 as diverged
    assert set(crosses) <= {paper / 1000 for paper in published().query("table == @number")["paper"]}
    assert paper_figure([], number) is None
