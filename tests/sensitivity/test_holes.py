"""One rule for every door: None is a choice where it is one; a hole is counted, given a default or asked
about."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from search_spaces import Categorical, Float, SearchSpace
from sensitivity import from_optuna, from_ray, from_table
from sensitivity.results.results import Results
from trainables.names import InputError

RATES = [float(f"{rate:.4g}") for rate in np.geomspace(1e-4, 1e-1, 12)]
Configs = Sequence[Mapping[str, Any]]
Door = Callable[..., Results]
FAILED = "failed"
"""Entry of a configuration whose trial failed."""


def by_table(place: pathlib.Path, configs: Configs, **named: Any) -> Results:
    rows = [
        {
            **config,
            "loss": None if FAILED in config else 0.1 + lr,
            "state": "failed" if FAILED in config else "done",
        }
        for config, lr in zip(configs, RATES, strict=False)
    ]
    names = list(
        dict.fromkeys(
            name for config in configs for name in config if name not in (FAILED, *named.get("ignore", ()))
        )
    )
    return from_table(pd.DataFrame(rows), hyperparameters=names, study="s", **named)


def by_ray(place: pathlib.Path, configs: Configs, **named: Any) -> Results:
    for number, (config, lr) in enumerate(zip(configs, RATES, strict=False)):
        folder = place / "s" / f"t_{number:05d}"
        folder.mkdir(parents=True)
        (folder / "params.json").write_text(
            json.dumps({name: value for name, value in config.items() if name != FAILED})
        )
        if FAILED in config:
            (folder / "error.txt").write_text("boom\n")
        else:
            (folder / "result.json").write_text(
                json.dumps({"loss": 0.1 + lr, "training_iteration": 1}) + "\n"
            )
    return from_ray(place / "s", study="s", **named)


def by_optuna(place: pathlib.Path, configs: Configs, **named: Any) -> Results:
    study = optuna.create_study(study_name="s", sampler=optuna.samplers.RandomSampler(seed=0))
    values: dict[str, list[Any]] = {}
    for config in configs:
        for name, value in config.items():
            values.setdefault(name, []).append(value)
    domains = {
        name: FloatDistribution(1e-4, 1.0, log=True)
        if all(isinstance(value, float) for value in found)
        else CategoricalDistribution(tuple(dict.fromkeys(found)))
        for name, found in values.items()
    }
    for config, lr in zip(configs, RATES, strict=False):
        params = {name: value for name, value in config.items() if name != FAILED}
        state = {"state": TrialState.FAIL} if FAILED in config else {"value": 0.1 + lr}
        study.add_trial(
            create_trial(params=params, distributions={name: domains[name] for name in params}, **state)
        )
    return from_optuna(study, **named)


DOORS = pytest.mark.parametrize("door", [by_table, by_ray, by_optuna])


def with_wd(absent: Sequence[int] = (), failed: Sequence[int] = ()) -> list[dict[str, Any]]:
    configs = []
    for row, lr in enumerate(RATES):
        config: dict[str, Any] = {"lr": lr} if row in absent else {"lr": lr, "wd": RATES[(5 * row) % 12]}
        configs.append({**config, FAILED: True} if row in failed else config)
    return configs


@pytest.mark.parametrize("door", [by_ray, by_optuna])
def test_none_is_a_choice(tmp_path: pathlib.Path, door: Door) -> None:
    configs = [{"lr": lr, "clip": (None, "norm", "value")[row % 3]} for row, lr in enumerate(RATES)]
    results = door(tmp_path, configs)
    assert set(results.spaces["s"]["clip"].grid(3)) == {"None", "norm", "value"}
    assert len(results.usable) == 12
    assert not [note for note in results.notes if "having no clip" in note]


@pytest.mark.parametrize("none", [None, "None"])
def test_none_of_a_table_is_a_choice_where_the_space_says_so(
    tmp_path: pathlib.Path, none: str | None
) -> None:
    """An empty cell is None or a hole: a space or a default decides."""
    configs = [{"lr": lr, "clip": (none, "norm", "value")[row % 3]} for row, lr in enumerate(RATES)]
    assert len(by_table(tmp_path, configs, defaults={"clip": "None"}).usable) == 12
    space = SearchSpace(Float("lr", 1e-4, 0.1, "log"), Categorical("clip", ("None", "norm", "value")))
    assert len(by_table(tmp_path, configs, spaces=space, defaults={"clip": "None"}).usable) == 12
    assert len(by_table(tmp_path, configs).usable) == (8 if none is None else 12)


@DOORS
def test_a_hole_is_counted_or_takes_its_default(tmp_path: pathlib.Path, door: Door) -> None:
    words = (
        "Left out, having no wd while no other hyperparameter tells why: 2 of 12 trials; if they had one, "
        "give it (defaults=,"
    )
    results = door(tmp_path / "a", with_wd(absent=(2, 7)))
    assert [note for note in results.notes if words in note]
    assert len(results.trials) == 10
    filled = door(tmp_path / "b", with_wd(absent=(2, 7)), defaults={"wd": 0.001})
    assert len(filled.usable) == 12
    assert not [note for note in filled.notes if "having no wd" in note]


@DOORS
def test_what_failed_decides_nothing(tmp_path: pathlib.Path, door: Door) -> None:
    results = door(tmp_path, with_wd(absent=(2, 7), failed=(2, 7)))
    assert list(results.trials["status"]).count("failed") == 2
    assert len(results.usable) == 10
    assert not [note for note in results.notes if "having no wd" in note]


@DOORS
def test_half_of_the_trials_are_not_left_out_but_asked_about(tmp_path: pathlib.Path, door: Door) -> None:
    with pytest.raises(
        InputError,
        match=r"wd has no value in 7 of 12 trials, and no other .*--default wd=VALUE.*--leave-out wd",
    ):
        door(tmp_path / "a", with_wd(absent=(0, 1, 3, 4, 6, 9, 10)))
    assert len(door(tmp_path / "b", with_wd(absent=(0, 1, 3, 4, 6, 9, 10)), ignore=["wd"]).usable) == 12


def test_a_default_of_no_hyperparameter_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(
        InputError, match=r"unknown hyperparameter in defaults \(--default\) 'wdd'; did you mean 'wd'"
    ):
        by_table(tmp_path, with_wd(absent=(2,)), defaults={"wdd": 1})
