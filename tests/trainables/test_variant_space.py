"""The paper's whole variant space: 768 names that parse back, each of which trains and follows the
equations."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.trainables import transcription
from trainables.dataset import Dataset
from trainables.datasets import digits
from trainables.models import ConvAutoencoder
from trainables.named_variants import VARIANTS
from trainables.names import InputError
from trainables.task_definition import Task
from trainables.tasks import task
from trainables.training import TrainingLoop
from trainables.variant_definition import Optimizable, Variant
from trainables.variant_names import all_variants, combination
from trainables.variants import variant

STEPS, BATCH = 3, 1
CONFIGURATION = {"lr": 1e-3, "mu": 0.9, "nu": 0.99, "epsilon": 1e-4, "period": 2}
SETTINGS = {
    "momentum_gradient": "unscaled",
    "momentum_accumulation": "mean",
    "mu_schedule": "constant",
    "p": 2.0,
    "nu_schedule": "constant",
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def in_double(generator: torch.Generator) -> nn.Module:
    """The paper's autoencoder with an eighth of its channels, for speed: the equations do not see the width."""
    return ConvAutoencoder(generator, width=0.125).double()


def few_digits() -> Dataset:
    data = digits().limited(STEPS * BATCH)
    none = {"x_test": data.x_test[:0].double(), "y_test": data.y_test[:0]}
    return dataclasses.replace(data, x_train=data.x_train.double(), **none)


AUTOENCODER = Task("autoencoder/digits in float64", "digits", in_double, task("autoencoder/digits").loss)


def flat(tensors: Any) -> Tensor:
    """Every number of every tensor, in one row."""
    return torch.cat([each.detach().reshape(-1) for each in tensors])


def train_and_transcribe(chosen: Optimizable, data: Dataset, every: int = 1) -> tuple[Tensor, Tensor]:
    """theta after an epoch of the loop, and where the equations lead from the gradients and curvatures that
    its optimizer met."""
    loop = TrainingLoop(
        AUTOENCODER,
        chosen,
        {**CONFIGURATION, **({} if every == 1 else {"curvature_every": every})},
        0,
        data=data,
        epochs=1,
        batch_size=BATCH,
    )
    start, met = flat(loop.params), []
    step = loop.optimizer.step

    def watched(**arguments: Any) -> None:
        h = arguments.get("curvature")
        met.append(
            (flat(param.grad for param in loop.params).numpy(), None if h is None else flat(h).numpy())
        )
        step(**arguments)

    loop.optimizer.step = watched  # type: ignore[method-assign, assignment]
    (report,) = list(loop)
    assert report["status"] == "completed"
    assert len(met) == STEPS
    settings = {**SETTINGS, **getattr(chosen, "fixed", {}), **CONFIGURATION}
    second = settings.get("order") == "second"
    assert report.get("fell_back", 0.0) == 0.0
    assert ("fell_back" in report) == second
    assert [h is not None for _, h in met] == [second and t % every == 0 for t in range(STEPS)]
    reached = transcription.train(
        settings, lambda _, t: met[t - 1][0], start.numpy(), STEPS, lambda _, t: met[t - 1][1]
    )
    return flat(loop.params), torch.from_numpy(reached)


@pytest.mark.slow
def test_every_variant_of_the_paper_trains_three_steps_and_follows_the_equations() -> None:
    data = few_digits()
    for chosen in all_variants():
        trained, transcribed = train_and_transcribe(chosen, data)
        assert torch.allclose(trained, transcribed, rtol=1e-9, atol=1e-12), chosen.name


@pytest.mark.parametrize(
    "name",
    ["egd_momentum", "l1-sum-handcrafted-second", "nag-scaled-mean-bias_corrected+linf-mean-constant-second"],
)
def test_second_order_now_and_then_follows_the_equations(name: str) -> None:
    chosen = variant(name)
    kept = Variant(name, {**chosen.fixed, "mu_schedule": chosen.fixed.get("mu_schedule", "constant")})  # type: ignore[attr-defined]
    trained, transcribed = train_and_transcribe(kept, few_digits(), every=2)
    torch.testing.assert_close(trained, transcribed, rtol=1e-9, atol=1e-12)


