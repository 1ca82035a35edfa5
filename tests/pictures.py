"""The pictures of docs/images: every page of the dashboard and the report, wide and narrow, light and dark.

``python -m tests.pictures [STORE] [FOLDER]`` after ``make study`` (``sensitivity.sqlite``, ``docs/images``);
it needs a Chromium.
"""

from __future__ import annotations

import io
import pathlib
import sys
import tempfile
from typing import Any

from PIL import Image

from sensitivity.readers.view import View
from sensitivity.reporting import write_report
from sensitivity.results.results import Results
from sensitivity.store.store import Store
from tests.browsing import NARROW, WIDE, Visit, chromium, opened, served

STUDY = "quickstart"
HEIGHT = 1400
"""Pixels of a page that are shown."""
SCALE, GAP, COLOURS = 0.6, 8, 256
LOOKS = [(width, theme) for width in (WIDE, NARROW) for theme in ("light", "dark")]


def views(results: Results) -> dict[str, View]:
    """The pages of the dashboard by the names of their pictures."""
    study = View(page="study", name=results.study)
    done = results.trials[results.trials["status"] == "completed"]
    key = str(done.loc[done["loss"].idxmin(), "key"])
    return {
        "dashboard-studies": View(),
        "dashboard-study": study.but(trial=key),
        "dashboard-trials": study.on("trials", sort="loss"),
        "dashboard-explore": study.on("explore"),
        "dashboard-trial": study.on("trial", key=key),
        "dashboard-space": study.on("space"),
        "dashboard-compare": View(page="compare", study=(results.study,)),
    }


def sheet(browser: Any, address: str, path: str) -> Image.Image:
    """A page in every look, beside each other on one picture."""
    shots = []
    for width, theme in LOOKS:
        visit = Visit(browser, address, width=width, height=HEIGHT, color_scheme=theme)
        visit.open(path).wait_for_load_state("networkidle")
        shots.append(Image.open(io.BytesIO(visit.page.screenshot())).convert("RGB"))
        visit.close()
    small = [
        shot.resize((round(shot.width * SCALE), round(shot.height * SCALE)), Image.Resampling.LANCZOS)
        for shot in shots
    ]
    whole = Image.new(
        "RGB", (sum(each.width for each in small) + GAP * (len(small) - 1), small[0].height), "#808080"
    )
    left = 0
    for each in small:
        whole.paste(each, (left, 0))
        left += each.width + GAP
    return whole.quantize(
        COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=4, dither=Image.Dither.NONE
    )  # a few red marks on much white stay red


def main() -> None:
    """Take every picture."""
    place, folder = (
        pathlib.Path(each)
        for each in (*sys.argv[1:], *("sensitivity.sqlite", "docs/images")[len(sys.argv) - 1 :])
    )
    path = chromium()
    if path is None:
        raise SystemExit("needs a Chromium on the path, or its path in CHROMIUM")
    store = Store(place, create=False)
    results = Results.from_store(store, STUDY)
    store.close()
    with tempfile.TemporaryDirectory() as written, served(place) as address, opened(path) as browser:
        pages = {name: (address, view.href) for name, view in views(results).items()}
        pages["report"] = (write_report(results, written).as_uri(), "")
        for name, (where, what) in pages.items():
            sheet(browser, where, what).save(folder / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
