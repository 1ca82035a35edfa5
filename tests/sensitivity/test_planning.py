"""Planning: keys that name what is computed, balanced order, nothing run twice."""

from __future__ import annotations

import functools
import math
from collections import Counter
from typing import Any

import pytest
import torch

from search_spaces import Categorical, Float, Integer, Ordinal, SearchSpace
from sensitivity.study.planning import plan, trials
from sensitivity.study.study import Study
from sensitivity.study.trial import trial_key
from trainables.named_variants import VARIANTS
from trainables.names import InputError
from trainables.variant_definition import Variant

SPEC: dict[str, Any] = {
    "name": "s",
    "tasks": ["autoencoder/digits"],
    "variants": ["sgd", "adam"],
    "design": {"kind": "grid", "points": {"lr": 4, "mu": 2, "nu": 2}},
    "seeds": 2,
    "epochs": 1,
    "default_setting": False,
}
KEY: dict[str, Any] = {
    "fingerprint": "f", "variant": "adam", "configuration": {"lr": 0.1, "mu": 0.9}, "seed": 0, "epochs": 1, "batch_size": 64,
    "precision": "float32",
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"fingerprint": "g"}, {"variant": "nadam"}, {"configuration": {"lr": 0.1, "mu": 0.90000001}}, {"configuration": {"lr":
        0.1}}, {"seed": 1},
        {"epochs": 2}, {"batch_size": 65}, {"precision": "bfloat16"}, {"configuration": {"lr": 0.1, "mu": 0.9, "p": math.inf}},
    ],
    ids=str,
)  # fmt: skip
def test_a_key_changes_with_everything_that_the_trial_computes(change: dict[str, Any]) -> None:
    assert trial_key(**{**KEY, **change}) != trial_key(**KEY)


def test_a_key_stays_what_it_is_in_stores_that_exist() -> None:
    assert trial_key(**KEY) == "f11878e68529f88fa120"


def test_every_trial_of_the_study_is_there_once() -> None:
    found = trials(Study(**SPEC))
    assert Counter(each.variant for each in found) == {"sgd": 4 * 2, "adam": 16 * 2}
    assert len({each.key for each in found}) == len(found)


def test_any_beginning_of_a_study_is_balanced() -> None:
    half = trials(Study(**SPEC))[:20]
    assert Counter(each.variant for each in half) == {"sgd": 4, "adam": 16}
    assert len({each.configuration["lr"] for each in half if each.variant == "sgd"}) == 4


def test_a_bigger_study_only_adds() -> None:
    small = {each.key for each in trials(Study(**SPEC))}
    bigger = {each.key for each in trials(Study(**{**SPEC, "seeds": 3, "variants": ["sgd", "adam", "nag"]}))}
    assert small < bigger


def test_only_what_has_not_ended_is_planned() -> None:
    study = Study(**SPEC)
    everything = trials(study)
    done = dict(
        zip(
            (each.key for each in everything),
            ["completed", "diverged", "failed", "running", "pending"],
            strict=False,
        )
    )
    planned = {trial.key for cohort in plan(everything, done) for trial in cohort.trials}
    assert planned == {each.key for each in everything[2:]}


@pytest.mark.parametrize(("size", "workers", "largest"), [(None, 1, 3), (None, 100, 1), (5, 1, 5)])
def test_cohorts_share_task_and_variant_and_keep_their_size(
    size: int | None, workers: int, largest: int
) -> None:
    study = Study(**SPEC)
    cohorts = plan(trials(study), {}, workers=workers, cohort_size=size)
    assert max(len(each.trials) for each in cohorts) == largest
    assert all(
        {(trial.task, trial.variant) for trial in each.trials} == {(each.task, each.variant)}
        for each in cohorts
    )
    assert sorted(trial.key for each in cohorts for trial in each.trials) == sorted(
        each.key for each in trials(study)
    )


@pytest.mark.parametrize(("device", "sizes"), [("cpu", [2]), ("cuda", [16 * 2])])
def test_a_gpu_is_given_as_many_trials_as_one_program_may_train(device: str, sizes: list[int]) -> None:
    cohorts = plan(
        trials(Study(**{**SPEC, "variants": ["adam"], "tasks": ["autoencoder/digits"]})), {}, device=device
    )
    assert sorted({len(each.trials) for each in cohorts}) == sizes


