"""How a study was made: what the report says of results that depend on how many trials train together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sensitivity.measures import Measured
from sensitivity.reporting.contents import chapters
from sensitivity.reporting.markdown import markdown
from sensitivity.reporting.page import page
from sensitivity.reporting.provenance import provenance
from sensitivity.results.results import IMPORTED
from tests.sensitivity.tables import bowl, results

CPU = {"workers": 2, "hosts": ["a"], "devices": {"EPYC": 1}, "gpus": False}
GPU = {"workers": 2, "hosts": ["a"], "devices": {"H100": 1}, "gpus": True}
EARLIER = {"workers": 2, "hosts": ["a"], "devices": {"NVIDIA H200": 1}}
BOUND = "depend on how many trials train together, by no more than the rounding of the precision"
ON_GPU = f"on a GPU, results {BOUND}"
OWN = f"results of mine/digits, a task of your own, may {BOUND}"


@pytest.mark.parametrize(
    ("runs", "spec", "said"),
    [
        pytest.param([CPU], {"tasks": ["mlp/digits"]}, None, id="a task of the package on a CPU"),
        pytest.param(
            [CPU],
            {"tasks": ["mlp/arrays:gone.npz", "resnet/digits+augmented"]},
            None,
            id="a model of the package on other data",
        ),
        pytest.param([CPU, GPU], {"tasks": ["mlp/digits"]}, ON_GPU, id="a GPU in one run"),
        pytest.param([EARLIER], {"tasks": ["mlp/digits"]}, ON_GPU, id="a GPU that an earlier release noted"),
        pytest.param([CPU], {"tasks": ["mlp/digits", "mine/digits"]}, OWN, id="a task of one's own"),
        pytest.param([GPU], {"tasks": ["mine/digits"]}, ON_GPU, id="a task of one's own on a GPU"),
        pytest.param(
            [GPU],
            {"tasks": ["own/train"], "trainable": "mine:train"},
            None,
            id="a trainable of one's own, a trial at a time",
        ),
        pytest.param([], {"tasks": ["mine/digits"], IMPORTED: "a table"}, None, id="an import"),
        pytest.param([], {"tasks": ["mine/digits"]}, None, id="no run is known"),
    ],
)
def test_the_bound_is_said_where_results_are_not_equal_in_every_bit(
    runs: list[dict[str, Any]], spec: dict[str, Any], said: str | None
) -> None:
    found = replace(results(bowl), runs=tuple(runs), spec=spec)
    assert dict(provenance(found)).get("repeatability") == said


@pytest.mark.slow
@pytest.mark.parametrize("run", [CPU, GPU], ids=["CPU", "GPU"])
def test_page_and_markdown_say_the_bound(run: dict[str, Any]) -> None:
    measured = Measured(replace(results(bowl), runs=(run,)))
    found = chapters(measured)
    for text in (page(measured, found), markdown(measured, found, {})):
        assert (ON_GPU in text) == (run is GPU)
