"""The private names of PyTorch: one test a use, which fails when a version of PyTorch lacks the name or means something else by it."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainables import compat

X, Y, Z = (torch.tensor([values]) for values in ([-2.0, 3.0], [4.0, 1.0], [0.5, 2.0]))
NEW: dict[str, tuple[Callable[[], Any], Tensor]] = {
    "foreach_abs": (lambda: compat.foreach_abs([X]), X.abs()),
    "foreach_maximum": (lambda: compat.foreach_maximum([X], [Y]), torch.maximum(X, Y)),
    "foreach_mul": (lambda: compat.foreach_mul([X], [Y]), X * Y),
    "foreach_neg": (lambda: compat.foreach_neg([X]), -X),
    "foreach_norm": (lambda: compat.foreach_norm([X]), torch.linalg.vector_norm(X)),
    "foreach_sqrt": (lambda: compat.foreach_sqrt([Y]), Y.sqrt()),
}
IN_PLACE: dict[str, tuple[Callable[[list[Tensor]], Any], Tensor]] = {
    "foreach_add_": (lambda x: compat.foreach_add_(x, [Y], alpha=2), X + 2 * Y),
    "foreach_addcdiv_": (lambda x: compat.foreach_addcdiv_(x, [Y], [Z], -0.5), X - 0.5 * Y / Z),
    "foreach_addcmul_": (lambda x: compat.foreach_addcmul_(x, [Y], [Z], -0.5), X - 0.5 * Y * Z),
    "foreach_copy_": (lambda x: compat.foreach_copy_(x, [Y]), Y),
    "foreach_div_": (lambda x: compat.foreach_div_(x, [Y]), X / Y),
    "foreach_lerp_": (lambda x: compat.foreach_lerp_(x, [Y], 0.25), X + 0.25 * (Y - X)),
    "foreach_maximum_": (lambda x: compat.foreach_maximum_(x, [Y]), torch.maximum(X, Y)),
    "foreach_minimum_": (lambda x: compat.foreach_minimum_(x, [Y]), torch.minimum(X, Y)),
    "foreach_mul_": (lambda x: compat.foreach_mul_(x, 3.0), 3 * X),
    "foreach_pow_": (lambda x: compat.foreach_pow_(x, 2), X * X),
    "foreach_sign_": (lambda x: compat.foreach_sign_(x), X.sign()),
}


class Double(torch.autograd.Function):
    """Twice a tensor."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return 2 x."""
        return 2 * x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Return the gradient of 2 x."""
        return 2 * gradient


@pytest.mark.parametrize("name", NEW)
def test_a_function_of_a_list_returns_new_tensors(name: str) -> None:
    call, expected = NEW[name]
    (result,) = call()
    torch.testing.assert_close(result, expected)


@pytest.mark.parametrize("name", IN_PLACE)
def test_a_function_of_a_list_works_in_place(name: str) -> None:
    call, expected = IN_PLACE[name]
    tensors = [X.clone()]
    call(tensors)
    torch.testing.assert_close(tensors[0], expected)


def test_every_function_of_a_list_is_tested() -> None:
    assert {name for name in vars(compat) if name.startswith("foreach_")} == NEW.keys() | IN_PLACE.keys()


@pytest.mark.parametrize("layer", [nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm])
def test_every_batch_norm_has_the_parent(layer: type[nn.Module]) -> None:
    assert issubclass(layer, compat.BatchNorm)
    assert issubclass(layer, compat.NormBase)


@pytest.mark.parametrize("layer", [nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d])
def test_every_layer_with_running_statistics_has_the_parent(layer: type[nn.Module]) -> None:
    assert issubclass(layer, compat.NormBase)


def test_nested_tensors_are_flattened_mapped_and_put_back() -> None:
    nested = {"a": [X, (Y, 3)], "b": None}
    leaves, shape = compat.tree_flatten(nested)
    assert compat.tree_unflatten(leaves, shape) == nested
    assert [id(leaf) for leaf in leaves if isinstance(leaf, Tensor)] == [id(X), id(Y)]
    doubled = compat.tree_map(lambda leaf: 2 * leaf if isinstance(leaf, Tensor) else leaf, nested)
    torch.testing.assert_close(doubled["a"][1][0], 2 * Y)


def test_results_of_a_subclass_are_plain_tensors() -> None:
    class Marked(Tensor):
        """A tensor of a class of its own."""

        __torch_function__ = compat.disabled_torch_function

    assert type(X.clone().as_subclass(Marked) + 1) is Tensor


@pytest.mark.parametrize(
    "register",
    [
        "register_forward_hook",
        "register_forward_pre_hook",
        "register_full_backward_hook",
        "register_full_backward_pre_hook",
    ],
)
def test_a_hook_is_seen(register: str) -> None:
    layer = nn.Linear(1, 1)
    assert not compat.has_hooks(layer)
    handle = getattr(layer, register)(lambda *arguments: None)
    assert compat.has_hooks(layer)
    handle.remove()
    assert not compat.has_hooks(layer)


def test_a_tensor_put_into_its_home_is_used() -> None:
    layer = nn.BatchNorm1d(1)
    parameters, buffers = compat.tensor_homes(layer)
    assert (set(parameters), set(buffers)) == (
        {"weight", "bias"},
        {"running_mean", "running_var", "num_batches_tracked"},
    )
    buffers["running_mean"] = torch.tensor([5.0])
    parameters["weight"] = nn.Parameter(torch.tensor([0.0]))
    assert float(layer.running_mean) == 5
    torch.testing.assert_close(layer.eval()(torch.tensor([[1.0]])), torch.tensor([[0.0]]))


def test_a_node_tells_the_function_of_its_user() -> None:
    x = X.clone().requires_grad_()
    assert compat.function_of(Double.apply(x).grad_fn) is Double
    assert compat.function_of((2 * x).grad_fn) is None


def test_methods_without_the_compiler_are_those_of_the_optimizer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where something has imported the compiler, the method is the one that it knows to leave alone."""
    asked: list[str] = []

    def hidden(*arguments: Any) -> str:
        asked.append("hidden")
        return plain(*arguments)

    def plain(optimizer: str, group: str) -> str:
        return f"{optimizer} {group}"

    hidden.__wrapped__ = plain  # type: ignore[attr-defined]
    monkeypatch.setattr(torch.optim.Optimizer, "zero_grad", hidden)
    method = compat.eager("zero_grad")
    monkeypatch.delitem(sys.modules, "torch._dynamo", raising=False)
    assert (method("sgd", group="one"), asked) == ("sgd one", [])
    monkeypatch.setitem(sys.modules, "torch._dynamo", torch)
    assert (method("sgd", "two"), asked) == ("sgd two", ["hidden"])


