"""The private names of Ray Tune that are read without Ray: one test a use, which fails when a version of Ray lacks the name."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

from ray import tune
from ray.tune import ResultGrid

from sensitivity.text.compat import grid_metric, has_resources


def test_a_wrapped_trainable_tells_that_it_has_resources() -> None:
    def train(config: dict[str, Any]) -> None:
        """Do nothing."""

    assert not has_resources(train)
    assert has_resources(tune.with_resources(train, {"cpu": 1}))


def test_a_result_grid_tells_the_metric_of_its_tuner() -> None:
    assert "self._experiment_analysis = experiment_analysis" in inspect.getsource(ResultGrid.__init__)
    analysis = SimpleNamespace(default_metric="loss", default_mode="min", trials=[])
    assert grid_metric(ResultGrid(analysis)) == ("loss", "min")
    assert grid_metric(object()) == (None, None)


def test_an_analysis_has_a_default_metric_and_mode() -> None:
    parameters = inspect.signature(tune.ExperimentAnalysis.__init__).parameters
    source = inspect.getsource(tune.ExperimentAnalysis.__init__)
    assert {"default_metric", "default_mode"} <= set(parameters)
    assert "self.default_metric" in source
    assert "self.default_mode" in source
