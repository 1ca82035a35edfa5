"""Notes, tags and stars: shown to every reader, changed by those who may write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import dcc, html

from sensitivity.dashboard import shell, writing
from sensitivity.figures.words import counted
from sensitivity.readers.view import View
from sensitivity.store.annotations import OF_STUDY, Annotation

if TYPE_CHECKING:
    from sensitivity.readers.source import Source

STAR, NO_STAR = "★", "☆"
PATCH = "PATCH"
LONGEST_LINE = 120
"""Characters of a note that a list shows."""


def star(annotation: Annotation, path: str, name: str) -> Any:
    """Return the star of a study or a trial: a button for who may write, else the star if there is one.

    Args:
        annotation: Its annotation.
        path: Path of the API to the annotation.
        name: Name of the study or the trial.
    """
    sign = STAR if annotation.star else NO_STAR
    if writing.may_write():
        title = f"{'Take the star from' if annotation.star else 'Give a star to'} {name}"
        press = html.Button(sign, type="submit", className="star", title=title, **{"aria-label": title})
        return writing.form(
            [press], PATCH, path, body={"star": not annotation.star}, className="change inline"
        )
    if not annotation.star:
        return None
    return html.Span(STAR, className="star", role="img", title="has a star", **{"aria-label": "has a star"})


def tags(annotation: Annotation, *, linked: bool = True) -> Any:
    """Return the tags, linked to the studies that have them.

    Args:
        annotation: The annotation.
        linked: False for the tags of a trial.
    """
    if not annotation.tags:
        return None
    shown = [
        html.Li(
            dcc.Link(tag, href=View(tag=(tag,)).href, title=f"studies with the tag {tag}")
            if linked
            else html.Span(tag)
        )
        for tag in annotation.tags
    ]
    return html.Ul(shown, className="tags", **{"aria-label": "tags"})


def of_study(source: Source, view: View) -> list[Any]:
    """Return the note and the tags of a study, and its trials that have a note or a star."""
    name = view.name
    annotation = source.annotation(name)
    trials = [
        html.Li(
            [
                f"{STAR} " if words.star else "",
                shell.link(f"trial {key[:8]}", View(page="trial", name=name, key=key)),
                f" {_line(words)}",
            ]
        )
        for (study, key), words in source.annotations().items()
        if study == name and key != OF_STUDY and (words.star or words.note or words.tags)
    ]
    noted = html.Details(
        [html.Summary(f"{counted(len(trials), 'trial')} with notes or a star"), html.Ul(trials)]
    )
    path = writing.address(name, "annotation")
    marks = html.Div([star(annotation, path, name), tags(annotation)], className="marks")
    return [marks, _note(annotation), noted if trials else None]


def of_trial(source: Source, name: str, key: str) -> html.Div:
    """Return the star, the tags and the note of a trial."""
    annotation, path = source.annotation(name, key), writing.address(name, "trials", key, "annotation")
    marks = [star(annotation, path, f"trial {key[:8]}"), tags(annotation, linked=False)]
    return html.Div([html.Div(marks, className="marks"), _note(annotation)])


def _note(annotation: Annotation) -> Any:
    return html.P(annotation.note, className="note") if annotation.note else None


def _line(annotation: Annotation) -> str:
    tag_words = " ".join(f"[{tag}]" for tag in annotation.tags)
    line = " ".join(annotation.note.split())
    short = line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]} …"
    return f"{tag_words} {short}".strip()


def editor(path: str) -> html.Details:
    """Return the form of a note and its tags, which is filled when it is opened.

    Args:
        path: Path of the API to the annotation.
    """
    fields = [
        writing.field("Note", "note", rows=5),
        writing.field("Tags, between commas", "tags", kind="list", hint="paper, second try"),
        writing.button("Save"),
    ]
    return html.Details(
        [html.Summary("Note and tags"), writing.form(fields, PATCH, path)],
        className="action always",
        **{"data-fill": path},
    )
