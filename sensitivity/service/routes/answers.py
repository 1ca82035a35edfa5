"""Answers: the measures of a study, the figures of the questions, and the report."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response

from sensitivity.dashboard.cache import Pending as StillComputing
from sensitivity.dashboard.drawing import CURVES
from sensitivity.dashboard.view import View
from sensitivity.service.context import Context, Here, Name
from sensitivity.service.models import Figure, FigureName, Measure, MeasureName, Pending
from sensitivity.service.problems import Missing
from sensitivity.service.routes import API
from sensitivity.service.routes.trials import Metric
from trainables.names import unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from sensitivity.measures import Measured
    from sensitivity.questions import Drawing, Question

router = APIRouter(prefix=f"{API}/studies/{{name}}", tags=["answers"])
AGAIN_AFTER = "1"
"""Seconds after which a reader asks again for what is being computed."""
LATER: dict[int | str, dict[str, Any]] = {
    202: {"model": Pending, "description": "It is being computed; ask again after `Retry-After` seconds."},
    304: {"description": "It is as the reader has it."},
}
Having = Annotated[list[str] | None, Query(alias="with", description="An argument of the measure as NAME=VALUE, such as over=mu.")]
Tag = Annotated[str | None, Header(alias="If-None-Match", description="The ETag of what the reader has.")]


@router.get("/measures")
def measures(name: Name, here: Here) -> list[MeasureName]:
    """The measures that can be asked for, and their arguments."""
    from sensitivity.service.measuring import listed

    here.source.check(name)
    return listed()


@router.get("/measures/{measure}", response_model=Measure, responses={**LATER, 200: {"content": {"text/csv": {}}}})
def measure(
    name: Name,
    measure: str,
    here: Here,
    metric: Metric = None,
    having: Having = None,
    format: Literal["json", "csv"] = "json",
    tag: Tag = None,
) -> Response:
    """The table of one measure, as `sensitivity measure` prints it. What takes long is computed once for all who ask."""
    from sensitivity.service.measuring import asked, table_of

    compute = asked(measure, tuple(having or ()))

    def made(measured: Measured) -> str:
        return table_of(compute(measured), measure, format)

    return _answer(
        here,
        name,
        metric,
        made,
        ("measure", measure, tuple(having or ()), format),
        "text/csv" if format == "csv" else "application/json",
        tag,
    )


@router.get("/figures")
def figures(name: Name, here: Here) -> list[FigureName]:
    """The figures that the questions use."""
    here.source.check(name)
    tasks = here.source.results(View(name=name)).trials["task"].unique().tolist()
    return [
        FigureName(name=drawing.name, question=question.title, words=drawing.words, task=task)
        for question, drawing in drawings().values()
        for task in ([""] if question.once else tasks)
    ]


@functools.lru_cache(maxsize=1)
def drawings() -> dict[str, tuple[Question, Drawing]]:
    """Every figure of the questions by name."""
    from sensitivity.questions import QUESTIONS

    return {drawing.name: (question, drawing) for question in QUESTIONS for drawing in question.figures}


@router.get("/figures/{figure}", response_model=Figure, responses=LATER)
def figure(
    name: Name,
    figure: str,
    here: Here,
    task: Annotated[str | None, Query(description="The first of the study when not given.")] = None,
    metric: Metric = None,
    tag: Tag = None,
) -> Response:
    """A figure as Plotly's JSON."""
    if figure not in drawings():
        raise Missing(str(unknown("figure", figure, drawings())))
    question, drawing = drawings()[figure]

    def made(measured: Measured) -> str:
        tasks = list(dict.fromkeys(place for place, _ in measured.results.groups))
        if task is not None and task not in tasks:
            raise Missing(str(unknown("task of this study", task, tasks)))
        if not tasks:
            raise Missing(f"study {name!r} has no finished trial to draw yet")
        chosen = task if task is not None else tasks[0]
        why_not = question.why_not(measured, chosen)
        if why_not or not drawing.needs(measured, chosen):
            raise Missing(f"study {name!r} has no figure {figure!r}: {why_not or 'its results have nothing to draw there'}")
        return str(drawing(measured, chosen).to_json())

    return _answer(here, name, metric, made, ("figure", figure, task), "application/json", tag, curves=figure in CURVES)


@router.get("/report", response_class=Response, responses={**LATER, 200: {"content": {"text/html": {}, "text/markdown": {}}}})
def report(name: Name, here: Here, format: Literal["html", "md"] = "html", metric: Metric = None, tag: Tag = None) -> Response:
    """The report of what is there, also while the study runs: one page that opens offline, or Markdown."""

    def made(measured: Measured) -> str:
        from sensitivity.report.contents import chapters
        from sensitivity.report.markdown import markdown
        from sensitivity.report.page import page

        if measured.results.usable.empty:
            raise Missing(f"study {name!r} has no finished trial to report yet")
        found = chapters(measured)
        return page(measured, found) if format == "html" else markdown(measured, found, {})

    return _answer(here, name, metric, made, ("report", format), "text/html" if format == "html" else "text/markdown", tag, curves=True)


def _answer(
    here: Context,
    name: str,
    metric: str | None,
    made: Callable[[Measured], str],
    key: Any,
    media_type: str,
    tag: str | None,
    *,
    curves: bool = False,
) -> Response:
    """What is computed in the pool, once for all readers: 202 while it is, 304 where the reader has it."""
    here.source.check(name)
    view = View(name=name, metric=metric or "")
    own = f'"{here.source.fingerprint(view, key)}"'
    headers = {"ETag": own, "Cache-Control": "no-cache"}
    if tag == own:
        return Response(status_code=304, headers=headers)
    try:
        text = here.source.measured(view, made, key, curves=curves)
    except StillComputing:
        return Response(Pending().model_dump_json(), 202, {"Retry-After": AGAIN_AFTER}, "application/json")
    return Response(text, headers=headers, media_type=media_type)