@pytest.mark.parametrize("name", ["add_param_group", "zero_grad", "state_dict", "load_state_dict"])
def test_pytorch_hides_these_methods_from_the_compiler(name: str) -> None:
    """A version that does not needs no :func:`compat.eager`."""
    hidden = getattr(torch.optim.Optimizer, name)
    assert inspect.unwrap(hidden) is not hidden


def test_weighted_gradients_are_those_of_autograd() -> None:
    leaf = torch.tensor([[1.0, -2.0], [0.5, 3.0]], requires_grad=True)
    weights = torch.tensor([1.0, 0.25])
    outputs = [(leaf.tanh() * X).sum(1) for _ in range(2)]
    expected = torch.autograd.grad(outputs[0], [leaf], weights)
    assert torch.equal(compat.weighted_gradients(outputs[1], [leaf], weights)[0], expected[0])
    with pytest.raises(RuntimeError, match="not have been used"):
        compat.weighted_gradients(leaf.sum(1), [torch.zeros(1, requires_grad=True)], weights)


def test_training_does_not_import_sympy() -> None:
    script = (
        "import sys\n"
        "from trainables.datasets import load\n"
        "from trainables.cohorts import CohortLoop\n"
        "from trainables.tasks import task\n"
        "from trainables.training import TrainingLoop\n"
        "from trainables.variants import variant\n"
        "data = load('synthetic')\n"
        "chosen = task('logistic/synthetic'), variant('adam'), {'lr': .01}\n"
        "loops = [TrainingLoop(*chosen, seed, data=data, epochs=1) for seed in (0, 1)]\n"
        "print(len(list(CohortLoop(loops))), 'sympy' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=100)
    assert done.stdout.strip() == "1 False", done.stderr
