"""Answers: the measures of a study, the figures of the questions, and the report."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from sensitivity.readers.cache import Pending as StillComputing
from sensitivity.service.answering import Ask, check, drawings
from sensitivity.service.context import Context, Name, ServiceContext
from sensitivity.service.models import Figure, FigureName, Measure, MeasureName, Pending, Verdict
from sensitivity.service.routes import API
from sensitivity.service.routes.trials import UNCHANGED, Metric, Tag, known_by
from sensitivity.service.table_response import AGAIN_AFTER

router = APIRouter(prefix=f"{API}/studies/{{name}}", tags=["answers"])
LATER: dict[int | str, dict[str, Any]] = {
    202: {"model": Pending, "description": "It is being computed; ask again after `Retry-After` seconds."},
    **UNCHANGED,
}
Having = Annotated[
    list[str] | None,
    Query(alias="with", description="An argument of the measure as NAME=VALUE, such as over=mu."),
]


@router.get("/measures")
def measures(name: Name, context: ServiceContext) -> list[MeasureName]:
    """Return the measures that can be asked for, and their arguments."""
    from sensitivity.service.measuring import listed

    context.source.check(name)
    return listed()


@router.get(
    "/measures/{measure}", response_model=Measure, responses={**LATER, 200: {"content": {"text/csv": {}}}}
)
def measure(
    name: Name,
    measure: str,
    context: ServiceContext,
    metric: Metric = None,
    having: Having = None,
    format: Literal["json", "csv"] = "json",
    tag: Tag = None,
) -> Response:
    """Return the table of one measure, as `sensitivity measure` prints it.

    What takes long is computed once for all who ask.
    """
    ask = Ask(name, "measure", measure, metric or "", tuple(having or ()), format=format)
    return _answer(context, ask, "text/csv" if format == "csv" else "application/json", tag)


@router.get("/figures")
def figures(name: Name, context: ServiceContext) -> list[FigureName]:
    """Return the figures that the questions use."""
    context.source.check(name)
    tasks = json.loads(context.source.store.study(name))["tasks"]
    return [
        FigureName(name=drawing.name, question=question.title, words=drawing.words, task=task)
        for question, drawing in drawings().values()
        for task in ([""] if question.once else tasks)
    ]


@router.get("/figures/{figure}", response_model=Figure, responses=LATER)
def figure(
    name: Name,
    figure: str,
    context: ServiceContext,
    task: Annotated[str | None, Query(description="The first of the study when not given.")] = None,
    metric: Metric = None,
    tag: Tag = None,
) -> Response:
    """Return a figure as Plotly's JSON."""
    return _answer(context, Ask(name, "figure", figure, metric or "", task=task), "application/json", tag)


@router.get("/verdict", response_model=Verdict, responses=LATER)
def verdict(name: Name, context: ServiceContext, metric: Metric = None, tag: Tag = None) -> Response:
    """Return what a reader should know first: the variant and setting to use, how careful to be, how sure."""
    return _answer(context, Ask(name, "verdict", metric=metric or ""), "application/json", tag)


@router.get(
    "/report",
    response_class=Response,
    responses={**LATER, 200: {"content": {"text/html": {}, "text/markdown": {}}}},
)
def report(
    name: Name,
    context: ServiceContext,
    format: Literal["html", "md"] = "html",
    metric: Metric = None,
    tag: Tag = None,
) -> Response:
    """Return the report of the results so far, also while the study runs.

    It is one page that opens offline, or Markdown.
    """
    ask = Ask(name, "report", metric=metric or "", format=format)
    return _answer(context, ask, "text/html" if format == "html" else "text/markdown", tag)


def _answer(context: Context, ask: Ask, media_type: str, tag: str | None) -> Response:
    """Return the answer; 202 while it is being computed, 304 if the reader has it."""
    context.source.check(ask.study)
    check(ask)
    if tag == (current := f'"{context.source.fingerprint(ask)}"'):
        return known_by(current, tag, "", media_type)
    try:
        answer = context.source.answer(ask)
    except StillComputing:
        return Response(Pending().model_dump_json(), 202, {"Retry-After": AGAIN_AFTER}, "application/json")
    return known_by(f'"{context.source.fingerprint(ask, answer.token)}"', tag, answer.text, media_type)
