"""The fixed colours, dashes and shades of what is drawn."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable

# Okabe & Ito (2008), safe for colour-blind readers; kin share a colour and differ in their dash. All are read
# on white and on black.
COLOURS = {
    "sgd": "#767676", "cm": "#E69F00", "nag": "#D55E00", "adagrad": "#8B6B3E", "rmsprop": "#009E73",
    "adam": "#0072B2", "nadam": "#56B4E9", "adamax": "#CC79A7",
}  # fmt: skip
KIN = {
    "cm_mean": "cm", "nag_mean": "nag", "l1_adagrad": "adagrad", "l1_adagrad_mean": "adagrad",
    "l2_adagrad_mean": "rmsprop",
    "linf_adagrad_mean": "adamax", "l1_adam": "adam", "l1_nadam": "nadam", "linf_nadam": "adamax",
}  # fmt: skip
FALLBACK = ("#44AA99", "#B05C8A", "#999933", "#6A5ACD", "#AA4499", "#2E8B57")
DIVERGED = "#D1263D"
FAINT = "#8a8a8a"
"""Reference lines and error bars, read on white and on black."""
RANKS = [[0, "#0072B2"], [0.5, "#C9A227"], [1, DIVERGED]]
"""Colour scale of lines, read on white and on black: blue is best."""
SPREAD = [[0, "#0072B2"], [0.5, "#B05C8A"], [1, "#D98E04"]]
"""Colour scale of hyperparameters, read on white and on black, without the red of diverged trials."""
SHADES = "Cividis"
"""Colour scale of losses: the better the darker, the same to colour-blind readers."""


def colours(variants: Iterable[str]) -> dict[str, str]:
    """Return the colour of each variant of a study.

    A named variant has a fixed colour; any other gets the next colour that the study does not use.

    >>> colours(["adam", "mine", "yours"])
    {'adam': '#0072B2', 'mine': '#44AA99', 'yours': '#B05C8A'}
    """
    names = list(variants)
    fixed = {name: COLOURS[KIN.get(name, name)] for name in names if KIN.get(name, name) in COLOURS}
    others = [name for name in names if name not in fixed]
    free = [colour for colour in (*FALLBACK, *COLOURS.values()) if colour not in fixed.values()]
    # Hues a golden angle apart never come near each other soon.
    more = [_hue(0.618034 * place) for place in range(max(0, len(others) - len(free)))]
    return {**fixed, **dict(zip(others, [*free, *more], strict=False))}


def _hue(turn: float) -> str:
    red, green, blue = (round(255 * channel) for channel in colorsys.hls_to_rgb(turn % 1, 0.5, 0.5))
    return f"#{red:02X}{green:02X}{blue:02X}"


def dash(variant: str) -> str:
    """Return the fixed line style of a variant."""
    return "dash" if variant in KIN else "solid"


def faded(shade: str, opacity: float) -> str:
    """Return the colour with an opacity."""
    red, green, blue = (int(shade[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
