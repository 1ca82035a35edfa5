"""The parts of a study: variants, search spaces, tasks, and the studies of the package."""

from __future__ import annotations

import functools
from typing import Annotated, Any

from fastapi import APIRouter, Query

from sensitivity.service.models import Preset, Space, Task, Variant
from sensitivity.service.problems import Missing
from sensitivity.service.routes import API
from sensitivity.text.json_text import to_json
from trainables.names import unknown

router = APIRouter(prefix=API, tags=["catalogue"])


@router.get("/variants")
def variants() -> list[Variant]:
    """Return the named optimizer variants, their hyperparameters and sources."""
    from trainables.named_variants import VARIANTS

    return [
        Variant(
            variant=variant.name,
            hyperparameters=list(variant.hyperparameters),
            what=variant.description,
            source=variant.source,
        )
        for variant in VARIANTS.values()
    ]


@router.get("/spaces")
def spaces(
    variant: Annotated[list[str] | None, Query(description="All named variants when not given.")] = None,
) -> list[Space]:
    """Return the default search space of variants."""
    from search_spaces.defaults import default_space
    from trainables.named_variants import VARIANTS

    for name in variant or ():
        if name not in VARIANTS:
            raise Missing(str(unknown("variant", name, VARIANTS)))
    return [
        Space(variant=name, hyperparameters=_plain(default_space(name).to_dict()))
        for name in variant or VARIANTS
    ]


@router.get("/tasks")
def tasks() -> list[Task]:
    """Return the tasks: model, data, loss, metrics and the hyperparameters of the model."""
    return [
        Task(name=row["name"], model=row["model"], description=row["description"], more=_plain(_more(row)))
        for row in _task_rows()
    ]


@functools.lru_cache(maxsize=1)
def _task_rows() -> list[dict[str, Any]]:
    from trainables.tasks import task_rows

    return task_rows()


def _more(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("name", "model", "description")}


@router.get("/presets")
def presets() -> list[Preset]:
    """Return the studies that come with the package."""
    return _presets()


@functools.lru_cache(maxsize=1)
def _presets() -> list[Preset]:
    from sensitivity.service.specs import plain
    from sensitivity.study.presets import PRESETS
    from sensitivity.study.study import Study

    return [
        Preset(preset=name, what=preset["description"], spec=plain(Study.preset(name)))
        for name, preset in PRESETS.items()
    ]


def _plain(value: Any) -> Any:
    import json

    return json.loads(to_json(value))