def test_a_conditional_space_is_planned_branch_by_branch() -> None:
    space = SearchSpace(
        Float("lr", 1e-3, 0.1, "log"),
        Categorical("mu_schedule", ("constant", "handcrafted")),
        Integer("period", 10, 1000, "log", when={"mu_schedule": "handcrafted"}),
    )
    study = Study(
        **{
            **SPEC,
            "variants": ["rmsprop"],
            "design": {"kind": "grid", "points": 2},
            "spaces": {"rmsprop": space},
            "seeds": 1,
        }
    )
    assert Study.from_yaml(study.to_yaml()).space("rmsprop") == space
    found = trials(study)
    assert Counter(each.configuration.get("period") for each in found) == {None: 2, 10: 2, 1000: 2}
    assert len({each.key for each in found}) == len(found)


@pytest.mark.parametrize(
    "design", [{"kind": "saltelli", "n": 8}, {"kind": "morris", "n": 8}], ids=["saltelli", "morris"]
)
def test_rows_that_repeat_each_other_are_one_trial(design: dict[str, Any]) -> None:
    space = SearchSpace(Float("lr", 1e-3, 0.1, "log"), Ordinal("p", (1, 2, math.inf)))
    study = Study(**{**SPEC, "variants": ["sgd"], "design": design, "spaces": {"sgd": space}, "seeds": 1})
    rows = study.resolved.design("adam").configurations(space)
    found = trials(study)
    assert len(found) == len({repr(each) for each in rows}) < len(rows)
    keys = {repr(each.configuration): each.key for each in found}
    assert all(repr(row) in keys for row in rows)  # every row finds its trial


@pytest.mark.parametrize(
    ("design", "message"),
    [
        (
            {"kind": "adaptive", "n": 8, "sampler": "brute"},
            "a brute-force search needs finitely many values, but lr is continuous",
        ),
        (
            {"kind": "one_at_a_time", "center": {"lrr": 0.1}},
            "unknown hyperparameter of the center 'lrr'; did you mean 'lr'?",
        ),
        (
            {"kind": "explicit", "rows": [{"lr": 0.1}]},
            "row 1 of the explicit design: configuration {'lr': 0.1} lacks 'mu', 'nu'",
        ),
    ],
    ids=["brute force", "center", "rows"],
)
def test_a_design_that_does_not_suit_the_space_is_refused(design: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Study(**{**SPEC, "design": design})
    assert message in str(caught.value)


def keys_of(variant: Any, **changes: Any) -> list[str]:
    return [
        each.key
        for each in trials(
            Study(**{**SPEC, "variants": [variant], "design": {"kind": "grid", "points": 2}, **changes})
        )
    ]


def test_a_variant_of_ones_own_is_what_it_does_and_not_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for p in (1.0, 2.0):
        monkeypatch.setattr("trainables.variants.VARIANTS", dict(VARIANTS))
        monkeypatch.setattr("sensitivity.study.fields.VARIANTS", dict(VARIANTS))
        found.append(keys_of(Variant("mine", {"momentum": "none", "p": p})))
    assert not set(found[0]) & set(found[1])


def test_optimizers_made_alike_stay_apart() -> None:
    one, other = (functools.partial(torch.optim.SGD, momentum=momentum) for momentum in (0.1, 0.9))
    study = Study(**{**SPEC, "variants": [one, other], "design": {"kind": "grid", "points": {"lr": 2}}})
    assert len(set(study.variants)) == 2
    assert len({each.key for each in trials(study)}) == 2 * 2 * 2


def test_an_accuracy_is_maximised_unless_told_otherwise() -> None:
    fields = {**SPEC, "tasks": ["mlp/digits"], "metric": "test_accuracy"}
    assert Study(**fields).direction == "max"
    assert Study(**{**fields, "direction": "min"}).direction == "min"
    assert Study(**SPEC).direction == "min"