def test_the_papers_variants_are_768_with_a_name_each_that_parses_back() -> None:
    every = all_variants()
    assert (
        len(every)
        == len({each.name for each in every})
        == len({repr(sorted(each.fixed.items())) for each in every})
        == 768
    )
    for each in every:
        combination.cache_clear()
        assert variant(each.name) == each
        assert each.description
        assert each.source
        assert {"lr"} <= set(each.hyperparameters) <= {"lr", "mu", "nu"}
    assert {len(set(part)) for part in zip(*(each.fixed.values() for each in every), strict=True)} == {
        1,
        2,
        3,
        4,
    }


SAME = [  # a combination's name, and the named variant that it is
    ("cm-unscaled-mean-bias_corrected+l2-mean-bias_corrected", "adam"),
    ("nag-unscaled-mean-bias_corrected+l2-mean-bias_corrected", "nadam"),
    ("cm-unscaled-mean-bias_corrected+linf-mean-constant", "adamax"),
    ("cm-scaled-mean-bias_corrected+l2-mean-bias_corrected", "laprop"),
    ("cm-scaled-sum-constant+l2-mean-constant", "rmsprop_momentum"),
    ("cm-unscaled-sum-constant", "cm"),
    ("nag-unscaled-mean-constant", "nag_mean"),
    ("l2-mean-constant", "rmsprop"),
    ("l1-mean-bias_corrected", "l1_adagrad_mean"),
    ("l2-mean-true_mean-second", "egd"),
    ("cm-unscaled-mean-bias_corrected+l2-mean-true_mean-second", "egd_momentum"),
]


@pytest.mark.parametrize(("name", "named"), SAME)
def test_a_combination_is_the_named_variant_of_the_same_settings(name: str, named: str) -> None:
    one, other = variant(name), variant(named)
    common = dict(one.fixed)  # type: ignore[attr-defined]
    assert {**common, **other.fixed} == common  # type: ignore[attr-defined]
    assert one.hyperparameters == other.hyperparameters


def test_nu_of_a_combined_sum_stays_a_hyperparameter_and_may_be_one() -> None:
    chosen = variant("l2-sum-constant")
    assert chosen.hyperparameters == ("lr", "nu")
    assert (
        chosen.optimizer([nn.Parameter(torch.zeros(1))], {"lr": 0.1, "nu": 1.0}).param_groups[0]["nu"] == 1.0
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "cm-unscald-mean-constant",
            "unknown momentum_gradient 'unscald'; did you mean 'unscaled'? (known: unscaled, scaled)",
        ),
        ("cm-unscaled-mean-constant+l3-mean-constant", "unknown norm 'l3' (known: l1, l2, linf)"),
        (
            "l2-mean",
            "'l2-mean' ends before its nu_schedule (constant, bias_corrected, true_mean, handcrafted)",
        ),
        ("l2-mean-constant-third", "'l2-mean-constant-third' goes on after its nu_schedule with 'third'"),
        (
            "l2-mean-constant+cm-unscaled-mean-constant",
            "it is neither MOMENTUM+ADAPTIVE nor one of them alone",
        ),
        ("cm-unscaled-mean-constant+", "unknown norm ''"),
        ("rms-prop", "did you mean 'rmsprop'?"),
    ],
)
def test_a_combination_that_does_not_parse_shows_the_part_and_the_grammar(name: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        variant(name)
    assert str(caught.value).startswith(f"unknown variant {name!r}")
    assert message in str(caught.value)
    assert "{l1|l2|linf}-{mean|sum}-SCHEDULE[-second]" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_combination_has_the_name_of_a_named_variant() -> None:
    assert not set(VARIANTS) & {each.name for each in all_variants()}
