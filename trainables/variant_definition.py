"""Variant: a name for fixed choices of the hyperalgorithm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from trainables.names import InputError, unknown
from trainables.role_names import check_role

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from trainables.hyperalgorithm import Hyperalgorithm

SETTINGS = (
    "lr", "mu", "nu", "p", "epsilon", "momentum", "momentum_gradient", "momentum_accumulation",
    "adaptive", "order", "mu_schedule", "nu_schedule", "period", "slow_mu", "slow_weight", "sign", "cautious",
)  # fmt: skip
"""Settings of the hyperalgorithm that a variant can fix or leave open."""

DOZAT = 'Dozat, "Optimizing CNNs"'


class Optimizable(Protocol):
    """Interface of a variant for studies, search spaces and the training loop; any object of this form may be
    registered.
    """

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
        """Every setting that a configuration may have."""
        ...

    def optimizer(
        self, params: Iterable[Tensor] | Iterable[dict[str, Any]], configuration: Mapping[str, Any]
    ) -> torch.optim.Optimizer:
        """Return the optimizer of one configuration."""
        ...


@dataclass(frozen=True)
class Variant:
    """A named optimizer: the hyperalgorithm with ``fixed`` settings.

    Args:
        name: name in specifications and plots.
        fixed: settings of :class:`Hyperalgorithm`.
        description: one line.
        source: who proposed it.

    >>> Variant("plain", {"momentum": "none", "adaptive": "none"}).hyperparameters
    ('lr',)
    """

    name: str
    fixed: Mapping[str, Any] = field(repr=False)
    description: str = ""
    source: str = ""

    @property
    def hyperparameters(self) -> tuple[str, ...]:
        """The numbers that a study of this variant usually varies: lr, and mu, nu and slow_mu where they take
        part.
        """
        names = ["lr"]
        for decay, part, usual in (("mu", "momentum", "cm"), ("nu", "adaptive", "mean")):
            schedule = self.fixed.get(f"{decay}_schedule", "constant")
            if self.fixed.get(part, usual) != "none" and schedule != "true_mean" and ":" not in schedule:
                names.append(decay)
        if self.fixed.get("slow_weight", 0):
            names.append("slow_mu")
        return tuple(name for name in names if name not in self.fixed)

    @property
    def needs(self) -> tuple[str, ...]:
        """The settings without a default, which every configuration must have."""
        return () if "lr" in self.fixed else ("lr",)

    @property
    def accepts(self) -> frozenset[str]:
        """Every setting that a configuration of this variant may have."""
        return frozenset(SETTINGS) - frozenset(self.fixed)

    def optimizer(
        self, params: Iterable[Tensor] | Iterable[dict[str, Any]], configuration: Mapping[str, Any]
    ) -> Hyperalgorithm:
        """Return the optimizer of one configuration.

        Raises:
            InputError: for a setting that is unknown, fixed here, lacking or out of range.
        """
        from trainables.hyperalgorithm import Hyperalgorithm
        from trainables.role_names import split_settings
        from trainables.roles import Holder

        check_names(self, configuration)
        common, by_role = split_settings(configuration)
        if by_role:
            return self.for_model(Holder(list(params)), configuration)  # type: ignore[arg-type]
        return Hyperalgorithm(params, **{**self.fixed, **common})

    def for_model(
        self, model: nn.Module, configuration: Mapping[str, Any], run: Any = None
    ) -> Hyperalgorithm:
        """Return the optimizer of one configuration for a model.

        Args:
            model: the model.
            configuration: settings; ``lr.head`` is the lr of a role (:data:`trainables.roles.ROLES`).
            run: ignored.

        Raises:
            InputError: for a setting that is unknown, fixed here, lacking or out of range.
        """
        from trainables.hyperalgorithm import Hyperalgorithm
        from trainables.role_names import split_settings
        from trainables.roles import role_groups

        check_names(self, configuration)
        common, by_role = split_settings(configuration)
        params = role_groups(model, by_role) if by_role else model.parameters()
        return Hyperalgorithm(params, **{**self.fixed, **common})


def check_names(chosen: Optimizable, configuration: Mapping[str, Any]) -> None:
    """Check the names of a configuration against those that a variant accepts and needs.

    Raises:
        InputError: with the nearest name.
    """
    for name in configuration:
        if "." in name:
            check_role(name, chosen.name, chosen.accepts)
        elif name not in chosen.accepts:
            raise unknown(f"hyperparameter of {chosen.name}", name, sorted(chosen.accepts))
    for name in chosen.needs:
        if name not in configuration:
            raise InputError(f"a configuration of {chosen.name} needs {name}, got {dict(configuration)!r}")
