"""Cohorts: every member's history is that of its own training loop, whoever trains beside it.

In float64 the parameters agree to 1e-9 of their size. In float32 rounding grows with the steps, by how much
depends on the variant: so the distance of a cohort from the float64 history is held against that of the
members' own float32 loops, the largest among the members. A different order of the same sums must not be
further from the truth than ``FURTHER`` times that.
"""

from __future__ import annotations

import functools
import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainables import cohorts, stacks
from trainables.augmentation import crop_and_flip
from trainables.cohorts import CohortLoop
from trainables.dataset import Dataset
from trainables.mlp import Mlp
from trainables.models import ConvAutoencoder
from trainables.resnet import CifarResNet
from trainables.task_definition import Task
from trainables.training import Report, TrainingLoop
from trainables.transformer import Gpt, Vit
from trainables.variant_definition import Variant
from trainables.variants import variant

TIMES = {"seconds", "images_per_second", "seconds_per_step"}
FURTHER = 8
IMAGES, BATCH, EPOCHS, MEMBERS = 20, 8, 2, 8  # batches of 8, 8 and 4
DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")),
]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def noise(side: int, dtype: torch.dtype = torch.float32, device: str = "cpu") -> Dataset:
    """Images of noise and random classes; with no side windows of 16 random bytes."""
    generator = torch.Generator().manual_seed(0)
    if not side:
        text = torch.randint(0, 256, (IMAGES + 8, 17), generator=generator, dtype=torch.uint8)
        train, test = text[:IMAGES], text[IMAGES:]
        return Dataset("noise", train[:, :-1], train[:, 1:], test[:, :-1], test[:, 1:]).to(device)
    x, y = (
        torch.rand(IMAGES + 8, 1, side, side, generator=generator),
        torch.randint(0, 10, (IMAGES + 8,), generator=generator),
    )
    return Dataset("noise", x[:IMAGES].to(dtype), y[:IMAGES], x[IMAGES:].to(dtype), y[IMAGES:]).to(device)


def made(
    factory: Callable[..., nn.Module], dtype: torch.dtype, generator: torch.Generator, **settings: Any
) -> nn.Module:
    return factory(generator, **settings).to(dtype)


MODELS: dict[str, tuple[Callable[..., nn.Module], str, int]] = {
    "autoencoder": (functools.partial(ConvAutoencoder, width=0.1), "reconstruction", 28),
    "resnet": (
        functools.partial(CifarResNet, shape=(1, 8, 8), mean=(0.5,), std=(0.3,), depth=1, width=0.25),
        "cross_entropy",
        8,
    ),
    "mlp": (functools.partial(Mlp, shape=(1, 8, 8), classes=10, width=12), "cross_entropy", 8),
    "gpt": (
        functools.partial(Gpt, shape=(16,), width=8, depth=1, heads=2, context=8, qk_norm=True),
        "next_byte",
        0,
    ),
    "vit": (functools.partial(Vit, shape=(1, 8, 8), width=8, depth=1, heads=2), "cross_entropy", 8),
}


class Setting:
    """A task, a variant and a cohort of configurations: loops of them, alone or to be trained together."""

    def __init__(
        self,
        model: str | Callable[..., nn.Module],
        chosen: Any,
        configurations: Sequence[Mapping[str, Any]],
        seeds: Sequence[int] | None = None,
        *,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
        epochs: int = EPOCHS,
        **task: Any,
    ) -> None:
        factory, loss, side = MODELS[model] if isinstance(model, str) else (model, "cross_entropy", 8)
        metrics = ["accuracy"] if loss == "cross_entropy" else []
        self.task = Task(
            "model/noise",
            "none",
            functools.partial(made, factory, dtype),
            loss,
            metrics,
            batch_size=BATCH,
            **task,
        )
        self.variant = variant(chosen) if isinstance(chosen, str) else chosen
        self.configurations, self.epochs = configurations, epochs
        self.seeds = seeds or [0] * len(configurations)
        self.data = noise(side, dtype, device)

    def loop(self, k: int, **others: Any) -> TrainingLoop:
        arguments = {"data": self.data, "epochs": self.epochs, **others}
        return TrainingLoop(self.task, self.variant, self.configurations[k], self.seeds[k], **arguments)

    def loops(self) -> list[TrainingLoop]:
        return [self.loop(k, initial_loss=math.nan) for k in range(len(self.seeds))]

    def alone(self) -> tuple[list[TrainingLoop], list[list[Report]]]:
        loops = [self.loop(k) for k in range(len(self.seeds))]
        return loops, [list(loop) for loop in loops]


