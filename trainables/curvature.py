r"""Second-order information for the hyperalgorithm: Hessian-vector products with random vectors.

The product is the gradient's gradient (double backward). Forward over reverse (``torch.func.jvp`` of
``grad``) takes as long and does less: gradient and product of the autoencoder, batch 64, one thread, median
of 9: 115 ms and 103 ms (the gradient alone: 25 ms); a dense network: 9.6 and 9.8 ms; three convolutions: 68
and 74 ms; but it refuses batch norm in training and ``mse_loss`` (Intel Xeon, torch 2.14).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from trainables import compat
from trainables.names import InputError
from trainables.norms import POWERS, add_in_norm_

REFUSALS = re.compile(
    r"differentiate twice|derivative for|derivative of|double backward|not implemented|not differentiable"
)
"""Words in PyTorch's errors for an operation without a second derivative."""


class Curvature(NamedTuple):
    """Result of :func:`curvature`; the lists have one entry a parameter.

    Attributes:
        gradient: gradient of the loss; None for a parameter that the loss does not depend on.
        h: curvature :math:`h_t`; None for the same parameters.
        fell_back: share of the elements of h that are the gradient, because the product was not finite: a
            tensor of no dimensions (of stacked models ``[K]``), on the device, so that reading it is the
            caller's choice.
    """

    gradient: list[Tensor | None]
    h: list[Tensor | None]
    fell_back: Tensor


