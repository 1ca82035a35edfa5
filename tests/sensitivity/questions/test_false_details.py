"""A sentence of the details is gone from a study in which it would be false."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from sensitivity.results.capping import MIXED
from sensitivity.results.results import COUNTED, Results
from tests.sensitivity.questions import studies as of
from tests.sensitivity.questions.answers import said
from tests.sensitivity.questions.designs import mu_alone, rates
from tests.sensitivity.questions.test_effects import added, both, few, grid, noise, random, variants
from tests.sensitivity.questions.test_sensitive import momenta
from tests.sensitivity.tables import bowl

Table = Mapping[str, tuple[Results, Results]]

ADDED, BOTH, ON_GRID = random(added).results, random(both).results, grid(noise).results
NOISE, SMOOTH = random(noise).results, random(lambda x, y, z: x, n=200).results
FEW = few().results
HALF_NOISE = variants(adam=random(added), sgd=random(noise)).results
HALF_KNOWN = variants(adam=random(added), sgd=few()).results
HOLES = momenta(lambda lr, mu: 0.1 + 0.1 * lr + 0.4 * mu, holes=True).results
WHOLE = momenta(lambda lr, mu: 0.1 + 0.1 * lr + 0.4 * mu).results
ONE_MU = mu_alone(1.0, 1.0)
ONE_MU = replace(ONE_MU, trials=ONE_MU.trials.query("variant == 'adam' or `config/mu` == 0.5"))
MIXED_CAPS = replace(of.DIVERGED, spec={**of.DIVERGED.spec, COUNTED: MIXED})
NINE = rates(bowl, levels=4, variants=[f"v{number}" for number in range(9)])

SENSITIVE: Table = {
    "No hyperparameter varies, so there is no sensitivity to measure.": (of.FIXED, of.VALLEYS),
    "adam ends lower than sgd by ": (of.FIXED, of.FIXED_ALIKE),
    "adam ends higher than sgd by ": (of.FIXED_MAX, of.FIXED),
    " cannot be told apart: the difference is ": (of.FIXED_ALIKE, of.FIXED),
    "adam and sgd have the same loss for every seed, so seed noise is unknown": (of.FIXED_EXACT, of.FIXED),
    "One seed: the variants cannot be told apart; at least 2 seeds are needed.": (of.FIXED_ONCE, of.FIXED),
    "Variants are not ranked: ": (of.ADAPTIVE, of.VALLEYS),
    "No sensitivity is measured of cm: one learning rate has results.": (of.HALF, of.VALLEYS),
    "No sensitivity is measured of sgd: one configuration has results.": (ONE_MU, of.MU),
    "A random adam configuration costs on average ": (of.VALLEY, of.VALLEYS),
    " over its best, over the range searched.": (of.VALLEY, of.MU_ONE),
    " over its best, over the space.": (of.MU_ONE, of.VALLEY),
    "Least sensitive to its learning rate: cm, ": (of.NO_UNIT, of.VALLEYS),
    "Least sensitive to its hyperparameters: ": (of.NO_UNIT_MU, of.NO_UNIT),
    "The sensitivities of cm and adam cannot be told apart.": (of.NO_UNIT, of.STEEPER),
    "Never better than the initial loss, so not ranked: cm.": (of.USELESS, of.VALLEYS),
    "Hardly better than the initial loss, so not ranked: cm.": (of.HARDLY, of.USELESS),
    "Untuned, no variant can be told from the best: they lose 22% of what training gains.": (of.ALIKE, of.THREE),
    " costs adam nothing that can be seen: ": (of.FLAT, of.VALLEYS),
    "A wrong learning rate costs adam less than cm.": (of.STEEPER, of.FLATTER),
    "No variant is seen to lose more by a wrong learning rate than another.": (of.VALLEYS, of.STEEPER),
    "With the rest tuned, a wrong learning rate costs adam less than cm.": (of.STEEP_RIDGE, of.STEEPER),
    "With the rest tuned, no variant is seen to lose more by a wrong learning rate": (of.RIDGE, of.STEEP_RIDGE),
    "The ranges of the learning rate differ in width, so costs over them are not compared.": (
        of.UNEQUAL, of.NOISE,
    ),
    "A random configuration is near the best more often with adam than with sgd.": (of.MU_STEEPER, of.MU),
    "No variant is seen to have more configurations near its best than another.": (of.MU, of.MU_STEEPER),
    "With the rest tuned, a wrong learning rate costs on average: adam ": (of.RIDGE, of.VALLEY),
    "Over the whole space, an untuned configuration costs on average, over the best: adam ": (HOLES, WHOLE),
    "Within 10% of its best loss, in decades of learning rate: ": (of.ADAPTIVE, of.VALLEYS),
    " At least that for adam and cm, whose valley goes on beyond the range.": (of.ENDLESS, of.ADAPTIVE),
    "Share of all configurations within 10% of the best: adam ": (of.VALLEY, of.FIXED),
    "No trial diverged.": (of.VALLEYS, of.DIVERGED),
    "Diverged trials, counted at the initial loss: adam 18 of 39": (of.DIVERGED, of.OF_CM),
    "Diverged trials, counted as the worst that ended: adam ": (of.WORST, of.DIVERGED),
    "Diverged trials, counted at the initial loss where it is known, else as the worst that ended: ": (
        MIXED_CAPS, of.DIVERGED,
    ),
    " with every configuration weighted alike)": (of.UNEVEN, of.DIVERGED),
    "No learning rate varies, so there is no boundary of stability to find along it.": (
        of.MU_DIVERGED, of.DIVERGED,
    ),
    "Highest stable learning rate (no divergence; all diverge): adam ": (of.DIVERGED, of.OF_CM),
    "With one seed of each configuration, whether the seed decides between training and divergence is unknown.": (
        of.DIVERGED_ONCE, of.DIVERGED,
    ),
    "At none of the 13 learning rates with at least two seeds did the seed decide ": (of.DIVERGED, of.BY_SEED),
    "At none of the learning rates with at least two seeds (adam 13 and cm 8) did the seed decide ": (
        of.UNEVEN, of.DIVERGED,
    ),
    "Learning rates where the seed decides between training and divergence: adam at 0.05623, ": (
        of.BY_SEED, of.DIVERGED,
    ),
}  # fmt: skip

EFFECTS: Table = {
    "No hyperparameter varies.": (of.FIXED, of.VALLEY),
    "No variant did better than the initial loss, so there is nothing to explain.": (of.ALL_DIVERGED, of.USELESS),
    "No variant did better than the worst result of the task, so there ": (of.WORST_ALONE, of.WORST),
    "Most important to every variant: lr.": (of.VALLEYS, of.DIFFERENT),
    "Most important to adam: lr; to cm: mu.": (of.DIFFERENT, of.VALLEYS),
    "Which hyperparameter matters most differs between variants.": (of.ALL_DIFFERENT, of.DIFFERENT),
    "For adam, the variance of the loss comes from lr 100% (100% to 100%); seed noise 0%.": (
        of.VALLEYS, of.FLAT,
    ),
    "; unexplained (noise and misfit) ": (BOTH, SMOOTH),
    " comes from interactions ": (of.PRODUCT, of.VALLEYS),
    "1 more variants are in the table.": (NINE, of.VALLEYS),
    "The trials of table do not show which hyperparameters matter: a forest cannot predict their loss.": (
        NOISE, ADDED,
    ),
    "No hyperparameter clearly explains 5% of the variance of the loss on its own.": (ON_GRID, of.CONSTANT),
    "No hyperparameter explains 5% of the variance of the loss on its own.": (of.CONSTANT, ON_GRID),
    "The importance of no hyperparameter is known.": (FEW, HALF_KNOWN),
    "Importance is unknown for these trials: one seed; 4 configurations are too few ": (FEW, HALF_KNOWN),
    "Importance is unknown for sgd: one seed; 4 configurations are too few ": (HALF_KNOWN, HALF_NOISE),
    "No interaction clearly exceeds 5% (forests with out-of-bag R2 of ": (ADDED, BOTH),
    "No interaction of adam clearly exceeds 5% (forests": (HALF_NOISE, ADDED),
    "Interactions, beyond what each hyperparameter explains alone (forests with out-of-bag R2 of ": (BOTH, ADDED),
    "Estimators agree: variance_shares, pawn, ": (ADDED, NOISE),
    "Estimators disagree by more than chance: for cm, ": (of.DISAGREEING, ADDED),
}  # fmt: skip

TUNING: Table = {
    "No hyperparameter varies.": (of.FIXED, of.VALLEY),
    "No variant did better than the initial loss, so there is nothing to explain.": (of.ALL_DIVERGED, of.USELESS),
    "Adaptive design: its trials follow each other, so run a random design": (of.ADAPTIVE, of.VALLEYS),
    "Tuning clearly improves on the default of every variant.": (of.VALLEYS, of.ONE_AT_DEFAULT),
    "Tuning clearly improves on the default of adam.": (of.ONE_AT_DEFAULT, of.AT_DEFAULT),
    "Tuning clearly improves on the default of no variant.": (of.AT_DEFAULT, of.VALLEYS),
    "Tuning clearly improves on the middle of the ranges of every variant.": (of.MU, of.VALLEYS),
    "Tuning clearly improves on the middle of the ranges of no variant.": (of.MU_MIDDLE, of.AT_DEFAULT),
    "To come near its best, adam needs fewer random configurations than sgd.": (of.FEWER, of.NOISE),
    "No variant is seen to need more random configurations than another to come near its best.": (
        of.NOISE, of.FEWER,
    ),
    "adam needs about 9 (8 to 9) random configurations to come within 5% of its best.": (of.VALLEY, of.CONSTANT),
    "adam needs about 1 random configuration to come within 5% of its best.": (of.CONSTANT, of.VALLEY),
    "Random configurations needed to come within 5% of a variant's best: about ": (of.VALLEYS, of.VALLEY),
    "Tune lr first for adam and cm.": (of.VALLEYS, of.ONE_AT_DEFAULT),
    "No hyperparameter of cm clearly improves on the default when tuned alone.": (of.ONE_AT_DEFAULT, of.VALLEYS),
    "clearly improves on the middle of the ranges when tuned alone.": (of.MU_MIDDLE, of.MU),
    "With one random configuration each, these are most likely to end best: adam ": (of.WORSE, of.BEST),
    "With the best of 13 random configurations each, these are most likely to end best: adam ": (of.WORSE, of.BEST),
    "Gain from tuning over the default configuration: adam ": (of.VALLEYS, of.MU),
    "Gain from tuning over a configuration in the middle of the ranges: adam ": (of.MU, of.VALLEYS),
    " (x alone ": (ADDED, of.VALLEYS),
}  # fmt: skip

ROBUST: Table = {
    "No hyperparameter varies.": (of.FIXED, of.VALLEY),
    "No variant did better than the initial loss, so there is nothing to explain.": (of.ALL_DIVERGED, of.USELESS),
    "Adaptive design: its trials crowd where the optimizer looked.": (of.ADAPTIVE, of.VALLEYS),
    "The levels of lr are a factor of ": (of.ALIKE, of.VALLEY),
    "Another setting than the best clearly forgives errors better for adam.": (of.CLIFF, of.VALLEY),
    "No setting is seen to forgive errors better than the best.": (of.VALLEY, of.CLIFF),
    "The best setting also loses least when every number is off by a factor of 2.": (of.VALLEY, of.CLIFF),
    "The best setting of adam also loses least when every number is off by a factor of 2.": (of.FLAT, of.CLIFF),
    "Safer than the best setting when every number is off by a factor of 2: adam lr ": (of.CLIFF, of.FLAT),
    " (the best setting loses ": (of.CLIFF, of.VALLEY),
    "Not clearly safer than the best setting when every number is off by a factor of 2: cm lr ": (
        of.FLAT, of.CLIFF,
    ),
    "Some settings beside it diverge, so that only bounds are known, for adam.": (of.ISLAND, of.VALLEY),
}  # fmt: skip

TRADEOFFS: Table = {
    "No variant did better than the initial loss, so there is nothing to explain.": (of.ALL_DIVERGED, of.USELESS),
    "No variant varies such a pair of hyperparameters.": (of.VALLEY, of.RIDGE),
    "Adaptive design: ": (replace(of.RIDGE, design="adaptive"), of.RIDGE),
    "The best lr of every variant clearly moves with mu.": (of.RIDGE, of.LEVEL),
    "The best lr of cm clearly moves with mu.": (of.HALF_RIDGE, of.RIDGE),
    "No best lr is seen to move with mu.": (of.LEVEL, of.RIDGE),
    "The best learning rate of every variant clearly moves with p.": (of.MOVED, of.UNMOVED),
    "No best learning rate is seen to move with p.": (of.UNMOVED, of.MOVED),
    "The best lr scales as (1 - mu)^c, with c: adam 0.5": (of.RIDGE, of.LEVEL),
    "The best lr scales as mu^c, with c: ": (of.LOG_RIDGE, of.RIDGE),
    "The best log lr rises with each unit of mu by: ": (of.LINEAR_RIDGE, of.RIDGE),
    " Two levels of mu cannot show whether that holds between them.": (of.STEEP_RIDGE, of.RIDGE),
    "No ridge can be fitted: the loss does not change.": (of.CONSTANT, of.LEVEL),
    "The best learning rate of adam: ": (of.MOVED, of.RIDGE),
}  # fmt: skip

COMPARING: Table = {
    "There is one variant: nothing to compare it with.": (of.VALLEY, of.VALLEYS),
    "No hyperparameter varies.": (of.FIXED, of.VALLEYS),
    "No variant did better than the initial loss, so there is nothing to explain.": (of.ALL_DIVERGED, of.USELESS),
    "Adaptive design: an optimizer's trials crowd where it looked": (of.ADAPTIVE, of.VALLEYS),
    "No two variants can be compared.": (of.USELESS, of.VALLEYS),
    "Untuned, adam is better than cm.": (of.WORSE, of.BEST),
    "By what a miss costs, adam is better than sgd.": (of.UNEQUAL_STEEP, of.UNEQUAL),
    "Of 3 pairs of variants 2 are told apart and 1 equivalent.": (of.THREE, of.ALIKE),
    "Of 3 pairs of variants 0 are told apart": (of.ALIKE, of.THREE),
    "The loss of an untuned configuration, as a share of what training gains: adam is better than cm by ": (
        of.STEEPER, of.FLATTER,
    ),
    "The loss of an untuned configuration, as a share of the distance from the worst result to the best: ": (
        of.MU_STEEPER, of.STEEPER,
    ),
    "The loss of an untuned configuration, in units of the loss: ": (of.NO_UNIT_APART, of.STEEPER),
    "The cost of a learning rate that is wrong by a factor of 3, ": (of.UNEQUAL_STEEP, of.UNEQUAL),
    "Equivalent within ": (of.VALLEYS, of.STEEPER),
    "Not decided, of 1 pair: adam against sgd.": (of.UNEQUAL, of.UNEQUAL_STEEP),
    "Not decided, of 3 pairs: ": (of.THREE_ONCE, of.THREE),
}  # fmt: skip

TRANSFER: Table = {
    "Needs at least two tasks with results.": (of.VALLEY, of.SHARED),
    "Adaptive design: ": (replace(of.SHARED, design="adaptive"), of.SHARED),
    "One configuration for all tasks costs nadam less than adam.": (of.ONE_MOVES, of.SHARED),
    "No variant is seen to lose more by one configuration for all tasks than another.": (of.SHARED, of.ONE_MOVES),
    "What one configuration for all tasks costs, in normalised score (0 to 1): adam ": (of.SHARED, of.APART),
    "No configuration was tried on every task.": (of.APART, of.SHARED),
    "Hyperparameters that have to be tuned for each task, to reach 95% of tuning all: adam 1 and nadam 0.": (
        of.ONE_MOVES, of.SHARED,
    ),
    "Effective_dimensionality needs a grid, got 'random'": (replace(of.SHARED, design="random"), of.SHARED),
    "Rank correlation of the configurations between two tasks: adam ": (of.SHARED, of.THREE_TASKS),
    "Rank correlation of the configurations between two tasks, where they are least alike: adam ": (
        of.THREE_TASKS, of.SHARED,
    ),
    "What another task's best configuration costs at worst: adam ": (of.SHARED, of.APART),
}  # fmt: skip

EPOCHS: Table = {
    "It takes a result after every epoch to see, and there is one only.": (of.ONE_EPOCH, of.VALLEY),
    "The last 2 epochs brought at most 25% of the improvement: of adam.": (of.CROSSING, of.VALLEYS),
    "The last epoch brought at most 50% of the improvement: of ": (of.VALLEYS, of.CROSSING),
    "Share of the improvement of the best configuration from the last 2 of 8 epochs (range of the seeds): adam 25%": (
        of.CROSSING, of.VALLEYS,
    ),
    "Share of the improvement of the best configuration from the last of 2 epochs ": (of.VALLEYS, of.CROSSING),
    "No best configuration improved, so whether more epochs are needed is unknown.": (of.ALL_DIVERGED, of.VALLEYS),
    "Too few epochs to see whether more are needed.": (of.CUT_SHORT, of.ALL_DIVERGED),
    "The variant that was best after half of the epochs (4) was not the best at the end: cm at half, adam at ": (
        of.CROSSING, of.AHEAD,
    ),
    "The variant that was best after half of the epochs (4) was best at the end, too: adam.": (of.AHEAD, of.CROSSING),
    "Decided pairs of variants: 1 after 2 epochs, 1 after 4 epochs and 1 after 8 epochs.": (of.AHEAD, of.CROSSING),
    "Decided pairs of variants: 1 after 2 epochs (adam against cm the other way round), ": (of.CROSSING, of.AHEAD),
}  # fmt: skip

CHOOSING: Table = {
    "No hyperparameter varies.": (of.FIXED, of.TESTED),
    "No variant did better than the initial loss, so there is nothing to explain.": (of.ALL_DIVERGED, of.TESTED),
    "Selection needs a metric of the test data and another that chooses, got train_loss_end.": (
        of.VALLEY, of.TESTED,
    ),
    "The other metric is not known of any trial of this task.": (of.UNTESTED, of.TESTED),
    "Choosing a configuration by train_loss_end clearly costs test_loss for adam.": (of.TESTED, of.TESTED_ALIKE),
    "Choosing a configuration by train_loss_end instead of test_loss costs: adam ": (of.TESTED, of.TESTED_ALIKE),
    " It costs cm nothing that these seeds show.": (of.TESTED, of.TESTED_ALIKE),
    "Choosing a configuration by train_loss_end costs nothing in test_loss that these seeds show.": (
        of.TESTED_ALIKE, of.TESTED,
    ),
    "costs nothing in test_loss as far as one seed tells.": (of.TESTED_ONCE, of.TESTED_ALIKE),
}  # fmt: skip

COURSE: Table = {
    "When these trials ran is not known.": (of.NOISE, of.VALLEY),
    " UTC 39 trials ran, up to 2 at a time, ": (of.VALLEY, of.VALLEYS),
    "No trial failed.": (of.VALLEY, of.FAILED),
    "Errors, which no measure counts: out of memory (3 trials).": (of.FAILED, of.VALLEY),
    "Errors, which no measure counts: no reason given (3 trials).": (of.FAILED_SILENTLY, of.FAILED),
}  # fmt: skip

FALSE: Mapping[str, Table] = {
    "sensitive": SENSITIVE, "effects": EFFECTS, "tuning": TUNING, "robust": ROBUST, "tradeoffs": TRADEOFFS,
    "comparing": COMPARING, "transfer": TRANSFER, "epochs": EPOCHS, "choosing": CHOOSING, "course": COURSE,
}  # fmt: skip
"""Parts of the answers to each question: a study in which they are true, and one in which they would be false."""


@pytest.mark.parametrize(("key", "part"), [(key, part) for key, table in FALSE.items() for part in table])
def test_a_sentence_is_gone_where_it_would_be_false(key: str, part: str) -> None:
    true, false = (said(study, key) for study in FALSE[key][part])
    assert any(part in sentence for sentence in true), true
    assert not any(part in sentence for sentence in false), false
