"""Every branch that words a sentence or a title is taken by a study of the tables of false ones."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator

import pytest

from tests.sensitivity import test_false_sentences as of_summary
from tests.sensitivity.questions.answers import BY_KEY, said, titles
from tests.sensitivity.questions.test_false_details import FALSE
from tests.sensitivity.questions.test_false_titles import FALSE as TITLES

QUESTIONS = (
    "choosing", "comparing", "course", "decided", "effects", "epochs", "fixed_settings", "leads", "question", "robust",
    "sensitive", "tradeoffs", "transfer", "tuning",
)  # fmt: skip
FIGURES = (
    "across", "agreement", "budgets", "comparisons", "curves", "decided", "maps", "noise", "pairs", "parallel",
    "settings", "slices", "stability", "timeline", "tuning",
)  # fmt: skip
OF_TITLES = {"_title", "_near", "_widths", "_basins", "_rates", "_nowhere", "_best_tenth", "_exponents"}
"""Functions of figures that return a title, or a part of it."""
NOTHING = re.compile(
    r"No (hyperparameter|variant|two) |There is one |Needs |It takes |When these |Selection needs "
)
UNSAID = {
    " leads, though not every other variant is told apart from it.": "of ranks that are made up, in test_sensitive.py",
    "no variant has such a setting": "every row of the measure has a note",
    "wider than the range shows": "read in a note, not said",
    "No best configuration kept a finite loss": "the figure is left out then",
    "No trial diverged": "the figure is left out then, and test_sensitive.py asks for it by its name",
    "The trials do not show what tuning gains": "the figure is left out then, and test_tuning.py asks for it by its name",
}
"""Words that no study of the tables has, and why."""


def literals(tree: ast.AST) -> Iterator[str]:
    """The longest literal part of every text in code."""
    formatted = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    inside = {id(part) for node in formatted for part in ast.walk(node) if part is not node}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield max(
                (str(part.value) for part in node.values if isinstance(part, ast.Constant)),
                key=len,
                default="",
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.value


def functions(module: str) -> Iterator[ast.FunctionDef]:
    """The functions of a module without their docstrings."""
    for node in ast.walk(ast.parse(inspect.getsource(importlib.import_module(module)))):
        if isinstance(node, ast.FunctionDef):
            node.body = node.body[1:] if ast.get_docstring(node) else node.body
            yield node


def of_title(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """The code of a figure that makes its title or subtitle."""
    if function.name in OF_TITLES:
        yield function
    for node in ast.walk(function):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id in ("title", "subtitle") for target in targets):
            yield node


def are_words(text: str) -> bool:
    return len(re.findall(r"[A-Za-z]{2,}", text)) > 2 and " " in text


def unsaid(wanted: set[str], text: str) -> list[str]:
    return sorted(words for words in wanted if words not in text and words not in UNSAID)


@pytest.mark.slow
def test_every_branch_of_the_sentences_is_taken() -> None:
    wanted = {
        words
        for name in QUESTIONS
        for function in functions(f"sensitivity.questions.{name}")
        for words in filter(are_words, literals(function))
    }
    assert len(wanted) > 100
    sentences = [
        text for key, table in FALSE.items() for true, _ in table.values() for text in said(true, key)
    ]
    sentences += [text for true, _ in of_summary.FALSE.values() for text in of_summary.said(true)]
    assert not unsaid(wanted, "\n".join(map(str, sentences)))


@pytest.mark.slow
def test_every_branch_of_the_titles_is_taken() -> None:
    wanted = {
        words
        for name in FIGURES
        for function in functions(f"sensitivity.figures.{name}")
        for part in of_title(function)
        for words in filter(are_words, literals(part))
    }
    assert len(wanted) > 50
    shown = [
        text for name, table in TITLES.items() for true, _ in table.values() for text in titles(true, name)
    ]
    assert not unsaid(wanted, "\n".join(shown))


@pytest.mark.parametrize("key", BY_KEY)
def test_every_question_occurs_with_numbers_and_with_nothing_to_say(key: str) -> None:
    answers = [true for true, _ in FALSE[key].values()]
    assert any(re.search(r"\d", text) for true in answers for text in said(true, key))
    assert any(NOTHING.match(text) for true in answers for text in said(true, key))


def test_a_text_that_no_study_has_is_found() -> None:
    tree = ast.parse(
        "def f(n):\n    'Doc of f, of some words'\n    return f'{n} of these words {n} x', 'and of others'"
    )
    assert list(filter(are_words, literals(tree.body[0]))) == [
        "Doc of f, of some words",
        " of these words ",
        "and of others",
    ]
    assert unsaid({" of these words ", "and of others"}, "3 of these words 3") == ["and of others"]
