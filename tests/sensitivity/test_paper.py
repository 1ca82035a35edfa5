"""The paper's claims and tables, on studies made up so that each claim is true, or false, or cannot be decided."""

from __future__ import annotations

import json
import math
import pathlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, spearmanr

from search_spaces.hyperparameters import Float
from search_spaces.paper import TABLES
from search_spaces.spaces import SearchSpace
from sensitivity import cli
from sensitivity.figures.paper import paper_figure
from sensitivity.paper import agreement, cells, claims
from sensitivity.paper_claims import CLAIMS as PAPER
from sensitivity.paper_tables import published
from sensitivity.paper_trials import pooled
from sensitivity.planning import trials
from sensitivity.results import Results
from sensitivity.store import Store
from sensitivity.study import Study
from tests.contracts import report
from tests.sensitivity.tables import INITIAL, results
from trainables.variants import variant

Loss = Callable[[Mapping[str, Any], int], float]
TASK = "autoencoder/mnist"
EGD = "l2-mean-bias_corrected-second"


def joined(parts: list[Results], study: str) -> Results:
    """Variants with spaces of their own as one study."""
    spaces = {name: space for each in parts for name, space in each.spaces.items()}
    tables = (pd.concat([getattr(each, name) for each in parts], ignore_index=True) for name in ("trials", "epochs"))
    return replace(parts[0], **dict(zip(("trials", "epochs"), tables, strict=True)), spaces=spaces, study=study)


def table(number: int, loss: Loss, seeds: int = 3) -> Results:
    """A table of the paper as its preset runs it."""
    whole = TABLES[number]
    parts = []
    for name in whole.variants:
        space = whole.space(name)
        rows = whole.design(name).configurations(space)
        parts.append(results(loss, variants=(name,), space=space, configurations=rows, seeds=range(seeds), task=whole.task))
    return joined(parts, f"paper-table-{number}")


def others(loss: Loss, seeds: int = 3) -> Results:
    """SGD and second order, which the tables lack."""
    rates = {"sgd": (0.5, 1.0, 2.0), EGD: (0.001, 0.002, 0.005)}
    parts = [
        results(
            loss,
            variants=(name,),
            space=SearchSpace(Float("lr", lrs[0], lrs[-1], "log")),
            configurations=[{"lr": lr} for lr in lrs],
            seeds=range(seeds),
            task=TASK,
        )
        for name, lrs in rates.items()
    ]
    return joined(parts, "paper-others")


def world(loss: Loss, seeds: int = 3) -> list[Results]:
    return [*(table(number, loss, seeds) for number in (1, 2, 3)), others(loss, seeds)]


def noisy(truth: Callable[[Mapping[str, Any]], float], deviation: float) -> Loss:
    """A loss with the logarithm that the truth gives, of a configuration with its variant's settings, and normal noise."""
    rng = np.random.default_rng(0)

    def loss(configuration: Mapping[str, Any], seed: int) -> float:
        settings = {"order": "first", **variant(configuration["variant"]).fixed, **configuration}  # type: ignore[attr-defined]
        return 0.1 * math.exp(min(truth(settings), 700.0)) * math.exp(rng.normal(0, deviation)) if truth(settings) < math.inf else math.inf

    return loss


def as_claimed(s: Mapping[str, Any]) -> float:
    """The logarithm of how many times the usual loss, where everything is as the paper says."""
    momentum, norm = s["momentum"] != "none", s["adaptive"] != "none"
    if not norm:
        diverges = math.inf if not momentum and s["lr"] > 1 else 0.0
        return diverges + math.log(1.2) * (s["momentum"] == "nag") + math.log(1.1) * (s.get("mu", 0.9) != 0.9)
    if s["nu_schedule"] == "constant" and s.get("nu", 0.9) > 0.9:
        return math.inf
    bend = 2.0 if s["p"] == math.inf else 0.3
    best = {1: 0.001, 2: 0.002, math.inf: 0.005}[s["p"]]
    decays = math.log(1.3) * (momentum and s["mu"] != 0.9) + math.log(1.1) * (s.get("nu", 0.9) != 0.9)
    return math.log(0.5) + bend * math.log(s["lr"] / best) ** 2 + decays + math.log(3) * (s["order"] == "second")