def histories(cohort: CohortLoop) -> list[list[Report]]:
    """The reports of every member, which is trained to its end."""
    found: list[list[Report]] = [[] for _ in cohort.loops]
    for epoch in cohort:
        for k, report in epoch.items():
            found[k].append(report)
    cohort.dissolve()
    return found


def parameters(loop: TrainingLoop) -> Tensor:
    """All parameters and running statistics of a model."""
    return torch.cat([each.detach().double().cpu().reshape(-1) for each in loop.model.state_dict().values()])


def apart(one: TrainingLoop, other: TrainingLoop) -> float:
    """Largest distance between two models' numbers, relative to their size."""
    first, second = parameters(one), parameters(other)
    return float((first - second).abs().max() / first.abs().max())


def assert_same_history(cohort: Sequence[Report], alone: Sequence[Report], tolerance: float) -> None:
    assert [set(report) for report in cohort] == [set(report) for report in alone]
    for one, other in zip(cohort, alone, strict=True):
        assert one["status"] == other["status"]
        for name in set(one) - TIMES - {"status"}:
            assert one[name] == pytest.approx(other[name], rel=tolerance, abs=tolerance, nan_ok=True), name


def numbers(count: int, *names: str, **lists: Sequence[Any]) -> list[dict[str, Any]]:
    """Configurations that differ in every number."""
    usual: dict[str, Sequence[Any]] = {
        "lr": [1e-3 * (k + 1) for k in range(count)],
        "mu": [0.5 + 0.05 * k for k in range(count)],
        "nu": [0.9 + 0.01 * k for k in range(count)],
        "epsilon": [1e-4 * (k + 1) for k in range(count)],
    }
    chosen = {"lr": usual["lr"], **{name: usual[name] for name in names}, **lists}
    return [{name: values[k % len(values)] for name, values in chosen.items()} for k in range(count)]


def adaptive(p: float, **more: Any) -> dict[str, Any]:
    return {"momentum": "none", "p": p, **more}


CM = {"momentum": "cm", "adaptive": "none"}
VARIANTS = {
    "plain descent": {"momentum": "none", "adaptive": "none"},
    "momentum, a sum": {**CM, "momentum_accumulation": "sum", "mu_schedule": "constant"},
    "momentum, a bias-corrected mean": {**CM, "mu_schedule": "bias_corrected"},
    "Nesterov's, a handcrafted sum": {
        "momentum": "nag",
        "adaptive": "none",
        "mu_schedule": "handcrafted",
        "momentum_accumulation": "sum",
    },
    "Nesterov's, a true mean": {"momentum": "nag", "adaptive": "none", "mu_schedule": "true_mean"},
    "p = 1, constant": adaptive(1.0, nu_schedule="constant"),
    "p = 2, bias-corrected": adaptive(2.0, nu_schedule="bias_corrected"),
    "p = 2, a sum": adaptive(2.0, adaptive="sum", nu_schedule="handcrafted"),
    "p = inf, handcrafted": adaptive(math.inf, nu_schedule="handcrafted"),
    "p = 3, true mean": adaptive(3.0, nu_schedule="true_mean"),
    "p = 1 and momentum": {
        "momentum": "cm",
        "p": 1.0,
        "mu_schedule": "handcrafted",
        "nu_schedule": "true_mean",
    },
    "p = 2 and Nesterov's": {"momentum": "nag", "p": 2.0},
    "p = inf and a sum of scaled": {
        "momentum": "nag",
        "momentum_gradient": "scaled",
        "momentum_accumulation": "sum",
        "p": math.inf,
    },
    "second order and momentum": {"momentum": "cm", "order": "second", "nu_schedule": "true_mean"},
}
SCHEDULES = ["constant", "step", "exponential", "cosine", "linear"]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("fixed", VARIANTS.values(), ids=VARIANTS)
def test_in_float64_a_members_history_is_its_own_loops(
    fixed: dict[str, Any], model: str, device: str
) -> None:
    configurations = numbers(
        MEMBERS, "mu", "nu", "epsilon", lr_schedule=SCHEDULES, lr_warmup=[0.0, 0.3], period=[2]
    )
    setting = Setting(
        model, Variant("own", fixed), configurations, [0, 0, 1, 2] * 2, dtype=torch.float64, device=device
    )
    loops, alone = setting.alone()
    cohort = CohortLoop(setting.loops())
    together = histories(cohort)
    assert cohort.reason is None
    for k in range(MEMBERS):
        assert apart(loops[k], cohort.loops[k]) < 1e-9
        assert_same_history(together[k], alone[k], 1e-6)  # a report adds up in float32
        assert cohort.loops[k].initial_loss == pytest.approx(loops[k].initial_loss, rel=1e-6)


