"""Adapter: how the training loop makes an optimizer and calls it, filled from the signature of its class."""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

SUPPLIED = {
    "num_data": "images",
    "num_iterations": "steps",
    "total_steps": "steps",
    "num_training_steps": "steps",
    "num_epochs": "epochs",
    "num_batches_per_epoch": "steps_per_epoch",
    "steps_per_epoch": "steps_per_epoch",
}
"""Arguments without a default that the loop knows, with the number of :class:`Run`."""
GRADIENT_FIRST = re.compile(r"[Cc]ompute\s+(?:the\s+)?(?:initial\s+)?gradients\b[^.]*\bbefore\s+calling")
"""What the documentation of sharpness-aware optimizers says of ``closure(); optimizer.step(closure)``."""
NEEDS_CLOSURE = re.compile(r"closure is None:\s+raise|if not closure:\s+raise")
DOUBLE_BACKWARD = re.compile(r"create_graph\s*=\s*True")

NO_STEP = (
    "updates the parameters inside of the backward pass (fused_backward), which leaves the loop no gradient"
)
NEEDS_GROUP = "needs an initialised process group of several processes (torch.distributed)"
LOW_RANK = "trains pairs of low-rank factors (LoRA), which the models of the tasks do not have"
LOGITS = "needs the largest attention logits of every layer, which the models of the tasks do not report"
MATRICES = "takes matrices only, so that biases, norms and filters would have no optimizer"
ASCENT = "leaves its noise and its ascent step in the weights, as its step takes neither back"
SPARSE = "needs sparse gradients, which none of the tasks has; torch.optim.Adam is the same for dense ones"


@dataclass(frozen=True)
class Run:
    """Numbers of a trial that some optimizers ask for.

    Args:
        images: training images.
        steps_per_epoch: steps of an epoch.
        epochs: epochs of the trial.
    """

    images: int = 1
    steps_per_epoch: int = 1
    epochs: int = 1

    @property
    def steps(self) -> int:
        """Steps of the trial."""
        return self.steps_per_epoch * self.epochs


