"""Variants: names for fixed choices of the hyperalgorithm. What a variant does not fix is a hyperparameter."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.hyperalgorithm import Hyperalgorithm

SETTINGS = (
    "lr", "mu", "nu", "p", "epsilon", "momentum", "momentum_gradient", "momentum_accumulation",
    "adaptive", "order", "mu_schedule", "nu_schedule", "period",
)  # fmt: skip
"""Everything of the hyperalgorithm that a variant can fix or leave open."""

DOZAT = 'Dozat, "Optimizing CNNs"'


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
        if self.fixed.get("momentum", "cm") != "none" and self.fixed.get("mu_schedule") != "true_mean":
            names.append("mu")
        if self.fixed.get("adaptive", "mean") != "none" and self.fixed.get("nu_schedule") != "true_mean":
            names.append("nu")
        return tuple(name for name in names if name not in self.fixed)

    @property
    def needs(self) -> tuple[str, ...]:
        """The settings without a default, which every configuration has to give."""
        return () if "lr" in self.fixed else ("lr",)

    @property
    def accepts(self) -> frozenset[str]:
        """Every setting that a configuration of this variant may give."""
        return frozenset(SETTINGS) - frozenset(self.fixed)

    def optimizer(self, params: Iterable[Tensor] | Iterable[dict[str, Any]], configuration: Mapping[str, Any]) -> Hyperalgorithm:
        """The optimizer of one configuration. Raises: InputError for a setting that is unknown, fixed here, lacking or out of range."""
        from trainables.hyperalgorithm import Hyperalgorithm

        for name in configuration:
            if name not in self.accepts:
                raise unknown(f"hyperparameter of {self.name}", name, sorted(self.accepts))
        for name in self.needs:
            if name not in configuration:
                raise InputError(f"a configuration of {self.name} needs {name}, got {dict(configuration)!r}")
        return Hyperalgorithm(params, **{**self.fixed, **configuration})


def _momentum(kind: str, accumulation: str) -> dict[str, Any]:
    return {
        "momentum": kind,
        "momentum_gradient": "unscaled",
        "momentum_accumulation": accumulation,
        "mu_schedule": "constant",
        "adaptive": "none",
    }


def _adaptive(p: float, adaptive: str = "mean", nu_schedule: str = "bias_corrected", **more: Any) -> dict[str, Any]:
    return {"momentum": "none", "adaptive": adaptive, "p": p, "nu_schedule": nu_schedule, **more}


def _combined(kind: str, p: float, nu_schedule: str = "bias_corrected") -> dict[str, Any]:
    return {
        "momentum": kind,
        "momentum_gradient": "unscaled",
        "momentum_accumulation": "mean",
        "mu_schedule": "bias_corrected",
        "adaptive": "mean",
        "p": p,
        "nu_schedule": nu_schedule,
    }


NAMED = (
    Variant("sgd", {"momentum": "none", "adaptive": "none"}, "plain gradient descent", "Robbins & Monro (1951)"),
    Variant("cm", _momentum("cm", "sum"), "classical momentum: a decaying sum of gradients", "Polyak (1964)"),
    Variant(
        "nag",
        _momentum("nag", "sum"),
        "Nesterov's accelerated gradient, a decaying sum",
        "Nesterov (1983); Sutskever et al. (2013)",
    ),
    Variant("cm_mean", _momentum("cm", "mean"), "classical momentum as a decaying mean", f"{DOZAT}, section 2.1"),
    Variant(
        "nag_mean",
        _momentum("nag", "mean"),
        "Nesterov's accelerated gradient as a decaying mean",
        f"{DOZAT}, section 4.2",
    ),
    Variant("adagrad", _adaptive(2.0, "sum", "constant", nu=1.0), "L2 norm of all gradients so far", "Duchi et al. (2011)"),
    Variant("rmsprop", _adaptive(2.0, nu_schedule="constant"), "L2 norm with a decaying mean", "Tieleman & Hinton (2012)"),
    Variant("adam", _combined("cm", 2.0), "momentum and L2 norm, both bias-corrected means", "Kingma & Ba (2015)"),
    Variant("adamax", _combined("cm", math.inf, "constant"), "Adam with the maximum norm", "Kingma & Ba (2015), section 7.1"),
    Variant("nadam", _combined("nag", 2.0), "Adam with Nesterov's momentum", "Dozat (2016)"),
    Variant(
        "l1_adagrad",
        _adaptive(1.0, "sum", "constant", nu=1.0),
        "L1 norm of all gradients so far",
        f"{DOZAT}, section 3",
    ),
    Variant("l1_adagrad_mean", _adaptive(1.0), "L1 norm with a bias-corrected mean", f"{DOZAT}, Table 2"),
    Variant("l2_adagrad_mean", _adaptive(2.0), "L2 norm with a bias-corrected mean", f"{DOZAT}, Table 2"),
    Variant("linf_adagrad_mean", _adaptive(math.inf, nu_schedule="constant"), "maximum norm with decay", f"{DOZAT}, Table 2"),
    Variant("l1_adam", _combined("cm", 1.0), "Adam with the L1 norm", f"{DOZAT}, Table 3"),
    Variant("l1_nadam", _combined("nag", 1.0), "NAdam with the L1 norm", f"{DOZAT}, Table 3"),
    Variant("linf_nadam", _combined("nag", math.inf), "NAdam with the maximum norm", f"{DOZAT}, Table 3"),
)
VARIANTS: dict[str, Variant] = {each.name: each for each in NAMED}


def variant(name: str) -> Variant:
    """The named variant. Raises: InputError with the nearest known name."""
    if name not in VARIANTS:
        raise unknown("variant", name, VARIANTS)
    return VARIANTS[name]