CAPTURED = [
    "plain descent",
    "momentum, a bias-corrected mean",
    "Nesterov's, a handcrafted sum",
    "p = 3, true mean",
    "p = 2 and Nesterov's",
]


@pytest.mark.slow
@pytest.mark.parametrize("kind", CAPTURED)
def test_a_recorded_step_and_evaluation_are_replayed_with_every_steps_own_batch_and_numbers(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stacks, "EVALUATION_BATCH", 6)  # pieces of 6, 6, 6 and 2
    configurations = numbers(
        4, "mu", "nu", "epsilon", lr_schedule=["cosine"], weight_decay=[0.1], clip_norm=[0.5]
    )
    setting = Setting(
        "resnet", Variant("own", VARIANTS[kind]), configurations, [0, 0, 1, 2], dtype=torch.float64, epochs=4
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


def test_a_step_that_cannot_be_recorded_is_taken_anew_every_time() -> None:
    setting = Setting("mlp", "adam", numbers(3), [0, 1, 2], dtype=torch.float64)
    _, alone = setting.alone()

    def capture(step: Callable[[], None]) -> Callable[[], None]:
        raise RuntimeError("operation not permitted when stream is capturing")

    cohort = CohortLoop(setting.loops(), capture=capture)
    for one, other in zip(histories(cohort), alone, strict=True):
        assert_same_history(one, other, 1e-6)
    assert cohort.reason is None


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("model", "kind"),
    [
        *[("mlp", kind) for kind in VARIANTS],
        ("autoencoder", "p = 2 and Nesterov's"),
        ("resnet", "p = 2 and Nesterov's"),
        ("gpt", "p = 2 and Nesterov's"),
        ("vit", "p = 2 and Nesterov's"),
    ],
)
def test_in_float32_a_cohort_is_no_further_from_the_truth_than_a_loop(
    model: str, kind: str, device: str
) -> None:
    chosen, configurations = Variant("own", VARIANTS[kind]), numbers(MEMBERS, "mu", "nu", "epsilon")
    truth, _ = Setting(model, chosen, configurations, dtype=torch.float64, device=device).alone()
    setting = Setting(model, chosen, configurations, device=device)
    loops, alone = setting.alone()
    cohort = CohortLoop(setting.loops())
    together = histories(cohort)
    steps, rounding = EPOCHS * math.ceil(IMAGES / BATCH), torch.finfo(torch.float32).eps
    bound = FURTHER * max(steps * rounding, *(apart(*pair) for pair in zip(truth, loops, strict=True)))
    for k in range(MEMBERS):
        assert apart(truth[k], cohort.loops[k]) < bound
        assert_same_history(together[k], alone[k], 10 * bound)


