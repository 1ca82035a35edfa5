r"""Default spaces of the named variants, on the scale of the paper's autoencoder (mean squared error of pixels in [0, 1]).

Learning rates span three decades, equally wide for every variant, so that their sensitivities can be compared: from a slow rate to one
that diverges, with the paper's best rate between. Sources, all of Dozat, "Optimizing CNNs":

* section 4.2: plain gradient descent diverges above 1; momentum as a decaying mean is best at 2, so as a decaying sum at 2 (1 - .9) = .2;
* section 4.3, Table 2: .001 with the L1 norm, .002 with the L2 norm, .005 with the maximum norm; with a constant nu, .9 beats .999,
  which multiplies the first steps by 1 / sqrt(1 - nu), hence the default and the lower rates of rmsprop;
* section 4.4, Table 3: momentum on top of a norm leaves its best rate where it was;
* section 4.5: the best mu and nu are about .9; mu was tried up to .95 and nu up to .999. Algorithm 1: epsilon is about 1e-8.

The paper gives no rate for true sums of gradients (AdaGrad); theirs is the default of ``torch.optim.Adagrad``.

Measured: after four epochs of autoencoder/digits (batch 64, mu .9, nu .999, seed 0, rates half a decade apart, 15 of the first 17 variants)
the highest rate of each had diverged, the lowest (of the 13 whose lowest was run) had left .21 to .48 of the initial loss, the best .08 to
.34.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from search_spaces.hyperparameters import Categorical, Float, Hyperparameter, Integer, Ordinal
from search_spaces.spaces import SearchSpace
from trainables.names import InputError, unknown
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
"""Of mu and of nu."""

STANDARD: dict[str, Hyperparameter] = {
    each.name: each
    for each in (
        Float("lr", 1e-4, 0.1, "log", 1e-3),
        Float("mu", 0.5, 0.99, "log1m", 0.9),
        Float("nu", 0.9, 0.999, "log1m", 0.999),
        Ordinal("p", (1, 2, math.inf), 2),
        Float("epsilon", 1e-10, 1e-2, "log", 1e-8),
        Categorical("mu_schedule", SCHEDULES, "bias_corrected"),
        Categorical("nu_schedule", SCHEDULES, "bias_corrected"),
        Integer("period", 10, 1000, "log", 250),
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
    )
}
"""Each hyperparameter of the hyperalgorithm, the training loop and the model as a study usually varies it.

lr_warmup is a share of the run, lr_final of lr; lr_decay is the factor of each lr_decay_every epochs; width is a factor of the model's own.
A condition is left out with ``hyperparameter("slope", when={})``, for a space whose activation is always leaky ReLU.
"""


def default_space(name: str) -> SearchSpace:
    """The space of a variant: its learning rate, and mu and nu where they take part.

    Args: name: of a named variant, of a combination (rates of :func:`combination_rates`), or of a ``torch.optim`` optimizer
        (:data:`trainables.torch_variants.TORCH_DEFAULTS`; usual rates for one's own).
    Raises: InputError with the nearest name; for an optimizer that needs more than is usual, naming what its space has to give.

    >>> print(default_space("adam"))
    lr: 0.0001 to 0.1, log, default 0.002
    mu: 0.5 to 0.99, log1m, default 0.9
    nu: 0.9 to 0.999, log1m, default 0.999
    """
    chosen = variant(name)
    if name.startswith("torch.optim.") and (usual := _of_torch(name)):
        return SearchSpace(
            *(Float(each, low, high, scale, default) for each, (low, default, high, scale) in usual.items())  # type: ignore[arg-type]
        )
    missing = [each for each in chosen.needs if each not in STANDARD]
    if missing:
        raise InputError(
            f"{name} has no default space, as nothing is known of {', '.join(missing)}; give it a space"
        )
    low, default, high = RATES.get(name) or combination_rates(getattr(chosen, "fixed", {}))
    domains: dict[str, dict[str, float]] = {"lr": {"low": low, "high": high, "default": default}}
    domains |= {each: {"default": decay} for each, decay in DECAYS.get(name, {}).items()}
    return SearchSpace(
        *(
            hyperparameter(each, **domains.get(each, {}))
            for each in chosen.hyperparameters
            if each in STANDARD
        )
    )


def _of_torch(name: str) -> dict[str, tuple[float, float, float, str]]:
    from trainables.torch_variants import TORCH_DEFAULTS

    return TORCH_DEFAULTS.get(name, {})


def combination_rates(fixed: Mapping[str, Any]) -> tuple[float, float, float]:
    """Lowest, default and highest learning rate of a combination, as of the named variants that it resembles.

    A momentum that is a sum takes a tenth, as 1 / (1 - mu) of mu = .9; a mean of a norm without bias correction a tenth as well (above).
    """
    summed = fixed.get("momentum", "none") != "none" and fixed.get("momentum_accumulation") == "sum"
    adaptive, p = fixed.get("adaptive", "none"), float(fixed.get("p", 2.0))
    if not fixed:
        return 1e-4, 1e-3, 0.1
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
    """The space of a function task. Args: name: of the task. Raises: InputError for a task that is no function.

    >>> print(function_space("function/ishigami").restrict("x1"))
    x1: -3.141592653589793 to 3.141592653589793, linear
    """
    from trainables.function_tasks import FunctionTask
    from trainables.tasks import task

    found = task(name)
    if not isinstance(found, FunctionTask):
        raise InputError(f"task {name!r} is no function, so it needs variants")
    return SearchSpace.from_dict(found.hyperparameters)


def hyperparameter(name: str, **domain: Any) -> Hyperparameter:
    """A hyperparameter of :data:`STANDARD` with its usual domain, to build a space from.

    Args: name: lr, mu, nu, p, batch_size and so on. domain: what differs from the usual: low, high, scale, step, levels, choices, default,
        when. Where the domain changes and the default does not, there is none.
    Raises: InputError with the nearest name for an unknown name or argument; as the hyperparameter otherwise.

    >>> hyperparameter("p")
    Ordinal(name='p', levels=(1, 2, inf), default=2)
    >>> hyperparameter("lr", low=0.01, high=10)
    Float(name='lr', low=0.01, high=10.0, scale='log', default=None)
    """
    if name not in STANDARD:
        raise unknown("hyperparameter", name, STANDARD)
    usual = STANDARD[name]
    arguments = [each.name for each in dataclasses.fields(usual) if each.name != "name"]
    for each in domain:
        if each not in arguments:
            raise unknown(f"argument of {name}", each, arguments)
    changes: dict[str, Any] = {"default": None, **domain} if set(domain) - {"when"} else domain
    return dataclasses.replace(usual, **changes)
