"""What only a graphics card can show: recorded graphs, a member that diverges in one, memory that runs out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import pytest
import torch

from tests.trainables.test_cohorts import (
    MODELS,
    VARIANTS,
    Setting,
    apart,
    assert_same_history,
    histories,
    numbers,
)
from trainables import stacks
from trainables.captured import cuda_graph
from trainables.cohorts import CohortLoop
from trainables.models import ConvAutoencoder
from trainables.variant_definition import Variant

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
MEGABYTES = 2**20


@pytest.fixture
def little_memory() -> Iterator[Callable[[int], None]]:
    """Limit the memory of this process to so many bytes beyond what it has."""

    def limit(more: int) -> None:
        torch.cuda.empty_cache()
        whole = torch.cuda.mem_get_info()[1]
        torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + more) / whole)

    yield limit
    torch.cuda.set_per_process_memory_fraction(1.0)


@pytest.mark.parametrize("model", ["resnet", "autoencoder", "gpt"])
@pytest.mark.parametrize("kind", ["plain descent", "p = 2 and Nesterov's", "second order and momentum"])
def test_on_cuda_a_recorded_graph_trains_each_member_as_alone(
    kind: str, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stacks, "EVALUATION_BATCH", 6)  # enough pieces that the evaluation is recorded too
    configurations = numbers(4, "mu", "nu", "epsilon", lr_schedule=["cosine"], weight_decay=[0.1])
    setting = Setting(
        model, Variant("own", VARIANTS[kind]), configurations, [0, 0, 1, 2],
        dtype=torch.float64, device="cuda", epochs=4,
    )  # fmt: skip
    loops, alone = setting.alone()
    recorded = []

    def capture(step: Callable[[], None]) -> Callable[[], None]:
        replay = cuda_graph(step)
        recorded.append(replay)
        return replay

    cohort = CohortLoop(setting.loops(), capture=capture)
    together = histories(cohort)
    assert cohort.reason is None
    assert kind.startswith("second") or len(recorded) == 2, "the step and the evaluation"
    for k in range(4):
        assert apart(loops[k], cohort.loops[k]) < 1e-9
        assert_same_history(together[k], alone[k], 1e-6)


def test_on_cuda_a_member_that_diverges_does_not_disturb_the_others() -> None:
    configurations = [{"lr": lr} for lr in (1e-2, 1e30, 2e-2, 3e-2)]
    setting = Setting(
        "resnet", Variant("own", VARIANTS["plain descent"]), configurations, [0, 1, 2, 3],
        dtype=torch.float64, device="cuda", epochs=4,
    )  # fmt: skip
    loops, alone = setting.alone()
    cohort = CohortLoop(setting.loops())
    together = histories(cohort)
    assert together[1][-1]["status"] == "diverged"
    for k in (0, 2, 3):
        assert math.isfinite(together[k][-1]["train_loss_end"])
        assert apart(loops[k], cohort.loops[k]) < 1e-9
        assert_same_history(together[k], alone[k], 1e-6)


def test_on_cuda_a_stack_for_which_memory_is_too_small_is_halved(
    little_memory: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, "wide autoencoder", (ConvAutoencoder, "reconstruction", 28))
    size = 128
    setting = Setting("wide autoencoder", "adam", numbers(size), list(range(size)), device="cuda")
    cohort = CohortLoop(setting.loops())
    little_memory(160 * MEGABYTES)
    together = histories(cohort)
    assert cohort.largest < size
    assert all(reports[-1]["status"] == "completed" for reports in together)
