"""A study by its questions: answers in words, figures, tables, and the selected trial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import html

from sensitivity.dashboard import actions, controls, shell, words
from sensitivity.dashboard.drawing import card
from sensitivity.dashboard.trials_page import kept_words, nothing
from sensitivity.questions import QUESTIONS
from sensitivity.questions.overview import how_to_read, overview
from sensitivity.questions.summary import caveats, other_caveats, summary
from sensitivity.readers.filters import the_task
from sensitivity.text.quantities import parts_with_code

if TYPE_CHECKING:
    import pandas as pd

    from sensitivity.measures import Measured
    from sensitivity.readers.source import Source
    from sensitivity.readers.view import View

SUMMARY, MEASURES = "summary", "measures"
"""The tabs of the summary, which is the first, and of any one table."""
SUMMED_UP = ("tuned_and_missed", "lr_curves")
"""Figures of the summary."""
HINT = (
    "Click a trial in a figure to open it beside the figures. Draw a box (Box Select above a figure) to keep "
    "the trials in it."
)


def tab_names() -> dict[str, str]:
    """Return the titles of the tabs, by their keys."""
    questions = {question.key: question.title for question in QUESTIONS}
    return {SUMMARY: "Summary", **questions, MEASURES: "Any one measure"}


def open_tab(view: View) -> str:
    """Return the key of the open tab: the summary for one that does not exist."""
    return view.tab if view.tab in tab_names() else SUMMARY


def page(source: Source, view: View) -> list[Any]:
    """Return the form, the tabs and what is in the open one."""
    results, key = source.results(view), open_tab(view)
    hint = html.P(HINT, className="what")
    if key == MEASURES:
        inside = [shell.part("measure")]
    elif key == SUMMARY:
        drawings = [
            card(question, drawing)
            for name in SUMMED_UP
            for question in QUESTIONS
            for drawing in question.figures
            if drawing.name == name
        ]
        inside = [shell.part("answer:summary"), shell.part("overview"), hint, *drawings]
    else:
        question = next(candidate for candidate in QUESTIONS if candidate.key == key)
        inside = [
            shell.part(f"answer:{key}"),
            *([hint] if question.figures else []),
            *(card(question, drawing) for drawing in question.figures),
            shell.part(f"tables:{key}"),
        ]
    middle = html.Div([shell.part("bar"), *inside], className="content")
    side = html.Aside(shell.part("panel"), className="side", **{"aria-label": "selected trial"})
    return [
        *shell.heading(view, view.name),
        shell.part("state"),
        html.Div([shell.part("annotation"), actions.actions(view)], className="about"),
        html.Div([controls.form(results, view), middle, side], className="beside"),
    ]


def bar(source: Source, view: View) -> list[Any]:
    """Return the progress of the study, the number of kept trials, and the tabs of the questions."""
    whole = source.results(view)
    results = source.filtered_results(view)
    trials = results.all_trials
    counted = dict(trials["status"].value_counts())
    row = {"trials": len(trials), **{name: int(counted.get(name, 0)) for name in words.ORDER}}
    current = open_tab(view)
    tabs = [
        html.Li(shell.link(title, view.but(tab="" if key == SUMMARY else key), current=key == current))
        for key, title in tab_names().items()
    ]
    elements = [
        html.Div(
            [
                kept_words(results, whole, view),
                words.progress(row),
                html.P(words.counts(row), className="what"),
            ],
            className="far",
        ),
        html.Nav(html.Ul(tabs), className="tabs", **{"aria-label": "questions"}),
    ]
    if results.trials.empty:
        return [*elements, nothing(whole, view)]
    if results.usable.empty and not row["pending"] + row["running"]:
        every = shell.link("All trials", view.on("trials"))
        return [*elements, shell.notice("No trial has a result", "Each of them says why.", action=every)]
    if results.usable.empty:
        return [
            *elements,
            shell.notice("No trial has ended yet", "Figures appear here as soon as the first one does."),
        ]
    return elements


def answer(source: Source, view: View, key: str, *, begin: bool = True) -> Any:
    """Return the sentences that answer a question, with caveats; or the reason against an answer.

    Args:
        source: The store.
        view: The view.
        key: Key of the question, or :data:`SUMMARY`.
        begin: Measure what is not cached.
    """
    results = source.filtered_results(view)
    if results.usable.empty:
        return None
    task = the_task(results, view)
    question = next((candidate for candidate in QUESTIONS if candidate.key == key), None)

    def answer_parts(measured: Measured) -> tuple[str, list[str], list[str]]:
        if question is None:
            sentences = summary(measured, task)
            return "", sentences, other_caveats(measured, sentences)
        why = question.reason_against(measured, task)
        return why, [] if why else question.sentences(measured, task), caveats(measured)

    why, sentences, careful = source.measured(view, answer_parts, ("answer", key, task), begin=begin)
    head: list[Any] = [html.H2(tab_names()[key])]
    if why:
        return [*head, shell.notice("Not to be answered from these results", why, kind="refused")]
    sections = [*head, html.Ul([html.Li(_content(text)) for text in sentences], className="answer")]
    if careful:
        sections.append(
            html.Details(
                [
                    html.Summary(f"Read with care ({len(careful)})"),
                    html.Ul([html.Li(words.with_quantities(text)) for text in careful]),
                ],
                className="careful",
            )
        )
    return sections


def overview_table(source: Source, view: View) -> list[Any] | None:
    """Return the table of variants in the order of the verdict, and how to read it."""
    results = source.filtered_results(view)
    if results.usable.empty:
        return None
    task = the_task(results, view)

    def compute(measured: Measured) -> tuple[pd.DataFrame, str]:
        return overview(measured, task), how_to_read(measured, task)

    table, reading = source.measured(view, compute, ("overview", task))
    if table.empty:
        return None
    explained = html.Details(
        [html.Summary("How to read this table"), html.P(words.with_quantities(reading), className="what")]
    )
    return [words.frame(table, caption="variants, in the order of the verdict"), explained]


def tables(view: View, key: str) -> html.P:
    """Return links to the tables behind a question."""
    question = next(candidate for candidate in QUESTIONS if candidate.key == key)
    links: list[Any] = ["Tables behind this: "]
    for name, _ in question.tables:
        links += [shell.link(name.replace("_", " "), view.but(tab=MEASURES, measure=name)), " · "]
    return html.P(links[:-1], className="tables")


def _content(sentence: str) -> list[Any]:
    """Return a sentence with its commands as code."""
    return [
        html.Code(part) if code else part
        for text, name, code in parts_with_code(sentence)
        for part in [html.Span(text, **{"data-quantity": name}) if name else text]
    ]
