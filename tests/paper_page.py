"""What docs/paper.md says of the run on two cores, and its figures, from the trials in docs/data/paper-cpu: ``make paper``.

``python -m tests.paper_page STORE`` copies the trials of the presets ``paper-cpu`` there first. Figures are drawn by a
Chromium; where there is none they stay as they are.
"""

from __future__ import annotations

import base64
import contextlib
import pathlib
import re
import sys
import tempfile

from sensitivity.paper.page import markdown, page
from sensitivity.paper.sections import Paper
from sensitivity.results.results import Results
from sensitivity.store.copying import copy
from sensitivity.store.parquet import folder_store
from sensitivity.store.store import Store
from sensitivity.study.presets import GROUPS
from tests.browsing import chromium, opened

DOCS = pathlib.Path(__file__).parents[1] / "docs"
DATA, PAGE = DOCS / "data" / "paper-cpu", DOCS / "paper.md"
BEGIN, END = "<!-- measured -->", "<!-- end -->"
PICTURES = {table: f"images/paper-figure-{table}.png" for table in (1, 2, 3, 4)}
DRAWN = """figure => Plotly.toImage(figure, {format: 'png', width: 1000, height: figure.layout.height, scale: 1.4})"""


def studies() -> list[Results]:
    """The studies of the folder, in the order of the group."""
    with folder_store(DATA) as store:
        names = {row["name"] for row in store.studies()}
        return [Results.from_store(store, name) for name in GROUPS["paper-cpu"] if name in names]


def block(paper: Paper) -> str:
    """What the page says between its marks."""
    return f"{BEGIN}\n\n{markdown(paper, heading='##', pictures=PICTURES)}\n{END}"


def write(place: str) -> None:
    """Copy the studies of a store to the folder."""
    with contextlib.closing(Store(place, create=False)) as store, folder_store(DATA, write=True) as folder:
        names = {row["name"] for row in store.studies()}
        for name in GROUPS["paper-cpu"]:
            if name in names:
                copy(store, folder, name)


def draw(paper: Paper, path: str) -> None:
    """Draw the figures of the page, each as a picture of docs/images."""
    with tempfile.TemporaryDirectory() as folder, opened(path) as browser:
        place = pathlib.Path(folder) / "paper.html"
        place.write_text(page(paper), encoding="utf-8")
        shown = browser.new_page()
        shown.goto(place.as_uri())
        for figure in shown.query_selector_all("figure .js-plotly-plot"):
            title = figure.evaluate("figure => figure.layout.title.text")
            number = int(re.findall(r"Figure (\d)", title)[0])
            drawn = figure.evaluate(DRAWN)
            (DOCS / PICTURES[number]).write_bytes(base64.b64decode(drawn.partition(",")[2]))


def main() -> None:
    """Copy the trials of a store if one is named, and write the page and the figures."""
    for place in sys.argv[1:2]:
        write(place)
    paper = Paper.measured(studies())
    text = PAGE.read_text(encoding="utf-8")
    before, _, after = text.partition(BEGIN)
    PAGE.write_text(before + block(paper) + after.partition(END)[2], encoding="utf-8")
    if browser := chromium():
        draw(paper, browser)


if __name__ == "__main__":
    main()
