"""The report of a study.

It is one HTML page that opens offline, the same in Markdown and LaTeX, and every table as CSV and Parquet.
"""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

from trainables.names import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sensitivity.measures import Measured
    from sensitivity.results.results import Results

__all__ = ["write_report"]


def write_report(
    results: Results | Measured,
    folder: str | pathlib.Path,
    *,
    png: bool = False,
    formats: Sequence[str] = (),
    column: bool = False,
) -> pathlib.Path:
    """Write the report into a folder, and return the path of its page.

    Files: ``report.html``, ``report.md``, ``tables.tex``; ``trials`` and ``epochs`` as CSV and Parquet; every
    measure in ``measures``.

    Args:
        results: of the study, or its measures, which are not computed again then.
        folder: is created if missing.
        png: the same as ``formats=["png"]``.
        formats: write the figures as pictures too, into ``figures``: any of png, svg and pdf. The Markdown
            shows the first of png and svg. Needs kaleido and a browser.
        column: draw these pictures at the width of a paper's column (3.5 inches), without titles.

    Raises:
        InputError: the folder cannot be written, the study has no result yet, a format is unknown, or
            pictures cannot be drawn.
    """
    from sensitivity.measures import Measured
    from sensitivity.reporting.contents import chapters
    from sensitivity.reporting.latex import latex
    from sensitivity.reporting.markdown import markdown
    from sensitivity.reporting.measures import save_measures
    from sensitivity.reporting.page import page
    from sensitivity.reporting.pictures import check_formats, save_pictures

    measured = results if isinstance(results, Measured) else Measured(results)
    if measured.results.usable.empty:
        raise InputError(f"study {measured.results.study!r} has no finished trial to report yet")
    wanted = [*(["png"] if png else []), *formats]
    if column and not wanted:
        raise InputError("column needs pictures: give formats (--format) as well, svg or pdf for a paper")
    check_formats(wanted)
    place = pathlib.Path(folder)
    contents = chapters(measured.compute(), in_parallel=measured.in_parallel)
    text = page(measured, contents)
    measured.results.save(place)
    try:
        save_measures(measured, place / "measures")
        (place / "report.html").write_text(text, encoding="utf-8")
        (place / "tables.tex").write_text(latex(measured, contents), encoding="utf-8")
        figures = place / "figures"
        pictures = save_pictures(contents, figures, wanted, column=column) if wanted else {}
        (place / "report.md").write_text(markdown(measured, contents, pictures), encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write the report to {str(folder)!r}: {error}") from None
    return place / "report.html"
