"""Transformers: a decoder that sees no later byte, and an encoder that sees every patch."""

from __future__ import annotations

import functools
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainables.datasets import load
from trainables.losses import cross_entropy, next_byte
from trainables.names import InputError
from trainables.tasks import task
from trainables.training import TrainingLoop
from trainables.transformer import Attention, Gpt, Vit
from trainables.variants import variant

MODELS = {
    "gpt": functools.partial(Gpt, shape=(32,), width=12, heads=3, context=16),
    "vit": functools.partial(Vit, shape=(2, 9, 6), classes=7, width=12, heads=3),
}


def seeded(model: str = "gpt", seed: int = 0, **settings: Any) -> Gpt | Vit:
    return MODELS[model](torch.Generator().manual_seed(seed), **settings)


def some(model: str = "gpt", many: int = 4) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    if model == "vit":
        return torch.rand(many, 2, 9, 6, generator=generator)
    return torch.randint(0, 256, (many, 32), dtype=torch.uint8, generator=generator)


def loss(model: nn.Module, x: Tensor) -> Tensor:
    return next_byte(model(x), x, x) if x.ndim == 2 else cross_entropy(model(x), x, torch.arange(len(x)))


def count(model: nn.Module) -> int:
    return sum(weights.numel() for weights in model.parameters())


@pytest.mark.parametrize(
    ("settings", "parameters"),
    [
        pytest.param({}, 135_488, id="default"),
        pytest.param({"width": 48, "heads": 3}, 2 * 256 * 48 + 64 * 48 + 24 * 48**2 + 5 * 48, id="width"),
        pytest.param({"depth": 3}, 135_488 + 12 * 64**2 + 2 * 64, id="depth"),
        pytest.param({"heads": 8}, 135_488, id="heads"),
        pytest.param({"context": 256}, 135_488 + 192 * 64, id="context"),
        pytest.param({"qk_norm": True}, 135_488 + 2 * 2 * 16, id="two norms of a head's 16 numbers a block"),
        pytest.param(
            {"width": 512, "depth": 9, "heads": 8, "context": 256},
            3 * 256 * 512 + 9 * 12 * 512**2 + 19 * 512,
            id="large",
        ),
    ],
)
def test_a_decoder_has_the_parameters_of_its_settings(settings: dict[str, Any], parameters: int) -> None:
    assert count(Gpt(**settings)) == parameters


@pytest.mark.parametrize("qk_norm", [False, True])
@pytest.mark.parametrize("batch", [1, 3])
def test_a_decoder_scores_256_bytes_at_every_position(batch: int, qk_norm: bool) -> None:
    assert seeded(qk_norm=qk_norm)(some(many=batch)).shape == (batch, 32, 256)


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (3, 9, 7), (4, 1, 1)])
def test_an_encoder_takes_images_of_any_size(shape: tuple[int, ...]) -> None:
    assert Vit(shape=shape, classes=7, depth=1)(torch.rand(3, *shape)).shape == (3, 7)


def test_the_patches_are_squares_of_the_image() -> None:
    model = Vit(shape=(2, 8, 8), patch=4)
    read: list[Tensor] = []
    model.patches.register_forward_hook(lambda layer, given, returned: read.append(given[0]))
    images = torch.rand(3, 2, 8, 8)
    model(images)
    squares = [images[:, :, top : top + 4, left : left + 4].flatten(1) for top in (0, 4) for left in (0, 4)]
    assert torch.equal(read[0], torch.stack(squares, 1))


