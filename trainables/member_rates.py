"""Learning rates of a cohort that PyTorch's schedulers can change."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from trainables import compat
from trainables.names import InputError


class MemberRates(Tensor):
    """One learning rate for each member, in storage of its own.

    ``torch.optim.lr_scheduler`` writes the rates that it computes into a tensor by ``fill_``, which by itself
    takes one number. Results of computations, copies and saved states are plain tensors.

    >>> rates = member_rates(torch.tensor([0.1, 0.2]))
    >>> rates.fill_(rates * 0.5)
    MemberRates([0.0500, 0.1000])
    """

    __torch_function__ = compat.disabled_torch_function

    def fill_(self, value: Any) -> Tensor:
        """Set the rates to one number for all members, or to one number for each."""
        return self.copy_(torch.as_tensor(value, dtype=self.dtype))

    def __float__(self) -> float:
        """Refuse the conversion, which ReduceLROnPlateau asks for.

        Raises:
            InputError: always.
        """
        raise InputError(
            "a scheduler that needs lr as one number, as ReduceLROnPlateau does, cannot drive the "
            f"{len(self)} of a cohort"
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        return self.as_subclass(Tensor).clone()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.as_subclass(Tensor).__reduce_ex__(protocol)  # type: ignore[no-untyped-call]


def member_rates(lr: Any) -> Any:
    """Return a copy of several members' learning rates as :class:`MemberRates`; anything else unchanged."""
    if not isinstance(lr, Tensor) or isinstance(lr, MemberRates) or lr.numel() < 2:
        return lr
    floating = lr if lr.is_floating_point() else lr.double()  # half of the integer 1 would be 0
    return floating.detach().clone().as_subclass(MemberRates)
