"""Private names of PyTorch 2.14; each is used here only, and has a test that fails when a version lacks it.

``torch._foreach_NAME`` does for a list of tensors, at once, what ``torch.NAME`` does for one. The optimizers
of ``torch.optim`` are made of the same functions, and no public function takes a list.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import _engine_run_backward
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase
from torch.utils import _pytree

foreach_abs = torch._foreach_abs
foreach_add_ = torch._foreach_add_
foreach_addcdiv_ = torch._foreach_addcdiv_
foreach_addcmul_ = torch._foreach_addcmul_
foreach_copy_ = torch._foreach_copy_
foreach_div_ = torch._foreach_div_
foreach_lerp_ = torch._foreach_lerp_
foreach_maximum = torch._foreach_maximum
foreach_maximum_ = torch._foreach_maximum_
foreach_minimum_ = torch._foreach_minimum_
foreach_mul = torch._foreach_mul
foreach_mul_ = torch._foreach_mul_
foreach_neg = torch._foreach_neg
foreach_norm = torch._foreach_norm
foreach_pow_ = torch._foreach_pow_
foreach_sign_ = torch._foreach_sign_
foreach_sqrt = torch._foreach_sqrt

BatchNorm = _BatchNorm
"""Every batch norm, of any number of dimensions: ``torch.nn.modules.batchnorm._BatchNorm``. The public
classes have no other parent.
"""
NormBase = _NormBase
"""Every layer with running statistics, instance norm too: ``torch.nn.modules.batchnorm._NormBase``."""

tree_flatten, tree_map, tree_unflatten = _pytree.tree_flatten, _pytree.tree_map, _pytree.tree_unflatten
"""Tensors in nested lists, tuples and dictionaries: ``torch.utils._pytree``. There is no public name."""

disabled_torch_function: Any = torch._C._disabled_torch_function_impl
"""``__torch_function__`` of a subclass of Tensor whose results are plain tensors:
``torch._C._disabled_torch_function_impl``, as in ``torch.nn.Parameter``.
"""


def eager(name: str) -> Callable[..., Any]:
    """Return a method of ``torch.optim.Optimizer`` that does not import ``torch._dynamo``.

    PyTorch hides some methods from ``torch.compile`` by a wrapper, ``torch._disable_dynamo``, whose first
    call imports the compiler: two to three seconds of every process that trains. Where nothing has imported
    it, nothing is compiled, and the wrapped function is called.
    """
    hidden = getattr(torch.optim.Optimizer, name)
    plain = inspect.unwrap(hidden)

    @functools.wraps(plain)
    def method(*arguments: Any, **named: Any) -> Any:
        return (hidden if "torch._dynamo" in sys.modules else plain)(*arguments, **named)

    return method


def weighted_gradients(outputs: Tensor, of: Sequence[Tensor], weights: Tensor) -> tuple[Tensor, ...]:
    """Return ``torch.autograd.grad(outputs, of, weights)``, to the same bits.

    Private name: ``torch.autograd.graph._engine_run_backward``. The public function imports SymPy, half a
    second of every process that trains, and compares shapes in Python, a tenth of a small step.

    Args:
        outputs: tensor of a graph.
        of: leaves of the graph; each is used.
        weights: of the outputs' gradients, with the outputs' shape.

    Raises: RuntimeError where a leaf is not used.
    """
    return _engine_run_backward(
        (outputs,), (weights,), False, False, tuple(of), allow_unreachable=False, accumulate_grad=False
    )


def has_hooks(module: nn.Module) -> bool:
    """True if a module has a hook, before or after its forward or backward pass.

    Private names: ``nn.Module._forward_hooks``, ``_forward_pre_hooks``, ``_backward_hooks`` and
    ``_backward_pre_hooks``. The public methods register hooks, and none tells of them.
    """
    return any(
        (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)
    )


def tensor_homes(module: nn.Module) -> tuple[dict[str, Any], dict[str, Any]]:
    """The dictionaries in which a module itself has its parameters and its buffers, by name; a tensor put
    there is what the module uses.

    Private names: ``nn.Module._parameters`` and ``_buffers``. ``torch.func.functional_call`` replaces them
    one by one, in every call.
    """
    return module._parameters, module._buffers


def function_of(node: Any) -> type[torch.autograd.Function] | None:
    """The user's autograd function whose backward pass a node of a graph is; None for an operation of
    PyTorch.

    Private name: ``_forward_cls``, of the class that PyTorch makes for the backward pass of a
    ``torch.autograd.Function``.

    Args:
        node: a ``grad_fn``, or what follows one.
    """
    return getattr(node, "_forward_cls", None)
