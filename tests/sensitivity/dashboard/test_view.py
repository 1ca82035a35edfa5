"""The view: every one is an address, and every address a view."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensitivity.readers.view import View

NAMES = st.text(min_size=1, max_size=20).filter(
    lambda text: not any("\ud800" <= each <= "\udfff" for each in text)
)
NUMBERS = st.floats(allow_nan=False)
VIEWS = st.builds(
    View,
    page=st.sampled_from(["study", "trials", "explore", "space"]),
    name=NAMES,
    tab=NAMES,
    task=NAMES,
    variant=st.lists(NAMES, unique=True, max_size=3).map(tuple),
    seed=st.lists(NAMES, unique=True, max_size=3).map(tuple),
    ranges=st.lists(st.tuples(NAMES, NUMBERS, NUMBERS), max_size=2).map(
        lambda rows: tuple((name, min(a, b), max(a, b)) for name, a, b in rows)
    ),
    choices=st.lists(st.tuples(NAMES.filter(lambda name: "=" not in name), NAMES), max_size=2).map(tuple),
    outcome=st.lists(st.tuples(NUMBERS, NUMBERS), max_size=1).map(
        lambda rows: tuple((min(a, b), max(a, b)) for a, b in rows)
    ),
    only_task=NAMES,
    x=NAMES,
    y=NAMES,
    colour=NAMES,
    curve_colour=NAMES,
    along=NAMES,
    metric=NAMES,
    sort=NAMES,
    trial=NAMES,
    number=st.integers(1, 10**8 - 1),
)


@pytest.mark.slow
@given(VIEWS)
def test_an_address_gives_the_view_that_made_it(view: View) -> None:
    assert View.read(view.path, view.query) == view


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param(("/", ""), View(), id="the studies"),
        pytest.param(
            ("/compare", "?study=a&study=b&study=a"),
            View(page="compare", study=("a", "b")),
            id="each study once",
        ),
        pytest.param(
            ("/study/a%2Fb/trial/k", ""), View(page="trial", name="a/b", key="k"), id="a slash in a name"
        ),
        pytest.param(
            ("/study/a", "?range=lr:x:1&range=lr:1&outcome=1&outcome=nan:1&number=-3&nonsense=1"),
            View(page="study", name="a"),
            id="what cannot be read",
        ),
        pytest.param(
            ("/study/a", "?range=lr:2:1"),
            View(page="study", name="a", ranges=(("lr", 1.0, 2.0),)),
            id="bounds the other way",
        ),
        pytest.param(("/what/is/this", ""), View(page="unknown", name="what/is/this"), id="no page"),
        pytest.param((None, None), View(), id="nothing yet"),
    ],
)
def test_addresses_that_people_write(address: tuple[str | None, str | None], expected: View) -> None:
    assert View.read(*address) == expected


def test_a_change_of_what_is_listed_goes_back_to_the_first_page_and_a_selection_does_not() -> None:
    view = View(page="trials", name="a", number=4)
    assert view.but(variant=("adam",)).number == 1
    assert view.but(trial="k").number == 4
    assert view.within("lr", 1, 2).within("lr", 3, 4).ranges == (("lr", 3.0, 4.0),)
    narrow = view.within("lr", 1, 2).among("p", ["1"]).reaching(0, 1).but(only_task="mlp/digits")
    assert narrow.unfiltered() == view.but(number=1)
