"""The figures of the report as PNG, drawn by a browser that is installed; nothing is downloaded."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from trainables.names import InputError

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Sequence

    from sensitivity.reporting.contents import Chapter

NEEDS = (
    "--png needs kaleido, which draws with an installed Chrome or Chromium: pip install "
    "'optimizer-sensitivity[png]' (BROWSER_PATH names a browser that is not found)"
)
WIDTH, SCALE = 1000, 2
"""Of a picture: CSS pixels, and pixels for each of them."""


def check_png() -> Any:
    """Return the module kaleido.

    Raises:
        InputError: kaleido is not installed.
    """
    try:
        return importlib.import_module("kaleido")
    except ImportError:
        raise InputError(NEEDS) from None


def save_pictures(contents: Sequence[Chapter], folder: pathlib.Path) -> dict[tuple[str, str], str]:
    """Draw every figure of the report as PNG.

    Args:
        contents: chapters of the report.
        folder: of the report.

    Returns:
        The file of each figure, relative to the report, by the names of part and figure.

    Raises:
        InputError: kaleido or its browser is missing.
    """
    kaleido = check_png()
    folder.mkdir(parents=True, exist_ok=True)
    figures, names = [], {}
    for chapter in contents:
        for part in chapter.parts:
            for drawing, figure in part.figures:
                name = names[part.name, drawing.name] = f"{folder.name}/{part.name}-{drawing.name}.png"
                size = {
                    "format": "png",
                    "width": WIDTH,
                    "height": figure.layout.height or 450,
                    "scale": SCALE,
                }
                figures.append({"fig": figure.to_dict(), "path": folder.parent / name, "opts": size})
    try:
        # Kaleido's own default fetches MathJax, which no figure needs.
        kaleido.write_fig_from_object_sync(figures, kopts={"mathjax": False}, cancel_on_error=True)
    except Exception as error:  # kaleido and its browser have errors of many classes
        raise InputError(f"{NEEDS}; it says: {' '.join(str(error).split()).partition('. ')[0]}") from None
    return names
