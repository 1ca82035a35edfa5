"""Default settings: trained beside the design, counted, resumed, and kept out of the design's trials."""

from __future__ import annotations

import json
import math
import pathlib
import pickle
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from search_spaces import Categorical, Float, SearchSpace
from sensitivity.deciding.planner import plan as plan_of
from sensitivity.readers.filters import capped, narrowed
from sensitivity.readers.view import View
from sensitivity.results.rereading import after_share, judged_by
from sensitivity.results.results import Results
from sensitivity.running.run import run as run_study
from sensitivity.service import specs
from sensitivity.store.store import Store
from sensitivity.store.upkeep import problems
from sensitivity.study import default_settings
from sensitivity.study.default_settings import default_setting
from sensitivity.study.estimates import plan_rows
from sensitivity.study.planning import trials
from sensitivity.study.study import Study
from tests.contracts import report
from tests.sensitivity.command import run
from trainables.names import InputError

LR = Float("lr", 0.01, 1.0, "log", 0.05)
MU = Float("mu", 0.5, 0.95, "log1m", 0.9)
SPEC: dict[str, Any] = {
    "name": "s",
    "tasks": ["mlp/synthetic"],
    "variants": ["sgd", "cm"],
    "spaces": {"sgd": SearchSpace(LR), "cm": SearchSpace(LR, MU)},
    "design": {"kind": "grid", "points": {"lr": 4, "mu": 2}},
    "seeds": 2,
    "epochs": 2,
    "batch_size": 16,
    "limit": 48,
}
STUDY, WITHOUT = Study(**SPEC), Study(**SPEC, default_setting=False)
DEFAULTS = {"sgd": {"lr": 0.05}, "cm": {"lr": 0.05, "mu": 0.9}}
DESIGN, BESIDE = (4 + 8) * 2, 2 * 2


def beside(study: Study) -> set[str]:
    """Return the keys of the trials that the default settings add."""
    fields = study.model_dump(exclude_unset=True) | {"default_setting": False}
    return {trial.key for trial in trials(study)} - {trial.key for trial in trials(Study(**fields))}


def test_every_variant_has_its_default_setting_with_every_seed_and_first() -> None:
    without, planned = trials(WITHOUT), trials(STUDY)
    assert (len(without), len(planned)) == (DESIGN, DESIGN + BESIDE)
    first = [trial for trial in planned if trial.key not in {trial.key for trial in without}]
    assert {(trial.variant, trial.seed) for trial in first} == {
        (name, seed) for name in DEFAULTS for seed in (0, 1)
    }
    assert all(trial.configuration == DEFAULTS[trial.variant] for trial in first)
    for name in DEFAULTS:
        queue = [trial for trial in planned if trial.variant == name]
        assert [trial.configuration == DEFAULTS[name] for trial in queue[:3]] == [True, True, False]
        assert queue[2:] == [trial for trial in without if trial.variant == name]


@pytest.mark.parametrize(
    ("changes", "variant"),
    [
        pytest.param({"default_setting": False}, "cm", id="not asked for"),
        pytest.param(
            {"spaces": {"cm": SearchSpace(Float("lr", 0.01, 1, "log"), MU)}}, "cm", id="one has no default"
        ),
        pytest.param(
            {
                "spaces": {"sgd": SearchSpace(Float("lr", 0.01, 1, "log", 0.1))},
                "design": {"kind": "grid", "points": 3},
            },
            "sgd",
            id="in the grid",
        ),
        pytest.param(
            {"design": {"kind": "explicit", "rows": [{"lr": 0.05, "mu": 0.9}, {"lr": 0.5, "mu": 0.9}]}},
            "cm",
            id="in the list",
        ),
        pytest.param({"design": {"kind": "adaptive", "n": 4}}, "sgd", id="an adaptive design"),
    ],
)
def test_a_default_setting_is_not_trained(changes: dict[str, Any], variant: str) -> None:
    spaces = {variant: SPEC["spaces"][variant]}
    fields = {**SPEC, "default_setting": True, "variants": [variant], "spaces": spaces}
    study = Study(**{**fields, **changes})
    assert default_setting(study, variant) is None
    if not study.adaptive:
        assert beside(study) == set()


def test_inactive_hyperparameters_are_left_out_of_a_default_setting() -> None:
    schedule = Categorical("lr_schedule", ("constant", "cosine"), "constant")
    final = Float("lr_final", 0, 1, when={"lr_schedule": "cosine"})
    study = Study(
        **{
            **SPEC,
            "variants": ["cm"],
            "spaces": {"cm": SearchSpace(LR, schedule, final)},
            "design": {"kind": "grid", "points": 2},
            "default_setting": True,
        }
    )
    assert default_setting(study, "cm") == {"lr": 0.05, "lr_schedule": "constant"}


