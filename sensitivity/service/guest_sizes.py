"""Size of a study from the network, counted before any list, design or model is made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from trainables.names import InputError

if TYPE_CHECKING:
    from search_spaces.spaces import SearchSpace
    from trainables.task_definition import Task

MOST = {
    "epochs": 10_000,
    "seeds": 1_000,
    "tasks": 100,
    "variants": 1_000,
    "cohort_size": 1_024,
    "batch_size": 65_536,
}
"""Largest value of a field that is a number; largest number of items of a list."""
MOST_HYPERPARAMETERS, MOST_VALUES, MOST_TRIED = 64, 100, 50_000
"""Hyperparameters of a space; values of a list in a space; values of all spaces on all tasks, since each
value is tried on an optimizer."""
LARGEST_SETTING, MOST_PARAMETERS = 10_000, 20_000_000
"""Largest setting of a model; parameters of the largest model: 80 MB for each
trial of a cohort."""


def check_numbers(fields: dict[str, Any]) -> None:
    """Check that numbers and lists of names are not too large.

    Raises: InputError for a number or a list above its limit.
    """
    for field, most in MOST.items():
        value = fields.get(field)
        size = len(value) if isinstance(value, list) else value if isinstance(value, (int, float)) else 0
        if size > most:
            raise InputError(f"{field} must be at most {most:,}, got {size:,}")


def check_sizes(fields: dict[str, Any], max_trials: int) -> None:
    """Check that every space, design and model of a study is of a size that can be made.

    A design's trials are counted as configurations x tasks x seeds, equal configurations each.

    Args:
        fields: Fields of a study, as plain data that :func:`check_numbers` has passed.
        max_trials: Trials of the study, at most.
    Raises: InputError naming the variant, the size and what is allowed.
    """
    from search_spaces.designs import design_from_dict

    tasks, seeds, designs = listed(fields.get("tasks")), fields.get("seeds", 1), _mapping(fields, "designs")
    per_configuration = max(1, len(tasks)) * (
        len(seeds) if isinstance(seeds, list) else seeds if isinstance(seeds, int) else 1
    )
    trials = tried = 0
    for one in (
        fields.get("design"),
        *designs.values(),
    ):  # also what no variant uses, which the study reads nevertheless
        _check_rows(one)
    for name, space in _spaces(fields, tasks):
        tried += max(1, len(tasks)) * sum(len(_values(one) or (0, 1)) for one in space)
        if tried > MOST_TRIED:
            raise InputError(
                f"the spaces of a study must list at most {MOST_TRIED:,} values over all tasks; that of "
                f"{name} is too many"
            )
        _check_models(tasks, name, space)
        value = designs.get(name, fields.get("design"))
        if value is None:
            continue  # the study itself says that it lacks one
        trials += design_from_dict(value).size(space, max_trials) * per_configuration
        if trials > max_trials:
            raise InputError(
                f"a study with this design of {name} has {trials:,} trials, at most {max_trials:,} are "
                "allowed"
            )


def listed(design: Any) -> list[Any]:
    """Return one name or several, as a list."""
    return design if isinstance(design, list) else [] if design is None else [design]


def _spaces(fields: dict[str, Any], tasks: list[Any]) -> Iterator[tuple[str, SearchSpace]]:
    """Return the space of every variant: its own, that of every variant, or its default."""
    from search_spaces.defaults import default_space, function_space
    from search_spaces.spaces import SearchSpace
    from sensitivity.study.own_trainables import short_name
    from trainables.named_variants import DIRECT

    trainable, spaces = fields.get("trainable"), _mapping(fields, "spaces")
    variants = listed(fields.get("variants"))
    if not variants and trainable is not None:
        variants = [short_name(str(trainable))]
    elif not variants and any(str(task).startswith("function/") for task in tasks):
        variants = [DIRECT]
    for name in variants:
        if not isinstance(name, str):
            raise InputError(f"variants must be names, got {str(name)[:120]!r}")
        space = spaces.get(name, spaces.get("*", fields.get("space")))
        if space is not None:
            _check_lists(name, space)
            yield name, SearchSpace.from_dict(space)
        elif trainable is None:  # of one the study itself says that it lacks a space
            yield name, function_space(tasks[0]) if name == DIRECT and tasks else default_space(name)


def _check_lists(name: str, space: Any) -> None:
    if not isinstance(space, list) or len(space) > MOST_HYPERPARAMETERS:
        got = f"{len(space):,}" if isinstance(space, list) else type(space).__name__
        raise InputError(
            f"the space of {name} must be a list of at most {MOST_HYPERPARAMETERS} hyperparameters, got {got}"
        )
    if (size := max(map(_longest, space), default=0)) > MOST_VALUES:
        raise InputError(f"lists in the space of {name} must have at most {MOST_VALUES} values, got {size:,}")


def _longest(value: Any) -> int:
    """Return items of the longest list in a value."""
    parts = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return max([len(value) if isinstance(value, list) else 0, *map(_longest, parts)])


def _check_rows(design: Any) -> None:
    """Check that a design has its rows, and not the path of a table on this machine."""
    if isinstance(design, dict):
        if "rows" in design and not isinstance(design["rows"], list):
            raise InputError(
                "rows of an explicit design must be a list of configurations, got "
                f"{str(design['rows'])[:120]!r}"
            )
        for part in listed(design.get("parts")):
            _check_rows(part)


def _check_models(tasks: list[Any], name: str, space: SearchSpace) -> None:
    from trainables.tasks import task

    if "batch_size" in space and (largest := _largest(space["batch_size"])) > MOST["batch_size"]:
        raise InputError(
            f"batch_size in the space of {name} must be at most {MOST['batch_size']:,}, got {largest:,.0f}"
        )
    for trained in map(task, tasks):
        varied = {
            one.name: _largest(one) for one in space if one.name in trained.settings and _largest(one) > 0
        }
        for setting, value in varied.items():
            if value > LARGEST_SETTING:
                raise InputError(
                    f"{setting} in the space of {name} must be at most {LARGEST_SETTING:,}, got {value:,.0f}"
                )
        size = _parameters(trained, varied) if varied else 0
        if size > MOST_PARAMETERS:
            text = ", ".join(f"{setting} {value:,.0f}" for setting, value in varied.items())
            raise InputError(
                f"a model of {trained.name} must have at most {MOST_PARAMETERS:,} parameters, got {size:,} "
                f"with {text}"
            )


def _parameters(trained: Task, varied: dict[str, float]) -> int:
    """Return the number of parameters of a model with these settings; 0 where the model cannot be made.

    The model is made on the device ``meta``, where numbers take no memory.
    """
    import torch

    usual = trained.settings
    settings = {
        name: int(value) if isinstance(usual[name], int) and value.is_integer() else value
        for name, value in varied.items()
    }
    try:
        with torch.device("meta"):
            model = trained.model(torch.Generator().manual_seed(0), **settings)
    except InputError:
        raise
    except Exception:  # a model of the user's own may need real numbers
        return 0
    return sum(weights.numel() for weights in model.parameters())


def _values(hyperparameter: Any) -> tuple[Any, ...]:
    return (*getattr(hyperparameter, "levels", ()), *getattr(hyperparameter, "choices", ()))


def _largest(hyperparameter: Any) -> float:
    """Return the largest number among its values; 0 where there is none."""
    values = (getattr(hyperparameter, "high", None), *_values(hyperparameter))
    return max(
        (float(value) for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)),
        default=0.0,
    )


def _mapping(fields: dict[str, Any], field: str) -> dict[str, Any]:
    mapping = fields.get(field) or {}
    if not isinstance(mapping, dict):
        raise InputError(f"{field} must be a mapping of variants, got {str(mapping)[:120]!r}")
    return mapping