def otherwise(s: Mapping[str, Any]) -> float:
    """The same where nothing is as the paper says."""
    momentum, norm = s["momentum"] != "none", s["adaptive"] != "none"
    corrected = momentum and s["mu_schedule"] == "bias_corrected"
    if not norm:
        diverges = math.inf if momentum and s["lr"] < 1 else 0.0
        return diverges + math.log(0.8) * ((s["momentum"] == "nag") + corrected + (s.get("mu", 0.9) != 0.9))
    rates = {1: (0.002, 0.0005), 2: (0.005, 0.001), math.inf: (0.01, 0.002)}[s["p"]]
    bend = 0.1 if s["p"] == math.inf else 0.6
    decays = math.log(0.9) * (momentum and s["mu"] != 0.9) + math.log(0.6) * (s.get("nu", 0.9) != 0.9)
    uncorrected = math.log(0.8) * (s["nu_schedule"] == "constant")
    second = math.log(0.2) * (s["order"] == "second")
    return math.log(2.5) + bend * math.log(s["lr"] / rates[momentum]) ** 2 + decays + uncorrected + second


CLAIMS = {  # the value by construction, where the paper is right and where it is not; None where it is no plain number
    "momentum tolerates larger rates": (1 / 3, -1 / 3),
    "NAG is worse than CM": (1.2, 0.8),
    "correcting mu does not help": (1.0, 0.8),
    "correcting nu matters above .9": (None, 0.8),
    "nu .999 uncorrected fails": (None, None),
    "L1 prefers 0.001": (0.001, 0.002),
    "L2 prefers 0.002": (0.002, 0.005),
    "Linf prefers 0.005": (0.005, 0.01),
    "momentum keeps the rate of L1": (1.0, 0.25),
    "momentum keeps the rate of L2": (1.0, 0.2),
    "momentum keeps the rate of Linf": (1.0, 0.2),
    "more robust to nu than to mu": (None, None),
    "mu is best around .9": (None, None),
    "nu is best around .9": (1.1, 0.6),
    "Linf is most sensitive": (None, None),
    "norms beat momentum": (0.5, None),
    "EGD underperforms": (3.0, None),
}


@cache
def found(truth: Callable[[Mapping[str, Any]], float], deviation: float = 0.01, seeds: int = 3) -> dict[str, Mapping[str, Any]]:
    table = claims(world(noisy(truth, deviation), seeds))
    return {row["name"]: row for row in table.to_dict("records")}


@pytest.mark.parametrize("name", CLAIMS)
@pytest.mark.parametrize(("truth", "verdict"), [(as_claimed, "supported"), (otherwise, "contradicted")])
def test_a_claim_that_is_true_is_supported_and_one_that_is_not_is_contradicted(truth: Any, verdict: str, name: str) -> None:
    row = found(truth)[name]
    assert row["verdict"] == verdict, row
    assert row["low"] <= row["value"] <= row["high"]
    expected = CLAIMS[name][verdict == "contradicted"]
    if expected is not None:
        assert row["value"] == pytest.approx(expected, rel=0.05)


def test_every_claim_is_tested() -> None:
    assert list(found(as_claimed)) == list(CLAIMS)


def test_one_seed_decides_nothing() -> None:
    rows = found(as_claimed, 0.01, 1)
    assert {row["verdict"] for row in rows.values()} == {"undecided"}
    assert {row["note"] for row in rows.values()} == {"one seed"}