def curvature(
    loss: Tensor,
    params: Sequence[Tensor],
    generator: torch.Generator | Sequence[torch.Generator] | None = None,
    *,
    samples: int = 1,
    p: float = 2.0,
) -> Curvature:
    r"""The gradient and the curvature :math:`h_t` at the parameters.

    .. math::
        h = \left(\tfrac 1 n \sum_{i=1}^n |H u_i|^p\right)^{1/p}, \quad u_i \sim N(0, I)
            \qquad (n = 1: h = H u; \quad p = \infty: h = \max_i |H u_i|)

    so that :math:`|h|^p`, which the hyperalgorithm accumulates, is the mean over the samples: for p = 2 an
    estimate of the Hessian's squared row norms, whose variance falls as 1 / n. Elements that are not finite
    fall back to the gradient, sample by sample.

    Args:
        loss: a scalar with its autograd graph.
        params: parameters to differentiate by.
        generator: draws u, on the device of the parameters; for the summed loss of K stacked models, whose
            one parameter is ``[K, N]``, a generator for each.
        samples: n, at least 1.
        p: the norm of the hyperalgorithm, at least 1.

    Raises:
        InputError: for a model with an operation that cannot be differentiated twice, naming it; samples
            below 1.

    Source: Dauphin, de Vries & Bengio (2015), section 4; the fallback: Dozat, "Optimizing CNNs", section 4.3.

    >>> theta = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> found = curvature(theta.pow(3).sum(), [theta], torch.Generator().manual_seed(0))
    >>> found.h[0] / torch.randn(2, generator=torch.Generator().manual_seed(0))  # diagonal Hessian: 6 theta
    tensor([ 6., 12.])
    """
    if isinstance(samples, bool) or not isinstance(samples, int) or samples < 1:
        raise InputError(f"curvature_samples must be an integer of at least 1, got {samples!r}")
    if once := _once_differentiable(loss):  # torch itself would give a product without their part
        raise InputError(
            f"order='second' needs a model that can be differentiated twice, and {', '.join(once)} is "
            "once_differentiable"
        )
    try:
        gradient = torch.autograd.grad(loss, params, create_graph=True, allow_unused=True)
    except RuntimeError as error:
        raise _explained(error) from error
    used = [(param, slope) for param, slope in zip(params, gradient, strict=True) if slope is not None]
    inputs, slopes = [param for param, _ in used], [slope for _, slope in used]
    if not inputs:
        return Curvature(list(gradient), [None] * len(params), torch.zeros((), device=loss.device))
    flat_gradient = _flat(slopes)
    stacked = isinstance(generator, Sequence)
    generators = generator if isinstance(generator, Sequence) else [generator]
    total, fallen = torch.zeros_like(flat_gradient), torch.zeros(len(generators), device=loss.device)
    for i in range(samples):
        u = torch.cat(
            [
                _normal(flat_gradient, flat_gradient.numel() // len(generators), stream)
                for stream in generators
            ]
        )
        try:
            product = _flat(hessian_product(slopes, inputs, _unflat(u, inputs), retain_graph=i + 1 < samples))
        except RuntimeError as error:
            raise _explained(error) from error
        finite = torch.isfinite(product)
        h = torch.where(finite, product, flat_gradient)
        fallen += (~finite).reshape(len(generators), -1).sum(1) / (finite.numel() // len(generators))
        if samples == 1:
            total = h
        else:
            _add_in_norm(total, h.abs(), p, len(generators) if stacked else None)
    if samples > 1:
        total *= samples ** (-1 / p)
    each_h = iter(_unflat(total, inputs))
    return Curvature(
        [None if slope is None else slope.detach() for slope in gradient],
        [None if slope is None else next(each_h) for slope in gradient],
        fallen / samples if stacked else fallen.squeeze(0) / samples,
    )


def hessian_product(
    gradient: Sequence[Tensor],
    params: Sequence[Tensor],
    vector: Sequence[Tensor],
    *,
    retain_graph: bool = False,
) -> list[Tensor]:
    r"""The product :math:`H u = \nabla_\theta (\nabla_\theta f \cdot u)` by a second backward pass.

    Args:
        gradient: gradient of a scalar, computed with ``create_graph=True``.
        params: the parameters of the gradient.
        vector: u. All of one length and one shape each.
        retain_graph: keep the graph for another product.

    Returns:
        one tensor for each parameter, 0 where the gradient does not depend on it (a linear model).
    """
    linked = [(slope, u) for slope, u in zip(gradient, vector, strict=True) if slope.requires_grad]
    if not linked:
        return [torch.zeros_like(param) for param in params]
    slopes, directions = zip(*linked, strict=True)
    return list(
        torch.autograd.grad(
            slopes, params, directions, retain_graph=retain_graph, allow_unused=True, materialize_grads=True
        )
    )


def _normal(like: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    return torch.randn(count, generator=generator, device=like.device, dtype=like.dtype)


def _add_in_norm(total: Tensor, more: Tensor, p: float, members: int | None) -> None:
    """Add in the p-norm.

    Args:
        members: number of members of a stack, whose rows have separate norms; None without a stack.
    """
    if members is None or p in POWERS:
        add_in_norm_([total], [more], p)
    else:
        norms = torch.full((members, 1), p, dtype=total.dtype, device=total.device)
        add_in_norm_([total.view(members, -1)], [more.view(members, -1)], [norms])


def _flat(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors to one vector, so that few operations suffice for any number of parameters."""
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])


def _unflat(vector: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    pieces = torch.split(vector, [tensor.numel() for tensor in like])
    return [piece.view(tensor.shape).to(tensor.dtype) for piece, tensor in zip(pieces, like, strict=True)]


def _explained(error: RuntimeError) -> Exception:
    """Return the InputError for a model that cannot be differentiated twice; any other error unchanged."""
    message = str(error).splitlines()[0] if str(error) else ""
    if isinstance(error, torch.OutOfMemoryError) or not REFUSALS.search(message):
        return error
    named = re.search(r"derivative for '?(?:aten::)?(\w+)", message)
    operation = named.group(1) if named else "an operation of the model"
    return InputError(
        f"order='second' needs a model that can be differentiated twice, and {operation} cannot: {message}"
    )


def _once_differentiable(loss: Tensor) -> list[str]:
    """Return the names of the autograd functions in a loss's graph that are marked once_differentiable."""
    functions: dict[str, None] = {}
    seen: set[Any] = set()
    waiting: list[Any] = [loss.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        waiting += [following for following, _ in node.next_functions]
        function = compat.function_of(node)
        if function is not None and hasattr(function.backward, "__wrapped__"):
            functions[function.__name__] = None
    return list(functions)
