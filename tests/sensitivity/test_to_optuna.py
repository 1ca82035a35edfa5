"""Export to Optuna: all variants at once, in coordinates whose names say so, at the times when trials ran."""

from __future__ import annotations

import json
import math
import pathlib

import optuna
import pandas as pd
import pytest

from search_spaces.hyperparameters import Float, Ordinal
from search_spaces.spaces import SearchSpace
from sensitivity import from_optuna, to_optuna
from sensitivity.exchange.to_optuna import all_to_optuna
from sensitivity.results.demo import copy_demo, demo
from sensitivity.results.results import Results
from sensitivity.store.addresses import sqlite_url
from tests.sensitivity import command
from tests.sensitivity.tables import noisy, results
from trainables.names import InputError

BOTH = ("adam", "sgd")


def names_in(place: pathlib.Path) -> list[str]:
    return sorted(each.study_name for each in optuna.get_all_study_summaries(f"sqlite:///{place}"))


@pytest.fixture(scope="module")
def six() -> Results:
    return demo()


def test_coordinates_have_names_that_say_so_and_are_read_back() -> None:
    space = SearchSpace(
        Float("lr", 0.001, 1.0, "log"), Float("nu", 0.9, 0.999, "log1m"), Ordinal("p", (1, 2, math.inf))
    )
    points = [{"lr": 0.1, "nu": 0.99, "p": math.inf}, {"lr": 0.01, "nu": 0.9, "p": 1}]
    study = to_optuna(results(noisy(0.01), space=space, configurations=points, seeds=(0,)))
    assert set(study.trials[0].params) == {"lr", "-log10(1 - nu)", "level of p"}
    assert study.trials[0].params["-log10(1 - nu)"] == pytest.approx(2)
    assert study.trials[0].params["level of p"] == 2
    back = from_optuna(study)
    assert back.spaces["adam"].compare(space) == []
    assert list(back.trials["config/nu"]) == pytest.approx([0.99, 0.9])
    assert list(back.trials["config/p"]) == [math.inf, 1]


def test_trials_have_the_times_at_which_they_ran(six: Results) -> None:
    study = to_optuna(six, variant="adam")
    rows = six.trials[six.trials["variant"] == "adam"].set_index("key")
    for trial in study.trials:
        row = rows.loc[trial.user_attrs["key"]]
        assert trial.datetime_complete.astimezone() == row["finished"].to_pydatetime()
        assert trial.duration.total_seconds() == pytest.approx(row["seconds"], abs=1e-5)


def test_all_variants_are_written_at_once_and_again(tmp_path: pathlib.Path) -> None:
    two, place = results(noisy(0.01), variants=BOTH), tmp_path / "o.db"
    optuna.create_study(storage=f"sqlite:///{place}", study_name="another")
    for _ in range(2):
        assert all_to_optuna(two, place) == ["made up / adam", "made up / sgd"]
        assert names_in(place) == ["another", "made up / adam", "made up / sgd"]
    back = from_optuna(f"sqlite:///{place}", "made up / adam", "made up / sgd")
    same = ["task", "variant", "seed", "status", "config/lr", "config/mu", "value"]
    pd.testing.assert_frame_equal(back.trials[same], two.trials[same], check_exact=False, rtol=1e-12)


def test_a_study_from_elsewhere_is_left_alone(tmp_path: pathlib.Path) -> None:
    two, place = results(noisy(0.01), variants=BOTH), tmp_path / "o.db"
    optuna.create_study(storage=f"sqlite:///{place}", study_name="made up / sgd").add_trial(
        optuna.trial.create_trial(value=1.0)
    )
    with pytest.raises(InputError, match="has an Optuna study 'made up / sgd' from elsewhere"):
        all_to_optuna(two, place)
    assert names_in(place) == ["made up / sgd"]
    mine = tmp_path / "a?b%20.db"
    all_to_optuna(results(noisy(0.01)), mine)
    assert mine.exists()
    optuna.create_study(storage=sqlite_url(mine), study_name="made up / sgd")
    with pytest.raises(InputError, match="from elsewhere"):
        all_to_optuna(two, mine)
    left = optuna.load_study(study_name="made up / adam", storage=sqlite_url(mine))
    assert len(left.trials) == 24, "nothing is replaced before everything is checked"
    (tmp_path / "text.db").write_text("no database")
    with pytest.raises(InputError, match=r"cannot read .*text.db' as an Optuna storage"):
        all_to_optuna(two, tmp_path / "text.db")
    assert (tmp_path / "text.db").read_text() == "no database"


def test_importances_in_optuna_are_those_in_the_coordinates_of_the_scales(six: Results) -> None:
    study = to_optuna(six, variant="adam")
    space = optuna.create_study()
    for trial in study.trials:
        space.add_trial(
            optuna.trial.create_trial(
                value=trial.value,
                params={
                    "lr": math.log10(trial.params["lr"]),
                    "mu": -math.log10(1 - trial.user_attrs["configuration"]["mu"]),
                },
                distributions={
                    "lr": optuna.distributions.FloatDistribution(-9, 9),
                    "mu": optuna.distributions.FloatDistribution(-9, 9),
                },
            )
        )
    found, expected = (
        optuna.importance.get_param_importances(
            each, evaluator=optuna.importance.MeanDecreaseImpurityImportanceEvaluator(seed=0)
        )
        for each in (study, space)
    )
    assert found["lr"] == pytest.approx(expected["lr"], abs=0.05)
    assert found["-log10(1 - mu)"] == pytest.approx(expected["mu"], abs=0.05)


def test_the_command_writes_a_file_and_says_how_to_open_it(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    copy_demo("s.sqlite")
    export = ["export", "--store", "s.sqlite", "--to", "optuna", "--out", "o.db"]
    assert command.run(export, monkeypatch) == 0
    assert "6 studies in o.db\nopen with: optuna-dashboard sqlite:///o.db" in capsys.readouterr().out
    assert len(names_in(tmp_path / "o.db")) == 6
    assert command.run([*export, "--json"], monkeypatch) == 0
    assert json.loads(capsys.readouterr().out) == {
        "file": "o.db",
        "studies": 6,
        "open": "optuna-dashboard sqlite:///o.db",
    }