def test_noise_decides_a_claim_about_as_often_as_its_interval_is_wrong() -> None:
    nag = next(each for each in PAPER if each.name == "NAG is worse than CM")
    trials, rng = pooled(table(1, noisy(lambda settings: 0.0, 0.0))), np.random.default_rng(0)
    again = (trials.assign(loss=trials["loss"] + rng.normal(0, 0.1, len(trials))) for _ in range(40))
    decided = sum(nag.verdict(nag.find(each)) != "undecided" for each in again)
    assert decided <= binom.ppf(0.999, 40, 0.05)


@pytest.mark.parametrize(
    ("given", "name", "note"),
    [
        ([2], "NAG is worse than CM", "no trials of momentum nag"),
        ([1], "EGD underperforms", "no trials of second-order norms"),
        ([1], "momentum tolerates larger rates", "no trials of sgd"),
        ([2], "Linf is most sensitive", "no trials of the Linf norm with bias correction"),
        ([2], "norms beat momentum", "no trials of momentum alone"),
        ([3], "momentum keeps the rate of L1", "no trials of norms without momentum"),
        ([1], "nu is best around .9", "nu has one level only, or none"),
    ],
)
def test_what_a_claim_lacks_is_said(given: list[int], name: str, note: str) -> None:
    rows = claims([table(number, noisy(as_claimed, 0.01), 2) for number in given]).set_index("name")
    assert (rows.loc[name, "verdict"], rows.loc[name, "note"]) == ("undecided", note)


def test_nothing_finished_is_no_error() -> None:
    one = table(1, noisy(as_claimed, 0.01))
    pending = replace(one, trials=one.trials.assign(status="pending", loss=np.nan))
    rows = claims(pending)
    assert list(rows["name"]) == list(CLAIMS)
    assert set(rows["note"]) == {"no finished trial"}


