"""Optuna studies in and out: states, scales and conditions are kept, and what is no study says so."""

from __future__ import annotations

import math
import pathlib
import sqlite3
from typing import Any

import optuna
import pandas as pd
import pytest

from search_spaces.combinations import distinct
from search_spaces.spaces import SearchSpace
from sensitivity import from_optuna, from_table, to_optuna
from sensitivity.measures import Measured
from sensitivity.questions.summary import caveats
from sensitivity.reporting import write_report
from sensitivity.store.store import Store
from tests.search_spaces import awkward
from tests.sensitivity.tables import INITIAL, bowl, noisy, results
from trainables.names import InputError

pytestmark = pytest.mark.usefixtures("quiet_optuna")


def objective(trial: optuna.Trial) -> float:
    """As a plain script has it: conditional, on several scales, with trials that diverge, are pruned, and
    fail."""
    lr = trial.suggest_float("lr", 1e-4, 1, log=True)
    depth = trial.suggest_int("depth", 1, 3)
    dropout = trial.suggest_float("dropout", 0, 0.5, step=0.1)
    rule = trial.suggest_categorical("rule", ["sgd", "adam", None])
    if rule == "adam":
        trial.suggest_float("nu", 0.9, 0.999)
    for i in range(depth):
        trial.suggest_int(f"units_{i}", 8, 64, log=True)
    if trial.number == 3:
        raise RuntimeError("out of memory")
    for step in range(3):
        trial.report(math.nan if trial.number == 4 else 1 / (step + 1), step)
        if trial.number in (4, 5):
            raise optuna.TrialPruned
    return math.inf if lr > 0.2 else 0.1 + (math.log10(lr) + 2) ** 2 + dropout


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    place = f"sqlite:///{tmp_path_factory.mktemp('optuna') / 'study.db'}"
    study = optuna.create_study(
        storage=place, study_name="by hand", sampler=optuna.samplers.RandomSampler(seed=0)
    )
    study.optimize(objective, n_trials=30, catch=RuntimeError)
    return place


@pytest.mark.slow
def test_a_plain_sqlite_study_is_read_and_reported(url: str, tmp_path: pathlib.Path) -> None:
    read = from_optuna(url)
    table = read.trials.set_index("key")
    assert list(table.loc[["3", "4", "5"], "status"]) == ["failed", "diverged", "stopped"]
    infinite = table[(table["config/lr"] > 0.2) & ~table.index.isin(("3", "4", "5"))]
    assert len(infinite) > 2
    assert set(infinite["status"]) == {"diverged"}
    assert set(infinite["loss"]) == {table["value"].max()}
    space = read.spaces["by hand"]
    assert str(space["lr"]) == "Float(name='lr', low=0.0001, high=1.0, scale='log', default=None)"
    assert (space["depth"].low, space["depth"].high, space["dropout"].step, space["units_0"].scale) == (
        1,
        3,
        0.1,
        "log",
    )  # type: ignore[union-attr]
    assert space["rule"].choices == ("None", "adam", "sgd")  # type: ignore[union-attr]
    assert {each.name: dict(each.when) for each in space.conditional} == {
        "nu": {"rule": ("adam",)}, "units_1": {"depth": (2, 3)}, "units_2": {"depth": (3,)},
    }  # fmt: skip
    said = " ".join(caveats(Measured(read)))
    assert "Failed in Optuna: 1 of 30 trials." in said
    assert "If an optimizer chose the configurations, it crowds near the best" in said
    assert "were chosen by an optimizer" not in said
    assert write_report(read, tmp_path / "report").is_file()
    assert (
        from_optuna(url.removeprefix("sqlite:///"), failed="diverged")
        .trials.set_index("key")
        .loc["3", "status"]
        == "diverged"
    )


def test_a_parameter_can_name_the_variant(url: str) -> None:
    read = from_optuna(url, variant="rule", hyperparameters=["lr", "nu", "depth"], design="random")
    assert {name: space.names for name, space in read.spaces.items()} == {
        "None": ("lr", "depth"), "sgd": ("lr", "depth"), "adam": ("lr", "nu", "depth"),
    }  # fmt: skip
    assert not any(space.conditional for space in read.spaces.values())
    assert set(read.designs.values()) == {"random"}


def test_a_journal_is_read(tmp_path: pathlib.Path) -> None:
    backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "study.log"))
    study = optuna.create_study(storage=optuna.storages.JournalStorage(backend), study_name="j")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    assert len(from_optuna(str(tmp_path / "study.log")).trials) == 3


