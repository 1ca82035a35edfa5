"""The report as Markdown, with pictures where they were drawn."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sensitivity.questions.overview import how_to_read, overview
from sensitivity.questions.summary import other_caveats
from sensitivity.reporting import tables
from sensitivity.reporting.provenance import lead, provenance, specification

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from sensitivity.measures import Measured
    from sensitivity.reporting.contents import Chapter, Part


SIGNS, BACKTICKS = re.compile(r"[\\`*\[\]~]|^[#>]|(?<!\w)_|_(?!\w)"), re.compile(r"`+")


def markdown(
    measured: Measured, report_chapters: Sequence[Chapter], pictures: Mapping[tuple[str, str], str]
) -> str:
    """Return the report as Markdown.

    Args:
        measured: of the study.
        report_chapters: in order.
        pictures: file of a figure, by the names of its part and of the figure.
    """
    lines = [f"# {_text(measured.results.study)}", "", _text(lead(measured.results)), ""]
    contents = [line for chapter in report_chapters for line in _chapter(measured, chapter, pictures)]
    warnings = other_caveats(measured, [text for chapter in report_chapters for text in chapter.summary])
    lines += contents
    if warnings:
        lines += ["## Read with care", "", *_bullets(warnings), ""]
    lines += [
        "## How this was made",
        "",
        *_bullets(f"{name}: {value}" for name, value in provenance(measured.results)),
        "",
    ]
    fence = "`" * max(3, 1 + max(map(len, BACKTICKS.findall(specification(measured.results))), default=0))
    lines += [f"{fence}yaml", specification(measured.results).rstrip(), fence, ""]
    return "\n".join(lines)


def _chapter(measured: Measured, chapter: Chapter, pictures: Mapping[tuple[str, str], str]) -> list[str]:
    lines = [f"## {_text(chapter.title)}", ""]
    if chapter.task:
        variants = measured.attempt("overview", lambda: _table(overview(measured, chapter.task)), list[str]())
        lines += [*_bullets(chapter.summary), "", *variants, "", how_to_read(measured, chapter.task), ""]
    for part in chapter.parts:
        lines += [f"### {part.question.title}", "", *_bullets(part.sentences), "", *_pictures(part, pictures)]
        if part.question.key == "effects":
            lines += [
                *measured.attempt(
                    "shares of variance", lambda: _table(tables.shares(measured, chapter.task)), list[str]()
                ),
                "",
            ]
    if chapter.unanswered:
        lines += [
            "### What these trials cannot answer",
            "",
            *_bullets(f"{title} {reason}" for title, reason in chapter.unanswered),
            "",
        ]
    return lines


def _pictures(part: Part, pictures: Mapping[tuple[str, str], str]) -> list[str]:
    lines = []
    for drawing, _ in part.figures:
        if (part.name, drawing.name) in pictures:
            lines += [
                f"![{part.question.title} {drawing.words}]({pictures[part.name, drawing.name]})",
                "",
                f"*{drawing.words}*",
                "",
            ]
    return lines


def _bullets(sentences: Iterable[str]) -> list[str]:
    return [f"- {_text(sentence)}" for sentence in sentences]


def _text(words: str) -> str:
    r"""Escape text for Markdown: no HTML, link, picture or code is left in it.

    >>> _text("![<b>](x) l1_adam *")
    '!\\[&lt;b>\\](x) l1_adam \\*'
    >>> _text("# one\n## two"), _text("_so_ ~~not~~")
    ('\\# one ## two', '\\_so\\_ \\~\\~not\\~\\~')
    """
    return SIGNS.sub(r"\\\g<0>", " ".join(words.split()).replace("&", "&amp;").replace("<", "&lt;"))


def _table(table: pd.DataFrame) -> list[str]:
    head: Sequence[str] = [str(name) for name in table.columns]
    lines = [
        head,
        ["---"] * len(head),
        *([str(value) for value in row] for row in table.to_numpy(dtype=object).tolist()),
    ]
    return ["| " + " | ".join(_text(cell).replace("|", "\\|") for cell in line) + " |" for line in lines]