@pytest.mark.parametrize("qk_norm", [False, True])
@pytest.mark.parametrize("at", [0, 1, 7, 15, 16, 31])
def test_a_byte_changes_no_earlier_score_and_those_of_its_context(at: int, qk_norm: bool) -> None:
    model, windows = seeded(qk_norm=qk_norm), some()
    changed = windows.clone()
    changed[:, at] = changed[:, at] + 1
    differs = (model(windows) != model(changed)).any(2).any(0)
    end = (at // 16 + 1) * 16
    assert differs.tolist() == [at <= position < end for position in range(32)]


def test_every_patch_counts_in_an_encoder() -> None:
    model, images = seeded("vit"), some("vit")
    for row, column in ((0, 0), (8, 5)):
        changed = images.clone()
        changed[:, :, row, column] += 1
        assert bool((model(images) != model(changed)).any(1).all())


def test_normalised_queries_and_keys_bound_the_scores() -> None:
    """A thousand times as long, they are the same after the norm, but for its epsilon."""
    values = torch.rand(2, 5, 12)
    moved = {}
    for qk_norm in (False, True):
        attention = Attention(12, 3, qk_norm=qk_norm, causal=True)
        before = attention(values).detach()
        with torch.no_grad():
            attention.project.weight[:24] *= 1000  # of queries and keys
        after = attention(values).detach()
        moved[qk_norm] = float((after - before).abs().max() / before.abs().max())
    assert moved[True] < 1e-3 < moved[False]


@pytest.mark.parametrize("model", MODELS)
def test_a_seed_names_the_weights_whatever_the_global_generator(model: str) -> None:
    torch.manual_seed(1)
    one = seeded(model, 3)
    torch.manual_seed(2)
    same, other = seeded(model, 3), seeded(model, 4)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not torch.equal(one.dense.weight, other.dense.weight)


def test_weights_have_their_spread() -> None:
    model = Gpt(torch.Generator().manual_seed(0), depth=8)
    for name, weights in model.named_parameters():
        if weights.ndim == 1:
            assert bool((weights == 1).all())
            continue
        std = 0.02 / (4 if name.endswith(("join.weight", "narrow.weight")) else 1)
        # The standard error of a standard deviation of n numbers is std / sqrt(2 n).
        assert abs(float(weights.detach().std()) - std) < 5 * std / math.sqrt(2 * weights.numel())


def test_a_fresh_decoder_knows_nothing() -> None:
    assert float(loss(seeded(), some()).detach()) == pytest.approx(math.log(256), rel=0.01)


@pytest.mark.parametrize("qk_norm", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_gradients_reach_every_parameter(model: str, qk_norm: bool) -> None:
    made = seeded(model, qk_norm=qk_norm)
    loss(made, some(model)).backward()  # type: ignore[no-untyped-call]
    assert all(param.grad is not None and bool(param.grad.count_nonzero()) for param in made.parameters())


@pytest.mark.parametrize("name", ["gpt/text", "vit/digits"])
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_it_trains_with_second_order_and_in_half_precision(name: str, precision: str) -> None:
    one = task(name)
    small = {"width": 16, "depth": 1, "qk_norm": True}
    data = load(one.dataset).limited(8)
    loop = TrainingLoop(
        one, variant("egd"), {"lr": 0.01, **small}, 0, data=data, epochs=1, batch_size=4, precision=precision
    )
    (report,) = loop
    assert (report["status"], report["fell_back"]) == ("completed", 0)


@pytest.mark.parametrize("model", MODELS)
def test_the_same_seed_gives_the_same_history(model: str) -> None:
    one = task("gpt/text" if model == "gpt" else "vit/digits")
    data = load(one.dataset).limited(8)

    def losses(seed: int) -> list[float]:
        configuration = {"lr": 1e-3, "width": 16, "depth": 1}
        loop = TrainingLoop(one, variant("adam"), configuration, seed, data=data, epochs=2, batch_size=4)
        return [report["train_loss"] for report in loop]

    assert losses(3) == losses(3) != losses(4)


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        ("gpt", {"depth": 0}, "depth must be a whole number of at least 1, got 0"),
        ("gpt", {"width": 50, "heads": 4}, r"width must be a multiple of heads \(4\), got 50; 48 and 52 are"),
        ("gpt", {"width": 3, "heads": 4}, r"width must be a multiple of heads \(4\), got 3; 4 is"),
        ("gpt", {"heads": 0}, "heads must be a whole number of at least 1, got 0"),
        (
            "gpt",
            {"context": 24},
            r"context must divide the 32 bytes of a window \(1, 2, 4, 8, 16, 32\), got 24",
        ),
        ("gpt", {"qk_norm": "on"}, "qk_norm must be True or False, got 'on'"),
        ("vit", {"patch": 0}, "patch must be a whole number of at least 1, got 0"),
        ("vit", {"width": 50, "heads": 4}, "width must be a multiple of heads"),
    ],
)
def test_bad_settings_are_refused(model: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        seeded(model, **settings)


@pytest.mark.slow
def test_held_out_it_beats_a_table_of_pairs_of_bytes_and_by_attention() -> None:
    data, one = load("text"), task("gpt/text")
    torch.set_num_threads(1)
    loop = TrainingLoop(one, variant("adam"), {"lr": 3e-3}, 0, data=data, epochs=2)
    *_, last = loop
    counts = torch.ones(256, 256, dtype=torch.float64)
    pairs = (data.x_train.flatten().long(), data.y_train.flatten().long())
    counts.index_put_(pairs, torch.ones((), dtype=torch.float64), accumulate=True)
    table = (counts / counts.sum(1, keepdim=True)).log()
    bigram = -float(table[data.x_test.flatten().long(), data.y_test.flatten().long()].mean())
    assert 2.3 < bigram < 2.7
    assert last["test_loss"] < bigram - 0.05
    with torch.no_grad():
        for layer in loop.model.modules():
            if isinstance(layer, Attention):
                layer.join.weight.zero_()
        without = float(next_byte(loop.model(data.x_test), data.x_test, data.y_test))
    assert without > last["test_loss"] + 0.1
