"""Roles of parameters, the division of Muon, and settings by role."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from trainables.combined import Combined
from trainables.datasets import load
from trainables.models import ConvAutoencoder
from trainables.muon import as_matrices
from trainables.names import InputError
from trainables.resnet import CifarResNet
from trainables.roles import by_role, roles_of, shares
from trainables.settings import check_configuration
from trainables.tasks import task
from trainables.training import TrainingLoop
from trainables.variants import variant


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def counts(model: nn.Module) -> dict[str, int]:
    return {role: sum(param.numel() for param in params) for role, params in by_role(model).items()}


def test_roles_of_a_residual_network() -> None:
    model = CifarResNet()
    assert counts(model) == {"first": 432, "filters": 267_264, "head": 640, "norm": 1386}
    roles = roles_of(model)
    assert (roles["conv.weight"], roles["dense.weight"], roles["dense.bias"]) == ("first", "head", "norm")


def test_muon_has_the_filters_of_a_residual_network() -> None:
    model = CifarResNet()
    optimizer = variant("torch.optim.Muon").for_model(model, {"lr": 0.01})  # type: ignore[attr-defined]
    rows = shares(model, optimizer)
    muon = sum(row["parameters"] for row in rows if row["optimizer"] == "Muon")
    outside = sum(row["parameters"] for row in rows if row["role"] not in ("head", "first"))
    assert muon / outside >= 0.95
    assert {row["role"]: row["optimizer"] for row in rows} == {
        "first": "AdamW", "filters": "Muon", "head": "AdamW", "norm": "AdamW",
    }  # fmt: skip


class Language(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(5, 4)
        self.places = nn.Parameter(torch.zeros(1, 3, 4))
        self.hidden = nn.Linear(4, 4)
        self.scale = nn.LayerNorm(4)
        self.out = nn.Linear(4, 5, bias=False)


def test_roles_of_a_language_model_and_their_correction() -> None:
    model = Language()
    assert counts(model) == {"embedding": 32, "matrices": 16, "head": 20, "norm": 12}
    model.out.weight = model.table.weight
    assert roles_of(model)["table.weight"] == "embedding"
    model.parameter_roles = {"hidden": "head"}  # type: ignore[assignment]
    assert roles_of(model)["hidden.weight"] == roles_of(model)["hidden.bias"] == "head"
    model.parameter_roles = {"hidden": "tail"}  # type: ignore[assignment]
    with pytest.raises(InputError, match="unknown role of 'hidden' in parameter_roles 'tail'"):
        roles_of(model)
    model.parameter_roles = {"hiden": "head"}  # type: ignore[assignment]
    with pytest.raises(InputError, match="unknown parameter in parameter_roles 'hiden'"):
        roles_of(model)


@pytest.mark.parametrize("name", ["gpt/text", "vit/digits"])
def test_positions_of_a_transformer_are_embeddings(name: str) -> None:
    model = task(name).model(torch.Generator().manual_seed(0), **task(name).settings)
    assert roles_of(model)["positions"] == "embedding"
    assert {role for place, role in roles_of(model).items() if "attention" in place} <= {"matrices", "norm"}


class Named(torch.optim.SGD):
    """SGD that takes its parameters by name."""

    def __init__(self, named_parameters: Any, lr: float = 0.1) -> None:
        super().__init__([param for _, param in named_parameters], lr=lr)


def test_settings_by_role_are_refused_where_the_optimizer_takes_the_parameters_itself() -> None:
    with pytest.raises(InputError, match="divides the model itself, so that no setting can differ by role"):
        check_configuration(task("mlp/digits"), variant(Named), {"lr": 0.1, "lr.head": 0.0})


def test_muon_steps_on_filters_as_on_the_flattened_matrix() -> None:
    model = ConvAutoencoder(torch.Generator().manual_seed(0)).to(memory_format=torch.channels_last)
    twin = nn.Parameter(model.encode_2.weight.detach().flatten(1).clone())
    ours = variant("torch.optim.Muon").for_model(model, {"lr": 0.1})  # type: ignore[attr-defined]
    theirs = torch.optim.Muon([twin], lr=0.1, adjust_lr_fn="match_rms_adamw")
    images = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    for _ in range(3):
        ours.zero_grad()
        (model(images) - images).square().mean().backward()
        twin.grad = model.encode_2.weight.grad.flatten(1).clone()  # type: ignore[union-attr]
        ours.step()
        theirs.step()
    assert torch.allclose(model.encode_2.weight.flatten(1), twin, atol=1e-6)
    assert model.encode_2.weight.shape == (16, 16, 3, 3)
    assert model.encode_2.weight.is_contiguous(memory_format=torch.channels_last)


def test_matrices_keep_their_memory_and_gradient() -> None:
    param = nn.Parameter(torch.zeros(2, 3, 2, 2))
    memory, param.grad = param.data_ptr(), torch.ones(2, 3, 2, 2)
    with as_matrices([param]), torch.no_grad():
        assert param.grad.shape == (2, 12)
        param += 1
    assert (param.data_ptr(), param.shape, param.grad.shape) == (memory, (2, 3, 2, 2), (2, 3, 2, 2))
    assert bool((param == 1).all())


def test_muon_continues_from_a_checkpoint() -> None:
    digits, data = task("autoencoder/digits"), load("digits").limited(64)

    def loop() -> TrainingLoop:
        return TrainingLoop(digits, variant("torch.optim.Muon"), {"lr": 0.01}, 0, data=data, epochs=2)

    whole, first, second = loop(), loop(), loop()
    list(whole)
    first.train_epoch()
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    second.train_epoch()
    for a, b in zip(whole.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(a, b)


BY_ROLE = [
    ("torch.optim.AdamW", {"lr": 0.01, "lr.head": 0.1, "weight_decay.norm": 0.0, "mu.filters": 0.5}),
    ("torch.optim.Muon", {"lr": 0.01, "adamw_lr": 0.002, "lr.head": 0.1, "weight_decay.norm": 0.0}),
    ("adam", {"lr": 0.01, "lr.head": 0.1, "mu.filters": 0.5}),
]


@pytest.mark.parametrize(("name", "configuration"), BY_ROLE)
def test_settings_differ_by_role(name: str, configuration: dict[str, Any]) -> None:
    model = CifarResNet(depth=1)
    optimizer = variant(name).for_model(model, configuration)  # type: ignore[attr-defined]
    groups = {id(param): group for group in optimizer.param_groups for param in group["params"]}
    assert len(groups) == len(list(model.parameters()))
    assert groups[id(model.dense.weight)]["lr"] == 0.1
    assert groups[id(model.conv.weight)]["lr"] == configuration.get("adamw_lr", 0.01)
    if "weight_decay.norm" in configuration:
        assert groups[id(model.dense.bias)]["weight_decay"] == 0
        assert groups[id(model.conv.weight)]["weight_decay"] > 0
    if name == "torch.optim.AdamW":
        assert groups[id(model.blocks[0].conv_1.weight)]["betas"] == (0.5, 0.999)
    assert isinstance(optimizer, Combined) == (name == "torch.optim.Muon")


def test_settings_by_role_are_routed_checked_and_trained() -> None:
    digits, data = task("mlp/digits"), load("digits").limited(128)
    configuration = {"lr": 0.01, "lr.head": 0.0, "lr.norm": 0.0, "weight_decay": 0.0}
    loop = TrainingLoop(digits, variant("torch.optim.AdamW"), configuration, 0, data=data, epochs=1)
    before = copy.deepcopy(loop.model.state_dict())
    list(loop)
    moved = {name for name, value in loop.model.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {"dense.0.weight", "dense.1.weight"}
    check_configuration(digits, variant("torch.optim.AdamW"), {"lr": 0.01, "weight_decay.norm": 0.0})


BAD = [
    ("adam", {"lr": 0.1, "lr.tail": 0.1}, "unknown role in 'lr.tail' 'tail'"),
    ("adam", {"lr": 0.1, "eps.head": 0.1}, "unknown hyperparameter of adam 'eps'"),
    ("torch.optim.LBFGS", {"lr": 0.1, "lr.norm": 0.1}, "doesn't support per-parameter options"),
]


@pytest.mark.parametrize(("name", "configuration", "message"), BAD)
def test_wrong_settings_by_role_are_refused(name: str, configuration: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_configuration(task("mlp/digits"), variant(name), configuration)
