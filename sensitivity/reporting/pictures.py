"""The figures of the report as PNG, SVG or PDF, drawn by a browser that is installed; nothing is fetched."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from trainables.names import InputError, unknown

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Sequence

    from sensitivity.reporting.contents import Chapter

NEEDS = (
    "pictures (--format) need kaleido, which draws with an installed Chrome or Chromium: pip install "
    "'optimizer-sensitivity[png]' (BROWSER_PATH names a browser that is not found)"
)
WIDTH, SCALE = 1000, 2
"""Of a picture: CSS pixels, and pixels for each of them."""


FORMATS = ("png", "svg", "pdf")


def check_formats(formats: Sequence[str]) -> None:
    """Check that figures can be drawn in these formats.

    Raises:
        InputError: a format is unknown, or kaleido is not installed.
    """
    for name in formats:
        if name not in FORMATS:
            raise unknown("format", name, FORMATS)
    if formats:
        _kaleido()


def _kaleido() -> Any:
    try:
        return importlib.import_module("kaleido")
    except ImportError:
        raise InputError(NEEDS) from None


def save_pictures(
    contents: Sequence[Chapter], folder: pathlib.Path, formats: Sequence[str], *, column: bool = False
) -> dict[tuple[str, str], str]:
    """Draw every figure of the report.

    Args:
        contents: chapters of the report.
        folder: of the pictures, in that of the report.
        formats: some of :data:`FORMATS`.
        column: True for the width of a column of a paper, without titles.

    Returns:
        The file of each figure that Markdown can show, relative to the report, by the names of part and
        figure; none where only PDF is drawn.

    Raises:
        InputError: kaleido or its browser is missing.
    """
    from sensitivity.figures.column import COLUMN, in_column

    kaleido = _kaleido()
    folder.mkdir(parents=True, exist_ok=True)
    figures: list[dict[str, Any]] = []
    names: dict[tuple[str, str], str] = {}
    for chapter in contents:
        for part in chapter.parts:
            for drawing, figure in part.figures:
                shown = in_column(figure) if column else figure
                size = {"width": COLUMN if column else WIDTH, "height": shown.layout.height or 450}
                for wanted in dict.fromkeys(formats):
                    name = f"{folder.name}/{part.name}-{drawing.name}.{wanted}"
                    options = {"format": wanted, **size, "scale": SCALE if wanted == "png" else 1}
                    figures.append({"fig": shown.to_dict(), "path": folder.parent / name, "opts": options})
                    if wanted != "pdf":
                        names.setdefault((part.name, drawing.name), name)
    try:
        # Kaleido's own default fetches MathJax, which no figure needs.
        kaleido.write_fig_from_object_sync(figures, kopts={"mathjax": False}, cancel_on_error=True)
    except Exception as error:  # kaleido and its browser have errors of many classes
        raise InputError(f"{NEEDS}; it says: {' '.join(str(error).split()).partition('. ')[0]}") from None
    return names
