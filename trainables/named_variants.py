"""The variants that have a name of their own in the literature."""

from __future__ import annotations

import math
from typing import Any

from trainables.variant_definition import DOZAT, Optimizable, Variant


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


DIRECT = "direct"
"""Name of the variant of function tasks, which passes its configuration to the function unchanged."""
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
VARIANTS: dict[str, Optimizable] = {variant.name: variant for variant in NAMED}
"""Named variants by name, and the variants that users registered."""
