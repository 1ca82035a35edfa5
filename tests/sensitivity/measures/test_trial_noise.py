"""The noise of simulated studies: from the trials that tell of it, fresh for each configuration of a sample."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sensitivity.measures.losses import Losses
from sensitivity.measures.trial_noise import NORMAL, TAILS, TrialNoise
from tests.benchmarks.cells import GRIDS, RANDOM

CELLS = {cell.name: cell for cell in (*GRIDS, *RANDOM)}


def group_of(name: str, seeds: int = 3, number: int = 0) -> Losses:
    return CELLS[name].draw(seeds, number)[0][0]


def test_trials_at_the_cap_tell_nothing_of_noise() -> None:
    group = group_of("77% diverged")
    capped = (group.loss >= group.initial).all(axis=1)
    assert 0.7 < capped.mean() < 0.8
    law = TrialNoise.of(group)
    rest = TrialNoise.of(replace(group, loss=group.loss[~capped], units=group.units[~capped]))
    assert not law.deviation[capped].any()
    np.testing.assert_allclose(law.deviation[~capped], rest.deviation)
    np.testing.assert_allclose(law.tails, rest.tails)
    assert law.deviation[~capped].mean() == pytest.approx(0.02, rel=0.3)


def test_the_variance_that_is_drawn_is_that_which_was_seen() -> None:
    group = group_of("77% diverged")
    drawn, variance = TrialNoise.of(group).draw(4000, np.random.default_rng(0))
    seen = group.loss.var(axis=1, ddof=1).mean()
    assert variance.mean() == pytest.approx(seen, rel=1e-9)
    assert drawn.var(axis=2, ddof=1).mean() == pytest.approx(seen, rel=0.1)


def test_a_configuration_that_is_chosen_twice_has_noise_of_its_own() -> None:
    law = replace(
        TrialNoise.of(group_of("20% diverged, random")), tails=np.array([*[0.0] * (len(TAILS) - 1), 1.0])
    )
    count = len(law.deviation)
    twice = np.full((200, count), int(law.deviation.argmax()))
    noise, variance = law.draw(200, np.random.default_rng(0), twice)
    assert len(np.unique(noise[0, :, 0])) == count
    assert variance.shape == (200, count)
    sample = np.random.default_rng(1).integers(count, size=(2000, count))
    plain = replace(law, beta=np.zeros_like(law.beta), deviation=np.full(count, 0.02))
    noise, _ = plain.draw(2000, np.random.default_rng(2), sample)
    spread = noise.var(axis=2, ddof=1).mean(axis=1).std() / 0.02**2
    assert spread == pytest.approx(np.sqrt(1 / count), rel=0.05)  # of a variance with 2 count degrees


def test_few_residuals_leave_the_tails_open() -> None:
    few = TrialNoise.of(group_of("8 configurations", 2))
    assert few.tails[-1] == pytest.approx(NORMAL, abs=0.25)
    heavy, normal = (
        np.mean([TrialNoise.of(group_of(name, 5, number)).tails[:4].sum() for number in range(20)])
        for name in ("heavy tails", "equal noise")
    )
    assert heavy > 0.5 > 0.2 > normal
    assert TrialNoise.of(group_of("8 configurations", 1)).tails[-1] == 1
