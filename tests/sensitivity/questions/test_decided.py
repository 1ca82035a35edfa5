"""What the verdict says of the default setting: only where it was trained, and only what its interval allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from search_spaces import Float, SearchSpace
from sensitivity import from_table
from sensitivity.figures import effect_shares
from sensitivity.measures import Measured
from sensitivity.measures.effects import UNEXPLAINED
from sensitivity.questions.card import card
from sensitivity.questions.decided import _good_range, _miss, changed, recommendation, undecided
from sensitivity.questions.overview import BRIEF, DEFAULT, how_to_read, overview
from sensitivity.reporting.contents import chapters
from sensitivity.reporting.latex import latex
from sensitivity.reporting.markdown import markdown
from sensitivity.results.results import Results
from sensitivity.text.quantities import Text
from tests.sensitivity.measures.test_default_loss import grid, with_default
from tests.sensitivity.tables import noisy
from tests.sensitivity.tables import results as stored

TASK = "autoencoder/digits"


def made(*losses: float, seeds: int = 3) -> Results:
    """Return two variants with noise .01, the better of which is adam, and the losses of its default setting."""
    design = grid(0.01, seeds=seeds)
    worse = design.trials["variant"] == "cm"
    trials = design.trials.assign(loss=design.trials["loss"] + 0.1 * worse)
    design = replace(design, trials=trials)
    return with_default(design, losses) if losses else design


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        pytest.param((0.30, 0.31, 0.32), "loses 24% (", id="it loses"),
        pytest.param((0.10, 0.11, 0.10), "cannot be told from the best setting of the design: ", id="a tie"),
        pytest.param((0.04, 0.05, 0.05), "is better than the best setting of the design, by ", id="better"),
        pytest.param((1.0, 1.0, 1.0), "loses 100% of what training gains.", id="it diverges"),
    ],
)
def test_the_verdict_says_what_the_default_setting_costs(losses: Sequence[float], words: str) -> None:
    measured = Measured(made(*losses))
    (sentence,) = [text for text in recommendation(measured, TASK) if "default setting" in text]
    assert sentence.startswith(f"At its default setting (lr 0.3), adam {words}"), sentence
    assert sentence.endswith(" of what training gains.")


def test_nothing_is_said_of_a_default_setting_that_was_not_trained() -> None:
    measured = Measured(made())
    assert "default setting" not in " ".join(recommendation(measured, TASK))
    assert card(measured, TASK)["default"] is None
    assert DEFAULT not in overview(measured, TASK)
    assert "default setting" not in how_to_read(measured, TASK)


def test_the_default_setting_is_in_the_card_and_in_the_first_table_after_the_untuned_loss() -> None:
    measured = Measured(made(0.30, 0.31, 0.32))
    found = card(measured, TASK)["default"]
    assert found["configuration"] == {"lr": 0.3}
    assert found["low"] < found["value"] < found["high"]
    table = overview(measured, TASK)
    columns = list(table.columns)
    assert columns[columns.index("behind untuned") + 1] == DEFAULT
    assert DEFAULT in BRIEF
    cells = table.set_index("variant")[DEFAULT]
    assert cells["adam"] == f"{found['value']:.0%} ({found['low']:.0%} to {found['high']:.0%})"
    assert cells["cm"] == "–"
    assert "default setting" in how_to_read(measured, TASK)
    contents = chapters(measured)
    assert f"| {DEFAULT} |" in markdown(measured, contents, {})
    assert DEFAULT in latex(measured, contents)


def test_with_one_seed_the_cost_of_the_default_setting_has_no_interval() -> None:
    measured = Measured(made(0.31, seeds=1))
    sentences = " ".join(recommendation(measured, TASK))
    assert "At its default setting (lr 0.3), adam loses 23% of what training gains." in sentences


def curves(noise: float, **valleys: tuple[float, float, float]) -> Measured:
    """Three seeds of variants on eight learning rates: losses at the best rate, curvatures, and log10 of the best
    rates."""
    random = np.random.default_rng(4)
    rows = [
        {
            "variant": variant,
            "lr": 10.0**power,
            "seed": seed,
            "initial_loss": 2.3,
            "loss": least + bend * (power - at) ** 2,
        }
        for variant, (least, bend, at) in valleys.items()
        for power in np.linspace(-4, -1, 8)
        for seed in range(3)
    ]
    table = pd.DataFrame(rows)
    table["loss"] = (table["loss"] + random.normal(0, noise, len(table))).clip(upper=2.3)
    return Measured(from_table(table, metric="loss"))


def test_a_variant_that_only_loses_least_untuned_is_no_other_conclusion() -> None:
    """adamw is named, since it is the best when tuned, whatever is left out; muon loses least untuned."""
    measured = curves(0.01, adamw=(0.25, 0.5, -2.5), muon=(0.3, 0.25, -2.3), signum=(1.7, 0.02, -2.0))
    (task,) = {task for task, _ in measured.results.groups}
    assert recommendation(measured, task)[0].startswith("Use adamw at ")
    assert set(measured.conclusion_changes["leader"]) <= {"adamw", "muon"}
    assert "adamw would be named" not in " ".join(changed(measured, task))


def test_only_what_was_tried_at_several_values_is_said_to_be_tuned() -> None:
    measured = Measured(made())
    (said,) = [text for text in recommendation(measured, TASK) if "loses at most a tenth" in text]
    assert ", if " not in said
    table = measured.results.trials
    wider = table.assign(**{"config/mu": np.where(table["seed"] > 0, 0.9, 0.5)})
    both = replace(measured.results, trials=pd.concat([table.assign(**{"config/mu": 0.5}), wider]))
    space = SearchSpace(*both.spaces["adam"], Float("mu", 0.5, 0.99, "log1m"))
    changed_spaces = replace(both, spaces=dict.fromkeys(both.spaces, space))
    assert _good_range(Measured(changed_spaces), TASK, "adam")[0].endswith(", if mu is tuned.")


def test_a_miss_that_costs_nothing_is_said_to() -> None:
    measured = curves(0.12, lion=(0.4, 0.0, -2.6), sgd=(0.4, 0.35, -2.6))
    (task,) = {task for task, _ in measured.results.groups}
    costs = measured.miss_cost[measured.miss_cost["factor"] == 3].set_index("variant")["value"]
    for variant, cost in costs.items():
        (said,) = [
            text for text in map(Text, _miss(measured, task, str(variant))) if "factor of 3 costs" in text
        ] or [""]
        assert ("costs " + str(variant) + " nothing that can be seen: " in said) is bool(cost <= 0), said
    assert (costs <= 0).any()


def test_a_good_range_says_where_the_learning_rates_that_were_tried_end() -> None:
    for at, said in (
        (-1.0, " to 0.1, the highest tried."),
        (-4.0, " from about 0.0001, the lowest tried, to "),
    ):
        measured = curves(0.01, adamw=(0.25, 0.5, at), sgd=(0.6, 0.5, -2.5))
        (task,) = {task for task, _ in measured.results.groups}
        (text,) = [text for text in recommendation(measured, task) if "loses at most a tenth" in text]
        assert said in text
        assert card(measured, task)["good_range"]["at_least"] is True
    measured = curves(0.01, adamw=(0.25, 0.5, -2.5), sgd=(0.6, 0.5, -2.5))
    (text,) = [text for text in recommendation(measured, task) if "loses at most a tenth" in text]
    assert "tried" not in text
    assert card(measured, task)["good_range"]["at_least"] is False


def test_one_seed_is_told_what_would_tell_the_noise() -> None:
    found = Measured(stored(noisy(0.3), variants=("adam", "sgd"), seeds=(0,)))
    (text,) = undecided(found, TASK)
    assert text.endswith(" One seed does not tell the noise: `sensitivity run STUDY.yaml --seeds 3`.")


def test_what_a_poor_forest_says_is_not_drawn() -> None:
    random = np.random.default_rng(0)
    rows = [
        {
            "variant": "adam",
            "lr": 10 ** random.uniform(-4, -1),
            "mu": random.uniform(0, 0.9),
            "seed": seed,
            "loss": loss,
        }
        for loss in random.normal(1, 0.2, 60)
        for seed in (0,)
    ]
    measured = Measured(from_table(pd.DataFrame(rows), metric="loss"))
    (task,) = {task for task, _ in measured.results.groups}
    assert measured.main_effects["note"].str.contains("poor surrogate").any()
    figure = effect_shares(measured, task)
    assert figure.layout.title.text.startswith("No hyperparameter clearly explains the loss alone")
    drawn = {note.text for note in figure.layout.annotations}
    assert not {"lr", "mu", "interactions"} & drawn
    assert UNEXPLAINED in drawn
