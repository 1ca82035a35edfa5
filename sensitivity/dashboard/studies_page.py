"""Every study of the store, and how far each is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import dcc, html

from sensitivity.dashboard import annotation as marks
from sensitivity.dashboard import shell, words, writing
from sensitivity.figures.words import counted
from sensitivity.readers.view import View
from sensitivity.study.trial import STATUSES

if TYPE_CHECKING:
    from sensitivity.readers.source import Source, Submitted
    from sensitivity.store.annotations import Annotation


def page(source: Source, view: View) -> list[Any]:
    """Return the page that the dashboard opens with."""
    new = shell.link("New study", View(page="new")) if writing.may_write() else None
    title = [html.H1("Studies"), html.P(f"in {source.named}", className="what")]
    return [html.Div([html.Div(title), new], className="title wide"), shell.part("studies")]


def listed(source: Source, view: View) -> Any:
    """Return a row a study that has the tags of the view; what to do where there is none."""
    submitted, stored = source.submitted(), source.studies()
    names = {row["name"] for row in stored}
    waiting = [_unbegun(study) for study in submitted.values() if study.name not in names]
    rows = [*reversed(waiting), *stored]
    if not rows:
        run = html.Pre(
            f"sensitivity run --preset quickstart --store {source.named}", className="command", tabIndex="0"
        )
        return shell.notice(
            "No study yet", "This page fills by itself as soon as one runs. To start one:", action=run
        )
    chosen = [row for row in rows if _has(source.annotation(row["name"]), view)]
    items = [_study(row, source.annotation(row["name"]), submitted.get(row["name"])) for row in chosen]
    nothing = shell.notice("No study is left", "None has all of these tags.") if not items else None
    return [_filters(source, names, view), html.Ul(items, className="studies"), nothing]


def _unbegun(study: Submitted) -> dict[str, Any]:
    """Return the row of a study that the store does not have yet."""
    return {
        "name": study.name,
        "created": "",
        "trials": study.trials,
        **{**dict.fromkeys(STATUSES, 0), "pending": study.trials},
    }


def _has(annotation: Annotation, view: View) -> bool:
    return (annotation.star or not view.star) and set(view.tag) <= set(annotation.tags)


def _filters(source: Source, names: set[str], view: View) -> Any:
    """Return links that keep the studies with a star or a tag."""
    found = [words for (name, key), words in source.annotations().items() if name in names and not key]
    tags = sorted({tag for words in found for tag in words.tags} | set(view.tag))
    starred = any(words.star for words in found) or bool(view.star)
    if not tags and not starred:
        return None
    links = [_toggle("★", view.but(star="" if view.star else "yes"), bool(view.star))] if starred else []
    for tag in tags:
        others = tuple(other for other in view.tag if other != tag)
        is_on = tag in view.tag
        links.append(_toggle(tag, view.but(tag=others if is_on else (*others, tag)), is_on))
    return html.Nav(
        [html.Span("Only with"), html.Ul(links, className="tags")],
        className="keep",
        **{"aria-label": "filter by star and tags"},
    )


def _toggle(words: str, to: View, is_on: bool) -> html.Li:
    title = f"{'All studies, not only' if is_on else 'Only studies'} with {words}"
    return html.Li(dcc.Link(words, href=to.href, title=title), className="on" if is_on else "")


def _study(row: dict[str, Any], annotation: Annotation, submitted: Submitted | None) -> html.Li:
    view, name = View(page="study", name=row["name"]), row["name"]
    ended = row["trials"] - row["pending"] - row["running"]
    share = f"{100 * ended // max(1, row['trials'])}%"
    note = annotation.note.partition("\n")[0]
    star = marks.star(annotation, writing.address(name, "annotation"), name) if row["created"] else None
    created = f"created {row['created'][:16].replace('T', ' ')} UTC"
    return html.Li(
        [
            html.Div([html.H2(shell.link(name, view)), star], className="head"),
            html.P(
                [
                    html.Span(words.state(row, submitted)),
                    f"{share} of {counted(row['trials'], 'trial')}",
                ],
                className="far",
            ),
            words.progress(row),
            html.P(words.counts(row), className="what"),
            html.P(created, className="what") if row["created"] else None,
            marks.tags(annotation),
            html.P(note, className="note line") if note else None,
        ]
    )
