"""What results and a study show of themselves in a notebook."""

from __future__ import annotations

import dataclasses

from sensitivity.study.study import Study
from tests.sensitivity.tables import noisy, results


def test_results_show_what_was_run_and_the_variants() -> None:
    table = results(noisy(0.02), variants=("adam", "sgd"))
    shown = table._repr_html_()
    assert "48 trials" in shown
    assert shown.count("<tr>") == 3
    assert "best loss" in shown
    assert shown.index("<li>Use ") < shown.index("<table>")
    assert "&lt;b&gt;" in dataclasses.replace(table, study="<b>")._repr_html_()


def test_results_without_a_finished_trial_say_so() -> None:
    shown = results(noisy(0.02), status=lambda configuration, seed: "pending")._repr_html_()
    assert "24 pending" in shown
    assert "<table>" not in shown


def test_a_study_shows_what_it_would_run() -> None:
    study = Study(
        name="<i>mine</i>",
        tasks=["mlp/digits"],
        variants=["adam", "sgd"],
        design={"kind": "random", "n": 4},
        seeds=2,
        epochs=1,
    )
    shown = study._repr_html_()
    assert "&lt;i&gt;mine" in shown
    assert "random design, 2 seeds, 1 epoch<" in shown
    assert shown.count("<tr>") == 3
