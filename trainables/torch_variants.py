"""Torch variants: any ``torch.optim.Optimizer`` as a variant, by dotted name, class or factory.

``lr`` is its ``lr``; ``mu`` is the first of its ``betas`` or its ``momentum``; ``nu`` is the second of its
``betas``, its ``alpha`` (RMSprop) or its ``rho`` (Adadelta), where it has them. Every keyword also goes by
its own name: ``eps``, ``weight_decay``, ``betas`` ...
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from trainables.adapters import PLAIN, Adapter, Run, adapter_of, construct
from trainables.dotted import import_name, imported
from trainables.muon import MUON, OPTIONS, muon
from trainables.names import InputError, unknown
from trainables.role_names import split_settings
from trainables.roles import Holder, role_groups
from trainables.variant_definition import check_names

TORCH_DEFAULTS: dict[str, dict[str, tuple[float, float, float, str]]] = {
    "torch.optim.SGD": {"lr": (1e-3, 0.1, 1.0, "log"), "mu": (0.5, 0.9, 0.99, "log1m")},
    "torch.optim.Adam": {
        "lr": (1e-4, 2e-3, 0.1, "log"),
        "mu": (0.5, 0.9, 0.99, "log1m"),
        "nu": (0.9, 0.999, 0.999, "log1m"),
    },
    "torch.optim.AdamW": {
        "lr": (1e-4, 2e-3, 0.1, "log"),
        "mu": (0.5, 0.9, 0.99, "log1m"),
        "nu": (0.9, 0.999, 0.999, "log1m"),
        "weight_decay": (1e-4, 0.01, 1.0, "log"),
    },
    "torch.optim.NAdam": {
        "lr": (1e-4, 2e-3, 0.1, "log"),
        "mu": (0.5, 0.9, 0.99, "log1m"),
        "nu": (0.9, 0.999, 0.999, "log1m"),
    },
    "torch.optim.RAdam": {
        "lr": (1e-4, 2e-3, 0.1, "log"),
        "mu": (0.5, 0.9, 0.99, "log1m"),
        "nu": (0.9, 0.999, 0.999, "log1m"),
    },
    "torch.optim.Adamax": {
        "lr": (1e-4, 5e-3, 0.1, "log"),
        "mu": (0.5, 0.9, 0.99, "log1m"),
        "nu": (0.9, 0.999, 0.999, "log1m"),
    },
    "torch.optim.RMSprop": {"lr": (1e-5, 1e-3, 0.01, "log"), "nu": (0.9, 0.99, 0.999, "log1m")},
    "torch.optim.Adagrad": {"lr": (1e-4, 0.01, 0.1, "log")},
    "torch.optim.Adadelta": {"lr": (0.01, 1.0, 10.0, "log"), "nu": (0.5, 0.9, 0.99, "log1m")},
    "torch.optim.Adafactor": {"lr": (1e-4, 0.01, 0.1, "log")},
    "torch.optim.Muon": {
        "lr": (1e-4, 2e-3, 0.1, "log"),
        "mu": (0.5, 0.95, 0.99, "log1m"),
        "weight_decay": (1e-4, 0.1, 1.0, "log"),
    },
    "torch.optim.ASGD": {"lr": (0.01, 0.1, 10.0, "log")},
    "torch.optim.Rprop": {"lr": (1e-5, 1e-3, 0.01, "log")},
}
"""Lowest, default and highest value and the scale of what a study of each optimizer usually varies: three
decades of learning rate, and decays as of the named variants. Those that the installed torch lacks are
refused by name."""

UNTUNED = frozenset({"maximize", "foreach", "fused", "capturable", "differentiable"})
"""Keywords of the implementation or direction of a step, which are not hyperparameters."""
DECAYS: dict[str, tuple[tuple[str, int | None], ...]] = {
    "mu": (("betas", 0), ("momentum", None)),
    "nu": (("betas", 1), ("alpha", None), ("rho", None)),
}
"""Keywords of mu and nu, with the position in the keyword's tuple; the first keyword that an optimizer has
counts."""

OptimizerFactory = Callable[..., torch.optim.Optimizer]


@dataclass(frozen=True)
class TorchVariant:
    """An optimizer class or a factory as a variant; made by :func:`torch_variant`.

    Args:
        name: its import path.
        make: the class, or ``(params, **settings) -> Optimizer``.
        keywords: arguments of ``make`` with their defaults (``inspect.Parameter.empty`` for none).
        fixed: keywords with a fixed value.
        description: as of a variant.
        source: as of a variant.
        adapter: how the optimizer is made and called.
    """

    name: str
    make: OptimizerFactory = field(repr=False)
    keywords: Mapping[str, Any] = field(repr=False)
    fixed: Mapping[str, Any] = field(default_factory=dict, repr=False)
    description: str = ""
    source: str = "torch.optim"
    adapter: Adapter = PLAIN

    @property
    def decays(self) -> dict[str, tuple[str, int | None]]:
        """Keyword and position of mu and nu in this optimizer's keywords."""
        return {name: place for name in DECAYS if (place := decay_place(name, self.keywords)) is not None}

    @property
    def hyperparameters(self) -> tuple[str, ...]:
        """Names that a study usually varies: those of :data:`TORCH_DEFAULTS`, else lr, and mu and nu if they
        exist.
        """
        usual = tuple(name for name in ("lr", *DECAYS) if name in self.accepts)
        return tuple(TORCH_DEFAULTS.get(self.name, usual))

    @property
    def needs(self) -> tuple[str, ...]:
        """Settings without a default: lr, and keywords without a default."""
        bare = [
            name
            for name, default in self.keywords.items()
            if default is inspect.Parameter.empty and name not in self.fixed
        ]
        return tuple(dict.fromkeys([*(["lr"] if "lr" in self.keywords else []), *bare]))

    @property
    def accepts(self) -> frozenset[str]:
        """Every setting that a configuration may have: all keywords, mu and nu."""
        return (frozenset(self.keywords) | frozenset(self.decays)) - frozenset(self.fixed)

    def optimizer(
        self, params: Iterable[Tensor] | Iterable[dict[str, Any]], configuration: Mapping[str, Any]
    ) -> torch.optim.Optimizer:
        """Return the optimizer of one configuration.

        Raises:
            InputError: for a setting that is unknown, lacking or refused by the optimizer, and for parameter
                groups where the optimizer needs the model, or divides it by the roles of its parameters.
        """
        common, by_role = split_settings(configuration)
        if not (by_role or self.adapter.roles or self.adapter.model or self.adapter.named):
            check_names(self, configuration)
            return self._made(params, Holder([]), Run(), common)
        listed = list(params)
        if any(not isinstance(param, Tensor) for param in listed):
            raise InputError(
                f"{self.name} takes a list of parameters here, not groups: they are divided by their roles"
            )
        return self.for_model(Holder(listed), configuration)  # type: ignore[arg-type]

    def for_model(
        self, model: nn.Module, configuration: Mapping[str, Any], run: Run | None = None
    ) -> torch.optim.Optimizer:
        """Return the optimizer of one configuration for a model.

        Args:
            model: the model.
            configuration: settings; ``lr.head`` is the lr of a role (:data:`trainables.roles.ROLES`).
            run: numbers of the trial, for optimizers that ask for them.

        Raises:
            InputError: for a setting that is unknown, lacking or refused by the optimizer, or that parameter
                groups of the optimizer do not have.
        """
        check_names(self, configuration)
        common, by_role = split_settings(configuration)
        if not by_role and not self.adapter.roles:
            return self._made(model.parameters(), model, run or Run(), common)
        if (self.adapter.model or self.adapter.named) and by_role:
            raise InputError(
                f"{self.name} divides the model itself, so that no setting can differ by role, got "
                f"{dict(configuration)!r}"
            )
        base = self._keywords(common)
        options = {
            role: {
                name: value
                for name, value in self._keywords({**common, **settings}).items()
                if name not in base or base[name] != value
            }
            for role, settings in by_role.items()
        }
        groups = role_groups(model, options, flagged=self.adapter.roles)
        optimizer = self._made(groups, model, run or Run(), common)
        known = {*optimizer.defaults, *(OPTIONS if self.adapter.roles else ())}
        for settings in options.values():
            for name in settings:
                if name not in known:
                    raise InputError(
                        f"{name} of {self.name} cannot differ by role: its parameter groups have no {name}"
                    )
        return optimizer

    def _keywords(self, configuration: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keyword arguments of a configuration, in which mu and nu are parts of a keyword."""
        keywords = {
            **self.fixed,
            **{
                name: value
                for name, value in configuration.items()
                if name not in DECAYS or name in self.keywords
            },
        }
        for name, (keyword, position) in self.decays.items():
            if name not in configuration or name in self.keywords:
                continue
            if keyword in configuration:
                raise InputError(f"{name} of {self.name} is its {keyword}: give one of them, got both")
            if position is None:
                keywords[keyword] = configuration[name]
            else:
                pair = list(keywords.get(keyword, self.keywords[keyword]))
                pair[position] = configuration[name]
                keywords[keyword] = tuple(pair)
        return {name: tuple(value) if isinstance(value, list) else value for name, value in keywords.items()}

    def _made(
        self, params: Any, model: nn.Module, run: Run, configuration: Mapping[str, Any]
    ) -> torch.optim.Optimizer:
        keywords = self._keywords(configuration)
        try:
            optimizer = construct(self.make, self.adapter, params, model, run, keywords)
        except (ValueError, TypeError, RuntimeError, AssertionError, ImportError) as error:
            raise InputError(f"{self.name} refuses {dict(configuration)!r}: {error}") from error
        if not isinstance(optimizer, torch.optim.Optimizer):
            raise InputError(f"{self.name} must make a torch.optim.Optimizer, got {type(optimizer).__name__}")
        return optimizer


def torch_variant(chosen: str | OptimizerFactory) -> TorchVariant:
    """Return an optimizer of PyTorch or of a user as a variant.

    Args:
        chosen: ``torch.optim.AdamW``; ``package.module:Name`` of a class or of a factory ``(params,
            **settings) -> Optimizer``; or the class or factory itself.

    Raises:
        InputError: for a path that cannot be imported, and for an optimizer that the loop cannot train with,
            with the reason.

    >>> sorted(torch_variant("torch.optim.RMSprop").accepts)
    ['alpha', 'centered', 'eps', 'lr', 'momentum', 'mu', 'nu', 'weight_decay']
    """
    make = _imported(chosen) if isinstance(chosen, str) else chosen
    if not callable(make):
        raise InputError(f"a variant is a name, an optimizer class or a factory, got {chosen!r}")
    builtin = getattr(torch.optim, getattr(make, "__name__", ""), None) is make
    name = (
        f"torch.optim.{make.__name__}"
        if builtin
        else chosen
        if isinstance(chosen, str)
        else import_name(make)
    )
    if isinstance(make, type):
        if not issubclass(make, torch.optim.Optimizer):
            raise InputError(
                f"variant {name!r} must be a torch.optim.Optimizer or a factory of one, got the class "
                f"{make.__name__}"
            )
        if make is torch.optim.Optimizer:
            raise InputError(
                "torch.optim.Optimizer is what optimizers derive from; name one, such as torch.optim.AdamW"
            )
    adapter = adapter_of(make)
    if adapter.refusal:
        raise InputError(f"{name} {adapter.refusal}")
    keywords = _keywords_of(make, adapter)
    if name == "torch.optim.Adagrad":
        keywords.pop("lr_decay")  # the training loop's schedules have that name
    if name == "torch.optim.Muon":
        return TorchVariant(
            name,
            muon,
            {**keywords, "adamw_lr": None},
            {"adjust_lr_fn": "match_rms_adamw"},
            MUON,
            "Jordan et al. (2024); Liu et al. (2025)",
            adapter,
        )
    words = (inspect.getdoc(make) or "").split("\n\n")[0].replace("\n", " ") if not builtin else ""
    return TorchVariant(
        name,
        make,
        keywords,
        adapter.fixed,
        words or f"{name} of PyTorch",
        "torch.optim" if builtin else name,
        adapter,
    )


def _keywords_of(make: OptimizerFactory, adapter: Adapter) -> dict[str, Any]:
    """Return the hyperparameters of a class or factory, with their defaults."""
    first, *parameters = inspect.signature(make).parameters.values()
    handled = {first.name, "params", adapter.model, adapter.named, *adapter.supplied, *UNTUNED}
    keywords = {
        parameter.name: parameter.default
        for parameter in parameters
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        and parameter.name not in handled
    }
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        keywords.setdefault("lr", inspect.Parameter.empty)
    if adapter.without_lr:
        keywords.pop("lr", None)
    return keywords


def decay_place(name: str, keywords: Mapping[str, Any]) -> tuple[str, int | None] | None:
    """Return the keyword, and the position in its tuple, of an optimizer's mu or nu; None if it has none.

    Args:
        name: mu or nu.
        keywords: of the optimizer, or one of its parameter groups.

    >>> decay_place("nu", {"lr": 0.1, "betas": (0.9, 0.999)})
    ('betas', 1)
    """
    averaged = "lambd" in keywords  # ASGD's alpha is a power of its learning rate
    for keyword, position in DECAYS[name]:
        if keyword in keywords and not (keyword == "alpha" and averaged):
            return keyword, position
    return None


def _imported(path: str) -> Any:
    known = [name for name in TORCH_DEFAULTS if hasattr(torch.optim, name.rpartition(".")[2])]
    if path.startswith("torch.optim.") and not hasattr(
        torch.optim, path.removeprefix("torch.optim.").split(".")[0]
    ):
        raise unknown("optimizer", path, known)
    return imported(path, "variant")
