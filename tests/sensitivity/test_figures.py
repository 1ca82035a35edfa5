"""The figures: they draw the numbers of the measures, on the scales of the hyperparameters, whatever a study
is like."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from search_spaces.hyperparameters import Categorical, Ordinal
from search_spaces.spaces import SearchSpace
from sensitivity import figures
from sensitivity.figures.axes import Axis
from sensitivity.figures.comparisons import spread
from sensitivity.figures.noise import deviation
from sensitivity.figures.panels import MOST_POINTS
from sensitivity.figures.timeline import ran
from sensitivity.measures import Measured
from sensitivity.measures.coupling import best_by_level
from tests.sensitivity.tables import INITIAL, LR, MU, bowl, maximised, noisy, results, two_tasks
from trainables.names import InputError

TASK = "autoencoder/digits"
OF_ALL = ("cross_task", "performance_profiles", "timeline", "transfer_matrix")


def partly_diverging(configuration: Mapping[str, Any], seed: int) -> float:
    unstable = configuration["lr"] == 1.0 and (
        configuration["variant"] == "nadam" or (configuration["mu"] > 0.9 and seed == 1)
    )
    return (
        math.inf
        if unstable
        else bowl(configuration, seed) + 0.02 * configuration["mu"] + 0.01 * seed * configuration["lr"]
    )


def drawn(name: str, measured: Measured, **named: Any) -> go.Figure:
    draw = getattr(figures, name)
    figure = (
        draw(measured) if name in OF_ALL else draw(measured, measured.results.trials["task"].iloc[0], **named)
    )
    assert isinstance(figure, go.Figure)
    return figure


@pytest.fixture(scope="module")
def measured() -> Measured:
    return Measured(results(partly_diverging, variants=("adam", "nadam")))


@pytest.fixture(scope="module")
def across() -> Measured:
    return Measured(two_tasks())


def by_name(figure: go.Figure) -> dict[str, Any]:
    return {trace.name: trace for trace in figure.data if trace.name}


def test_expected_best_draws_every_budget_with_its_band(measured: Measured) -> None:
    figure = drawn("expected_best", measured)
    table = measured.expected_best
    bands = [trace for trace in figure.data if trace.fill == "toself"]
    for variant, band in zip(("adam", "nadam"), bands, strict=True):
        part = table[table["variant"] == variant]
        np.testing.assert_array_equal(by_name(figure)[variant].x, part["k"])
        np.testing.assert_array_equal(by_name(figure)[variant].y, part["value"])
        seen = part["low"].clip(lower=table["value"].min() / 4)  # what reaches 0 leaves a logarithmic axis
        np.testing.assert_array_equal(band.y, [*part["high"], *seen[::-1]])
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
    within = measured.budget_within.sort_values("value", kind="stable")
    assert f"after {int(within['value'].iloc[0])} configuration" in figure.layout.title.text


def test_the_chances_to_win_are_stacked_to_one(measured: Measured) -> None:
    figure = drawn("win_probability", measured)
    np.testing.assert_allclose(sum(np.array(trace.y) for trace in figure.data), 1)
    table = measured.win_probability
    for trace in figure.data:
        np.testing.assert_array_equal(trace.y, table.loc[table["variant"] == trace.name, "value"])


def test_tunability_draws_the_gains_and_the_default_against_the_best(measured: Measured) -> None:
    figure = drawn("tunability", measured)
    table, best = measured.tunability, measured.best_loss
    overall = table.loc[table["kind"] == "overall", "value"].to_numpy()
    assert [note.text for note in figure.layout.annotations] == [
        "best loss, default",
        "all together",
        "lr",
        "mu",
    ]
    np.testing.assert_array_equal(figure.data[0].x, best["value"])
    np.testing.assert_array_equal(by_name(figure)["default"].x, best["value"] + overall)
    np.testing.assert_array_equal(figure.data[1].x, overall)
    np.testing.assert_array_equal(
        figure.data[2].x, table.loc[(table["kind"] == "single") & (table["hyperparameters"] == "lr"), "value"]
    )


def test_the_divergence_map_counts_trials_and_shows_the_boundary(measured: Measured) -> None:
    figure = drawn("divergence_map", measured)
    trials = measured.results.trials
    for heat in (trace for trace in figure.data if trace.type == "heatmap"):
        variant = re.sub(r".*<extra>|</extra>", "", heat.hovertemplate)
        part = trials[trials["variant"] == variant]
        share = (
            (part["status"] == "diverged").groupby([part["config/mu"], part["config/lr"]]).mean().unstack()
        )
        np.testing.assert_allclose(heat.z, share)
        np.testing.assert_allclose(heat.x, share.columns)
        np.testing.assert_allclose(heat.y, -np.log10(1 - share.index))
    table = measured.stability_boundary
    boundaries = [trace for trace in figure.data if trace.name == "largest stable learning rate"]
    assert [list(trace.x) for trace in boundaries] == [
        list(
            table.loc[
                (table["variant"] == variant)
                & (table["other"] == "mu")
                & ~table["note"].str.contains("nothing diverged"),
                "value",
            ]
        )
        for variant in ("adam", "nadam")
    ]


def test_the_danger_zone_draws_both_shares_with_intervals(measured: Measured) -> None:
    figure, table = drawn("danger_zone", measured), measured.danger_zone
    lines = [trace for trace in figure.data if trace.name == "share that diverged"]
    marks = [trace for trace in figure.data if trace.name == "configurations where the seed decides"]
    for variant, line, mark in zip(("adam", "nadam"), lines, marks, strict=True):
        part = table[table["variant"] == variant]
        np.testing.assert_array_equal(line.y, part["diverged"])
        np.testing.assert_array_equal(mark.y, part["value"])
        np.testing.assert_allclose(np.array(mark.y) + mark.error_y.array, part["high"])
    assert "adam" in figure.layout.title.text  # nadam diverges whatever the seed


@pytest.mark.parametrize(("one", "other"), [("lr", "mu"), ("mu", "lr")])
def test_a_map_of_any_pair_draws_mean_losses_and_the_ridge(measured: Measured, one: str, other: str) -> None:
    figure = drawn("pairwise_map", measured, one=one, other=other)
    trials = measured.results.trials
    heats = [trace for trace in figure.data if trace.type == "heatmap"]
    ridges = [trace for trace in figure.data if trace.name and trace.name.startswith("best")]
    axes = {name: Axis.of(measured.results, name) for name in (one, other)}
    found = best_by_level(measured.results, one, other)
    for variant, heat, ridge in zip(("adam", "nadam"), heats, ridges, strict=True):
        part = trials[trials["variant"] == variant]
        mean = part.groupby([f"config/{other}", f"config/{one}"])["loss"].mean().unstack()
        np.testing.assert_allclose(heat.z, mean)
        np.testing.assert_allclose(heat.x, axes[one].places(mean.columns))
        np.testing.assert_allclose(ridge.x, axes[one].places(found.loc[found["variant"] == variant, "value"]))
    assert figure.layout.xaxis.type == ("log" if one == "lr" else "linear")
    assert list(figure.layout.yaxis.ticktext)[-1] == ("0.99" if other == "mu" else "1")


def test_a_map_of_an_unknown_hyperparameter_names_the_nearest(measured: Measured) -> None:
    note = drawn("pairwise_map", measured, one="lr", other="nu")
    assert "unknown hyperparameter 'nu'" in note.layout.annotations[0].text


def test_a_map_without_levels_draws_parts_and_configurations() -> None:
    space = SearchSpace(LR, MU)
    points = space.decode(np.random.default_rng(0).random((60, 2)))
    figure = drawn(
        "pairwise_map",
        Measured(results(partly_diverging, space=space, configurations=points, design="random")),
    )
    assert np.nanmin(figure.data[0].z) > 0.09
    assert (
        sum(len(trace.x) for trace in figure.data if trace.type == "scatter" and trace.mode == "markers")
        == 120
    )


def test_estimators_are_drawn_by_rank_with_their_values(measured: Measured) -> None:
    figure, table = drawn("estimator_agreement", measured), measured.estimators
    part = table[(table["variant"] == "adam") & (table["effect"] == "lr") & table["value"].notna()]
    heat = figure.data[0]
    row = list(heat.y).index("lr")
    assert list(heat.z[row]) == list(part["rank"])
    assert [text.removesuffix(" ≠") for text in heat.text[row]] == [f"{each:.2g}" for each in part["value"]]
    assert ["≠" in text for text in heat.text[row]] == list(part["disagrees"] != "")


def test_seed_noise_draws_shares_and_deviations(measured: Measured) -> None:
    figure, table = drawn("seed_noise", measured), measured.main_effects
    shares = table[table["effect"] == "seed noise"].set_index("variant")["value"]
    np.testing.assert_array_equal(figure.data[0].x, shares[list(figure.data[0].y)])
    adam = measured.results.trials.query("variant == 'adam'")
    spread = adam.groupby(["config/lr", "config/mu"])["loss"].var().groupby("config/lr").mean() ** 0.5
    np.testing.assert_allclose(deviation(measured, TASK, "adam")["value"], spread[spread > 0])


def test_pairs_are_drawn_below_what_each_does_alone(measured: Measured) -> None:
    figure, table = drawn("pair_effects", measured), measured.variance_shares
    adam = table[table["variant"] == "adam"].set_index(["order", "effect"])["value"]
    assert np.isnan(figure.data[0].z[0][1])
    assert [figure.data[0].z[0][0], figure.data[0].z[1][1]] == [adam["main", "lr"], adam["main", "mu"]]
    assert figure.data[0].z[1][0] == adam["pair", "lr x mu"]


def test_differences_are_drawn_with_intervals_and_what_cannot_be_seen(measured: Measured) -> None:
    figure, row = drawn("differences", measured), measured.comparisons.iloc[0]
    point = next(trace for trace in figure.data if trace.type == "scatter" and len(trace.x))
    assert point.x[0] == row["value"]
    assert point.x[0] + point.error_x.array[0] == pytest.approx(row["high"])
    assert point.name.startswith("differ" if row["p_holm"] < 0.05 else "could")
    bar = by_name(figure)["not detectable"]
    assert (bar.base[0], bar.base[0] + bar.x[0]) == pytest.approx((-row["detectable"], row["detectable"]))


def test_parallel_coordinates_hold_every_trial_on_its_scales() -> None:
    space = SearchSpace(
        LR, MU, Ordinal("p", (1, 2, math.inf)), Categorical("nesterov", (False, True), when={"p": 2})
    )
    points = space.decode(np.random.default_rng(0).random((20, 4)))
    table = results(
        partly_diverging, variants=("adam", "nadam"), space=space, configurations=points, design="random"
    )
    lines = drawn("parallel_coordinates", Measured(table)).data[0]
    axes = {each.label: each for each in lines.dimensions}
    assert list(axes) == ["variant", "lr", "mu", "p", "nesterov", "ended", "loss"]
    trials = table.trials.sort_values("loss", ascending=False, kind="stable")
    np.testing.assert_allclose(axes["lr"].values, np.log10(trials["config/lr"]))
    np.testing.assert_allclose(axes["mu"].values, -np.log10(1 - trials["config/mu"]))
    assert list(axes["p"].ticktext) == ["1", "2", "inf"]
    assert list(axes["nesterov"].ticktext) == ["–", "False", "True"]
    idle = trials["config/nesterov"].isna().to_numpy()
    assert set(np.array(axes["nesterov"].values)[idle]) == {axes["nesterov"].tickvals[0]}
    np.testing.assert_array_equal(lines.line.color, trials["loss"].rank())


def test_slices_draw_marginal_means_and_a_rug(measured: Measured) -> None:
    figure = drawn("slices", measured)
    adam = measured.results.trials.query("variant == 'adam'")
    line = next(trace for trace in figure.data if trace.name == "adam")
    np.testing.assert_allclose(line.y, adam.groupby("config/lr")["loss"].mean())
    half = 1.96 * adam.groupby("config/lr")["loss"].sem()
    np.testing.assert_allclose(line.error_y.array, half, atol=1e-12)
    rug = next(trace for trace in figure.data if trace.name == "diverged trial" and len(trace.x))
    assert set(rug.y) == {INITIAL}
    assert len(rug.x) == (measured.results.trials["status"] == "diverged").sum()


def test_regret_between_tasks_is_drawn_from_source_to_target(across: Measured) -> None:
    figure, table = drawn("transfer_matrix", across), across.transfer_regret
    adam = table[table["variant"] == "adam"].set_index(["source", "target"])["share"]
    heat = figure.data[0]
    tasks = list(heat.x)
    assert heat.z[0][1] == adam[tasks[0], tasks[1]]
    assert heat.z[1][0] == adam[tasks[1], tasks[0]]


def test_phi_and_d_are_drawn_with_intervals(across: Measured) -> None:
    figure = drawn("cross_task", across)
    np.testing.assert_array_equal(figure.data[0].x, across.cross_task_sensitivity["value"])
    np.testing.assert_array_equal(figure.data[1].x, across.effective_dimensionality["value"])


def test_profiles_are_steps_over_the_ratios(across: Measured) -> None:
    figure, table = drawn("performance_profiles", across), across.performance_profiles
    np.testing.assert_array_equal(by_name(figure)["adam"].y, table.loc[table["variant"] == "adam", "value"])


def test_trials_that_overlap_lie_in_different_lanes(measured: Measured) -> None:
    spans = ran(measured.results.trials)
    assert set(spans["lane"]) == {0, 1}  # the table has two at a time
    for _, lane in spans.groupby("lane"):
        assert (lane["begin"].to_numpy()[1:] >= lane["end"].to_numpy()[:-1]).all()
    figure = drawn("timeline", measured)
    assert {trace.name: len(trace.x) for trace in figure.data} == measured.results.trials[
        "status"
    ].value_counts().to_dict()


@pytest.mark.slow
def test_many_trials_are_counted_and_thinned() -> None:
    points = SearchSpace(LR, MU).decode(np.random.default_rng(0).random((1600, 2)))
    measured = Measured(results(partly_diverging, configurations=points, design="random", epochs=1))
    running = drawn("timeline", measured)
    assert max(running.data[0].y) <= 2
    assert all(trace.stackgroup for trace in running.data)
    curves = drawn("lr_curves", measured)
    assert sum(len(trace.x) for trace in curves.data if trace.mode == "markers") == MOST_POINTS
    assert "3,000 of 3,200 trials drawn" in curves.layout.title.subtitle.text.replace("<br>", " ")
    assert len(drawn("parallel_coordinates", measured).data[0].line.color) == MOST_POINTS


def test_learning_curves_of_many_trials_are_quantiles() -> None:
    spread = noisy(0.01)
    measured = Measured(results(spread, configurations=[{"lr": 0.1, "mu": 0.9}], seeds=range(120)))
    band, line = drawn("learning_curves", measured).data
    ends = measured.results.epochs.pivot(index="epoch", columns="key", values="train_loss_end").loc[2]
    assert line.y[-1] == pytest.approx(ends.mean())
    assert (band.y[3], band.y[2]) == pytest.approx((ends.quantile(0.05), ends.quantile(0.95)))


def test_what_is_maximised_is_drawn_as_itself() -> None:
    measured = Measured(maximised())
    plane = drawn("performance_sensitivity", measured)
    best = measured.best_loss.set_index("variant")
    for trace in plane.data:
        assert trace.y[0] == -best.loc[trace.name, "value"]
        assert trace.y[0] + trace.error_y.array[0] == pytest.approx(-best.loc[trace.name, "low"])
    assert "higher is better" in plane.layout.yaxis.title.text
    assert "after the last epoch" not in plane.layout.title.subtitle.text
    table = measured.expected_best
    budgets = by_name(drawn("expected_best", measured))["adam"]
    np.testing.assert_array_equal(budgets.y, -table.loc[table["variant"] == "adam", "value"])


def test_labels_that_would_meet_are_moved_apart() -> None:
    made = spread(np.array([50.0, 50.0, 51.0, 300.0]), most=320, least=17)
    assert (np.diff(np.sort(made)) >= 17 - 1e-9).all()
    assert made[3] == 300
    assert spread(np.full(10, 319.0), most=320, least=17).max() <= 320


def test_a_theme_changes_only_what_is_no_data(measured: Measured) -> None:
    figure = drawn("lr_curves", measured)
    dark = figures.themed(figure, "dark")
    assert dark.layout.template.layout.paper_bgcolor == figures.THEMES["dark"].paper
    assert dark.data == figure.data
    with pytest.raises(InputError, match="did you mean 'dark'"):
        figures.themed(figure, "darc")


def test_on_a_narrow_page_panels_are_below_one_another(measured: Measured) -> None:
    figure = drawn("lr_curves", measured)
    narrow = figures.narrowed(figure)
    assert list(narrow.layout.xaxis.domain) == list(narrow.layout.xaxis2.domain) == [0, 1]
    assert narrow.layout.yaxis2.domain[1] < narrow.layout.yaxis.domain[0]
    assert narrow.layout.annotations[1].y == pytest.approx(narrow.layout.yaxis2.domain[1])
    assert narrow.layout.height > figure.layout.height