def test_a_sampler_that_looks_at_no_results_is_a_fixed_design() -> None:
    designs = {}
    for sampler in (
        optuna.samplers.RandomSampler(),
        optuna.samplers.GridSampler({"x": [0.0, 0.5, 1.0]}),
        optuna.samplers.TPESampler(),
    ):
        study = optuna.create_study(sampler=sampler, study_name=type(sampler).__name__)
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1) ** 2, n_trials=3)
        designs[study.study_name] = from_optuna(study).design
    assert designs == {"RandomSampler": "random", "GridSampler": "grid", "TPESampler": "adaptive"}


def test_several_studies_are_the_variants_of_one() -> None:
    studies = []
    for name in ("one", "two"):
        study = optuna.create_study(study_name=name, direction="maximize")
        study.optimize(lambda trial: -(trial.suggest_float("x", 0, 1) ** 2), n_trials=5)
        studies.append(study)
    read = from_optuna(studies)
    assert read.groups == [("one and two", "one"), ("one and two", "two")]
    assert read.direction == "max"
    assert read.trials["key"].is_unique


def test_one_of_several_objectives_is_named() -> None:
    study = optuna.create_study(directions=["minimize", "maximize"])
    study.optimize(lambda trial: (trial.suggest_float("x", 0, 1), 2.0), n_trials=3)
    with pytest.raises(InputError, match=r"has 2 objectives; name one with metric= .*: 0, 1"):
        from_optuna(study)
    assert from_optuna(study, metric=1).direction == "max"


def test_a_parameter_whose_range_moves_has_the_range_of_all() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(lambda trial: trial.suggest_float("x", 0.1 * trial.number, 1 + trial.number), n_trials=3)
    domain = next(iter(from_optuna(study).spaces.values()))["x"]
    assert (domain.low, domain.high) == (0.0, 3.0)  # type: ignore[union-attr]


def partly(configuration: Any, seed: int) -> float:
    return (
        math.inf
        if configuration["lr"] > 0.5
        else 3.0
        if configuration["mu"] > 0.95
        else bowl(configuration, seed) + 0.01 * seed
    )


def status(configuration: Any, seed: int) -> str:
    if seed == 2:
        return "failed" if configuration["lr"] < 0.002 else "stopped"
    return "diverged" if configuration["lr"] > 0.5 else "completed"


@pytest.mark.slow
@pytest.mark.parametrize("place", ["memory", "sqlite"])
def test_there_and_back_changes_nothing(place: str, tmp_path: pathlib.Path) -> None:
    truth = results(partly, seeds=(0, 1, 2), status=status)
    url = f"sqlite:///{tmp_path / 'o.db'}"
    study = to_optuna(truth, url if place == "sqlite" else None)
    back = from_optuna(study if place == "memory" else url)
    same = [
        "key",
        "task",
        "variant",
        "seed",
        "status",
        "initial_loss",
        "config/lr",
        "config/mu",
        "value",
        "loss",
    ]
    pd.testing.assert_frame_equal(back.trials[same], truth.trials[same], check_exact=False, rtol=1e-12)
    assert back.spaces["adam"].compare(truth.spaces["adam"]) == []
    assert (back.metric, back.design, back.study, back.notes) == (truth.metric, truth.design, truth.study, ())
    pd.testing.assert_frame_equal(
        Measured(back).lr_sensitivity, Measured(truth).lr_sensitivity, check_exact=False
    )


@pytest.mark.parametrize("space", [each for each in awkward.PARAMS if each.id != "nothing"])
def test_awkward_spaces_come_back(space: SearchSpace) -> None:
    points = [*space.sample(8, 0), *space.decode([[0.0] * len(space), [1.0] * len(space)])]
    truth = results(lambda configuration, seed: 0.5, space=space, configurations=distinct(points), seeds=(0,))
    back = from_optuna(to_optuna(truth))
    assert back.spaces["adam"].compare(space) == []
    columns = [f"config/{name}" for name in space.names]
    pd.testing.assert_frame_equal(
        back.trials[columns], truth.trials.reindex(columns=columns), check_dtype=False, rtol=1e-9
    )


def test_what_optuna_sees_is_capped_and_says_what_diverged() -> None:
    study = to_optuna(results(partly, seeds=(0, 1, 2), status=status))
    complete = study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
    assert len(complete) == 24
    assert max(each.value for each in complete) == INITIAL
    assert [each.user_attrs["diverged"] for each in complete].count(True) == 6
    assert len(study.get_trials(states=[optuna.trial.TrialState.PRUNED])) == 9
    assert len(study.get_trials(states=[optuna.trial.TrialState.FAIL])) == 3
    importances = optuna.importance.get_param_importances(
        study, evaluator=optuna.importance.FanovaImportanceEvaluator(seed=0)
    )
    assert importances["lr"] > importances["-log10(1 - mu)"]
    drawn = optuna.visualization.plot_slice(study)
    assert sum(len(trace.x) for trace in drawn.data) == 2 * 24
    assert len(optuna.visualization.plot_optimization_history(study).data)


