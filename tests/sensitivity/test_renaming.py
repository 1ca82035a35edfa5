"""New names for hyperparameters."""

from __future__ import annotations

import pandas as pd
import pytest

from sensitivity import from_table
from sensitivity.exchange.renaming import renaming
from sensitivity.results.results import Results
from trainables.names import InputError

FRAME = pd.DataFrame(
    {
        "learning_rate": [0.01, 0.1, 1.0] * 2,
        "mom": [0.0] * 3 + [0.9] * 3,
        "loss": [3.0, 2.0, 4.0, 2.5, 1.5, 5.0],
    }
)


def read(**named: object) -> Results:
    return from_table(FRAME, direction="min", **named)


def test_the_learning_rate_is_called_lr_and_that_is_said() -> None:
    results = read(scales={"learning_rate": "log"})
    assert results.spaces["table"].names == ("lr", "mom")
    assert [note for note in results.notes if "--rename learning_rate=learning_rate" in note]


def test_a_name_can_stay_and_another_be_given() -> None:
    results = read(rename={"learning_rate": "learning_rate", "mom": "momentum"})
    assert results.spaces["table"].names == ("learning_rate", "momentum")
    assert not [note for note in results.notes if "is the learning rate" in note]


def test_a_learning_rate_that_is_named_by_the_user() -> None:
    results = read(rename={"mom": "mu", "learning_rate": "lr"})
    assert results.spaces["table"].names == ("lr", "mu")


def test_a_given_space_decides_the_names() -> None:
    space = read(rename={"learning_rate": "learning_rate"}).spaces["table"]
    assert read(spaces=space).spaces["table"].names == ("learning_rate", "mom")


@pytest.mark.parametrize(
    ("rename", "message"),
    [
        (
            {"learningrate": "lr"},
            "unknown hyperparameter in rename (--rename) 'learningrate'; did you mean 'learning_rate'?",
        ),
        (
            {"mom": "learning_rate", "learning_rate": "learning_rate"},
            "rename (--rename) gives 'learning_rate' and 'mom' one name",
        ),
    ],
)
def test_names_that_cannot_be_given(rename: dict[str, str], message: str) -> None:
    with pytest.raises(InputError) as refused:
        renaming({"learning_rate": [0.1, 0.2], "mom": [0, 1]}, rename)
    assert message in str(refused.value)


def test_swapped_names() -> None:
    assert renaming({"a": [1], "b": [2]}, {"a": "b", "b": "a"})[0] == {"a": "b", "b": "a"}