def test_the_field_is_in_yaml_json_and_the_store_and_on_by_default() -> None:
    assert STUDY.default_setting
    assert "default_setting" not in STUDY.to_yaml()
    assert "default_setting: false" in WITHOUT.to_yaml()
    assert Study.from_yaml(WITHOUT.to_yaml()) == Study.from_json(WITHOUT.to_json()) == WITHOUT
    for study in (STUDY, WITHOUT):
        assert Study.from_stored(study.to_stored()).default_setting == study.default_setting
    earlier = json.loads(STUDY.to_stored())
    del earlier["default_setting"]
    assert not Study.from_stored(json.dumps(earlier)).default_setting
    for wrong in ("yes", 1, None):
        with pytest.raises(InputError, match="default_setting: input should be a valid boolean"):
            Study(**SPEC, default_setting=wrong)


def test_a_plan_counts_the_trials_of_default_settings(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: pathlib.Path
) -> None:
    rows = {row["variant"]: row for row in plan_rows(STUDY)}
    assert {name: (row["configurations"], row["trials"]) for name, row in rows.items()} == {
        "sgd": (5, 10),
        "cm": (9, 18),
    }
    needed = {
        flag: plan_of(Study(**{**SPEC, "default_setting": flag}), noise=0.1).rows[-1]
        for flag in (False, True)
    }
    assert (specs.count(STUDY), specs.count(WITHOUT)) == (DESIGN + BESIDE, DESIGN)
    assert needed[True].units == needed[False].units
    assert needed[True].trials == needed[False].trials + 2 * needed[True].units
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(STUDY.to_yaml())
    counts = []
    for option in ([], ["--default-setting"], ["--no-default-setting"]):
        assert run(["run", "s.yaml", "--plan", "--json", *option], monkeypatch) == 0
        counts.append(sum(row["trials"] for row in json.loads(capfd.readouterr().out)))
    assert counts == [DESIGN + BESIDE, DESIGN + BESIDE, DESIGN]
    assert run(["plan", "s.yaml", "--noise", "0.1", "--no-default-setting"], monkeypatch) == 0
    assert "Run it: sensitivity run s.yaml --no-default-setting --seeds" in capfd.readouterr().out


@pytest.fixture
def store(place: str) -> Iterator[Store]:
    """A store in which every trial of the study has ended; those of sgd's default setting diverged."""
    opened = Store(place)
    opened.add_study("s", STUDY.to_stored(), trials(STUDY))
    keys = beside(STUDY)
    for trial in trials(STUDY):
        loss = trial.configuration["lr"] + 0.01 * trial.seed
        end = report(2, "completed", loss, test_accuracy=1 - loss)
        if trial.key in keys and trial.variant == "sgd":
            end = report(2, "diverged", math.nan)
        first = report(1, loss=0.6, test_accuracy=0.4)
        opened.record(trial.key, initial_loss=2.0, reports=[first, end])
    yield opened
    opened.close()


def test_default_settings_are_beside_the_trials_of_a_design(store: Store) -> None:
    results = Results.from_store(store, "s")
    assert (len(results.trials), len(results.defaults)) == (DESIGN, BESIDE)
    assert list(results.defaults.columns) == list(results.trials.columns)
    assert set(results.defaults["key"]) == beside(STUDY)
    losses = results.defaults.set_index(["variant", "seed"])["loss"]
    assert losses.to_dict() == pytest.approx(
        {("sgd", 0): 2.0, ("sgd", 1): 2.0, ("cm", 0): 0.05, ("cm", 1): 0.06}
    )
    assert set(results.all_trials["key"]) == {trial.key for trial in trials(STUDY)}
    again = pickle.loads(pickle.dumps(results))
    pd.testing.assert_frame_equal(again.defaults, results.defaults)
    assert len(replace(results, trials=results.trials.iloc[:3]).defaults) == BESIDE
    assert problems(store) == []


def test_the_cap_of_a_default_setting_is_that_of_the_design(store: Store) -> None:
    """An accuracy has no initial loss; the default setting of sgd is below the worst of the design."""
    results = Results.from_store(store, "s", metric="test_accuracy")
    worst = results.trials["loss"].max()
    assert set(results.defaults["initial_loss"]) == {worst}
    assert set(results.defaults.loc[results.defaults["variant"] == "sgd", "loss"]) == {worst}
    for other in (judged_by(Results.from_store(store, "s"), "test_accuracy"), results):
        pd.testing.assert_frame_equal(other.defaults, results.defaults, check_like=True)


def test_results_read_again_keep_the_default_settings(store: Store) -> None:
    results = Results.from_store(store, "s")
    half = after_share(results, 0.5)
    assert len(half.defaults) == BESIDE
    assert set(half.defaults["loss"]) == {0.6}  # sgd diverged in the second epoch
    worst = capped(results, "worst")
    assert set(worst.defaults["initial_loss"]) == {results.trials["value"].max()}


