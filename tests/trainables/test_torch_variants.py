"""PyTorch's optimizers, and one's own, as variants."""

from __future__ import annotations

import copy
import pathlib
import pickle
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainables.combined import Combined
from trainables.named_variants import VARIANTS
from trainables.names import InputError
from trainables.torch_variants import TORCH_DEFAULTS, torch_variant
from trainables.variant_definition import Variant
from trainables.variants import register_variant, variant

INSTALLED = [name for name in TORCH_DEFAULTS if hasattr(torch.optim, name.rpartition(".")[2])]


def network() -> tuple[nn.Module, Tensor]:
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(
        nn.Unflatten(1, (1, 3, 3)), nn.Conv2d(1, 2, 2), nn.Flatten(), nn.Tanh(), nn.Linear(8, 2)
    )
    with torch.no_grad():
        for param in model.parameters():
            param.copy_(torch.randn(param.shape, generator=generator) / 2)
    return model, torch.randn(16, 9, generator=generator)


def train(optimizer: torch.optim.Optimizer, model: nn.Module, x: Tensor, steps: int = 5) -> list[float]:
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(x) - 1).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("name", INSTALLED)
def test_every_optimizer_trains_with_its_defaults_and_describes_itself(name: str) -> None:
    chosen, (model, x) = variant(name), network()
    assert (chosen.name, chosen.hyperparameters) == (name, tuple(TORCH_DEFAULTS[name]))
    assert chosen.description
    assert chosen.source
    assert "lr" in chosen.needs
    assert set(chosen.hyperparameters) <= chosen.accepts
    losses = train(
        chosen.optimizer(
            model.parameters(), {each: TORCH_DEFAULTS[name][each][1] for each in chosen.hyperparameters}
        ),
        model,
        x,
        20,
    )
    assert losses[-1] < losses[0]
    for low, default, high, scale in TORCH_DEFAULTS[name].values():
        assert low <= default <= high
        assert scale in ("log", "log1m")


SAME = [  # a configuration, and what it means to the class
    ("torch.optim.Adam", {"lr": 0.1, "mu": 0.8, "nu": 0.95}, {"lr": 0.1, "betas": (0.8, 0.95)}),
    ("torch.optim.Adam", {"lr": 0.1, "mu": 0.8}, {"lr": 0.1, "betas": (0.8, 0.999)}),
    (
        "torch.optim.AdamW",
        {"lr": 0.1, "betas": [0.8, 0.95], "weight_decay": 0.3},
        {"lr": 0.1, "betas": (0.8, 0.95), "weight_decay": 0.3},
    ),
    (
        "torch.optim.SGD",
        {"lr": 0.1, "mu": 0.8, "nesterov": True},
        {"lr": 0.1, "momentum": 0.8, "nesterov": True},
    ),
    ("torch.optim.RMSprop", {"lr": 0.1, "nu": 0.8, "mu": 0.5}, {"lr": 0.1, "alpha": 0.8, "momentum": 0.5}),
    ("torch.optim.Adadelta", {"lr": 0.1, "nu": 0.8}, {"lr": 0.1, "rho": 0.8}),
    ("torch.optim.ASGD", {"lr": 0.1, "alpha": 0.8}, {"lr": 0.1, "alpha": 0.8}),
]


@pytest.mark.parametrize(("name", "configuration", "arguments"), SAME)
def test_a_configuration_is_the_classs_own_arguments(
    name: str, configuration: dict[str, Any], arguments: dict[str, Any]
) -> None:
    (one, x), (other, _) = network(), network()
    ours = variant(name).optimizer(one.parameters(), configuration)
    theirs = getattr(torch.optim, name.rpartition(".")[2])(other.parameters(), **arguments)
    assert train(ours, one, x) == train(theirs, other, x)
    assert type(ours) is type(theirs)


def test_asgds_alpha_is_no_decay_and_adagrads_lr_decay_is_left_to_the_schedule() -> None:
    assert not {"mu", "nu"} & variant("torch.optim.ASGD").accepts
    assert "lr_decay" not in variant("torch.optim.Adagrad").accepts


class Own(torch.optim.SGD):
    """SGD under a name of its own."""


def factory(params: Any, lr: float, mu: float = 0.5) -> torch.optim.Optimizer:
    """SGD from a factory."""
    return torch.optim.SGD(params, lr=lr, momentum=mu)


