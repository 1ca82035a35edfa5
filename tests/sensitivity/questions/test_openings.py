"""The answer to every question opens with one short sentence, whatever the study."""

from __future__ import annotations

import pytest

from sensitivity.measures import Measured
from sensitivity.questions import QUESTIONS
from sensitivity.questions.summary import summary
from sensitivity.results.results import Results
from tests.sensitivity.questions import studies
from tests.sensitivity.questions.answers import BY_KEY, measured, tasks_of
from tests.sensitivity.questions.test_false_details import FALSE
from tests.sensitivity.test_awkward_figures import AWKWARD
from tests.sensitivity.test_quantities import ODD, odd_study

MOST = 25
"""Words of an opening."""
SMALL = {name: made for name, made in vars(studies).items() if isinstance(made, Results)}
LARGE = "30 variants, 12 hyperparameters"


def long_openings(of: Measured, keys: list[str]) -> list[str]:
    """The first sentences of the details that are too long; the summary's are not said again."""
    openings = []
    for task in tasks_of(of.results):
        first = summary(of, task)
        for question in map(BY_KEY.__getitem__, keys):
            if question.applies(of, task):
                openings += [text for text in question.sentences(of, task) if text not in first][:1]
    return [text for text in openings if len(text.split()) > MOST]


ALL = [question.key for question in QUESTIONS]


@pytest.mark.parametrize(("key", "part"), [(key, part) for key, table in FALSE.items() for part in table])
def test_no_opening_of_the_table_is_long(key: str, part: str) -> None:
    assert not [text for study in FALSE[key][part] for text in long_openings(measured(study), [key])]


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_no_opening_of_a_small_study_is_long(name: str) -> None:
    assert not long_openings(measured(SMALL[name]), ALL)


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[pytest.mark.slow] if case == LARGE else []) for case in AWKWARD]
)
def test_no_opening_of_an_awkward_study_is_long(case: str) -> None:
    assert not long_openings(Measured(AWKWARD[case]()), ALL)


@pytest.mark.parametrize("number", ODD)
def test_no_opening_of_an_odd_table_is_long(number: int) -> None:
    assert not long_openings(odd_study(number), ALL)


def test_words_of_an_opening_are_counted_in_what_a_reader_sees() -> None:
    sentences = BY_KEY["effects"].sentences(measured(studies.VALLEYS), tasks_of(studies.VALLEYS)[0])
    assert sentences[0] == "Most important to every variant: lr."
    assert len(sentences[0].split()) == 6
