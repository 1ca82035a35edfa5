"""Small studies, in pairs: in one a sentence of the details is true, in the other it would be false."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from search_spaces.grid import Grid
from search_spaces.hyperparameters import Ordinal
from search_spaces.spaces import SearchSpace
from tests.sensitivity.questions.designs import (
    LEVELS,
    cliff,
    curved,
    diverging,
    elsewhere,
    failing,
    fixed,
    frame,
    grid,
    moved,
    mu_alone,
    noise_of,
    of_one,
    place,
    plain,
    product,
    rates,
    ridge,
    scaled,
    steep,
    tasks,
    with_test_loss,
    without,
)
from tests.sensitivity.tables import LR, SPACE, bowl, noisy, results

TWO = ("adam", "cm")
VALLEY, VALLEYS = rates(bowl), rates(bowl, variants=TWO)
STEEPER = rates(steep(0.2), variants=TWO)
FLATTER = rates(steep(-0.15), variants=TWO)
WORSE = rates(lambda c, seed: bowl(c, seed) + 0.1 * (c["variant"] == "cm"), variants=TWO)
BEST = rates(lambda c, seed: bowl(c, seed) + 0.1 * (c["variant"] == "adam"), variants=TWO)
AT_DEFAULT = rates(elsewhere(-0.5), variants=TWO)
ONE_AT_DEFAULT = rates(lambda c, seed: elsewhere(-0.5 * (c["variant"] == "cm"))(c, seed), variants=TWO)
FLAT = rates(lambda c, seed: 0.5, noise=0.05, variants=TWO)
CONSTANT = grid(lambda c, seed: 0.5, noise=0.0, lr=4, mu=3)
THREE = rates(steep(0.2), variants=("adam", "cm", "sgd"))
ALIKE = rates(bowl, variants=("adam", "cm", "sgd"), levels=7)
ADAPTIVE = rates(bowl, variants=TWO, design="adaptive")
ENDLESS = rates(lambda c, seed: 0.5, noise=0.01, variants=TWO, design="adaptive")
ONCE = rates(bowl, seeds=1, variants=TWO)
HALF = without(VALLEYS, "cm", rates=[*range(6), *range(7, 13)])
USELESS = rates(lambda c, seed: 1.5 if c["variant"] == "cm" else bowl(c, seed), variants=TWO)
HARDLY = rates(
    lambda c, seed: 0.97 + 0.01 * bowl(c, seed) if c["variant"] == "cm" else bowl(c, seed), variants=TWO
)
FIXED, FIXED_ALIKE, FIXED_MAX = fixed(0.1), fixed(0.0), fixed(0.1, metric="acc")
DIVERGED, OF_CM = (rates(diverging((0, 1, 2), variants=who), variants=TWO) for who in (TWO, ("cm",)))
BY_SEED, DIVERGED_ONCE = rates(diverging((1,)), variants=TWO), rates(diverging((0,)), seeds=1, variants=TWO)
UNEVEN = without(DIVERGED, "cm", seeds=(1, 2), rates=range(5))
ALL_DIVERGED = rates(lambda c, seed: math.inf, variants=TWO, levels=4)
ISLAND = rates(lambda c, seed: bowl(c, seed) if -1.9 < place(c) < -1.1 else math.inf)
CLIFF = rates(cliff)
RIDGE, LEVEL = grid(ridge(0.5), variants=TWO), grid(ridge(0.0), variants=TWO)
STEEP_RIDGE = grid(steep(0.2), lr=7, mu=2, variants=TWO)
MOVED, UNMOVED = (
    results(
        noisy(0.005, 0, moved(decades)),
        space=LEVELS,
        configurations=Grid({"lr": 9, "p": 2}).configurations(LEVELS),
        seeds=range(3),
        variants=TWO,
    )
    for decades in (0.7, 0.0)
)
PRODUCT = grid(product, lr=5, mu=5)


NO_UNIT = rates(lambda c, seed: 0.995, noise=0.02, variants=TWO, seeds=2)
NOISE = plain({"adam": noise_of(0.3), "sgd": noise_of(0.3)})
WORST = plain({"adam": lambda c, seed: math.nan if place(c) > -1 else bowl(c, seed), "sgd": bowl})
UNEQUAL, UNEQUAL_STEEP = (
    frame(
        [
            {
                "variant": name,
                "lr": lr,
                "seed": seed,
                "loss": bend * bowl({"lr": lr}, seed) + 0.001 * seed * (1 + lr),
            }
            for name, bend, lrs in (
                ("adam", 1, np.logspace(-3, 0, 13)),
                ("sgd", other, np.logspace(-2.5, -0.5, 9)),
            )
            for lr in lrs
            for seed in range(3)
        ]
    )
    for other in (1, 4)
)
MU, MU_ONE, MU_STEEPER = mu_alone(1.0, 1.0), mu_alone(1.0), mu_alone(0.3, 30.0, noise=0.001)
MU_DIVERGED = frame(
    [
        {"mu": mu, "seed": seed, "loss": math.nan if mu > 0.7 else mu}
        for mu in (0.1, 0.3, 0.5, 0.7, 0.9)
        for seed in (0, 1)
    ],
    metric="loss", seed="seed", empty="diverged",
)  # fmt: skip
MU_MIDDLE, NO_UNIT_MU = mu_alone(1.0, 1.0, at=0.5), mu_alone(0.0, 0.0, noise=0.3, levels=3)
FIXED_EXACT, FIXED_ONCE = fixed(0.1, noise=0.0), fixed(0.1, seeds=1)
NO_UNIT_APART = rates(lambda c, seed: 0.96 + 0.1 * (c["variant"] == "cm"), noise=0.05, variants=TWO)
WORST_ALONE = plain({"adam": lambda c, seed: 0.5})
DIFFERENT = grid(of_one, lr=5, mu=4, variants=TWO)
CUBE = SearchSpace(LR, SPACE["mu"], Ordinal("p", (1.0, 2.0, 4.0)))
ALL_DIFFERENT = results(
    noisy(0.005, 0, of_one),
    space=CUBE,
    configurations=Grid({"lr": 4, "mu": 3, "p": 3}).configurations(CUBE),
    variants=("adam", "cm", "sgd"),
)
DISAGREEING = results(noisy(0.02), variants=TWO)
FEWER = plain(
    {"adam": noise_of(0.001), "sgd": lambda c, seed: noise_of(0.01)(c, seed) + (abs(place(c) + 1.1) > 0.1)}
)
HALF_RIDGE = grid(lambda c, seed: ridge(0.5 * (c["variant"] == "cm"))(c, seed), variants=TWO)
LOG_RIDGE, LINEAR_RIDGE = scaled("log", 0.5), scaled("linear", 1.0)
THREE_ONCE = rates(bowl, seeds=1, variants=("adam", "cm", "sgd"), noise=0.2)
SHARED, THREE_TASKS = tasks(bowl, elsewhere(1.0)), tasks(bowl, elsewhere(1.0), elsewhere(0.5))
ONE_MOVES = tasks(bowl, lambda c, seed: elsewhere(float(c["variant"] == "adam"))(c, seed))
APART = tasks(bowl, elsewhere(1.0), apart=True)
ONE_EPOCH = rates(bowl, epochs=1)
CROSSING, AHEAD = (curved(adam=(0.9, 0.6, 0.2), cm=cm) for cm in ((0.8, 0.4, 0.3), (0.95, 0.7, 0.6)))
LAST = VALLEY.epochs[VALLEY.epochs["epoch"] == 2].rename(columns={"train_loss_end": "val_loss"})
CUT_SHORT = replace(VALLEY, metric="val_loss", reported=LAST)
TESTED, TESTED_ALIKE = (with_test_loss(shift, variants=TWO) for shift in (1.0, 0.0))
TESTED_ONCE = with_test_loss(0.0, variants=TWO, seeds=1)
BOTH_LOSSES = SHARED.epochs.assign(
    test_loss=SHARED.epochs["train_loss_end"],
    val_loss=SHARED.epochs["train_loss_end"].where(SHARED.epochs["key"].str[0] == "0"),
)
UNTESTED = replace(SHARED, metric="test_loss", reported=BOTH_LOSSES.drop(columns="train_loss_end"))
FAILED, FAILED_SILENTLY = failing("out of memory"), failing(None)
AS_ONE = tasks(bowl, bowl)
ADAM_SLOWER = tasks(*[lambda c, seed: bowl(c, seed) + 0.2 * (c["variant"] == "adam")] * 2)
FLAT_MU, FLATTENED = (
    mu_alone(0.0, 0.0),
    rates(lambda c, seed: 0.5 + 0.02 * (place(c) + 1.5) ** 2, noise=0.02, variants=TWO),
)
ONE_REPEATED = without(without(DIVERGED, "cm", seeds=(1, 2)), "adam", seeds=(1, 2), rates=range(1, 13))
SMALL = rates(bowl, levels=3, noise=0.1, space=SPACE, seeds=2, variants=TWO)
UNFINISHED = rates(bowl, status=lambda c, seed: "pending" if c["lr"] > 0.9 else "completed")
HIGHEST = replace(CROSSING, direction="max")
AT_RANDOM = replace(SHARED, design="random")
ONE_MU_LEVEL = grid(bowl, lr=9, mu=1)
PULLED = grid(
    lambda c, seed: {
        "adam": elsewhere(1.0)(c, seed),
        "cm": 0.1 + 0.3 * (math.log10(1 - c["mu"]) + 2) ** 2,
    }[c["variant"]],
    lr=7,
    variants=TWO,
)
AT_HIGHEST = rates(
    lambda c, seed: (0.1 if place(c) > -0.1 else 0.4) if c["variant"] == "adam" else bowl(c, seed) + 0.1,
    variants=TWO,
)
BAD_AT_HIGHEST = rates(
    lambda c, seed: (0.9 if place(c) > -0.1 else 0.1) if c["variant"] == "adam" else 0.13, variants=TWO
)
DRAWN = rates(
    lambda c, seed: bowl(c, seed) + 0.05 * (c["variant"] == "cm"), variants=TWO, design="random", noise=0.05
)
NINE = results(
    noisy(
        0.005,
        0,
        lambda c, seed: (
            0.1 + 0.2 * (math.log10(1 - c["mu"]) + 1) ** 2 if c["variant"] == "v8" else bowl(c, seed)
        ),
    ),
    variants=[f"v{number}" for number in range(9)],
)
MANY_TRIALS = rates(bowl, levels=84, variants=TWO)
ONE_SEED_OF_CM = without(VALLEYS, "cm", seeds=(1, 2))
ONE_PRODUCT = grid(
    lambda c, seed: product(c, seed) if c["variant"] == "adam" else bowl(c, seed), lr=5, mu=5, variants=TWO
)