@pytest.mark.parametrize(
    ("spoilt", "message"),
    [
        (lambda one: replace(one, trials=one.trials.assign(loss=-0.5)), "about a loss above 0, got -0.5 for 'train_loss_end'"),
        (lambda one: replace(one, metric="accuracy"), "differ in metric of autoencoder/mnist"),
        (lambda one: replace(one, trials=one.trials.assign(epochs=7)), "differ in epochs of autoencoder/mnist"),
        (lambda one: replace(one, spec={"limit": 100}), "differ in limit of autoencoder/mnist"),
    ],
)
def test_what_cannot_be_compared_is_refused(spoilt: Callable[[Results], Results], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        claims([table(1, noisy(as_claimed, 0.01), 2), spoilt(table(2, noisy(as_claimed, 0.01), 2))])


def test_a_trial_of_two_studies_counts_once() -> None:
    one = table(1, noisy(as_claimed, 0.01))
    assert claims([one, replace(one, study="again")])["n"].tolist() == claims(one)["n"].tolist()


def test_every_published_cell_is_one_that_its_preset_runs() -> None:
    cells = published()
    assert cells.groupby("table").size().to_dict() == {1: 8, 2: 10, 3: 24, 4: 12}
    for row in cells.itertuples():
        levels = TABLES[row.table].levels(row.variant)
        assert row.lr in levels["lr"]
        assert all(value in levels[name] if name in levels else math.isnan(value) for name, value in (("mu", row.mu), ("nu", row.nu)))
    known = cells.set_index(["table", "variant", "metric", "mu", "nu"]).sort_index()["paper"]
    combined = "nag-unscaled-mean-bias_corrected+linf-mean-bias_corrected"
    assert known[3, combined, "train_mse_x1000", 0.9, 0.9] == 5.90


PUBLISHED = published().query("table < 4")


def as_published(configuration: Mapping[str, Any], seed: int) -> float:
    """The paper's loss in the paper's cells (the initial one where it diverged), another at other learning rates."""
    cells = PUBLISHED
    for name in ("variant", "lr", "mu", "nu"):
        cells = cells[(cells[name] == configuration[name]) if name in configuration else cells[name].isna()]
    return float(cells["paper"].fillna(np.inf).iloc[0]) / 1000 if len(cells) else 0.004 * configuration["lr"]


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


def test_table_4_has_training_and_test_loss() -> None:
    one = table(4, lambda configuration, seed: 0.3 + 0.1 * configuration["lr"])
    one = replace(one, epochs=one.epochs.assign(test_loss=one.epochs["train_loss_end"] + 0.25))
    rows = cells(one)[lambda rows: rows["table"] == 4].set_index(["variant", "metric"])
    nag = rows.loc["nag-unscaled-mean-bias_corrected"]
    assert nag["value"].to_dict() == pytest.approx({"train_cross_entropy": 0.4, "test_cross_entropy": 0.65})
    assert nag["note"].tolist() == ["", ""]
    assert rows.loc["l1-mean-bias_corrected", "note"].str.contains("does not say").all()
    figure = paper_figure([one], 4)
    assert figure is not None
    assert len(figure.data) == 2 * 2 * 6


@pytest.mark.parametrize(("number", "lines"), [(1, 4), (2, 10), (3, 6)])
def test_figures_have_the_cells_of_the_papers(number: int, lines: int) -> None:
    figure = paper_figure([table(number, noisy(as_claimed, 0.01))], number)
    assert figure is not None
    drawn = [each for each in figure.data if each.name]
    assert len(drawn) == lines
    assert len({(each.line.color, each.line.dash) for each in drawn}) == lines
    assert all(list(each.x) == [0, 1, 2] and each.y[0] == INITIAL for each in drawn)
    assert paper_figure([], number) is None


def command(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["sensitivity", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


@pytest.fixture
def stored(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Table 1 in a store, and a store with another study."""
    monkeypatch.chdir(tmp_path)
    loss = noisy(as_claimed, 0.01)
    other = Study(name="small", tasks=["autoencoder/digits"], variants=["sgd"], design={"kind": "grid", "points": 2}, epochs=1)
    for study, place in ((Study.preset("paper-table-1"), "sensitivity.sqlite"), (other, "other.sqlite")):
        planned, store = trials(study), Store(place)
        store.add_study(study.name, study.to_json(), planned)
        for each in planned:
            value = loss({"variant": each.variant, **each.configuration}, each.seed)
            store.record(each.key, initial_loss=1.0, reports=[report(each.epochs, "completed", value)])
        store.close()
    return tmp_path


def test_the_command_prints_and_writes(stored: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    assert command(["paper"], monkeypatch) == 0
    said = capfd.readouterr().out
    assert "report: runs/paper/paper.html" in said
    assert [line.split()[0] for line in said.splitlines() if "NAG is worse than CM" in line] == ["supported"]
    assert {each.name for each in (stored / "runs" / "paper").iterdir()} == {
        "paper.html", "paper.md", "claims.csv", "cells.csv", "agreement.csv",
    }  # fmt: skip
    page = (stored / "runs/paper/paper.html").read_text()
    assert "Figure 1. Momentum" in page
    assert "Figure 2." not in page
    assert "src=" not in page.partition("<body>")[2]
    assert command(["paper", "--study", "paper-table-1", "--out", "there", "--json"], monkeypatch) == 0
    read = json.loads(capfd.readouterr().out)
    assert {each["name"]: each["verdict"] for each in read["claims"]}["correcting mu does not help"] == "supported"
    assert [each["cells"] for each in read["agreement"]] == [8, 10, 24, 6, 6]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["paper", "--store", "other.sqlite"], "run one with `sensitivity run --preset paper-table-1`"),
        (["paper", "--store", "absent.sqlite"], "no store at"),
        (["paper", "--study", "paper-table-11"], "did you mean 'paper-table-1'?"),
        (["paper", "--out", "other.sqlite"], "is not a writable folder"),
    ],
)
def test_bad_input_is_one_line(
    stored: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert command(arguments, monkeypatch) == 2
    said = capfd.readouterr().err
    assert message in said
    assert said.count("\n") == 1
