"""Variants: names for fixed choices of the hyperalgorithm. What a variant does not fix is a hyperparameter.

Any name below is a variant; so is every combination of :mod:`trainables.variant_names` (the paper's 768 among them), and every
``torch.optim.Optimizer`` (:mod:`trainables.torch_variants`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from trainables.names import InputError, unknown

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from trainables.hyperalgorithm import Hyperalgorithm

SETTINGS = (
    "lr", "mu", "nu", "p", "epsilon", "momentum", "momentum_gradient", "momentum_accumulation",
    "adaptive", "order", "mu_schedule", "nu_schedule", "period",
)  # fmt: skip
"""Everything of the hyperalgorithm that a variant can fix or leave open."""

DOZAT = 'Dozat, "Optimizing CNNs"'


class Optimizable(Protocol):
    """What a study, a space and the training loop ask of a variant. :class:`Variant` is one; anything of this form may be registered."""

    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def hyperparameters(self) -> tuple[str, ...]:
        """The numbers that a study usually varies."""
        ...

    @property
    def needs(self) -> tuple[str, ...]:
        """The settings without a default."""
        ...

    @property
    def accepts(self) -> frozenset[str]:
        """Every setting that a configuration may give."""
        ...

    def optimizer(
        self, params: Iterable[Tensor] | Iterable[dict[str, Any]], configuration: Mapping[str, Any]
    ) -> torch.optim.Optimizer:
        """The optimizer of one configuration."""
        ...


@dataclass(frozen=True)
class Variant:
    """A named optimizer: the hyperalgorithm with ``fixed`` settings.

    Args: name: how specifications and plots call it. fixed: settings of :class:`Hyperalgorithm`.
        description: one line. source: who proposed it.

    >>> variant("adam").hyperparameters
    ('lr', 'mu', 'nu')
    """

    name: str
    fixed: Mapping[str, Any] = field(repr=False)
    description: str = ""
    source: str = ""

    @property
    def hyperparameters(self) -> tuple[str, ...]:
        """The numbers that a study of this variant usually varies: lr, and mu and nu where they take part."""
        names = ["lr"]
        for decay, part, usual in (("mu", "momentum", "cm"), ("nu", "adaptive", "mean")):
            schedule = self.fixed.get(f"{decay}_schedule", "constant")
            if self.fixed.get(part, usual) != "none" and schedule != "true_mean" and ":" not in schedule:
                names.append(decay)
        return tuple(name for name in names if name not in self.fixed)

    @property
    def needs(self) -> tuple[str, ...]:
        """The settings without a default, which every configuration has to give."""
        return () if "lr" in self.fixed else ("lr",)

    @property
    def accepts(self) -> frozenset[str]:
        """Every setting that a configuration of this variant may give."""
        return frozenset(SETTINGS) - frozenset(self.fixed)

    def optimizer(
        self, params: Iterable[Tensor] | Iterable[dict[str, Any]], configuration: Mapping[str, Any]
    ) -> Hyperalgorithm:
        """The optimizer of one configuration. Raises: InputError for a setting that is unknown, fixed here, lacking or out of range."""
        from trainables.hyperalgorithm import Hyperalgorithm

        check_names(self, configuration)
        return Hyperalgorithm(params, **{**self.fixed, **configuration})


def check_names(chosen: Optimizable, configuration: Mapping[str, Any]) -> None:
    """Hold the names of a configuration against what a variant accepts and needs. Raises: InputError with the nearest name."""
    for name in configuration:
        if name not in chosen.accepts:
            raise unknown(f"hyperparameter of {chosen.name}", name, sorted(chosen.accepts))
    for name in chosen.needs:
        if name not in configuration:
            raise InputError(f"a configuration of {chosen.name} needs {name}, got {dict(configuration)!r}")


def _momentum(kind: str, accumulation: str) -> dict[str, Any]:
    return {
        "momentum": kind,
        "momentum_gradient": "unscaled",
        "momentum_accumulation": accumulation,
        "mu_schedule": "constant",
        "adaptive": "none",
    }


def _adaptive(
    p: float, adaptive: str = "mean", nu_schedule: str = "bias_corrected", **more: Any
) -> dict[str, Any]:
    return {"momentum": "none", "adaptive": adaptive, "p": p, "nu_schedule": nu_schedule, **more}


def _combined(kind: str, p: float, nu_schedule: str = "bias_corrected", **more: Any) -> dict[str, Any]:
    return {
        "momentum": kind,
        "momentum_gradient": "unscaled",
        "momentum_accumulation": "mean",
        "mu_schedule": "bias_corrected",
        "adaptive": "mean",
        "p": p,
        "nu_schedule": nu_schedule,
        **more,
    }


DAUPHIN = "Dauphin, de Vries & Bengio (2015)"
SCALED_SUM = {"momentum_gradient": "scaled", "momentum_accumulation": "sum", "mu_schedule": "constant"}
NAMED = (
    Variant(
        "sgd", {"momentum": "none", "adaptive": "none"}, "plain gradient descent", "Robbins & Monro (1951)"
    ),
    Variant("cm", _momentum("cm", "sum"), "classical momentum: a decaying sum of gradients", "Polyak (1964)"),
    Variant(
        "nag",
        _momentum("nag", "sum"),
        "Nesterov's accelerated gradient, a decaying sum",
        "Nesterov (1983); Sutskever et al. (2013)",
    ),
    Variant(
        "cm_mean", _momentum("cm", "mean"), "classical momentum as a decaying mean", f"{DOZAT}, section 2.1"
    ),
    Variant(
        "nag_mean",
        _momentum("nag", "mean"),
        "Nesterov's accelerated gradient as a decaying mean",
        f"{DOZAT}, section 4.2",
    ),
    Variant(
        "adagrad",
        _adaptive(2.0, "sum", "constant", nu=1.0),
        "L2 norm of all gradients so far",
        "Duchi et al. (2011)",
    ),
    Variant(
        "rmsprop",
        _adaptive(2.0, nu_schedule="constant"),
        "L2 norm with a decaying mean",
        "Tieleman & Hinton (2012)",
    ),
    Variant(
        "adam", _combined("cm", 2.0), "momentum and L2 norm, both bias-corrected means", "Kingma & Ba (2015)"
    ),
    Variant(
        "adamax",
        _combined("cm", math.inf, "constant"),
        "Adam with the maximum norm",
        "Kingma & Ba (2015), section 7.1",
    ),
    Variant("nadam", _combined("nag", 2.0), "Adam with Nesterov's momentum", "Dozat (2016)"),
    Variant(
        "l1_adagrad",
        _adaptive(1.0, "sum", "constant", nu=1.0),
        "L1 norm of all gradients so far",
        f"{DOZAT}, section 3",
    ),
    Variant("l1_adagrad_mean", _adaptive(1.0), "L1 norm with a bias-corrected mean", f"{DOZAT}, Table 2"),
    Variant("l2_adagrad_mean", _adaptive(2.0), "L2 norm with a bias-corrected mean", f"{DOZAT}, Table 2"),
    Variant(
        "linf_adagrad_mean",
        _adaptive(math.inf, nu_schedule="constant"),
        "maximum norm with decay",
        f"{DOZAT}, Table 2",
    ),
    Variant("l1_adam", _combined("cm", 1.0), "Adam with the L1 norm", f"{DOZAT}, Table 3"),
    Variant("l1_nadam", _combined("nag", 1.0), "NAdam with the L1 norm", f"{DOZAT}, Table 3"),
    Variant("linf_nadam", _combined("nag", math.inf), "NAdam with the maximum norm", f"{DOZAT}, Table 3"),
    Variant(
        "laprop",
        _combined("cm", 2.0, momentum_gradient="scaled"),
        "Adam with momentum of the scaled gradient",
        "Ziyin et al. (2020)",
    ),
    Variant(
        "rmsprop_momentum",
        _combined("cm", 2.0, "constant", **SCALED_SUM),
        "RMSProp with a decaying sum of scaled gradients, as PyTorch and TensorFlow have it",
        "Tieleman & Hinton (2012); Graves (2013)",
    ),
    Variant(
        "signsgd",
        _adaptive(2.0, nu_schedule="constant", nu=0.0),
        "the sign of the gradient",
        "Bernstein et al. (2018)",
    ),
    Variant(
        "egd",
        _adaptive(2.0, nu_schedule="true_mean", order="second"),
        "equilibrated gradient descent: L2 norm of Hessian-vector products, a true mean",
        DAUPHIN,
    ),
    Variant(
        "egd_momentum",
        _combined("cm", 2.0, "true_mean", order="second"),
        "equilibrated gradient descent with a bias-corrected mean of gradients",
        f"{DAUPHIN}, section 6; {DOZAT}, section 4.4",
    ),
)
VARIANTS: dict[str, Optimizable] = {each.name: each for each in NAMED}
"""The named variants, and those that were registered."""


def variant(name: Any) -> Optimizable:
    """A variant by its name.

    Args: name: one of :data:`VARIANTS`; a combination such as ``cm-unscaled-mean-bias_corrected+l2-mean-bias_corrected`` (which is Adam;
        see :mod:`trainables.variant_names`); ``torch.optim.AdamW``, or ``package.module:Name`` of an optimizer class or factory of
        one's own (see :mod:`trainables.torch_variants`); that class or factory itself; or a variant, which is returned.
    Raises: InputError with the nearest known name, the part of a combination that is wrong, or why an optimizer cannot be used.

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
    """The error for an unknown variant, which knows the optimizers of PyTorch by their last names too."""
    from trainables.torch_variants import TORCH_DEFAULTS

    of_torch = {full.rpartition(".")[2].casefold(): full for full in TORCH_DEFAULTS}
    if name.casefold() in of_torch and name.casefold() not in VARIANTS:
        return InputError(f"unknown variant {name!r}; did you mean {of_torch[name.casefold()]!r}?")
    return unknown("variant", name, VARIANTS)


def register_variant(chosen: Optimizable) -> Optimizable:
    """Make a variant known by its name, which specifications and the command may then use.

    Registering an equal one again changes nothing, so that a module which registers may be imported by every worker.

    Args: chosen: the variant, which is returned. Its name has letters, digits and underscores, as the other kinds of names have others.
    Raises: InputError for a name of another form, or one that another variant has.
    """
    if not re.fullmatch(r"[A-Za-z_]\w*", chosen.name):
        raise InputError(
            f"the name of a variant needs letters, digits and underscores only, got {chosen.name!r}"
        )
    if chosen.name in VARIANTS and VARIANTS[chosen.name] != chosen:
        raise InputError(
            f"there is another variant {chosen.name!r} already; choose a name that is not one of: {', '.join(VARIANTS)}"
        )
    return VARIANTS.setdefault(chosen.name, chosen)
