"""Numbers that differ by row, for optimizers that take one number for a whole tensor.

An optimizer that updates every number of a parameter independently of the others can update the parameters of
K models as one tensor ``[K, N]``, if its settings may differ by row. :class:`RowNumber` stands for such a
setting: it computes with Python's floats, row by row, as the optimizer of one model does. :class:`Rows` is
the tensor: its methods take a :class:`RowNumber` where those of a tensor take a number.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor


class RowNumber:
    """A number for each row of a :class:`Rows`.

    A comparison is that of all rows, and conversion to one number is refused, so that a computation that
    needs one number fails instead of being wrong.

    Args:
        values: one number a row.

    >>> rate = RowNumber([0.1, 0.2])
    >>> (2 * rate).values, (1 - rate**2).values, rate != 0
    ((0.2, 0.4), (0.99, 0.96), True)
    """

    __slots__ = ("values",)

    def __init__(self, values: Sequence[float]) -> None:
        self.values = tuple(values)

    def column(self, tensor: Tensor) -> Tensor:
        """Return the numbers as a column ``[K, 1]`` of the type and on the device of a tensor."""
        return _column(self.values, tensor.dtype, tensor.device)

    def _with(self, other: Any, compute: Callable[[Any, Any], Any]) -> Any:
        if isinstance(other, Tensor) and other.ndim:
            return compute(self.column(other), other)
        if isinstance(other, RowNumber):
            return RowNumber([compute(a, b) for a, b in zip(self.values, other.values, strict=True)])
        number = other.item() if isinstance(other, Tensor) else other
        return RowNumber([compute(value, number) for value in self.values])

    def __add__(self, other: Any) -> Any:
        return self._with(other, operator.add)

    def __radd__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: b + a)

    def __sub__(self, other: Any) -> Any:
        return self._with(other, operator.sub)

    def __rsub__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: b - a)

    def __mul__(self, other: Any) -> Any:
        return self._with(other, operator.mul)

    def __rmul__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: b * a)

    def __truediv__(self, other: Any) -> Any:
        return self._with(other, operator.truediv)

    def __rtruediv__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: b / a)

    def __pow__(self, other: Any) -> Any:
        return self._with(other, operator.pow)

    def __rpow__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: b**a)

    def __neg__(self) -> RowNumber:
        return RowNumber([-value for value in self.values])

    def __abs__(self) -> RowNumber:
        return RowNumber([abs(value) for value in self.values])

    def _agreed(self, other: Any, compare: Callable[[Any, Any], Any]) -> bool:
        others = other.values if isinstance(other, RowNumber) else [other] * len(self.values)
        answers = {bool(compare(a, b)) for a, b in zip(self.values, others, strict=True)}
        if len(answers) > 1:
            raise TypeError("rows differ in a comparison that an optimizer makes")
        return answers.pop()

    def __eq__(self, other: object) -> bool:
        return self._agreed(other, operator.eq)

    def __ne__(self, other: object) -> bool:
        return self._agreed(other, operator.ne)

    def __lt__(self, other: Any) -> bool:
        return self._agreed(other, operator.lt)

    def __le__(self, other: Any) -> bool:
        return self._agreed(other, operator.le)

    def __gt__(self, other: Any) -> bool:
        return self._agreed(other, operator.gt)

    def __ge__(self, other: Any) -> bool:
        return self._agreed(other, operator.ge)

    def __bool__(self) -> bool:
        return self._agreed(0, operator.ne)

    def __hash__(self) -> int:
        return hash(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, row: int) -> tuple[float]:
        """Return a row, so that ``torch.as_tensor`` makes a column."""
        return (self.values[row],)

    def __float__(self) -> float:
        raise TypeError("rows differ in a number that an optimizer needs as one")

    def __deepcopy__(self, memo: dict[int, Any]) -> RowNumber:
        return self

    def __repr__(self) -> str:
        return f"RowNumber({list(self.values)})"


@lru_cache(maxsize=256)
def _column(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=dtype, device=device)[:, None]


class Rows(Tensor):
    """A tensor ``[K, N]`` whose methods take a :class:`RowNumber` as a number.

    >>> Rows([[1.0, 2.0], [3.0, 4.0]]).mul_(RowNumber([10, 100])).tolist()
    [[10.0, 20.0], [300.0, 400.0]]
    """

    def item(self) -> Any:
        """Return the numbers of a column ``[K, 1]``."""
        return (
            RowNumber(self.as_subclass(Tensor)[:, 0].tolist()) if self.shape[1:] == (1,) else super().item()
        )

    def add(self, other: Any, *, alpha: Any = 1) -> Tensor:  # type: ignore[override]
        if isinstance(alpha, RowNumber):
            other, alpha = alpha * other, 1
        return super().add(_plain(other, self), alpha=alpha)

    def add_(self, other: Any, *, alpha: Any = 1) -> Tensor:
        if isinstance(alpha, RowNumber):
            other, alpha = alpha * other, 1
        return super().add_(_plain(other, self), alpha=alpha)

    def sub(self, other: Any, *, alpha: Any = 1) -> Tensor:  # type: ignore[override]
        if isinstance(alpha, RowNumber):
            other, alpha = alpha * other, 1
        return super().sub(_plain(other, self), alpha=alpha)

    def sub_(self, other: Any, *, alpha: Any = 1) -> Tensor:
        if isinstance(alpha, RowNumber):
            other, alpha = alpha * other, 1
        return super().sub_(_plain(other, self), alpha=alpha)

    def mul(self, other: Any) -> Tensor:  # type: ignore[override]
        return super().mul(_plain(other, self))

    def mul_(self, other: Any) -> Tensor:
        return super().mul_(_plain(other, self))

    def div(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        return super().div(_plain(other, self), rounding_mode=rounding_mode)

    def div_(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        return super().div_(_plain(other, self), rounding_mode=rounding_mode)

    __iadd__, __isub__, __imul__, __itruediv__ = add_, sub_, mul_, div_

    def pow(self, exponent: Any) -> Tensor:
        return super().pow(_plain(exponent, self))

    def pow_(self, exponent: Any) -> Tensor:
        return super().pow_(_plain(exponent, self))

    def addcmul(self, one: Any, other: Any, *, value: Any = 1) -> Tensor:
        if isinstance(value, RowNumber):
            return super().add(value * one * other)
        return super().addcmul(one, other, value=value)

    def addcmul_(self, one: Any, other: Any, *, value: Any = 1) -> Tensor:
        if isinstance(value, RowNumber):
            return super().add_(value * one * other)
        return super().addcmul_(one, other, value=value)

    def addcdiv(self, one: Any, other: Any, *, value: Any = 1) -> Tensor:
        if isinstance(value, RowNumber):
            return super().add(value * one / other)
        return super().addcdiv(one, other, value=value)

    def addcdiv_(self, one: Any, other: Any, *, value: Any = 1) -> Tensor:
        if isinstance(value, RowNumber):
            return super().add_(value * one / other)
        return super().addcdiv_(one, other, value=value)

    def lerp(self, end: Tensor, weight: Any) -> Tensor:
        return super().lerp(end, _plain(weight, self))

    def lerp_(self, end: Tensor, weight: Any) -> Tensor:
        return super().lerp_(end, _plain(weight, self))

    def clamp(self, min: Any = None, max: Any = None) -> Tensor:
        return super().clamp(_plain(min, self), _plain(max, self))

    def clamp_(self, min: Any = None, max: Any = None) -> Tensor:
        return super().clamp_(_plain(min, self), _plain(max, self))

    def clamp_min(self, min: Any) -> Tensor:
        return super().clamp_min(_plain(min, self))

    def clamp_min_(self, min: Any) -> Tensor:
        return super().clamp_min_(_plain(min, self))


def _plain(number: Any, tensor: Tensor) -> Any:
    """Return a number for each row as a column; anything else unchanged."""
    return number.column(tensor) if isinstance(number, RowNumber) else number
