r"""Default spaces of the named variants, for the paper's autoencoder (squared error of pixels in [0, 1]).

Learning rates span three decades for every variant, from a slow rate to one that diverges, with the paper's
best rate between, so that sensitivities to the learning rate can be compared. Sources, all in Dozat,
"Optimizing CNNs":

* section 4.2: plain gradient descent diverges above 1; momentum as a decaying mean is best at 2, so as a
  decaying sum at 2 (1 - .9) = .2;
* section 4.3, Table 2: .001 with the L1 norm, .002 with the L2 norm, .005 with the maximum norm; with a
  constant nu, .9 beats .999, which multiplies the first steps by 1 / sqrt(1 - nu), hence the default and the
  lower rates of rmsprop;
* section 4.4, Table 3: momentum on top of a norm does not change the best rate;
* section 4.5: the best mu and nu are about .9; mu was tried up to .95 and nu up to .999. Algorithm 1: epsilon
  is about 1e-8.

The paper has no rate for true sums of gradients (AdaGrad); its default is the one of ``torch.optim.Adagrad``.

Measured after four epochs of autoencoder/digits (batch 64, mu .9, nu .999, seed 0, rates half a decade apart,
15 of the first 17 variants): the highest rate of each variant diverged, the lowest (of the 13 whose lowest
was run) left .21 to .48 of the initial loss, the best .08 to .34.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from search_spaces.class_defaults import class_defaults, class_domain
from search_spaces.hyperparameters import Categorical, Float, Hyperparameter, Integer, Ordinal
from search_spaces.spaces import SearchSpace
from trainables.names import InputError, unknown
from trainables.role_names import ROLES, split_role
from trainables.variants import variant

RATES: dict[str, tuple[float, float, float]] = {
    "sgd": (0.01, 1.0, 10.0),
    "cm": (1e-3, 0.2, 1.0),
    "nag": (1e-3, 0.2, 1.0),
    "cm_mean": (0.01, 2.0, 10.0),
    "nag_mean": (0.01, 2.0, 10.0),
    "adagrad": (1e-4, 0.01, 0.1),
    "l1_adagrad": (1e-4, 0.01, 0.1),
    "rmsprop": (1e-5, 1e-3, 0.01),
    "l1_adagrad_mean": (1e-4, 1e-3, 0.1),
    "l2_adagrad_mean": (1e-4, 2e-3, 0.1),
    "linf_adagrad_mean": (1e-4, 5e-3, 0.1),
    "adam": (1e-4, 2e-3, 0.1),
    "nadam": (1e-4, 2e-3, 0.1),
    "adamax": (1e-4, 5e-3, 0.1),
    "l1_adam": (1e-4, 1e-3, 0.1),
    "l1_nadam": (1e-4, 1e-3, 0.1),
    "linf_nadam": (1e-4, 5e-3, 0.1),
    "laprop": (1e-4, 2e-3, 0.1),
    "rmsprop_momentum": (1e-5, 1e-3, 0.01),
    "signsgd": (1e-5, 1e-3, 0.01),
    "egd": (1e-3, 0.1, 1.0),
    "egd_momentum": (1e-3, 0.1, 1.0),
}
"""Lowest, default and highest learning rate of each named variant."""

NORM_RATES = {1.0: 1e-3, 2.0: 2e-3, math.inf: 5e-3}
"""Default learning rate of a bias-corrected mean of each norm (the paper's Table 2)."""

DECAYS: dict[str, dict[str, float]] = {"rmsprop": {"nu": 0.9}, "rmsprop_momentum": {"nu": 0.9}}
"""Defaults of mu and nu that differ from :data:`STANDARD`."""

SCHEDULES = ("constant", "bias_corrected", "true_mean", "handcrafted")
"""Names of the schedules of mu and nu."""

STANDARD: dict[str, Hyperparameter] = {
    domain.name: domain
    for domain in (
        Float("lr", 1e-4, 0.1, "log", 1e-3),
        Float("mu", 0.5, 0.99, "log1m", 0.9),
        Float("nu", 0.9, 0.999, "log1m", 0.999),
        Ordinal("p", (1, 2, math.inf), 2),
        Float("epsilon", 1e-10, 1e-2, "log", 1e-8),
        Categorical("mu_schedule", SCHEDULES, "bias_corrected"),
        Categorical("nu_schedule", SCHEDULES, "bias_corrected"),
        Integer("period", 10, 1000, "log", 250),
        Float("slow_mu", 0.99, 0.9999, "log1m", 0.9999),
        Float("slow_weight", 0, 10, default=0),
        Categorical("sign", (False, True), False),
        Categorical("cautious", (False, True), False),
        Integer("curvature_every", 1, 50, "log", 1),
        Integer("curvature_samples", 1, 8, default=1),
        Integer("batch_size", 16, 512, "log", 64),
        Float("weight_decay", 1e-6, 0.1, "log"),
        Categorical("weight_decay_kind", ("coupled", "decoupled"), "coupled"),
        Float("clip_norm", 0.1, 10, "log", 1),
        Categorical("lr_schedule", ("constant", "step", "exponential", "cosine", "linear"), "constant"),
        Float("lr_warmup", 0, 0.2, default=0),
        Float("lr_decay", 0.5, 1, default=0.94, when={"lr_schedule": ("step", "exponential")}),
        Integer("lr_decay_every", 1, 10, default=2, when={"lr_schedule": "step"}),
        Float("lr_final", 0, 1, default=0, when={"lr_schedule": ("cosine", "linear")}),
        Categorical("activation", ("leaky_relu", "relu"), "leaky_relu"),
        Float("slope", 1e-3, 0.3, "log", 0.01, when={"activation": "leaky_relu"}),
        Categorical(
            "initialisation", ("glorot_uniform", "glorot_normal", "he_uniform", "he_normal"), "glorot_uniform"
        ),
        Float("width", 0.25, 4, "log", 1),
        Integer("depth", 1, 4, default=2),
        Ordinal("heads", (1, 2, 4, 8), 4),
        Ordinal("context", (16, 32, 64), 64),
        Categorical("qk_norm", (False, True), False),
        Ordinal("patch", (2, 4, 8), 4),
    )
}
"""Each hyperparameter of the hyperalgorithm, the training loop and the model, with a usual domain.

lr_warmup is a share of the run, lr_final a share of lr; lr_decay is the factor every lr_decay_every epochs;
width is a factor of the model's own width (a transformer's is a whole number: give it an Integer); context
and patch are in bytes and pixels. ``hyperparameter("slope", when={})`` removes the condition, for a
space whose activation is always leaky ReLU.
"""


def default_space(name: str) -> SearchSpace:
    """Return the default space of a variant: its learning rate, and mu and nu if the variant uses them.

    Args:
        name: name of a named variant, of a combination (learning rates of :func:`combination_rates`), or of
            an optimizer of ``torch.optim`` (:data:`trainables.torch_variants.TORCH_DEFAULTS`) or of the
            user's (:mod:`search_spaces.class_defaults`).

    Raises:
        InputError: the variant is unknown, or needs hyperparameters without a usual domain.

    >>> print(default_space("adam"))
    lr: 0.0001 to 0.1, log, default 0.002
    mu: 0.5 to 0.99, log1m, default 0.9
    nu: 0.9 to 0.999, log1m, default 0.999
    """
    chosen = variant(name)
    if name.startswith("torch.optim.") and (usual := _of_torch(name)):
        return SearchSpace(
            *(
                Float(argument, low, high, scale, default)  # type: ignore[arg-type]
                for argument, (low, default, high, scale) in usual.items()
            )
        )
    missing = [argument for argument in chosen.needs if argument not in STANDARD]
    if missing:
        raise InputError(
            f"{name} has no default space, as nothing is known of {', '.join(missing)}; give it a space"
        )
    low, default, high = RATES.get(name) or combination_rates(getattr(chosen, "fixed", {}))
    domains: dict[str, dict[str, float]] = {"lr": {"low": low, "high": high, "default": default}}
    domains |= {decay: {"default": value} for decay, value in DECAYS.get(name, {}).items()}
    names = [argument for argument in chosen.hyperparameters if argument in STANDARD]
    for argument, declared in class_defaults(name).items():
        common = STANDARD[argument]
        if argument in names and isinstance(common, Float):
            domains[argument] = class_domain(argument, declared, common.low, common.high)
    return SearchSpace(*(hyperparameter(argument, **domains.get(argument, {})) for argument in names))


def _of_torch(name: str) -> dict[str, tuple[float, float, float, str]]:
    from trainables.torch_variants import TORCH_DEFAULTS

    return TORCH_DEFAULTS.get(name, {})


def combination_rates(fixed: Mapping[str, Any]) -> tuple[float, float, float]:
    """Return the lowest, default and highest learning rate of a combination, as of similar named variants.

    Momentum as a sum divides the rates by 10, as 1 / (1 - mu) at mu = .9; so does a mean of a norm without
    bias correction.

    Args:
        fixed: fixed settings of the combination, by name.
    """
    summed = fixed.get("momentum", "none") != "none" and fixed.get("momentum_accumulation") == "sum"
    adaptive, p = fixed.get("adaptive", "none"), float(fixed.get("p", 2.0))
    if not fixed:
        return 1e-4, 1e-3, 0.1
    if fixed.get("sign"):
        return RATES["signsgd"]
    if adaptive == "none":
        return RATES["sgd" if fixed.get("momentum") == "none" else "cm" if summed else "cm_mean"]
    if fixed.get("order") == "second":
        low, default, high = RATES["egd"]
    else:
        low, default, high = RATES["adagrad"] if adaptive == "sum" else (1e-4, NORM_RATES.get(p, 2e-3), 0.1)
    share = (0.1 if summed else 1.0) * (
        0.1 if adaptive == "mean" and fixed.get("nu_schedule") == "constant" and p < math.inf else 1.0
    )
    low, default, high = (float(f"{rate * share:.6g}") for rate in (low, default, high))
    return low, default, high


def function_space(name: str) -> SearchSpace:
    """Return the space of a function task.

    Args:
        name: name of the task, such as ``function/ishigami``.

    Raises:
        InputError: the task is not a function.

    >>> print(function_space("function/ishigami").restrict("x1"))
    x1: -3.141592653589793 to 3.141592653589793, linear
    """
    from trainables.function_tasks import FunctionTask
    from trainables.tasks import task

    function = task(name)
    if not isinstance(function, FunctionTask):
        raise InputError(f"task {name!r} is no function, so it needs variants")
    return SearchSpace.from_dict(function.hyperparameters)


def hyperparameter(name: str, **domain: Any) -> Hyperparameter:
    """Return a hyperparameter of :data:`STANDARD`, with some arguments of its domain changed.

    Args:
        name: name of the hyperparameter, such as lr, mu, nu, p or batch_size; ``lr.head`` is the lr of a role
            (:data:`trainables.role_names.ROLES`).
        domain: arguments to change: low, high, scale, step, levels, choices, default, when. If the domain
            changes and the default is not among the arguments, the hyperparameter has no default.

    Raises:
        InputError: the name or an argument is unknown, or an argument is invalid.

    >>> hyperparameter("p")
    Ordinal(name='p', levels=(1, 2, inf), default=2)
    >>> hyperparameter("lr", low=0.01, high=10)
    Float(name='lr', low=0.01, high=10.0, scale='log', default=None)
    """
    setting, role = split_role(name)
    if setting not in STANDARD:
        raise unknown("hyperparameter", setting, STANDARD)
    if role and role not in ROLES:
        raise unknown(f"role in {name!r}", role, ROLES)
    usual = dataclasses.replace(STANDARD[setting], name=name)
    arguments = [field.name for field in dataclasses.fields(usual) if field.name != "name"]
    for argument in domain:
        if argument not in arguments:
            raise unknown(f"argument of {name}", argument, arguments)
    changes: dict[str, Any] = {"default": None, **domain} if set(domain) - {"when"} else domain
    return dataclasses.replace(usual, **changes)
