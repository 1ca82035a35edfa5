"""Cost of tuning: the expected best of k configurations, and the probability to win with k."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from sensitivity.figures.axes import loss_axis
from sensitivity.figures.palette import colours, dash, faded
from sensitivity.figures.panels import MOST_BANDS, drawn, few, of_task
from sensitivity.figures.style import band, styled
from sensitivity.figures.words import Outcome, about, counted, plain
from sensitivity.results.results import records
from sensitivity.text.wording import ROUNDING

if TYPE_CHECKING:
    import pandas as pd

    from sensitivity.measures import Measured


@drawn("Expected best against budget")
def expected_best(measured: Measured, task: str) -> go.Figure:
    """Draw the expected best of k random configurations against k, with a band a variant."""
    table, outcome = of_task(measured.expected_best, task), Outcome.of(measured.results)
    shades = colours(measured.results.spaces)
    banded, less = few(table["variant"], measured, task, MOST_BANDS)
    axis = loss_axis(outcome.sign * table["value"])
    logarithmic, floor = axis["type"] == "log", float((outcome.sign * table["value"]).min()) / 4
    figure, lines = go.Figure(), []
    for name, part in table.groupby("variant", sort=False):
        variant, x = str(name), list(part["k"])
        value, low, high = outcome.ends(part)
        if variant in banded:
            low = low.clip(lower=floor) if logarithmic else low  # what reaches 0 leaves a logarithmic axis
            figure.add_trace(
                band(x, low, high, shades[variant], min(0.15, 0.9 / len(banded)), legendgroup=variant)
            )
        lines.append(
            go.Scatter(
                x=x,
                y=value,
                mode="lines+markers" if len(x) < 3 else "lines",
                name=plain(variant),
                legendgroup=variant,
                line={"color": shades[variant], "width": 2.5, "dash": dash(variant)},
                customdata=part[["low", "high"]].to_numpy() * outcome.sign,
                hovertemplate="%{x} configurations: %{y:.4g} (%{customdata[0]:.4g} to "
                "%{customdata[1]:.4g})<extra>" + plain(variant) + "</extra>",
            )
        )
    figure.add_traces(lines)
    figure.update_xaxes(title_text="configurations tried", **_budget_axis(table["k"]))
    figure.update_yaxes(title_text=f"expected best {outcome.name}", **axis)
    bands = less.replace("; the", ", of the")
    subtitle = (
        f"{about(measured.results, task)}; mean over all subsets of the configurations tried; bands are 95% "
        f"intervals{bands}"
    )
    return styled(figure, _near(measured, task), subtitle, 340)


def _budget_axis(budgets: pd.Series[int]) -> dict[str, object]:
    most = int(budgets.max())
    ticks = [step * 10**power for power in range(6) for step in (1, 2, 5) if step * 10**power <= most]
    return {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:,}" for tick in ticks]}


def _near(measured: Measured, task: str) -> str:
    """Name the variants that need fewest and most configurations to come within 5% of their best."""
    table = of_task(measured.budget_within, task).sort_values("value", kind="stable")
    first, last = table.iloc[0], table.iloc[-1]
    title = (
        f"{plain(first['variant'])} comes within 5% of its best after "
        f"{counted(int(first['value']), 'configuration')}"
    )
    if len(table) > 1 and first["value"] == last["value"]:
        return (
            f"Every variant comes within 5% of its best after {counted(int(last['value']), 'configuration')}"
        )
    return title if len(table) == 1 else f"{title}, {plain(last['variant'])} after {int(last['value'])}"


@drawn("Who wins with a budget")
def win_probability(measured: Measured, task: str) -> go.Figure:
    """Draw the probability that each variant is best after k random configurations each, stacked to 1."""
    table, shades = of_task(measured.win_probability, task), colours(measured.results.spaces)
    figure, budgets = go.Figure(), sorted(table["k"].unique())
    for name, part in table.groupby("variant", sort=False):
        variant = str(name)
        part = part.set_index("k").reindex(budgets)
        value = part["value"].fillna(0.0)
        look = {
            "stackgroup": "one",
            "mode": "lines",
            "line": {"color": shades[variant], "width": 1},
            "fillcolor": faded(shades[variant], 0.7),
        }
        alone = {
            "type": "bar",
            "marker": {"color": shades[variant]},
            "x": [str(budget) for budget in budgets],
        }
        figure.add_trace(
            {
                "x": budgets,
                "y": value,
                "name": plain(variant),
                "customdata": part[["low", "high"]].fillna(0.0).to_numpy(),
                "hovertemplate": "%{y:.0%} (%{customdata[0]:.0%} to %{customdata[1]:.0%})<extra>"
                + plain(variant)
                + "</extra>",
                **({"type": "scatter", **look} if len(budgets) > 1 else alone),
            }
        )
    figure.update_xaxes(title_text="configurations tried of each variant")
    if len(budgets) > 1:
        figure.update_xaxes(type="log", tickvals=budgets, ticktext=[f"{budget:,}" for budget in budgets])
    figure.update_yaxes(title_text="chance of ending best", tickformat=".0%", range=[0, 1])
    figure.update_layout(hovermode="x unified" if len(shades) <= MOST_BANDS else "closest", barmode="stack")
    most = records(table[table["k"] == budgets[-1]].sort_values("value", ascending=False))[0]
    first = records(table[table["k"] == budgets[0]].sort_values("value", ascending=False))[0]
    tied = table[(table["k"] == budgets[-1]) & (table["value"] >= most["value"] - ROUNDING)]
    of = counted(int(most["k"]), "configuration")
    title = f"{plain(most['variant'])} wins most often with {of}: {most['value']:.0%}"
    if len(tied) > 1:
        title = f"{len(tied)} variants win equally often with {of}: {most['value']:.0%} each"
    elif first["variant"] != most["variant"]:
        title += f"; {plain(first['variant'])} with {int(first['k'])}: {first['value']:.0%}"
    subtitle = (
        f"{about(measured.results, task)}; chance that the best of k, chosen by the other seeds, is the "
        "lowest; ties are shared"
    )
    return styled(figure, title, subtitle, 320)
