"""What the details say of a study: answers to questions, and titles of figures."""

from __future__ import annotations

from html import unescape

from sensitivity.measures import Measured
from sensitivity.questions import QUESTIONS, Question
from sensitivity.results.results import Results

MEASURED: dict[int, tuple[Results, Measured]] = {}
SAID: dict[tuple[int, str], list[str]] = {}
TITLES: dict[tuple[int, str], list[str]] = {}
BY_KEY = {question.key: question for question in QUESTIONS}
DRAWINGS = {
    drawing.name: (question, drawing)
    for question in QUESTIONS
    for drawing in (*question.by_name, *question.figures)
}


def measured(study: Results) -> Measured:
    """The measures of a study, which several sentences share."""
    if id(study) not in MEASURED:
        MEASURED[id(study)] = study, Measured(study)
    return MEASURED[id(study)][1]


def tasks_of(study: Results) -> list[str]:
    return list(dict.fromkeys(task for task, _ in study.groups))


def said(study: Results, key: str) -> list[str]:
    """The answer to a question on every task, or the reasons why there is none."""
    if (id(study), key) not in SAID:
        question, of = BY_KEY[key], measured(study)
        SAID[id(study), key] = [
            sentence for task in tasks_of(study) for sentence in _answer(question, of, task)
        ]
    return SAID[id(study), key]


def _answer(question: Question, of: Measured, task: str) -> list[str]:
    reason = question.reason_against(of, task)
    return [reason] if reason else question.sentences(of, task)


def titles(study: Results, name: str) -> list[str]:
    """The title and the subtitle of a figure for every task that has it."""
    if (id(study), name) not in TITLES:
        (question, drawing), of = DRAWINGS[name], measured(study)
        drawn = [
            drawing(of, task).layout.title
            for task in tasks_of(study)
            if question.applies(of, task) and drawing.needs(of, task)
        ]
        TITLES[id(study), name] = [
            unescape(f"{title.text}. {title.subtitle.text}".replace("<br>", " ")) for title in drawn
        ]
    return TITLES[id(study), name]