OPTIONS = {
    "clipping": {"clip_norm": [0.01, 0.1, 10.0]},
    "coupled weight decay": {"weight_decay": [0.0, 0.1, 1.0]},
    "decoupled weight decay": {
        "weight_decay": [0.0, 0.1],
        "weight_decay_kind": ["decoupled"],
        "lr_schedule": ["linear"],
    },
    "schedules that differ": {"lr_schedule": SCHEDULES, "lr_warmup": [0.0, 0.5]},
    "rare curvature": {"order": ["second"], "curvature_every": [2], "curvature_samples": [2]},
    "p for each": {"p": [1.5, 3.0, 4.0]},
    "p of several kinds": {"p": [1.0, 2.0, math.inf, 3.0]},
    "choices that differ": {"momentum": ["cm", "nag", "none"]},
    "batch sizes that differ": {"batch_size": [4, 8]},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_the_loops_settings_are_each_members_own(options: dict[str, Sequence[Any]]) -> None:
    setting = Setting("mlp", Variant("open", {}), numbers(6, **options), [0, 1] * 3, dtype=torch.float64)
    loops, alone = setting.alone()
    cohort = CohortLoop(setting.loops())
    together = histories(cohort)
    assert cohort.reason is None
    for k in range(6):
        assert apart(loops[k], cohort.loops[k]) < 1e-9
        assert_same_history(together[k], alone[k], 1e-6)


ELEMENTWISE = (
    "ASGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Rprop", "SGD",
)  # fmt: skip
"""Optimizers of PyTorch that update every number independently."""


@pytest.mark.parametrize("name", [*ELEMENTWISE, "Muon", "Adafactor"])
def test_optimizers_of_torch_step_on_the_gradients_of_a_stack(name: str) -> None:
    rates = {
        "lr": [1e-3, 2e-3, 1e-3, 1e-3],
        "lr_schedule": ["cosine", "step", "cosine", "constant"],
    }  # the first and third are alike
    more = (
        {"weight_decay": [0.1], "weight_decay_kind": ["decoupled"]}
        if name == "Rprop"
        else {"weight_decay": [0.0, 0.1, 0.0, 0.0]}
    )
    setting = Setting(
        "mlp",
        f"torch.optim.{name}",
        numbers(4, clip_norm=[0.1], **more, **rates),
        [0, 1, 0, 1],
        dtype=torch.float64,
    )
    loops, alone = setting.alone()
    cohort = CohortLoop(setting.loops())
    together = histories(cohort)
    assert cohort.reason is None
    for k in range(4):
        assert apart(loops[k], cohort.loops[k]) < 1e-9
        assert_same_history(together[k], alone[k], 1e-6)


@pytest.mark.slow
def test_members_of_all_variants_are_one_stack() -> None:
    first_order = [Variant(name, fixed) for name, fixed in VARIANTS.items() if fixed.get("order") != "second"]
    settings = [
        Setting("resnet", each, numbers(2, "mu", "nu", "epsilon"), [0, 1], dtype=torch.float64)
        for each in first_order
    ]
    for each in settings[1:]:
        each.task, each.data = settings[0].task, settings[0].data
    alone = [loop for each in settings for loop in each.alone()[0]]
    cohort = CohortLoop([loop for each in settings for loop in each.loops()], capture=lambda step: step)
    begun = cohort.train_epoch()
    assert [len(group) for group in cohort.stacks] == [2 * len(first_order)]
    assert all(report["status"] == "running" for report in begun.values())
    histories(cohort)
    assert all(apart(*pair) < 1e-9 for pair in zip(alone, cohort.loops, strict=True))


@pytest.mark.parametrize(
    "kind",
    ["plain descent", "p = 3, true mean", "p = 2 and Nesterov's", "second order and momentum"],
)
def test_members_that_climb_are_their_own_loops_beside_members_that_descend(kind: str) -> None:
    more = {"clip_norm": [0.5], "weight_decay": [0.1]}  # both before the sign of the gradient changes
    settings = [
        Setting(
            "mlp",
            Variant(str(climbs), {**VARIANTS[kind], "maximize": climbs}),
            numbers(2, "mu", "nu", "epsilon", **more),
            [0, 1],
            dtype=torch.float64,
        )
        for climbs in (False, True)
    ]
    settings[1].task, settings[1].data = settings[0].task, settings[0].data
    alone = [loop for each in settings for loop in each.alone()[0]]
    cohort = CohortLoop([loop for each in settings for loop in each.loops()])
    together = histories(cohort)
    assert cohort.reason is None
    assert all(apart(*pair) < 1e-9 for pair in zip(alone, cohort.loops, strict=True))
    rises = [reports[-1]["train_loss_end"] > reports[0]["train_loss_end"] for reports in together]
    assert rises == [False, False, True, True]


@pytest.mark.parametrize("seeds", [[0, 0, 0], [0, 1, 2], [3, 3, 4]], ids=["one seed", "three", "two"])
def test_augmentation_is_drawn_by_each_seeds_own_stream(seeds: list[int]) -> None:
    setting = Setting("resnet", "adam", numbers(3), seeds, dtype=torch.float64, augment=crop_and_flip)
    loops, alone = setting.alone()
    cohort = CohortLoop(setting.loops())
    for k, reports in enumerate(histories(cohort)):
        assert_same_history(reports, alone[k], 1e-6)
        assert all(
            torch.equal(loops[k].streams[each].get_state(), cohort.loops[k].streams[each].get_state())
            for each in loops[k].streams
        )


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("lr", [1e3, 1e38])
def test_a_member_that_diverges_does_not_disturb_the_others(model: str, lr: float) -> None:
    rates = {"lr": [1e-2, lr, 2e-2, 3e-2]}
    setting = Setting(model, "cm", numbers(4, "mu", **rates), [0, 1, 2, 2], dtype=torch.float64, epochs=3)
    _, alone = setting.alone()
    cohort = CohortLoop(setting.loops())
    together = histories(cohort)
    assert [report["status"] for report in together[1]] == [report["status"] for report in alone[1]]
    assert together[1][-1]["status"] == "diverged"
    for k in (0, 2, 3):
        assert_same_history(together[k], alone[k], 1e-6)
        assert bool(parameters(cohort.loops[k]).isfinite().all())


def saved(state: Any) -> Any:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, map_location="cpu")


