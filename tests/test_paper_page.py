"""docs/paper.md says what the committed trials say, and nothing of it is written by hand."""

from __future__ import annotations

import pytest

from sensitivity.paper.sections import Paper
from sensitivity.store.parquet import folder_store
from sensitivity.store.upkeep import problems
from tests.paper_page import BEGIN, DATA, DOCS, END, PAGE, PICTURES, block, studies

MOST_BYTES = 5_000_000


@pytest.mark.slow
def test_the_page_is_that_of_the_committed_trials() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.count(BEGIN) == 1
    between = text.partition(BEGIN)[2].partition(END)[0]
    assert BEGIN + between + END == block(Paper.measured(studies())), "run `make paper`"
    for number, picture in PICTURES.items():
        assert (f"]({picture})" in between) == (f"### Table {number}" in between)
        assert f"]({picture})" not in between or (DOCS / picture).stat().st_size < 300_000


def test_every_trial_is_there_once_and_no_machine_is_named() -> None:
    assert sum(path.stat().st_size for path in DATA.iterdir()) < MOST_BYTES
    with folder_store(DATA) as store:
        assert not problems(store)
    for one in studies():
        assert one.all_trials["key"].is_unique
        assert all(set(run["hosts"]) == {"localhost"} for run in one.runs)
