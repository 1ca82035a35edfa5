"""Slow momentum, sign and caution: identities with pytorch_optimizer, the equations, and nothing of them
where they are neutral."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from sensitivity.study.resolved import ResolvedStudy
from sensitivity.study.trial import trial_key
from tests.trainables.test_cohorts import (
    Setting,
    apart,
    assert_same_history,
    histories,
    numbers,
    one_thread,
)
from tests.trainables.test_hyperalgorithm import (
    COMBINATIONS,
    HYPERPARAMETERS,
    NUMBERS,
    SMALL,
    Problem,
    assert_same,
    minimise,
    minimise_together,
    transcribed,
)
from trainables import stacks
from trainables.captured import WARM
from trainables.cohorts import CohortLoop
from trainables.hyperalgorithm import Hyperalgorithm
from trainables.named_variants import NAMED
from trainables.stack_layout import runs
from trainables.stacked_updates import HyperalgorithmUpdate, way
from trainables.steps import optimizer_bytes
from trainables.training import TrainingLoop
from trainables.variant_definition import Variant
from trainables.variant_names import all_variants

__all__ = ["one_thread"]
STEPS = 20
SIGNS = {"adaptive": "none", "mu_schedule": "constant", "sign": True}
LION = {"momentum": "nag", **SIGNS}
SLOW_MU, SLOW_WEIGHT = 0.97, 5.0
SLOW = {"slow_mu": SLOW_MU, "slow_weight": SLOW_WEIGHT}
Hyperparameters = tuple[float, float, float]

# --- identities with pytorch_optimizer

IDENTITIES = [  # settings, name in pytorch_optimizer, its settings of (mu, nu), and how closely they agree
    pytest.param(
        {"momentum": "none", **SIGNS}, "SignSGD", lambda mu, nu: {"momentum": 0.0}, 1e-12, id="signSGD"
    ),
    pytest.param({"momentum": "cm", **SIGNS}, "SignSGD", lambda mu, nu: {"momentum": mu}, 1e-12, id="Signum"),
    pytest.param(LION, "Lion", lambda mu, nu: {"betas": (mu**2, mu)}, 1e-12, id="Lion"),
    pytest.param(
        {**LION, "cautious": True},
        "Lion",
        lambda mu, nu: {"betas": (mu**2, mu), "cautious": True},
        1e-12,
        id="cautious Lion",
    ),
    # Adam is AdEMAMix without a slow momentum, and cautious there.
    pytest.param(
        {"cautious": True},
        "AdEMAMix",
        lambda mu, nu: {"betas": (mu, nu, 0.5), "alpha": 0.0, "cautious": True},
        1e-12,
        id="cautious Adam",
    ),
    # LaProp adds 1e-15 to v, which is no epsilon of ours.
    pytest.param(
        {"momentum_gradient": "scaled", "cautious": True, "epsilon": 0.0},
        "LaProp",
        lambda mu, nu: {"betas": (mu, nu), "eps": 0.0, "cautious": True},
        1e-9,
        id="cautious LaProp",
    ),
    pytest.param(
        SLOW,
        "AdEMAMix",
        lambda mu, nu: {"betas": (mu, nu, SLOW_MU), "alpha": SLOW_WEIGHT},
        1e-12,
        id="AdEMAMix",
    ),
]


def of_package(name: str, **settings: Any) -> Callable[..., torch.optim.Optimizer]:
    package = pytest.importorskip("pytorch_optimizer", reason="needs the extra optimizers")
    return partial(getattr(package, name), **settings)


@pytest.mark.parametrize(("settings", "name", "theirs", "tolerance"), IDENTITIES)
@pytest.mark.parametrize("hyperparameters", HYPERPARAMETERS)
def test_on_a_quadratic_it_is_the_packages(
    settings: dict[str, Any],
    name: str,
    theirs: Callable[..., dict[str, Any]],
    tolerance: float,
    hyperparameters: Hyperparameters,
) -> None:
    lr, mu, nu = hyperparameters
    problem = Problem(0, steps=STEPS)
    ours = minimise(partial(Hyperalgorithm, **{"lr": lr, "mu": mu, "nu": nu, **settings}), problem)
    assert_same(ours, minimise(of_package(name, lr=lr, **theirs(mu, nu)), problem), tolerance)


@pytest.mark.parametrize(("settings", "name", "theirs", "tolerance"), IDENTITIES)
def test_each_member_of_a_cohort_is_the_packages_alone(
    settings: dict[str, Any], name: str, theirs: Callable[..., dict[str, Any]], tolerance: float
) -> None:
    chosen: list[Hyperparameters] = [each.values[0] for each in HYPERPARAMETERS]  # type: ignore[misc]
    problems = [Problem(seed, steps=STEPS) for seed in range(len(chosen))]
    columns = dict(zip(("lr", "mu", "nu"), torch.tensor(chosen, dtype=torch.float64).T, strict=True))
    alike = {
        key: torch.full((len(chosen),), value, dtype=torch.float64)
        for key, value in settings.items()
        if key in SLOW
    }
    cohort = minimise_together(partial(Hyperalgorithm, **{**columns, **settings, **alike}), problems)
    for member, problem, (lr, mu, nu) in zip(cohort, problems, chosen, strict=True):
        assert_same(member, minimise(of_package(name, lr=lr, **theirs(mu, nu)), problem), tolerance)


@dataclasses.dataclass(frozen=True)
class OfPackage:
    """A variant that is a class of pytorch_optimizer with some settings."""

    name: str
    settings: Mapping[str, Any]
    accepts = frozenset({"lr"})
    needs = ("lr",)
    hyperparameters = ("lr",)

    def optimizer(self, params: Any, configuration: Mapping[str, Any]) -> torch.optim.Optimizer:
        return of_package(self.name, **self.settings)(params, **configuration)


def trained(chosen: Any, **configuration: Any) -> TrainingLoop:
    """The loop of an MLP after 21 steps in float64."""
    (loop,), _ = Setting("mlp", chosen, [configuration], dtype=torch.float64, epochs=7).alone()
    assert loop.step > STEPS
    return loop


LR, MU, NU, DECAY = 0.01, 0.9, 0.99, 0.1
# Some gradients of the model are 0, of which LaProp without epsilon makes NaN.
ON_A_MODEL = [each for each in IDENTITIES if each.id != "cautious LaProp"]


@pytest.mark.parametrize(("settings", "name", "theirs", "tolerance"), ON_A_MODEL)
@pytest.mark.parametrize("kind", ["none", "coupled", "decoupled"])
def test_on_a_model_it_is_the_packages_with_the_weight_decay_of_the_loop(
    settings: dict[str, Any],
    name: str,
    theirs: Callable[..., dict[str, Any]],
    tolerance: float,
    kind: str,
) -> None:
    w = 0.0 if kind == "none" else DECAY
    ours = {"lr": LR, "mu": MU, "nu": NU, "weight_decay": w}
    decay = {} if kind == "none" else {"weight_decay_kind": kind}
    loop = trained(Variant("own", settings), **ours, **decay)
    decayed = {"weight_decay": w, "weight_decouple": kind == "decoupled"}
    assert apart(loop, trained(OfPackage(name, {**theirs(MU, NU), **decayed}), lr=LR)) < 100 * tolerance
    if w:
        plain = trained(Variant("own", settings), **{**ours, "weight_decay": 0.0})
        assert apart(loop, plain) > 1e-3


# --- the equations

EXTRAS = [
    pytest.param({"cautious": True}, id="cautious"),
    pytest.param({"slow_mu": 0.9, "slow_weight": 2.0}, id="slow momentum"),
    pytest.param({"slow_mu": 0.0, "slow_weight": 0.5, "cautious": True}, id="both"),
    pytest.param({"sign": True}, id="sign"),
    pytest.param({"sign": True, "slow_mu": 0.9, "slow_weight": 2.0, "cautious": True}, id="all three"),
]


@pytest.mark.parametrize("extra", EXTRAS)
def test_every_combination_follows_the_equations(extra: dict[str, Any]) -> None:
    problem = Problem(7, steps=10, shapes=SMALL)
    chosen = [each for each in COMBINATIONS if each["adaptive"] == "none" or "sign" not in extra]
    assert len(chosen) >= 48
    for combination in chosen:
        variant = {**combination, **NUMBERS, "p": 2.0, **extra}
        assert_same(
            minimise(partial(Hyperalgorithm, **variant), problem), transcribed(variant, problem), 1e-12
        )


def test_every_member_has_a_slow_momentum_and_a_count_of_its_own() -> None:
    problems = [Problem(seed, steps=10, shapes=SMALL) for seed in range(3)]
    members = {"lr": [0.02, 0.005, 0.05], "slow_mu": [0.9, 0.0, 0.9999], "slow_weight": [2.0, 0.0, 5.0]}
    rest = {"momentum": "nag", "momentum_gradient": "scaled", "p": 1.5, "cautious": True}
    usual = {**COMBINATIONS[0], **NUMBERS, **rest}
    columns = {name: torch.tensor(values, dtype=torch.float64) for name, values in members.items()}
    cohort = minimise_together(partial(Hyperalgorithm, **{**usual, **columns}), problems)
    for k, (member, problem) in enumerate(zip(cohort, problems, strict=True)):
        alone = {**usual, **{name: values[k] for name, values in members.items()}}
        assert_same(member, transcribed(alone, problem), 1e-12)


# --- neutral settings


def test_neutral_settings_are_the_defaults() -> None:
    group = Hyperalgorithm([nn.Parameter(torch.zeros(1))], lr=0.1).param_groups[0]
    assert (group["slow_weight"], group["sign"], group["cautious"]) == (0.0, False, False)


@pytest.mark.parametrize("slow_mu", [0.0, 0.5, 0.9999])
@pytest.mark.parametrize("momentum", ["none", "cm", "nag"])
def test_a_slow_momentum_without_weight_changes_no_bit_and_has_no_state(
    momentum: str, slow_mu: float
) -> None:
    problem = Problem(2, steps=STEPS)
    plain = minimise(partial(Hyperalgorithm, lr=0.1, momentum=momentum), problem)
    neutral = partial(Hyperalgorithm, lr=0.1, momentum=momentum, slow_mu=slow_mu, slow_weight=0)
    assert all(torch.equal(*pair) for pair in zip(plain, minimise(neutral, problem), strict=True))


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, {"m", "v"}),
        ({"cautious": True}, {"m", "v"}),
        ({"slow_weight": 1.0}, {"m", "v", "m_slow"}),
        ({"slow_weight": 1.0, "momentum": "none"}, {"v", "m_slow"}),
        ({"sign": True, "adaptive": "none"}, {"m"}),
        ({"sign": True, "adaptive": "none", "momentum": "none"}, set()),
    ],
    ids=lambda value: str(sorted(value) if isinstance(value, set) else value),
)
def test_the_state_holds_what_takes_part(settings: dict[str, Any], names: set[str]) -> None:
    param = nn.Parameter(torch.ones(4))
    param.grad = torch.ones(4)
    optimizer = Hyperalgorithm([param], lr=0.1, **settings)
    optimizer.step()
    assert set(optimizer.state[param]) == {"step", *names}
    assert optimizer_bytes(optimizer) == 16 * len(names)


def test_a_state_that_was_saved_before_there_were_these_settings_continues() -> None:
    param, twin = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))
    optimizer = Hyperalgorithm([param], lr=0.1)
    param.grad = torch.ones(3)
    optimizer.step()
    saved = copy.deepcopy(optimizer.state_dict())
    for name in ("slow_mu", "slow_weight", "sign", "cautious"):
        del saved["param_groups"][0][name]
    restored = Hyperalgorithm([twin], lr=1.0)
    restored.load_state_dict(saved)
    twin.data.copy_(param.data)
    twin.grad = torch.ones(3)
    optimizer.step()
    restored.step()
    assert torch.equal(param, twin)


@pytest.mark.parametrize("extra", [{"cautious": True}, SLOW, LION], ids=["cautious", "slow", "sign"])
def test_a_restored_optimizer_continues_bit_identically(extra: dict[str, Any]) -> None:
    gradients = torch.randn(8, 5, generator=torch.Generator().manual_seed(0))

    def stepped(param: nn.Parameter, optimizer: Hyperalgorithm, some: Tensor) -> Tensor:
        for gradient in some:
            param.grad = gradient.clone()
            optimizer.step()
        return param.detach()

    param, twin = nn.Parameter(torch.zeros(5)), nn.Parameter(torch.zeros(5))
    optimizer, restored = Hyperalgorithm([param], lr=0.1, **extra), Hyperalgorithm([twin], lr=1.0)
    stepped(param, optimizer, gradients[:4])
    restored.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    twin.data.copy_(param.data)
    assert torch.equal(stepped(param, optimizer, gradients[4:]), stepped(twin, restored, gradients[4:]))


def test_signs_take_the_learning_rate_of_the_step_where_momentum_is_of_scaled_gradients() -> None:
    param = nn.Parameter(torch.zeros(2, dtype=torch.float64))
    optimizer = Hyperalgorithm([param], lr=0.5, momentum_gradient="scaled", **LION)
    param.grad = torch.tensor([3.0, -1e-9], dtype=torch.float64)
    optimizer.step()
    assert param.tolist() == [-0.5, 0.5]


def test_keys_names_and_settings_of_the_variants_are_those_of_all_results_so_far() -> None:
    study = ResolvedStudy(["mlp/digits"], None, {}, {"kind": "grid"}, {}, None, None)
    papers = all_variants()
    assert len(papers) == 768
    keys = [
        trial_key("f", study.variant_id(each.name), {"lr": 0.1}, 0, 1, 64, "float32")
        for each in (*NAMED, *papers)
    ]
    described = repr(
        [(each.name, sorted(each.fixed.items()), each.hyperparameters, each.description) for each in papers]
    )
    assert keys[len(NAMED)] == "7241a2ffe77d1dcd5844"
    assert digest("".join(keys)) == "0c00bbc0516a8605b9f1b04aa6a8c07ac94c9468cb84f40d3c52372a741e8cd3"
    assert digest(described) == "4e05882fa3bd969aa8139540a122667f7c16a423f996b0363a162276c6882260"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# --- stacks

OPTIONS: dict[str, dict[str, Sequence[Any]]] = {
    "caution of some": {"cautious": [False, True]},
    "signs of some": {"adaptive": ["none"], "sign": [True, False], "momentum": ["cm", "nag", "none"]},
    "slow momenta": {"slow_weight": [2.0, 5.0, 0.5], "slow_mu": [0.9, 0.99]},
    "slow momenta of some": {"slow_weight": [0.0, 5.0], "slow_mu": [0.9]},
    "slow momenta of scaled gradients": {"slow_weight": [2.0, 5.0], "momentum_gradient": ["scaled"]},
    "all three": {
        "adaptive": ["none"],
        "sign": [True],
        "cautious": [True],
        "slow_weight": [2.0, 5.0, 0.5],
        "momentum": ["nag"],
    },
    "caution and p for each": {"cautious": [True], "p": [1.5, 3.0, 4.0], "slow_weight": [1.0, 2.0]},
    "caution and decay": {
        "cautious": [True],
        "weight_decay": [0.0, 0.1],
        "weight_decay_kind": ["decoupled"],
        "lr_schedule": ["linear"],
    },
    "caution and curvature": {"order": ["second"], "cautious": [True], "slow_weight": [1.0, 2.0]},
}


@pytest.mark.parametrize("model", ["mlp", "resnet"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_members_history_in_a_stack_is_its_own_loops(options: dict[str, Sequence[Any]], model: str) -> None:
    setting = Setting(model, Variant("open", {}), numbers(6, **options), [0, 1] * 3, dtype=torch.float64)
    loops, alone = setting.alone()
    assert way(loops[0]) is HyperalgorithmUpdate
    cohort = CohortLoop(setting.loops())
    together = histories(cohort)
    assert cohort.reason is None
    for k in range(6):
        assert apart(loops[k], cohort.loops[k]) < 1e-9
        assert_same_history(together[k], alone[k], 1e-6)


def test_a_stack_takes_as_many_updates_as_there_are_kinds() -> None:
    def kinds(**options: Sequence[Any]) -> int:
        return len(runs(Setting("mlp", Variant("open", {}), numbers(4, **options)).loops()))

    assert kinds(slow_weight=[1.0, 2.0, 3.0, 4.0], slow_mu=[0.9, 0.99]) == 1
    assert kinds(cautious=[False, False, True, True]) == 2
    assert kinds(slow_weight=[0.0, 0.0, 1.0, 2.0]) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "fixed",
    [{"cautious": True}, {"momentum": "nag", "slow_weight": 2.0}, {**LION, "cautious": True, **SLOW}],
    ids=["cautious", "slow", "all three"],
)
def test_a_recorded_step_is_replayed_with_every_steps_own_numbers(
    fixed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stacks, "EVALUATION_BATCH", 6)
    names = ("mu", "nu", "epsilon") if "sign" not in fixed else ("mu",)
    configurations = numbers(4, *names, lr_schedule=["cosine"], weight_decay=[0.1])
    setting = Setting(
        "resnet", Variant("own", fixed), configurations, [0, 0, 1, 2], dtype=torch.float64, epochs=4
    )
    loops, alone = setting.alone()
    recorded = []

    def capture(step: Callable[[], None]) -> Callable[[], None]:
        recorded.append(step)
        return step  # on a CPU a replay takes the step again

    cohort = CohortLoop(setting.loops(), capture=capture)
    together = histories(cohort)
    assert len(recorded) == 2
    for k in range(4):
        assert apart(loops[k], cohort.loops[k]) < 1e-9
        assert_same_history(together[k], alone[k], 1e-6)


class Reads(TorchDispatchMode):
    """Count the numbers that Python reads from tensors: each would wait for a device, and end a recording."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        self.count += any(part in str(function) for part in ("local_scalar_dense", "item", "nonzero"))
        return function(*arguments, **(named or {}))


@pytest.mark.parametrize("extra", [{"cautious": True}, SLOW, {**LION, "cautious": True, **SLOW}], ids=str)
@pytest.mark.parametrize("tensors", [False, True], ids=["floats", "tensors"])
def test_a_step_reads_no_number(extra: dict[str, Any], *, tensors: bool) -> None:
    params = [nn.Parameter(torch.ones(2, 3)), nn.Parameter(torch.ones(2))]
    members = {"lr": torch.tensor([0.1, 0.2])} if tensors else {"lr": 0.1}
    members |= {name: torch.tensor([extra[name]] * 2) for name in SLOW if tensors and name in extra}
    optimizer = Hyperalgorithm(params, **{**extra, **members})
    reads = Reads()
    for _ in range(WARM):
        for param in params:
            param.grad = torch.ones_like(param)
        with reads:
            optimizer.step()
    assert reads.count == 0
    with reads:
        assert math.isclose(torch.ones(()).item(), 1.0)  # what is counted
    assert reads.count == 1