@pytest.mark.parametrize(
    ("model", "chosen"),
    [
        *(
            ("mlp", each)
            for each in (
                "adam",
                "egd_momentum",
                "torch.optim.SGD",
                "torch.optim.NAdam",
                "torch.optim.Adagrad",
                "torch.optim.Muon",
            )
        ),
        ("resnet", "nadam"),
        ("autoencoder", "torch.optim.Rprop"),
        ("gpt", "adam"),
        ("vit", "torch.optim.AdamW"),
    ],
)
def test_a_member_continues_alone_and_in_another_cohort(model: str, chosen: str) -> None:
    setting = Setting(model, chosen, numbers(4), [0, 1, 0, 1], dtype=torch.float64, epochs=4)
    loops, alone = setting.alone()
    first = CohortLoop(setting.loops())
    begun = [first.train_epoch()]
    early = saved(first.state_dict(2))
    begun += [first.train_epoch()]
    states = [saved(first.state_dict(k)) for k in range(4)]

    one = setting.loop(0)
    one.load_state_dict(states[0])
    assert_same_history([*(each[0] for each in begun), *one], alone[0], 1e-6)
    assert apart(loops[0], one) < 1e-9

    other = CohortLoop(
        [setting.loop(k) for k in (1, 2, 3)]
    )  # member 1 from epoch 2, member 2 from epoch 1, member 3 afresh
    other.load_state_dict(0, states[1])
    other.load_state_dict(1, early)
    found = histories(other)
    assert [len(reports) for reports in found] == [2, 3, 4]
    for k, reports in zip((1, 2, 3), found, strict=True):
        assert_same_history(reports, alone[k][4 - len(reports) :], 1e-6)
        assert apart(loops[k], other.loops[k - 1]) < 1e-9
    for k, reports in enumerate(histories(first)):  # and saving has changed nothing
        assert_same_history([*(each[k] for each in begun), *reports], alone[k], 1e-6)


def test_a_saved_member_is_no_larger_than_alone() -> None:
    setting = Setting("mlp", "adam", numbers(8))
    cohort = CohortLoop(setting.loops())
    cohort.train_epoch()
    one = setting.loop(0)
    one.train_epoch()
    sizes = []
    for state in (cohort.state_dict(0), one.state_dict()):
        file = io.BytesIO()
        torch.save(state, file)
        sizes.append(len(file.getvalue()))
    assert sizes[0] < 1.1 * sizes[1]


