"""Variant registry: variants by name. A setting that a variant does not fix is a hyperparameter.

Any name of :mod:`trainables.named_variants` is a variant; so is every combination of
:mod:`trainables.variant_names` (the paper's 768 among them), and every ``torch.optim.Optimizer``
(:mod:`trainables.torch_variants`).
"""

from __future__ import annotations

import re
from typing import Any

from trainables.named_variants import VARIANTS
from trainables.names import InputError, unknown
from trainables.variant_definition import Optimizable


def variant(name: Any) -> Optimizable:
    """Return a variant by its name.

    Args:
        name: one of :data:`VARIANTS`; a combination such as
            ``cm-unscaled-mean-bias_corrected+l2-mean-bias_corrected`` (which is Adam; see
            :mod:`trainables.variant_names`); ``torch.optim.AdamW``, or ``package.module:Name`` of a user's
            optimizer class or factory (see :mod:`trainables.torch_variants`); that class or factory itself;
            or a variant, which is returned.

    Raises:
        InputError: with the nearest known name, the part of a combination that is wrong, or why an optimizer
            cannot be used.

    >>> variant("nag-unscaled-mean-constant").hyperparameters
    ('lr', 'mu')
    """
    if not isinstance(name, str):
        if hasattr(name, "accepts") and hasattr(name, "optimizer"):
            chosen: Optimizable = name
            return chosen
        from trainables.torch_variants import torch_variant

        return torch_variant(name)
    if name in VARIANTS:
        return VARIANTS[name]
    if ":" in name or name.startswith("torch."):
        from trainables.torch_variants import torch_variant

        return torch_variant(name)
    if "-" in name or "+" in name:
        from trainables.variant_names import combination

        return combination(name)
    raise _unknown(name)


def _unknown(name: str) -> InputError:
    """Return the error for an unknown variant; it suggests PyTorch's optimizers by their class names too."""
    from trainables.torch_variants import TORCH_DEFAULTS

    of_torch = {full.rpartition(".")[2].casefold(): full for full in TORCH_DEFAULTS}
    if name.casefold() in of_torch and name.casefold() not in VARIANTS:
        return InputError(f"unknown variant {name!r}; did you mean {of_torch[name.casefold()]!r}?")
    return unknown("variant", name, VARIANTS)


def register_variant(chosen: Optimizable) -> Optimizable:
    """Make a variant known by its name, which specifications and the command may then use.

    Registering an equal one again changes nothing, so that a module which registers may be imported by every
    worker.

    Args:
        chosen: the variant, which is returned. Its name has letters, digits and underscores, as the other
            kinds of names have others.

    Raises:
        InputError: for a name of another form, or one that another variant has.
    """
    if not re.fullmatch(r"[A-Za-z_]\w*", chosen.name):
        raise InputError(
            f"the name of a variant needs letters, digits and underscores only, got {chosen.name!r}"
        )
    if chosen.name in VARIANTS and VARIANTS[chosen.name] != chosen:
        raise InputError(
            f"there is another variant {chosen.name!r} already; choose a name that is not one of: "
            f"{', '.join(VARIANTS)}"
        )
    return VARIANTS.setdefault(chosen.name, chosen)
