"""The report as one HTML page that opens offline: no address in it is another's."""

from __future__ import annotations

import html
import json
import pathlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sensitivity.figures.style import NARROW_BELOW, THEMES, template
from sensitivity.figures.words import about
from sensitivity.questions.overview import how_to_read, overview
from sensitivity.questions.summary import other_caveats
from sensitivity.reporting import tables
from sensitivity.reporting.contents import BESIDE, LEADING, Chapter, Part
from sensitivity.reporting.marked import cell, content, item, numbered
from sensitivity.reporting.provenance import lead, provenance, specification
from sensitivity.text.csv_text import csv_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import plotly.graph_objects as go

    from sensitivity.measures import Measured
    from sensitivity.questions import Drawing

HERE = pathlib.Path(__file__).parent
ROWS = 100
"""Of a table that the page shows; the CSV has all."""


@dataclass(frozen=True)
class Shown:
    """A figure of the page.

    Its texts are text of the page, which breaks lines where a figure cannot; the rest is JSON.

    least: the width in rem below which it is scrolled, not squeezed.
    """

    name: str
    title: str
    subtitle: str
    label: str
    words: str
    least: int
    height: int
    json: str
    table: Sheet | None


@dataclass(frozen=True)
class Sheet:
    """A table of the page.

    csv: all rows as a JSON string.
    note: text on rows that are not shown.
    """

    name: str
    caption: str
    columns: list[str]
    rows: list[list[str]]
    note: str
    csv: str


def page(measured: Measured, report_chapters: Sequence[Chapter]) -> str:
    """Return the report as one self-contained HTML page, escaped except for style, script and JSON."""
    import jinja2
    from plotly.offline import get_plotlyjs

    files = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    files.filters |= {"content": content, "cell": cell, "item": item, "numbered": numbered}
    contents = [_chapter(measured, chapter) for chapter in report_chapters]
    templates = {name: template(name).to_plotly_json() for name in THEMES}
    return files.get_template("page.html").render(
        study=measured.results.study,
        lead=lead(measured.results),
        caveats=other_caveats(measured, [text for chapter in report_chapters for text in chapter.summary]),
        chapters=contents,
        provenance=provenance(measured.results),
        specification=specification(measured.results),
        style=_file("style.css"),
        script=_file("script.js"),
        plotly=get_plotlyjs(),
        look=in_script({"templates": templates, "narrow": NARROW_BELOW}),
    )


def _chapter(measured: Measured, chapter: Chapter) -> dict[str, Any]:
    return {
        "name": chapter.name,
        "title": chapter.title,
        "summary": chapter.summary,
        "overview": measured.attempt("overview", partial(_overview, measured, chapter.task), None)
        if chapter.task
        else None,
        "how_to_read": how_to_read(measured, chapter.task) if chapter.task else "",
        "beside": _open(measured, chapter, BESIDE),
        "leading": _open(measured, chapter, *LEADING),
        "parts": [_part(measured, part) for part in chapter.parts],
        "unanswered": chapter.unanswered,
    }


def _overview(measured: Measured, task: str) -> Sheet:
    return _sheet("overview", overview(measured, task), "Overview of the variants", "")


def _part(measured: Measured, part: Part) -> dict[str, Any]:
    shown = [_attempt(measured, part, drawing, figure) for drawing, figure in part.detailed]
    figures = [figure for figure in shown if figure is not None]
    drawn = {drawing.table for drawing, _ in part.figures}
    others = [
        sheet(f"{part.name}-{name}", name, table) for name, table in part.tables.items() if name not in drawn
    ]
    return {
        "name": part.name,
        "title": part.question.title,
        "sentences": part.sentences,
        "figures": figures,
        "tables": others,
    }


def _open(measured: Measured, chapter: Chapter, *names: str) -> list[Shown]:
    shown = [_attempt(measured, *found) for found in chapter.figures(*names)]
    return [figure for figure in shown if figure is not None]


