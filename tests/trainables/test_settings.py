"""Where a configuration's names go, and what is said of names and values that go nowhere."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from trainables.names import InputError
from trainables.settings import LOOP, LoopSettings, Routed, accepted, check_configuration, route
from trainables.task_definition import Task
from trainables.tasks import task
from trainables.variant_definition import Optimizable, Variant
from trainables.variants import variant

PLAIN = task("autoencoder/digits")
WIDE = dataclasses.replace(PLAIN, settings={"width": 16, "slope": 0.01})


@pytest.mark.parametrize(
    ("chosen", "configuration", "routed"),
    [
        pytest.param(
            "adam",
            {"lr": 0.1, "mu": 0.9, "batch_size": 32, "weight_decay": 0.1, "slope": 0.2},
            Routed({"lr": 0.1, "mu": 0.9}, {"batch_size": 32, "weight_decay": 0.1}, {"slope": 0.2}),
            id="to all three",
        ),
        pytest.param(
            "torch.optim.AdamW", {"weight_decay": 0.1}, Routed({"weight_decay": 0.1}, {}, {}), id="the optimizer's own weight decay"
        ),
        pytest.param("torch.optim.Adagrad", {"lr_decay": 0.9}, Routed({}, {"lr_decay": 0.9}, {}), id="lr_decay is the schedule's"),
        pytest.param("egd", {"curvature_every": 20}, Routed({}, {"curvature_every": 20}, {}), id="second order"),
    ],
)
def test_every_name_goes_to_the_first_that_takes_it(chosen: str, configuration: dict[str, Any], routed: Routed) -> None:
    assert route(WIDE, variant(chosen), configuration) == routed


def test_every_accepted_name_is_routed_and_no_other() -> None:
    for chosen in (variant("adam"), variant("egd"), variant("torch.optim.AdamW"), variant("l1-mean-constant")):
        names = accepted(WIDE, chosen)
        assert len(set(names)) == len(names)
        assert set(names) >= chosen.accepts | set(WIDE.settings) | {"batch_size", "lr_schedule", "clip_norm"}
        assert ("curvature_every" in names) == (chosen.name in ("adam", "egd"))  # adam leaves the order open
        for name in set(names) - {"weight_decay_kind"}:
            assert sum(name in part for part in route(WIDE, chosen, {name: 1})) == 1


def test_the_settings_of_the_loop_have_defaults_that_change_nothing() -> None:
    assert set(LOOP) == {
        "batch_size", "weight_decay", "weight_decay_kind", "clip_norm", "lr_schedule", "lr_warmup", "lr_decay", "lr_decay_every",
        "lr_final",        "curvature_every", "curvature_samples",
    }  # fmt: skip
    plain = LoopSettings()
    assert (plain.weight_decay, plain.clip_norm, plain.lr_schedule, plain.lr_warmup) == (0, None, "constant", 0)
    assert (plain.lr_decay, plain.lr_decay_every) == (0.94, 2)


NESTEROV = Variant("nesterov", {"momentum": "nag", "adaptive": "none"})
GOOD = [
    ("adam", {"lr": 0.1, "lr_schedule": "cosine", "lr_warmup": 0.1, "lr_final": 0.1, "clip_norm": 1.0, "weight_decay_kind": "decoupled"}),
    ("egd", {"lr": 0.1, "curvature_every": 20, "curvature_samples": 2}),
    ("torch.optim.Muon", {"lr": 0.1, "weight_decay": 0.1, "mu": 0.9}),
    ("nesterov", {"lr": 0.1, "mu_schedule": "math:tanh"}),
    ("cm-scaled-mean-handcrafted", {"lr": 0.1, "mu": 0.9, "period": 10, "batch_size": 1}),
]


@pytest.mark.parametrize(("chosen", "configuration"), GOOD)
def test_a_good_configuration_passes(chosen: str, configuration: dict[str, Any]) -> None:
    check_configuration(PLAIN, variant(NESTEROV if chosen == "nesterov" else chosen), configuration)


BAD = [
    (
        {"lr": 0.1, "batch_sise": 3},
        r"unknown hyperparameter of adam 'batch_sise'; did you mean 'batch_size'\? \(known: .*lr.*clip_norm.*width",
    ),
    ({"lr": 0.1, "widht": 3}, "did you mean 'width'"),
    ({"mu": 0.9}, "a configuration of adam needs lr"),
    ({"lr": -0.1}, "lr must be above 0 and finite, got -0.1"),
    ({"lr": 0.1, "mu": 1.0}, r"mu must be in \[0, 1\), got 1.0"),
    *(
        ({"lr": 0.1, "batch_size": value}, f"batch_size must be an integer of at least 1, got {value!r}")
        for value in (0, -1, 1.5, True, "8")
    ),
    *(
        ({"lr": 0.1, "weight_decay": value}, "weight_decay must be at least 0 and finite")
        for value in (-1e-9, float("nan"), float("inf"), "1")
    ),
    *(({"lr": 0.1, "clip_norm": value}, "clip_norm must be above 0 and finite") for value in (0, -1.0, float("inf"))),
    ({"lr": 0.1, "weight_decay_kind": "decopled"}, "unknown weight_decay_kind 'decopled'; did you mean 'decoupled'"),
    ({"lr": 0.1, "lr_schedule": "cosin"}, "unknown lr_schedule 'cosin'; did you mean 'cosine'"),
    ({"lr": 0.1, "lr_schedule": "nowhere:f"}, "lr_schedule 'nowhere:f' cannot be imported: ModuleNotFoundError"),
    ({"lr": 0.1, "epsilon": -1.0}, "epsilon must be at least 0 and finite, got -1.0"),
    ({"lr": 0.1, "lr_warmup": 1.0}, r"lr_warmup must be a share of the steps in \[0, 1\), got 1.0"),
    ({"lr": 0.1, "lr_decay": 0.0}, r"lr_decay must be in \(0, 1\], got 0.0"),
    ({"lr": 0.1, "lr_decay_every": 0}, "lr_decay_every must be above 0 epochs"),
    ({"lr": 0.1, "lr_final": 1.5}, "lr_final must be a share of lr"),
    ({"lr": 0.1, "curvature_every": 0}, "curvature_every must be an integer of at least 1, got 0"),
    ({"lr": 0.1, "curvature_samples": 2.5}, "curvature_samples must be an integer of at least 1, got 2.5"),
]


@pytest.mark.parametrize(("configuration", "message"), BAD, ids=[str(each) for each, _ in BAD])
def test_a_bad_configuration_is_refused_without_data_or_model(configuration: dict[str, Any], message: str) -> None:
    def never(*arguments: Any, **settings: Any) -> Any:
        raise AssertionError("the model is not needed")

    with pytest.raises(InputError, match=message) as caught:
        check_configuration(dataclasses.replace(WIDE, model=never), variant("adam"), configuration)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("nowhere:f", "schedule 'nowhere:f' cannot be imported: ModuleNotFoundError"),
        ("sometimes", "unknown mu_schedule 'sometimes'"),
    ],
)
def test_a_bad_schedule_of_mu_is_refused(schedule: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_configuration(PLAIN, NESTEROV, {"lr": 0.1, "mu_schedule": schedule})


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (variant("torch.optim.AdamW"), "weight_decay_kind has no effect on torch.optim.AdamW, which has a weight_decay of its own"),
        (variant("torch.optim.Rprop"), None),
    ],
    ids=["AdamW", "Rprop"],
)
def test_the_kind_of_decay_is_refused_where_the_optimizer_decays(chosen: Optimizable, message: str | None) -> None:
    configuration = {"lr": 0.1, "weight_decay": 0.1, "weight_decay_kind": "decoupled"}
    if message is None:
        check_configuration(PLAIN, chosen, configuration)
        return
    with pytest.raises(InputError, match=message):
        check_configuration(PLAIN, chosen, configuration)


def test_second_order_settings_belong_to_variants_that_may_be_of_second_order() -> None:
    first = Variant("first", {"order": "first"})
    with pytest.raises(InputError, match="unknown hyperparameter of first 'curvature_every'"):
        route(PLAIN, first, {"curvature_every": 2})


def test_a_setting_of_the_model_is_only_known_where_the_task_offers_it() -> None:
    bare = Task("bare/digits", "digits", PLAIN.model, PLAIN.loss)
    with pytest.raises(InputError, match="unknown hyperparameter of adam 'width'"):
        route(bare, variant("adam"), {"lr": 0.1, "width": 8})
