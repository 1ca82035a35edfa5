"""Temporary."""

import plotly.graph_objects as go


def template(name: str) -> go.layout.Template:
    dark = name == "dark"
    ink, rule, paper = ("#e8e8e8", "#3d3d3d", "#161616") if dark else ("#222", "#e6e6e6", "#fff")
    ax = {"gridcolor": rule, "zeroline": False}
    return go.layout.Template(layout={"font": {"color": ink}, "paper_bgcolor": paper, "plot_bgcolor": paper, "xaxis": ax, "yaxis": ax})
