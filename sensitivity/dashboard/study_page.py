"""A study by its questions: answers in words, figures, tables, and the selected trial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import html

from sensitivity.dashboard import controls, shell, words
from sensitivity.dashboard.drawing import card
from sensitivity.dashboard.trials_page import kept_words, nothing
from sensitivity.questions import QUESTIONS, Question
from sensitivity.questions.summary import caveats
from sensitivity.readers.filters import the_task
from sensitivity.text.wording import code_parts

if TYPE_CHECKING:
    from sensitivity.measures import Measured
    from sensitivity.readers.source import Source
    from sensitivity.readers.view import View

MEASURES = "measures"
"""The tab that shows any one table."""
HINT = (
    "Click a trial in a figure to open it beside the figures. Draw a box (Box Select above a figure) to keep "
    "the trials in it."
)


def open_question(view: View) -> Question | None:
    """Return the question of the open tab.

    It is the first for a tab that does not exist, and None for the tab of single measures.
    """
    return (
        None
        if view.tab == MEASURES
        else next((candidate for candidate in QUESTIONS if candidate.key == view.tab), QUESTIONS[0])
    )


def page(source: Source, view: View) -> list[Any]:
    """Return the form, the tabs and what is in the open one."""
    results, question = source.results(view), open_question(view)
    if question is None:
        inside = [shell.part("measure")]
    else:
        hint = html.P(HINT, className="what") if question.figures else None
        inside = [
            shell.part(f"answer:{question.key}"),
            hint,
            *(card(question, drawing) for drawing in question.figures),
        ]
        inside.append(shell.part(f"tables:{question.key}"))
    middle = html.Div([shell.part("bar"), *inside], className="content")
    side = html.Aside(shell.part("panel"), className="side", **{"aria-label": "selected trial"})
    return [
        *shell.heading(view, view.name),
        html.Div([controls.form(results, view), middle, side], className="beside"),
    ]


def bar(source: Source, view: View) -> list[Any]:
    """Return the progress of the study, the number of kept trials, and the tabs of the questions."""
    whole = source.results(view)
    results = source.filtered_results(view)
    trials = results.all_trials
    counted = dict(trials["status"].value_counts())
    row = {"trials": len(trials), **{name: int(counted.get(name, 0)) for name in words.ORDER}}
    questions = [(question.key, question.title) for question in QUESTIONS] + [(MEASURES, "Any one measure")]
    open_one = open_question(view)
    current = MEASURES if open_one is None else open_one.key
    first = QUESTIONS[0].key
    tabs = [
        html.Li(shell.link(title, view.but(tab="" if key == first else key), current=key == current))
        for key, title in questions
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
        key: Key of the question.
        begin: Measure what is not cached.
    """
    question = next(candidate for candidate in QUESTIONS if candidate.key == key)
    results = source.filtered_results(view)
    if results.usable.empty:
        return None
    task = the_task(results, view)

    def answer_parts(measured: Measured) -> tuple[str, list[str], list[str]]:
        why = question.reason_against(measured, task)
        return why, [] if why else question.sentences(measured, task), caveats(measured)

    why, sentences, careful = source.measured(view, answer_parts, ("answer", key, task), begin=begin)
    head: list[Any] = [html.H2(question.title)]
    if why:
        return [*head, shell.notice("Not to be answered from these results", why, kind="refused")]
    sections = [*head, html.Ul([html.Li(_with_code(text)) for text in sentences], className="answer")]
    if careful:
        sections.append(
            html.Details(
                [
                    html.Summary(f"Read with care ({len(careful)})"),
                    html.Ul(list(map(html.Li, careful))),
                ],
                className="careful",
            )
        )
    return sections


def tables(view: View, key: str) -> html.P:
    """Return links to the tables behind a question."""
    question = next(candidate for candidate in QUESTIONS if candidate.key == key)
    links: list[Any] = ["Tables behind this: "]
    for name, _ in question.tables:
        links += [shell.link(name.replace("_", " "), view.but(tab=MEASURES, measure=name)), " · "]
    return html.P(links[:-1], className="tables")


def _with_code(sentence: str) -> list[Any]:
    """Return a sentence with its commands as code."""
    return [html.Code(text) if code else text for text, code in code_parts(sentence)]