def any_keywords(params: Any, **settings: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(params, **settings)


def not_an_optimizer(params: Any, lr: float = 0.1) -> int:
    return 3


def test_a_class_and_a_factory_are_variants_themselves() -> None:
    model, _ = network()
    chosen = variant(Own)
    assert (chosen.name, chosen.description) == (f"{Own.__module__}:Own", "SGD under a name of its own.")
    assert isinstance(chosen.optimizer(model.parameters(), {"lr": 0.1, "mu": 0.5}), Own)
    made = variant(factory)
    assert made.accepts == {"lr", "mu"}
    assert made.optimizer(model.parameters(), {"lr": 0.1, "mu": 0.25}).param_groups[0]["momentum"] == 0.25
    assert variant(any_keywords).needs == ("lr",)
    assert variant(torch.optim.AdamW) == variant("torch.optim.AdamW")
    assert variant(chosen) is chosen
    assert pickle.loads(pickle.dumps(variant("torch.optim.AdamW"))) == variant("torch.optim.AdamW")


@pytest.fixture
def own_module(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "my_optimizers.py").write_text(
        "import torch\nclass Mine(torch.optim.Adam):\n    pass\nnumber = 3\n"
    )
    (tmp_path / "my_broken.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in ("my_optimizers", "my_broken"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("own_module")
def test_a_dotted_name_is_the_users_class() -> None:
    chosen = variant("my_optimizers:Mine")
    assert chosen.name == "my_optimizers:Mine"
    assert chosen.hyperparameters == ("lr", "mu", "nu")


REFUSED = [
    ("torch.optim.SparseAdam", "torch.optim.SparseAdam needs sparse gradients"),
    ("torch.optim.AdanW", r"unknown optimizer 'torch.optim.AdanW'; did you mean 'torch.optim.AdamW'\?"),
    ("torch.optim.Optimizer", "name one, such as torch.optim.AdamW"),
    ("my_optimizers:Mein", "unknown name in my_optimizers for variant 'my_optimizers:Mein': 'Mein'"),
    ("my_optimizers:number", "a variant is a name, an optimizer class or a factory"),
    ("my_broken:Mine", "variant 'my_broken:Mine' cannot be imported: ZeroDivisionError: division by zero"),
    (
        "collections:OrderedDict",
        "must be a torch.optim.Optimizer or a factory of one, got the class OrderedDict",
    ),
    (3, "a variant is a name, an optimizer class or a factory, got 3"),
]


@pytest.mark.usefixtures("own_module")
@pytest.mark.parametrize(("name", "message"), REFUSED)
def test_what_cannot_be_a_variant_is_refused_with_the_reason(name: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        variant(name)
    assert "\n" not in str(caught.value)


BAD = [
    ("torch.optim.AdamW", {"lr": 0.1, "rho": 0.5}, "unknown hyperparameter of torch.optim.AdamW 'rho'"),
    ("torch.optim.AdamW", {"mu": 0.5}, "a configuration of torch.optim.AdamW needs lr"),
    ("torch.optim.AdamW", {"lr": -1.0}, "torch.optim.AdamW refuses {'lr': -1.0}: Invalid learning rate"),
    (
        "torch.optim.AdamW",
        {"lr": 0.1, "mu": 0.5, "betas": (0.5, 0.9)},
        "mu of torch.optim.AdamW is its betas: give one of them",
    ),
    (
        "torch.optim.SGD",
        {"lr": 0.1, "maximize": True},
        "unknown hyperparameter of torch.optim.SGD 'maximize'",
    ),
    (not_an_optimizer, {"lr": 0.1}, "must make a torch.optim.Optimizer, got int"),
]


@pytest.mark.parametrize(("name", "configuration", "message"), BAD)
def test_a_configuration_that_does_not_fit_is_refused(
    name: Any, configuration: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        variant(name).optimizer([nn.Parameter(torch.zeros(1))], configuration)


# --- Muon


def test_muon_takes_the_matrices_and_adamw_the_rest() -> None:
    model, _ = network()
    optimizer = variant("torch.optim.Muon").optimizer(
        model.parameters(), {"lr": 0.01, "mu": 0.9, "weight_decay": 0.2}
    )
    assert isinstance(optimizer, Combined)
    assert [type(part).__name__ for part in optimizer.parts] == ["MatrixMuon", "AdamW"]
    assert [[tuple(param.shape) for param in part.param_groups[0]["params"]] for part in optimizer.parts] == [
        [(2, 8)],
        [(2, 1, 2, 2), (2,), (2,)],
    ]
    assert {group["weight_decay"] for group in optimizer.param_groups} == {0.2}
    assert {id(param) for group in optimizer.param_groups for param in group["params"]} == set(
        map(id, model.parameters())
    )


@pytest.mark.parametrize(("shapes", "parts"), [(((2, 2),), ["MatrixMuon"]), (((2,),), ["AdamW"])])
def test_muon_alone_and_adamw_alone(shapes: Any, parts: list[str]) -> None:
    params = [nn.Parameter(torch.zeros(shape)) for shape in shapes]
    assert [
        type(each).__name__ for each in torch_variant("torch.optim.Muon").optimizer(params, {"lr": 0.1}).parts
    ] == parts  # type: ignore[attr-defined]


def test_muon_refuses_groups() -> None:
    with pytest.raises(InputError, match="takes a list of parameters here, not groups"):
        torch_variant("torch.optim.Muon").optimizer([{"params": [nn.Parameter(torch.zeros(2))]}], {"lr": 0.1})


# --- the combined optimizer


def halves() -> tuple[nn.Module, Tensor, Combined]:
    model, x = network()
    params = list(model.parameters())
    return (
        model,
        x,
        Combined([torch.optim.Adam(params[:2], lr=0.1), torch.optim.SGD(params[2:], lr=0.05, momentum=0.9)]),
    )


def test_combined_is_its_parts_apart() -> None:
    model, x, both = halves()
    twin, _ = network()
    params = list(twin.parameters())
    apart = [torch.optim.Adam(params[:2], lr=0.1), torch.optim.SGD(params[2:], lr=0.05, momentum=0.9)]
    train(both, model, x)
    for _ in range(5):
        twin.zero_grad()
        (twin(x) - 1).square().mean().backward()
        for each in apart:
            each.step()
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), params, strict=True))


@pytest.mark.parametrize("restored", ["state_dict", "deepcopy", "pickle"])
def test_a_restored_combined_optimizer_continues_bit_identically(restored: str) -> None:
    model, x, both = halves()
    train(both, model, x)
    if restored == "state_dict":
        twin, _, other = halves()
        twin.load_state_dict(model.state_dict())
        other.load_state_dict(copy.deepcopy(both.state_dict()))
    else:
        copied = copy.deepcopy if restored == "deepcopy" else lambda each: pickle.loads(pickle.dumps(each))
        twin, other = copied((model, both))
    assert train(other, twin, x) == train(both, model, x)
    for group in other.param_groups:
        group["lr"] = 0.0
    before = copy.deepcopy(twin.state_dict())
    train(other, twin, x, 1)
    assert all(torch.equal(value, before[name]) for name, value in twin.state_dict().items())


def test_a_schedulers_learning_rate_reaches_the_parts() -> None:
    model, x, both = halves()
    scheduler = torch.optim.lr_scheduler.StepLR(both, step_size=1, gamma=0.5)
    train(both, model, x, 1)
    scheduler.step()
    assert [part.param_groups[0]["lr"] for part in both.parts] == [0.05, 0.025]


def test_a_combination_of_nothing_or_of_shared_parameters_is_refused() -> None:
    param = nn.Parameter(torch.zeros(1))
    with pytest.raises(InputError, match="at least one part"):
        Combined([])
    with pytest.raises(InputError, match="parameters of their own"):
        Combined([torch.optim.SGD([param], lr=0.1), torch.optim.SGD([param], lr=0.1)])
    with pytest.raises(InputError, match="takes no further groups"):
        Combined([torch.optim.SGD([param], lr=0.1)]).add_param_group(
            {"params": [nn.Parameter(torch.zeros(1))]}
        )


# --- variants of one's own


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainables.variants.VARIANTS", dict(VARIANTS))


@pytest.mark.usefixtures("known")
def test_a_registered_variant_is_found_by_its_name_and_registering_it_again_is_nothing() -> None:
    own = Variant("slow_adam", {"nu": 0.9999}, "Adam with a long memory", "mine")
    assert register_variant(own) is own
    assert variant("slow_adam") is own
    assert register_variant(Variant("slow_adam", {"nu": 0.9999}, "Adam with a long memory", "mine")) is own


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("adam", "there is another variant 'adam' already"),
        ("l2-mean-constant", "letters, digits and underscores only, got 'l2-mean-constant'"),
        ("my:own", "got 'my:own'"),
        ("", "got ''"),
    ],
)
def test_a_name_that_is_taken_or_of_another_kind_is_refused(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        register_variant(Variant(name, {}))