class Forgetful(nn.Module):
    """A model with dropout, which draws from PyTorch's own generator."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.dense = Mlp(generator, shape=(1, 8, 8), classes=10, depth=0)
        self.dropout = nn.Dropout(0.5)

    def forward(self, images: Tensor) -> Tensor:
        return self.dense(self.dropout(images))


class Unused(Forgetful):
    """A model with a parameter that takes no part."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__(generator)
        self.dropout, self.spare = nn.Identity(), nn.Parameter(torch.ones(3))


class Deciding(Unused):
    """A model whose path depends on its data."""

    def forward(self, images: Tensor) -> Tensor:
        scores = self.dense(images) + self.spare.sum()
        return scores if scores.sum() > 0 else 2 * scores


class Frozen(Unused):
    """A model with a parameter that is not trained."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__(generator)
        self.spare.requires_grad_(False)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Forgetful, "random"),
        (Unused, "spare"),
        (Deciding, "data-dependent control flow"),
        (Frozen, "not trained"),
    ],
)
def test_what_cannot_be_stacked_trains_member_by_member_and_says_why(
    model: Callable[..., nn.Module], reason: str
) -> None:
    setting = Setting(model, "adam", numbers(3), [0, 0, 1])
    _, alone = setting.alone()
    cohort = CohortLoop(setting.loops())
    found = histories(cohort)
    assert reason in (cohort.reason or "")
    for one, other in zip(found, alone, strict=True):
        assert_same_history(one, other, 0.0)


def test_running_out_of_memory_halves_the_stack_and_repeats_the_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    setting = Setting("resnet", "nadam", numbers(8), [0, 1] * 4, dtype=torch.float64)
    _, alone = setting.alone()
    sizes, losses = [], cohorts.Stack.losses

    def short(self: Any, x: Tensor, y: Tensor, **options: bool) -> Tensor:
        sizes.append(len(self.loops))
        if (
            len(self.loops) > 2 and self.loops[0].epoch == 1 and len(x[0]) == 4
        ):  # in the middle of the second epoch
            raise torch.OutOfMemoryError("CUDA out of memory")
        return losses(self, x, y, **options)

    monkeypatch.setattr(cohorts.Stack, "losses", short)
    cohort = CohortLoop(setting.loops())
    for one, other in zip(histories(cohort), alone, strict=True):
        assert_same_history(one, other, 1e-6)
    assert cohort.reason is None
    assert cohort.largest == 2
    assert {2, 4, 8} <= set(sizes)


@pytest.mark.parametrize("chosen", ["nadam", "torch.optim.Adam", "torch.optim.Adagrad", "torch.optim.Muon"])
def test_an_error_in_the_middle_falls_back_from_the_epochs_beginning(
    chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = Setting("mlp", chosen, numbers(3), [0, 1, 1], dtype=torch.float64)
    _, alone = setting.alone()
    losses = cohorts.Stack.losses

    def fails(self: Any, x: Tensor, y: Tensor, **options: bool) -> Tensor:
        if self.loops[0].epoch == 1 and len(x[0]) == 4:
            raise RuntimeError("out of luck")
        return losses(self, x, y, **options)

    monkeypatch.setattr(cohorts.Stack, "losses", fails)
    cohort = CohortLoop(setting.loops())
    for one, other in zip(histories(cohort), alone, strict=True):
        assert_same_history(one, other, 1e-6)
    assert "out of luck" in (cohort.reason or "")


def test_members_may_have_different_numbers_of_epochs() -> None:
    setting = Setting("mlp", "adam", numbers(3), [0, 1, 2], dtype=torch.float64)
    loops = [setting.loop(k, epochs=k + 1, initial_loss=math.nan) for k in range(3)]
    found = histories(CohortLoop(loops))
    for k, reports in enumerate(found):
        assert_same_history(reports, list(setting.loop(k, epochs=k + 1)), 1e-6)


def test_a_stack_gives_back_models_that_are_laid_out_as_they_were() -> None:
    setting = Setting("autoencoder", "adam", numbers(2))
    cohort = CohortLoop(setting.loops())
    layouts = [param.stride() for param in setting.loop(0).model.parameters()]
    cohort.train_epoch()
    cohort.dissolve()
    (loop, _), params = cohort.loops, list(cohort.loops[0].model.parameters())
    assert [param.stride() for param in params] == layouts
    assert [loop.optimizer.state[param]["m"].stride() for param in params] == layouts
