"""Lines of a run whose output is not a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from sensitivity.running import progress as module
from sensitivity.study.study import Study

KNOWN = {
    "name": "s",
    "tasks": ["mlp/digits"],
    "variants": ["sgd"],
    "design": {"kind": "grid", "points": 2},
    "epochs": 1,
}
STUDY = Study(**KNOWN)


def test_the_first_line_of_results_comes_after_two_seconds_the_next_ten_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    said = io.StringIO()
    progress = module.Progress(Console(file=said, width=200))
    progress.begin(STUDY, 30, {})
    assert said.getvalue() == "s: 30 trials, 0 in the store, 30 to run\n"
    for now, lines in ((101.0, 1), (102.0, 2), (105.0, 2), (111.5, 2), (112.0, 3)):
        progress.report("sgd", {"key": "k", "epoch": 1}, ("completed", 0.5))
        assert said.getvalue().count("\n") == lines, now
    assert "2/30 trials" in said.getvalue()
    assert "best so far: sgd 0.5" in said.getvalue()


def test_a_metric_that_is_maximised_is_shown_in_its_own_sign() -> None:
    said = io.StringIO()
    progress = module.Progress(Console(file=said, width=200))
    progress.begin(Study(**{**KNOWN, "metric": "test_accuracy"}), 2, {})
    progress.report("sgd", {"key": "k", "epoch": 1}, ("completed", -0.75))
    progress.report("adam", {"key": "l", "epoch": 1}, ("completed", -0.97))
    assert progress.best_losses() == "best so far: adam 0.97, sgd 0.75"
