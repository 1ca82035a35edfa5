"""Notes, tags and stars of studies and trials."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from sensitivity.service.context import Context, Name, ServiceContext
from sensitivity.service.listing import model_of
from sensitivity.service.models import Annotation, AnnotationChange, TrialAnnotation
from sensitivity.service.problems import Conflict, Missing
from sensitivity.service.routes import API
from sensitivity.service.routes.studies import summary
from sensitivity.store.annotations import OF_STUDY, annotate
from sensitivity.store.queries import full_key

router = APIRouter(prefix=f"{API}/studies/{{name}}", tags=["annotations"])
Key = Annotated[str, Path(max_length=64)]


@router.get("/annotation")
def annotation(name: Name, context: ServiceContext) -> Annotation:
    """Return the note, the tags and the star of a study."""
    summary(context, name)
    return model_of(context.source.annotation(name))


@router.get("/annotations")
def trial_annotations(name: Name, context: ServiceContext) -> list[TrialAnnotation]:
    """Return the trials of a study that have a note, tags or a star."""
    context.source.check(name)
    return [
        TrialAnnotation(key=key, **model_of(words).model_dump())
        for (study, key), words in context.source.annotations().items()
        if study == name and key != OF_STUDY
    ]


@router.get("/trials/{key}/annotation")
def trial_annotation(name: Name, key: Key, context: ServiceContext) -> Annotation:
    """Return the note, the tags and the star of a trial, named by its key or its first characters."""
    return model_of(context.source.annotation(name, _trial(context, name, key)))


@router.patch("/annotation")
def change(name: Name, change: AnnotationChange, context: ServiceContext) -> Annotation:
    """Change the note, the tags or the star of a study; what is not given stays."""
    summary(context, name)
    if context.source.row(name) is None:
        raise Conflict(f"study {name!r} has not begun; it can have notes as soon as it has")
    return _changed(context, name, OF_STUDY, change)


@router.patch("/trials/{key}/annotation")
def change_trial(name: Name, key: Key, change: AnnotationChange, context: ServiceContext) -> Annotation:
    """Change the note, the tags or the star of a trial; what is not given stays."""
    return _changed(context, name, _trial(context, name, key), change)


def _trial(context: Context, name: str, key: str) -> str:
    context.source.check(name)
    found = full_key(context.source.store, name, key)
    if found is None:
        raise Missing(f"study {name!r} has no trial {key!r}")
    return found


def _changed(context: Context, name: str, key: str, change: AnnotationChange) -> Annotation:
    changed = annotate(context.source.store, name, key, note=change.note, tags=change.tags, star=change.star)
    context.source.forget_annotations()
    return model_of(changed)