@dataclass(frozen=True)
class Adapter:
    """How an optimizer is made and called.

    Args:
        model: keyword of the constructor that takes the model, or an empty text.
        named: keyword of the constructor that takes the named parameters, or an empty text.
        roles: True if parameter groups have a flag ``use_muon``: hidden matrices and filters, or not.
        supplied: arguments that the loop knows, of :data:`SUPPLIED`.
        fixed: arguments with a fixed value.
        without_lr: True if lr has no effect.
        modes: True if ``train()`` precedes steps and ``eval()`` precedes evaluation.
        closure: ``none``; ``step``: the step evaluates the loss; ``first``: the gradient is computed before
            the step, which evaluates the loss again; ``loss``: the step takes the loss that was computed.
        curvature: ``none``; ``graph``: the gradient has a graph, for Hessian-vector products in the step;
            ``sampled``: ``update_hessian()`` follows the gradient of labels drawn from the model.
        takes_batch: True if the step takes the number of images as ``bs``.
        stackable: False if the state of a parameter is found by its memory, which differs in a stack.
        refusal: reason why the loop cannot train with the optimizer, or an empty text.
    """

    model: str = ""
    named: str = ""
    roles: bool = False
    supplied: tuple[str, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    without_lr: bool = False
    modes: bool = False
    closure: str = "none"
    curvature: str = "none"
    takes_batch: bool = False
    stackable: bool = True
    refusal: str = ""

    @property
    def ordinary(self) -> bool:
        """True if a step is ``backward()`` and ``step()``, and nothing else."""
        return not self.modes and self.closure == "none" and self.curvature == "none" and not self.takes_batch

    @property
    def plain(self) -> bool:
        """True for the contract of ``torch.optim``: parameters in, ``backward()``, ``step()``."""
        return self == PLAIN


PLAIN = Adapter()
KNOWN: dict[tuple[str, str], dict[str, Any]] = {
    ("torch", "SparseAdam"): {"refusal": SPARSE},
    ("torch", "Muon"): {"roles": True},
    ("pytorch_optimizer", "A2Grad"): {"without_lr": True},
    ("pytorch_optimizer", "AliG"): {"closure": "loss", "without_lr": True},
    ("pytorch_optimizer", "BSAM"): {"refusal": ASCENT},
    ("pytorch_optimizer", "AdaFactor"): {"fixed": {"relative_step": False}},
    ("pytorch_optimizer", "DeMo"): {"refusal": NEEDS_GROUP},
    ("pytorch_optimizer", "DistributedMuon"): {"refusal": NEEDS_GROUP},
    ("pytorch_optimizer", "LoRARite"): {"refusal": LOW_RANK},
    ("pytorch_optimizer", "MuonClip"): {"refusal": LOGITS},
    ("pytorch_optimizer", "SpectralSphere"): {"refusal": MATRICES},
}
"""What the signature of a class does not tell, by package and name."""
COMPILED = "max-autotune-no-cudagraphs"
"""Mode of compilation that heavyball begins with."""
PACKAGES: dict[str, dict[str, Any]] = {"heavyball": {"stackable": False}}
"""What holds of every class of a package."""


def adapter_of(make: Any) -> Adapter:
    """Return the adapter of an optimizer class or factory.

    >>> adapter_of(torch.optim.AdamW).plain, adapter_of(torch.optim.LBFGS).closure
    (True, 'step')
    """
    try:
        return _adapter(make)
    except TypeError:  # a factory that cannot be hashed
        return _adapter.__wrapped__(make)


@functools.lru_cache(maxsize=512)
def _adapter(make: Any) -> Adapter:
    parameters = inspect.signature(make).parameters
    found = replace(
        stepping(make) if isinstance(make, type) else PLAIN,
        model="model" if "model" in parameters else "",
        named="named_parameters" if "named_parameters" in parameters else "",
        roles=_takes_flag(make),
        supplied=tuple(
            name
            for name, parameter in parameters.items()
            if name in SUPPLIED and parameter.default is inspect.Parameter.empty
        ),
    )
    return replace(found, **_known(make))


def stepping(make: type) -> Adapter:
    """Return the adapter of an optimizer class as far as its methods tell: how it is called."""
    step = getattr(make, "step", None)
    arguments = inspect.signature(step).parameters if step is not None else {}
    source = _source(step)
    needed = "closure" in arguments and (
        arguments["closure"].default is inspect.Parameter.empty or bool(NEEDS_CLOSURE.search(source))
    )
    words = f"{make.__doc__ or ''}\n{getattr(step, '__doc__', None) or ''}"
    found = Adapter(
        modes=callable(getattr(make, "train", None)) and callable(getattr(make, "eval", None)),
        closure="none" if not needed else "first" if GRADIENT_FIRST.search(words) else "step",
        curvature="sampled"
        if callable(getattr(make, "update_hessian", None))
        else "graph"
        if "hessian" in arguments or DOUBLE_BACKWARD.search(f"{words}\n{source}")
        else "none",
        takes_batch="bs" in arguments,
        refusal=NO_STEP if callable(getattr(make, "fused_backward", None)) else "",
    )
    return replace(found, **_known(make))


def instance_adapter(optimizer: torch.optim.Optimizer) -> Adapter:
    """Return how an optimizer is called, by its class, and by the parts of a combined one."""
    found = stepping(type(optimizer))
    parts = [stepping(type(part)) for part in getattr(optimizer, "parts", ())]
    return replace(found, modes=any(part.modes for part in parts)) if parts else found


def _known(make: Any) -> dict[str, Any]:
    package = str(getattr(make, "__module__", "")).split(".")[0]
    return PACKAGES.get(package, {}) | KNOWN.get((package, getattr(make, "__name__", "")), {})


def _takes_flag(make: Any) -> bool:
    """Return True if a class refuses parameter groups without ``use_muon``."""
    bases = make.__mro__ if isinstance(make, type) else ()
    source = _source(next((vars(base)["__init__"] for base in bases if "__init__" in vars(base)), make))
    return "use_muon" in source and "not in group" in source


def _source(function: Any) -> str:
    try:
        return inspect.getsource(inspect.unwrap(function))
    except (OSError, TypeError):  # no file, as in an interactive session
        return ""


def prepare(make: Any) -> None:
    """Keep heavyball from compiling each step for minutes, unless its mode of compilation was changed."""
    utils = sys.modules.get("heavyball.utils")
    package = str(getattr(make, "__module__", "")).split(".")[0]
    if package == "heavyball" and getattr(utils, "compile_mode", None) == COMPILED:
        utils.compile_mode = None  # type: ignore[union-attr]


def construct(
    make: Callable[..., Any],
    adapter: Adapter,
    params: Any,
    model: nn.Module,
    run: Run,
    settings: Mapping[str, Any],
) -> Any:
    """Return the optimizer that a class or factory makes.

    Args:
        make: the class or factory.
        adapter: of make.
        params: parameters, or parameter groups.
        model: that has the parameters.
        run: numbers of the trial.
        settings: hyperparameters, by keyword.
    """
    prepare(make)
    arguments = inspect.signature(make).parameters
    keywords = {**settings, **{name: getattr(run, SUPPLIED[name]) for name in adapter.supplied}}
    if adapter.model:
        keywords[adapter.model] = model
    if adapter.named:
        keywords[adapter.named] = list(model.named_parameters())
    if next(iter(arguments), "") not in keywords:
        return make(params, **keywords)
    return make(**keywords, **({"params": params} if "params" in arguments else {}))
