"""A claim of a figure's title is gone from a study in which it would be false."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sensitivity.results.results import Results
from tests.sensitivity.questions import studies as of
from tests.sensitivity.questions.answers import DRAWINGS, titles
from tests.sensitivity.questions.test_effects import added, both, noise, random

ADDED, BOTH, NOISE = random(added).results, random(both).results, random(noise).results

FALSE: Mapping[str, Mapping[str, tuple[Results, Results]]] = {
    "lr_curves": {
        "The good range of adam is 1.3 decades of learning rate": (of.VALLEY, of.VALLEYS),
        "The good range of adam is at least 3 decades of learning rate": (of.CONSTANT, of.VALLEY),
        " decades of learning rate for every variant": (of.LEVEL, of.STEEPER),
        "The good range is 1.3 decades of learning rate for adam, 0.91 for cm": (of.STEEPER, of.FLATTER),
        "The good range is at least 3 decades of learning rate for cm": (of.FLATTENED, of.HARDLY),
        "adam is within 10% of its best over 0.8 decades of learning rate, cm over ": (of.ADAPTIVE, of.ENDLESS),
        "Every variant is within 10% of its best over 2.2 decades": (of.ENDLESS, of.ADAPTIVE),
        "No variant got better at any learning rate": (of.ALL_DIVERGED, of.VALLEYS),
    },
    "tuned_and_missed": {"no such cost is known of cm": (of.HALF, of.VALLEYS)},
    "performance_sensitivity": {
        "adam: best 0.5, expected on a rerun, 0 away from it on average": (of.CONSTANT, of.VALLEY),
        "How good each variant can be, and how far it is from that untuned": (of.ADAPTIVE, of.CONSTANT),
    },
    "slices": {
        "The mean of adam changes most along mu: by 0.25 from one level to another": (of.MU, of.FLAT_MU),
        "The loss does not change along any hyperparameter": (of.FLAT_MU, of.MU),
    },
    "divergence_map": {
        "cm diverges most: 46% of 39 trials; adam least: 0%": (of.OF_CM, of.DIVERGED),
        "Every variant diverges in 46% of its trials": (of.DIVERGED, of.OF_CM),
        "Every variant diverges in 46% of its configurations": (of.UNEVEN, of.DIVERGED),
    },
    "danger_zone": {
        "At none of 13 learning rates with at least two seeds did the seed decide": (of.DIVERGED, of.BY_SEED),
        "The seed decides most for adam: at lr 0.056 for 100% of its configurations": (of.BY_SEED, of.DIVERGED),
        "One seed: whether the seed decides is unknown": (of.DIVERGED_ONCE, of.DIVERGED),
        "One learning rate with two seeds: whether the seed decides is unknown": (of.ONE_REPEATED, of.DIVERGED),
    },
    "parallel_coordinates": {
        "The best tenth of the trials has lr between ": (of.RIDGE, of.CONSTANT),
        "Every trial through all hyperparameters": (of.CONSTANT, of.RIDGE),
    },
    "effect_shares": {
        "lr matters most: 100% of the variance": (of.VALLEY, of.PRODUCT),
        "lr matters most for every variant: 100% of the variance": (of.VALLEYS, of.DIFFERENT),
        "lr matters most for 1 of 2 variants: 100% of the variance": (of.DIFFERENT, of.VALLEYS),
        "No hyperparameter clearly explains the loss alone": (of.PRODUCT, of.VALLEYS),
    },
    "pair_effects": {
        "x x y is the largest interaction: ": (BOTH, ADDED),
        "No interaction is clearly above 0": (ADDED, BOTH),
        "The trials do not show what hyperparameters do together": (NOISE, of.PRODUCT),
        "Interactions matter, but a forest cannot tell which": (of.PRODUCT, NOISE),
        "Interactions matter, but a forest cannot tell": (of.ONE_PRODUCT, of.LEVEL),
        "; a poor fit says little": (NOISE, ADDED),
    },
    "seed_noise": {
        "The seed makes 0% of the variance for adam": (of.VALLEY, of.FLATTENED),
        "The seed makes 0% of the variance for every variant": (of.VALLEYS, of.FLATTENED),
        "The seed makes 35% of the variance for adam, 60% for cm": (of.FLATTENED, of.VALLEYS),
    },
    "estimator_agreement": {
        "6 estimators order the hyperparameters alike, as far as their intervals tell": (ADDED, NOISE),
        "Estimators disagree on 2 of 4 hyperparameters, beyond their intervals": (of.DISAGREEING, ADDED),
        "The estimators do not tell which hyperparameter matters more": (of.CONSTANT, ADDED),
        "Only factorial can order the hyperparameters, so nothing confirms it": (of.SMALL, ADDED),
    },
    "expected_best": {
        "adam comes within 5% of its best after 9 configurations.": (of.VALLEY, of.WORSE),
        "adam comes within 5% of its best after 1 configuration.": (of.CONSTANT, of.VALLEY),
        "cm comes within 5% of its best after 7 configurations, adam after 9": (of.WORSE, of.BEST),
        "Every variant comes within 5% of its best after ": (of.ONE_AT_DEFAULT, of.WORSE),
    },
    "win_probability": {
        "adam wins most often with 13 configurations: 100%": (of.WORSE, of.BEST),
        "2 variants win equally often with 9 configurations: 50% each": (of.MU, of.MU_STEEPER),
        "cm wins most often with 13 configurations: 78%; adam with 1: 64%": (of.STEEPER, of.WORSE),
    },
    "tunability": {
        "Tuning gains most for cm: 0.1; least for adam: 0.0466": (of.STEEPER, of.FLATTER),
        "No variant clearly gains from tuning": (of.RIDGE, of.VALLEYS),
        "No configuration was better than the defaults": (of.AT_DEFAULT, of.VALLEYS),
        "measured; bars": (of.VALLEYS, ADDED),
        "by a random forest where no trial tells them": (ADDED, of.VALLEYS),
    },
    "tuning_order": {
        "Tune lr first. ": (of.VALLEYS, of.ONE_AT_DEFAULT),
        "Tune lr first for adam. ": (of.ONE_AT_DEFAULT, of.VALLEYS),
        "The hyperparameter to tune first differs between variants": (of.PULLED, of.VALLEYS),
        "No hyperparameter alone clearly improves on the default": (of.AT_DEFAULT, of.VALLEYS),
    },
    "robust_settings": {
        "The best setting also forgives errors best": (of.VALLEY, of.CLIFF),
        "Another setting than the best forgives errors better for adam": (of.CLIFF, of.VALLEY),
        "No setting is seen to forgive errors better than the best": (of.FLAT, of.CLIFF),
    },
    "lr_mu_map": {
        "The best lr of adam moves from ": (of.RIDGE, of.LEVEL),
        "No best lr is seen to move with mu": (of.LEVEL, of.RIDGE),
        "Mean loss over lr and mu": (of.ONE_MU_LEVEL, of.RIDGE),
        "exponent of best lr in (1 − mu): ": (of.RIDGE, of.CONSTANT),
    },
    "verdict_pairs": {
        "1 of 1 pair is told apart": (of.WORSE, of.VALLEYS),
        "2 of 3 pairs are told apart": (of.THREE, of.ALIKE),
        "No two variants are told apart": (of.VALLEYS, of.WORSE),
        "; grey: within the margin": (of.VALLEYS, of.MU),
    },
    "differences": {
        "1 of 1 difference in sensitivity is larger than noise": (of.STEEPER, of.VALLEYS),
        "2 of 3 differences in sensitivity are larger than noise": (of.THREE, of.STEEPER),
        "No difference in sensitivity is larger than noise": (of.VALLEYS, of.STEEPER),
    },
    "transfer_matrix": {
        "A best configuration loses at most 23% of the gain elsewhere: adam, from task 0 to task 1": (
            of.SHARED, of.AS_ONE,
        ),
    },
    "cross_task": {
        "One configuration for all tasks costs adam 0.076 of the normalised score, nadam 0.081": (
            of.SHARED, of.ONE_MOVES,
        ),
        "One configuration for all tasks measures no worse than the best of each": (of.AS_ONE, of.SHARED),
        "; d: hyperparameters to tune for 95% of the score": (of.SHARED, of.AT_RANDOM),
    },
    "performance_profiles": {
        "nadam is among the fastest on 2 of 2 tasks": (of.ADAM_SLOWER, of.SHARED),
    },
    "learning_curves": {
        "adam ends lowest, at 0.2 after 8 epochs": (of.CROSSING, of.HIGHEST),
        "cm ends highest, at 0.3 after 8 epochs": (of.HIGHEST, of.CROSSING),
    },
    "selection_gaps": {
        "Choosing by train_loss_end shows no cost in test_loss": (of.TESTED_ALIKE, of.TESTED),
        "Choosing by train_loss_end costs test_loss for adam": (of.TESTED, of.TESTED_ALIKE),
    },
    "timeline": {
        "39 trials in 0.3 minutes, up to 2 at a time. ": (of.VALLEY, of.FAILED),
        "39 trials in 0.3 minutes, up to 2 at a time: 3 failed": (of.FAILED, of.VALLEY),
        "trials running at a time": (of.MANY_TRIALS, of.VALLEY),
        "; 3 trials to come": (of.UNFINISHED, of.VALLEY),
    },
}  # fmt: skip
"""Parts of titles and subtitles: a study in which they are true, and one in which they would be false."""


@pytest.mark.parametrize(("name", "part"), [(name, part) for name, table in FALSE.items() for part in table])
def test_a_title_is_gone_where_it_would_be_false(name: str, part: str) -> None:
    true, false = (titles(study, name) for study in FALSE[name][part])
    assert any(part in title for title in true), true
    assert not any(part in title for title in false), false


def test_every_figure_of_the_questions_has_a_title_in_the_table() -> None:
    """The map of lr and nu is drawn as that of lr and mu."""
    assert DRAWINGS.keys() - FALSE.keys() == {"lr_nu_map"}