@pytest.mark.parametrize(
    ("view", "query"),
    [
        pytest.param(View(variant=("cm",)), "variant == 'cm'", id="variant"),
        pytest.param(View(seed=("1",)), "seed == 1", id="seed"),
        pytest.param(View(status=("diverged",)), "status == 'diverged'", id="status"),
        pytest.param(View(variant=("nag",)), "seed < 0", id="nothing left"),
        pytest.param(View(), "seed >= 0", id="everything"),
    ],
)
def test_filters_keep_default_settings_as_they_keep_trials(store: Store, view: View, query: str) -> None:
    results = Results.from_store(store, "s")
    part = narrowed(results, view)
    for table, whole in ((part.trials, results.trials), (part.defaults, results.defaults)):
        assert list(table["key"]) == list(whole.query(query)["key"])


def test_a_third_table_is_saved_where_there_are_default_settings(
    store: Store, tmp_path: pathlib.Path
) -> None:
    results = Results.from_store(store, "s")
    results.save(tmp_path / "out")
    read = pd.read_parquet(tmp_path / "out" / "defaults.parquet")
    pd.testing.assert_frame_equal(read, results.defaults, check_dtype=False)
    assert len(pd.read_csv(tmp_path / "out" / "defaults.csv")) == BESIDE
    replace(results, defaults=results.defaults.iloc[:0]).save(tmp_path / "without")
    assert not list((tmp_path / "without").glob("defaults*"))


def test_a_default_setting_in_the_design_is_one_of_its_trials(place: str) -> None:
    space = SearchSpace(Float("lr", 0.01, 1, "log", 0.1))
    study = Study(
        **{
            **SPEC,
            "variants": ["sgd"],
            "spaces": {"sgd": space},
            "design": {"kind": "grid", "points": 3},
            "default_setting": True,
        }
    )
    opened = Store(place)
    opened.add_study("s", study.to_stored(), trials(study))
    results = Results.from_store(opened, "s")
    assert (len(results.trials), len(results.defaults)) == (6, 0)
    opened.close()


def test_a_design_is_made_only_if_a_trial_has_the_default_setting(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    known = default_settings.design_from_dict
    default_settings._is_in_design.cache_clear()
    monkeypatch.setattr(default_settings, "design_from_dict", lambda data: made.append(data) or known(data))
    Results.from_store(store, "s")
    assert len(made) == 2  # one a variant
    Results.from_store(store, "s")
    assert len(made) == 2
    default_settings._is_in_design.cache_clear()
    store.add_study("without", STUDY.to_stored(), trials(WITHOUT))
    assert len(Results.from_store(store, "without").trials) == DESIGN
    assert len(made) == 2


def test_an_earlier_study_trains_only_its_default_settings(tmp_path: pathlib.Path) -> None:
    place = tmp_path / "s.sqlite"
    before = run_study(WITHOUT, store=place, where="process")
    assert before.defaults.empty
    after = run_study(STUDY, store=place, where="process")
    pd.testing.assert_frame_equal(
        after.trials.sort_values("key", ignore_index=True),
        before.trials.sort_values("key", ignore_index=True),
    )  # the clocks too: not trained again
    assert set(after.defaults["key"]) == beside(STUDY)
    assert set(after.defaults["status"]) <= {"completed", "diverged"}
    without = run_study(WITHOUT, store=place, where="process")
    assert without.defaults.empty
    assert len(without.trials) == DESIGN


def test_the_rest_of_a_run_that_was_killed_is_trained(tmp_path: pathlib.Path) -> None:
    """Of the default settings, one trial had ended, one had begun, and two waited."""
    place = tmp_path / "s.sqlite"
    planned = trials(STUDY)
    ended, begun = [trial.key for trial in planned if trial.key in beside(STUDY)][:2]
    store = Store(place)
    store.add_study("s", STUDY.to_stored(), planned)
    store.record(ended, initial_loss=2.0, reports=[report(1), report(2, "completed", 0.123)])
    store.record(begun, initial_loss=2.0, reports=[report(1)])
    store.close()
    again = run_study(STUDY, store=place, where="process")
    assert set(again.defaults["key"]) == beside(STUDY)
    assert again.defaults.set_index("key").loc[ended, "loss"] == 0.123
    assert len(again.trials) == DESIGN
    opened = Store(place)
    assert set(opened.statuses("s")) == {trial.key for trial in planned}
    assert set(opened.statuses("s").values()) <= {"completed", "diverged"}
    assert problems(opened) == []
    opened.close()


@pytest.mark.slow
def test_default_settings_are_trained_alike_through_ray(cluster: None, tmp_path: pathlib.Path) -> None:
    one, other = (
        run_study(STUDY, store=tmp_path / f"{where}.sqlite", where=where, workers=2)
        for where in ("process", "ray")
    )
    clocks = ["seconds", "started", "finished"]
    for name in ("trials", "defaults"):
        tables = (getattr(results, name).drop(columns=clocks) for results in (one, other))
        pd.testing.assert_frame_equal(*(table.sort_values("key", ignore_index=True) for table in tables))
    assert len(other.defaults) == BESIDE