def _attempt(measured: Measured, part: Part, drawing: Drawing, figure: go.Figure) -> Shown | None:
    said = about(measured.results, part.task or None)
    return measured.attempt(f"figure {drawing.name}", partial(_shown, part, drawing, figure, said), None)


def _shown(part: Part, drawing: Drawing, figure: go.Figure, said: str) -> Shown:
    """Return a figure; its subtitle lacks ``said``, which the page says above."""
    title, whole = (
        _unmarked(title) for title in (figure.layout.title.text, figure.layout.title.subtitle.text)
    )
    subtitle = whole.removeprefix(_unmarked(said)).removeprefix("; ")
    table = part.tables.get(drawing.table)
    name = f"{part.name}-{drawing.name}"
    label = ". ".join(filter(None, [title, whole, *part.sentences[:1]]))
    drawn_sheet = sheet(f"{name}-table", drawing.table, table) if table is not None else None
    return Shown(
        name, title, subtitle, label, drawing.words, _least(figure), *_without_title(figure), drawn_sheet
    )


def _unmarked(words: str | None) -> str:
    """Return the text of a figure without its escapes; the page escapes it itself."""
    return html.unescape((words or "").replace("<br>", " "))


def _least(figure: go.Figure) -> int:
    """Return the least width in rem of panels that cannot be stacked."""
    columns = len({axis.domain for axis in figure.select_xaxes()})
    can = set((figure.layout.meta or {}).get("narrow", {})) & {"xaxis.domain"}
    return 18 if columns <= 1 or can else 12 * columns


HEADROOM, LABELLED = 34, 56
"""Pixels above a figure without title: for the titles of panels, for the names of parallel axes."""


def _without_title(figure: go.Figure) -> tuple[int, str]:
    """Return height and JSON of a figure without title and template; the page has one template a theme."""
    import plotly.io

    drawn = figure.to_plotly_json()
    layout = {
        name: value for name, value in drawn["layout"].items() if name not in ("title", "template", "meta")
    }
    room = LABELLED if any(trace["type"] == "parcoords" for trace in drawn["data"]) else HEADROOM
    less = max(0, (layout.get("margin", {}).get("t") or room) - room)
    height = int(layout.get("height") or 450) - less
    layout |= {"height": height, "margin": {**layout.get("margin", {}), "t": room}, "uirevision": "kept"}
    narrow = {
        place: value
        for place, value in (drawn["layout"].get("meta") or {}).get("narrow", {}).items()
        if not place.startswith("title")
    }
    if {"height", "margin.t"} <= set(narrow):
        narrow |= {"height": narrow["height"] - narrow["margin.t"] + room, "margin.t": room}
    content = {"data": drawn["data"], "layout": layout, "narrow": narrow}
    return height, _safe(plotly.io.to_json(content, validate=False, remove_uids=False))


def sheet(name: str, what: str, table: pd.DataFrame) -> Sheet:
    """Return a table of the page.

    Args:
        name: unique on the page.
        what: name of its file.
        table: all rows.
    """
    short = table.head(ROWS)
    more = len(table) - len(short)
    note = f"The first {ROWS} of {len(table):,} rows; the CSV has all." if more > 0 else ""
    return _sheet(name, tables.in_words(short, what), what.replace("_", " "), note, csv_text(table), what)


def _sheet(name: str, words: pd.DataFrame, caption: str, note: str, csv: str = "", what: str = "") -> Sheet:
    rows = [list(row) for row in words.to_numpy(dtype=object).tolist()]
    return Sheet(
        what or name,
        caption,
        [str(column) for column in words.columns],
        rows,
        note,
        in_script(csv) if csv else "",
    )


def in_script(value: Any) -> str:
    """Return JSON that cannot end the script element around it."""
    return _safe(json.dumps(value, allow_nan=False, separators=(",", ":")))


def _safe(text: str | None) -> str:
    return (text or "").replace("<", "\\u003c").replace(">", "\\u003e")


def _file(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
