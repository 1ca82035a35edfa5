"""Figures on a dark ground: what each colour of the house becomes there, so that it can still be read."""

DARK = {
    "#222222": "#e8e6e3", "#8a8a8a": "#9a9a9a", "#e6e6e6": "#3a3a3a", "white": "#1b1c1e", "#ffffff": "#1b1c1e",
    "#555555": "#b8b8b8", "#8B6B3E": "#c29a63", "#0072B2": "#3fa0e0", "#D55E00": "#ef7a24", "#B00020": "#ff6b76",
    "#882255": "#d1699d", "#332288": "#9184e0", "#117733": "#3fae68", "#AA4499": "#cf74bf",
}  # fmt: skip
"""Light colour to dark colour; a colour that is not here is the same on both."""
