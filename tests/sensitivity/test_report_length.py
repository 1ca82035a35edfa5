"""How much of a report a reader sees before unfolding anything."""

from __future__ import annotations

import pathlib
from html.parser import HTMLParser

import pytest

from sensitivity.measures.stored_tables import with_stored_tables
from sensitivity.reporting import write_report
from sensitivity.results.demo import MEASURES, demo

MOST_WORDS, MOST_FIGURES = 900, 5
EMPTY = {"br", "hr", "img", "input", "link", "meta"}
"""Elements without an end tag."""


class Seen(HTMLParser):
    """Words and figures of a page's main part that are in no folded element."""

    def __init__(self) -> None:
        super().__init__()
        self.words = self.figures = self.tables = 0
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        folding = tag == "details" and "open" not in dict(attributes)
        if tag not in EMPTY:
            self._open.append((tag, folding))
        if self._seen():
            self.figures += tag == "figure"
            self.tables += tag == "table"

    def handle_endtag(self, tag: str) -> None:
        while self._open.pop()[0] != tag:
            pass

    def handle_data(self, text: str) -> None:
        if self._seen():
            self.words += len(text.split())

    def _seen(self) -> bool:
        tags = [tag for tag, _ in self._open]
        shown = all(
            not folding or tags[place + 1 : place + 2] == ["summary"]
            for place, (_, folding) in enumerate(self._open)
        )
        return "main" in tags and not {"script", "style", "noscript"} & {*tags} and shown


def test_words_in_folded_elements_are_not_seen() -> None:
    seen = Seen()
    seen.feed(
        "<main>one<details><summary>two</summary>no<figure>no</figure></details>"
        "<figure>three</figure><script>no</script></main>no"
    )
    assert (seen.words, seen.figures) == (3, 1)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of the demo study: six variants."""
    place: pathlib.Path = write_report(
        with_stored_tables(demo(), MEASURES), tmp_path_factory.mktemp("report")
    )
    return place.read_text(encoding="utf-8")


def test_a_report_of_six_variants_shows_at_most_900_words_and_five_figures(page: str) -> None:
    seen = Seen()
    seen.feed(page)
    assert 300 < seen.words <= MOST_WORDS
    assert 3 <= seen.figures <= MOST_FIGURES
    assert seen.tables == 1


def test_the_verdict_is_first_and_a_picture_is_beside_it(page: str) -> None:
    main = page[page.index("<main") :]
    order = [main.index(mark) for mark in ("<li>Use ", "<figure>", "<table", 'class="question"')]
    assert order == sorted(order)


def test_a_variant_that_the_picture_lacks_is_named(page: str) -> None:
    assert "no such cost is known of cm</p>" in page, (
        "its range ends before a learning rate 3 times too large"
    )