def test_a_maximised_metric_is_maximised_in_optuna() -> None:
    frame = pd.DataFrame({"x": [0.1, 0.2, 0.3], "score": [0.5, 0.9, math.nan]})
    study = to_optuna(from_table(frame, metric="score", direction="max"))
    assert (study.best_value, study.direction.name) == (0.9, "MAXIMIZE")
    assert [each.value for each in study.trials] == [0.5, 0.9, 0.5]
    assert list(from_optuna(study).trials["loss"]) == [-0.5, -0.9, -0.5]


@pytest.mark.slow
def test_one_variant_is_one_study(tmp_path: pathlib.Path) -> None:
    two = results(noisy(0.01), variants=("adam", "sgd"))
    with pytest.raises(
        InputError,
        match="name task= and variant= of one of: adam on autoencoder/digits, sgd on autoencoder/digits",
    ):
        to_optuna(two)
    with pytest.raises(InputError, match="unknown variant 'adm'; did you mean 'adam'"):
        to_optuna(two, variant="adm")
    url = f"sqlite:///{tmp_path / 'o.db'}"
    for _, variant in two.groups:
        to_optuna(two, url, variant=variant)
    with pytest.raises(InputError, match=r"has an Optuna study 'made up / sgd' already; give name="):
        to_optuna(two, url, variant="sgd")
    with pytest.raises(
        InputError, match=r"holds 2 Optuna studies; name one or more .*: made up / adam, made up / sgd"
    ):
        from_optuna(url)
    both = from_optuna(url, "made up / adam", "made up / sgd")
    pd.testing.assert_frame_equal(Measured(both).excess_loss, Measured(two).excess_loss, check_exact=False)
    with pytest.raises(InputError, match="cannot write an Optuna study to 'sqlite:////no/such"):
        to_optuna(two, "sqlite:////no/such/o.db", variant="sgd")


def test_bad_storages_are_one_line_and_left_alone(url: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "text.db").write_text("no database")
    Store(tmp_path / "ours.sqlite").close()
    (tmp_path / "cut.db").write_bytes(pathlib.Path(url.removeprefix("sqlite:///")).read_bytes()[:5000])
    empty = f"sqlite:///{tmp_path / 'empty.db'}"
    optuna.create_study(storage=empty, study_name="nothing yet")
    before = {each: each.read_bytes() for each in tmp_path.iterdir()}
    for place, names, message in [
        (f"sqlite:///{tmp_path / 'absent.db'}", [], "no Optuna storage at"),
        (str(tmp_path / "absent.db"), [], "no Optuna storage at"),
        (str(tmp_path / "text.db"), [], "is no Optuna storage: neither SQLite nor a journal"),
        (f"sqlite:///{tmp_path / 'text.db'}", [], "cannot read the Optuna storage"),
        (str(tmp_path / "ours.sqlite"), [], "has no tables of Optuna's"),
        (str(tmp_path / "cut.db"), [], "cannot read"),
        (url, ["by hnd"], "unknown Optuna study 'by hnd'; did you mean 'by hand'?"),
        (empty, [], "Optuna study 'nothing yet' holds no trials"),
        ("nonsense://user:secret@x/y", [], "cannot read the Optuna storage"),
        ("sqlite://", [], "no Optuna storage at"),
    ]:
        with pytest.raises(InputError) as error:
            from_optuna(place, *names)
        assert message in str(error.value)
        assert "\n" not in str(error.value)
        assert "secret" not in str(error.value)
    assert {each: each.read_bytes() for each in tmp_path.iterdir()} == before
    for given, message in [
        ({"variant": "rul"}, "unknown parameter or user attribute for variant 'rul'; did you mean 'rule'?"),
        ({"hyperparameters": ["l"]}, "unknown parameter of Optuna study"),
        ({"failed": "odd"}, "unknown meaning of failed"),
        ({"seed": "lr"}, "seed must be a whole number"),
        ({"hyperparameters": ["lr", "units_2"]}, "units_2 has no value in"),
    ]:
        with pytest.raises(InputError) as error:
            from_optuna(url, **given)
        assert message in str(error.value)
    with pytest.raises(InputError, match="must be a Study, several, or the URL"):
        from_optuna(sqlite3)
