"""Roles of a model's parameters: by them optimizers such as Muon divide a model, and settings may differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from trainables.names import unknown
from trainables.role_names import ROLES

ORTHOGONAL = frozenset({"matrices", "filters"})
"""Roles whose parameters Muon orthogonalises; the others are AdamW's (Jordan et al., 2024)."""
OVERRIDE = "parameter_roles"
"""Attribute of a model: role by the name of a parameter or of a module, for those that are named wrongly."""

CONVOLUTIONS = (
    nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d,
)  # fmt: skip
TABLES = (nn.Embedding, nn.EmbeddingBag)


class Holder(nn.Module):
    """A module of parameters that belong to no layer, for optimizers that need a module."""

    def __init__(self, params: Sequence[nn.Parameter]) -> None:
        super().__init__()
        self.params = nn.ParameterList(params)


def roles_of(model: nn.Module) -> dict[str, str]:
    """Return the role of every parameter of a model, by the parameter's name.

    Layers are in the order in which the model registers them: the last linear layer or convolution is the
    head, and the first layer, if it is a convolution, has the role first. A model that registers its layers
    in another order corrects this by an attribute ``parameter_roles``. A tied parameter has the role of its
    first place.

    Raises:
        InputError: for an unknown role in ``parameter_roles``, and for a name that the model lacks.

    >>> roles_of(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3), nn.Flatten(), nn.Linear(8, 2)))
    {'0.weight': 'first', '0.bias': 'norm', '1.weight': 'filters', '1.bias': 'norm', '3.weight': 'head', \
'3.bias': 'norm'}
    """
    owners = {
        id(param): module for module in reversed(list(model.modules())) for param in module.parameters(False)
    }
    layers = [module for module in model.modules() if isinstance(module, (nn.Linear, *CONVOLUTIONS))]
    first = layers[0] if len(layers) > 1 and isinstance(layers[0], CONVOLUTIONS) else None
    head = layers[-1] if layers else None
    roles = {name: _role(param, owners[id(param)], first, head) for name, param in model.named_parameters()}
    override: Mapping[str, str] = getattr(model, OVERRIDE, {})
    for place, role in override.items():
        if role not in ROLES:
            raise unknown(f"role of {place!r} in {OVERRIDE}", role, ROLES)
        named = [name for name in roles if name == place or name.startswith(f"{place}.")]
        if not named:
            raise unknown(f"parameter in {OVERRIDE}", place, list(roles))
        roles |= dict.fromkeys(named, role)
    return roles


def _role(param: Tensor, owner: nn.Module, first: nn.Module | None, head: nn.Module | None) -> str:
    if param.ndim < 2:
        return "norm"
    if isinstance(owner, TABLES):
        return "embedding"
    if owner is head:
        return "head"
    if owner is first:
        return "first"
    if isinstance(owner, CONVOLUTIONS):
        return "filters"
    return "matrices" if param.ndim == 2 else "embedding"


def by_role(model: nn.Module) -> dict[str, list[nn.Parameter]]:
    """Return the trained parameters of a model by their role, in the order of :data:`ROLES`; only roles that
    the model has.
    """
    roles = roles_of(model)
    params = [(roles[name], param) for name, param in model.named_parameters() if param.requires_grad]
    grouped = {role: [param for other, param in params if other == role] for role in ROLES}
    return {role: members for role, members in grouped.items() if members}


def shares(model: nn.Module, optimizer: Any) -> list[dict[str, Any]]:
    """Return a row for every role of a model: parameters, their share, and the part of the optimizer that
    takes them, with its lr and weight decay.

    Args:
        model: a model.
        optimizer: of the model's parameters.
    """
    groups = {id(param): group for group in optimizer.param_groups for param in group["params"]}
    total = sum(param.numel() for param in model.parameters())
    rows = []
    for role, params in by_role(model).items():
        group: Mapping[str, Any] = groups.get(id(params[0]), {})
        count = sum(param.numel() for param in params)
        rows.append(
            {
                "role": role,
                "parameters": count,
                "share": count / total,
                "optimizer": part_name(optimizer, group),
                "lr": group.get("lr"),
                "weight_decay": group.get("weight_decay"),
            }
        )
    return rows


def part_name(optimizer: Any, group: Mapping[str, Any]) -> str:
    """Return the name of the optimizer, or of its part, that takes the parameters of a group."""
    if "part" in group and hasattr(optimizer, "parts"):
        return str(
            getattr(optimizer.parts[group["part"]], "title", type(optimizer.parts[group["part"]]).__name__)
        )
    name = type(optimizer).__name__
    return "AdamW" if group.get("use_muon") is False else name


def role_groups(
    model: nn.Module, settings: Mapping[str, Mapping[str, Any]], *, flagged: bool = False
) -> list[dict[str, Any]]:
    """Return parameter groups: one for every role with settings of its own, and the rest.

    Args:
        model: that has the parameters, which stay in their order within a group.
        settings: settings of a role, by role.
        flagged: True if groups have a flag ``use_muon``, so that the rest may be two groups.
    """
    roles = roles_of(model)
    groups: dict[tuple[bool, str], dict[str, Any]] = {}
    for name, param in model.named_parameters():
        role = roles[name]
        key = (role in ORTHOGONAL, role if role in settings else "")
        options = {**settings.get(role, {}), **({"use_muon": key[0]} if flagged else {})}
        groups.setdefault(key if flagged else (False, key[1]), {"params": [], **options})["params"].append(
            param
        )
    return sorted(groups.values(), key=lambda group: not group.get("use_muon", False))
