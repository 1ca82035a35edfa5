"""The adaptive search algorithm, driven by hand as Ray Tune drives it."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest

from search_spaces import Categorical, Float, Integer, Ordinal, SearchSpace
from search_spaces.adaptive import Adaptive
from search_spaces.designs import SAMPLERS
from search_spaces.optuna_spaces import configuration_from_optuna
from search_spaces.samplers import finite_value
from trainables.names import InputError

COMPLETE, FAIL, RUNNING, WAITING = (
    getattr(optuna.trial.TrialState, name) for name in ("COMPLETE", "FAIL", "RUNNING", "WAITING")
)
SPACE = SearchSpace(Float("lr", 1e-4, 1, "log"), Float("nu", 0.9, 0.999, "log1m"))
FINISHED = "FINISHED"
INITIAL = 10.0

Store = dict[str, tuple[str, float]]


def members(label: str, configuration: Mapping[str, Any]) -> list[str]:
    return [f"{label} {dict(configuration)!r} seed {seed}" for seed in range(2)]


def cohort(label: str, configurations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "label": label,
        "members": [
            {"key": key, "lr": each.get("lr")} for each in configurations for key in members(label, each)
        ],
    }


def outcome(report: Mapping[str, Any]) -> tuple[str, float] | None:
    return None if report["status"] == "running" else (report["status"], min(report["loss"], INITIAL))


def adaptive(store: Store, spaces: Mapping[str, SearchSpace] | None = None, **more: Any) -> Adaptive:
    settings = {"n": 6, "sampler": "random", "cohort_size": 2, **more}
    return Adaptive(
        spaces or {"toy/a": SPACE},
        cohort=cohort,
        members=members,
        known=store.get,
        outcome=outcome,
        **settings,
    )


def report(config: Mapping[str, Any], status: str = "completed", loss: float = 1.0) -> dict[str, Any]:
    return {
        "reports": [{"key": member["key"], "status": status, "loss": loss} for member in config["members"]]
    }


def trials(search: Adaptive, label: str = "toy/a", *states: Any) -> list[optuna.trial.FrozenTrial]:
    return search._studies[label].get_trials(states=states or None)


def run(search: Adaptive, status: str = "completed") -> list[dict[str, Any]]:
    """Every cohort until FINISHED, each ended before the next is asked for."""
    configs: list[dict[str, Any]] = []
    while (config := search.suggest(str(len(configs)))) != FINISHED:
        assert isinstance(config, dict)
        search.on_trial_complete(str(len(configs)), report(config, status))
        configs.append(config)
    return configs


def test_the_value_is_the_mean_capped_loss_over_the_members() -> None:
    search = adaptive({}, n=1, cohort_size=1)
    config = search.suggest("0")
    assert isinstance(config, dict)
    first, second = (member["key"] for member in config["members"])
    search.on_trial_result("0", {"reports": [{"key": first, "status": "running", "loss": 9.0}]})
    search.on_trial_result("0", {"reports": [{"key": first, "status": "completed", "loss": 1.0}]})
    assert len(trials(search, "toy/a", RUNNING)) == 1
    search.on_trial_result("0", {"reports": [{"key": second, "status": "diverged", "loss": math.inf}]})
    search.on_trial_complete("0")
    (trial,) = trials(search, "toy/a", COMPLETE)
    assert trial.value == (1.0 + INITIAL) / 2
    assert trial.user_attrs["diverged"] == 1
    assert trial.user_attrs["trials"] == [first, second]
    assert SPACE.check(trial.user_attrs["configuration"]) == configuration_from_optuna(SPACE, trial.params)
    assert search.suggest("1") == FINISHED


def test_a_configuration_whose_result_is_known_is_noted_and_not_trained(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 's.sqlite'}"
    killed = adaptive({}, n=2, cohort_size=1, storage=storage)
    config = killed.suggest("0")
    assert isinstance(config, dict)  # it is trained to its end, and the run is killed before Optuna is told
    noted: list[str] = []

    def note(label: str, configurations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        noted.extend(key for configuration in configurations for key in members(label, configuration))
        return cohort(label, configurations)

    known: Store = {member["key"]: ("completed", 1.0) for member in config["members"]}
    again = Adaptive(
        {"toy/a": SPACE},
        n=2,
        sampler="random",
        cohort=note,
        members=members,
        known=known.get,
        outcome=outcome,
        storage=storage,
    )
    (fresh,) = run(again)
    assert not {member["key"] for member in fresh["members"]} & set(known)
    assert noted == [*known, *(member["key"] for member in fresh["members"])]
    assert len(trials(again, "toy/a", COMPLETE)) == 2


@pytest.mark.parametrize("result", [None, "failed"], ids=["a worker that is lost", "a member that says so"])
def test_what_fails_is_told_as_failed_and_never_as_a_value(result: str | None) -> None:
    search = adaptive({}, n=2)
    config = search.suggest("0")
    assert isinstance(config, dict)
    half = report({"members": config["members"][:2]})  # the first of two configurations ends well
    search.on_trial_result("0", half)
    rest = {"members": config["members"][2:]}
    search.on_trial_complete("0", report(rest, result, math.nan) if result else None, error=result is None)
    assert [trial.state for trial in trials(search)] == [COMPLETE, FAIL]


def test_n_configurations_are_asked_of_each_sub_study_in_cohorts() -> None:
    spaces = {
        "toy/a": SPACE,
        "toy/b": SearchSpace(Ordinal("p", (1, 2, math.inf)), Float("lr", 1e-4, 1, "log")),
    }
    search = adaptive({}, spaces, n=5, cohort_size=2)
    configs = run(search)
    assert {
        label: [len(each["members"]) // 2 for each in configs if each["label"] == label] for label in spaces
    } == {label: [2, 2, 1] for label in spaces}
    assert all(len(trials(search, label, COMPLETE)) == 5 for label in spaces)


def test_what_an_earlier_run_has_is_told_without_training() -> None:
    configs = run(adaptive({}))
    store: Store = {member["key"]: ("completed", 3.0) for config in configs for member in config["members"]}
    search = adaptive(store)
    assert search.suggest("0") == FINISHED
    assert [trial.value for trial in trials(search)] == [3.0] * 6


def test_a_configuration_that_is_asked_twice_is_trained_once() -> None:
    search = adaptive({}, {"toy/a": SearchSpace(Categorical("rule", ("cm", "nag")))}, n=8, cohort_size=3)
    open_configs = {}
    while (config := search.suggest(str(len(open_configs)))) != FINISHED:
        assert isinstance(config, dict)
        open_configs[str(len(open_configs))] = config
    keys = [member["key"] for config in open_configs.values() for member in config["members"]]
    assert len(keys) == len(set(keys)) == 4
    for trial_id, config in open_configs.items():
        search.on_trial_complete(trial_id, report(config))
    assert [trial.state for trial in trials(search)] == [COMPLETE] * 8


def test_closing_leaves_nothing_running() -> None:
    search = adaptive({})
    run_first = search.suggest("0")
    assert isinstance(run_first, dict)
    search.suggest("1")
    search.on_trial_result("0", report({"members": run_first["members"][:2]}))
    search.close()
    search.close()
    assert trials(search, "toy/a", RUNNING) == []
    assert len(trials(search, "toy/a", COMPLETE)) == 1
    assert len(trials(search, "toy/a", FAIL)) == 3
    assert len(trials(search, "toy/a", WAITING)) == 3


@pytest.mark.parametrize("clean", [True, False], ids=["closed", "killed"])
def test_a_continued_study_asks_again_what_was_open_and_ends_with_n(tmp_path: Path, clean: bool) -> None:
    storage = f"sqlite:///{tmp_path / 'study.sqlite'}"
    first = adaptive({}, storage=storage)
    done = first.suggest("0")
    assert isinstance(done, dict)
    first.on_trial_complete("0", report(done))
    opened = first.suggest("1")
    assert isinstance(opened, dict)
    if clean:
        first.close()
    store: Store = {member["key"]: ("completed", 1.0) for member in done["members"]}
    second = adaptive(store, storage=storage)
    assert trials(second, "toy/a", RUNNING) == []
    configs = run(second)
    assert [member["key"] for member in configs[0]["members"]] == [
        member["key"] for member in opened["members"]
    ]
    finished = trials(second, "toy/a", COMPLETE)
    assert len(finished) == 6
    assert len({repr(trial.params) for trial in finished}) == 6
    assert trials(second, "toy/a", RUNNING) == []
    second.close()


def test_a_larger_n_only_adds(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.sqlite'}"
    first = adaptive({}, storage=storage, n=2)
    run(first)
    first.close()
    second = adaptive({}, storage=storage, n=3)
    assert len(run(second)) == 1
    assert len(trials(second, "toy/a", COMPLETE)) == 3
    third = adaptive({}, storage=storage, n=3)
    assert third.suggest("0") == FINISHED


AWKWARD = [
    pytest.param(SPACE, id="floats"),
    pytest.param(SearchSpace(Float("lr", 1e-4, 1, "log")), id="one float"),
    pytest.param(SearchSpace(Float("lr", 0.1, 0.1), Float("nu", 0.9, 0.99, "log1m")), id="a single value"),
    pytest.param(
        SearchSpace(
            Ordinal("p", (1, 2, math.inf)),
            Categorical("rule", ("cm", True, 0.5)),
            Float("lr", 1e-4, 1, "log"),
        ),
        id="mixed",
    ),
]


@pytest.mark.parametrize("space", AWKWARD)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_works(sampler: str, space: SearchSpace, capfd: pytest.CaptureFixture[str]) -> None:
    if sampler == "brute" and math.isinf(space.size):
        pytest.skip("infinitely many configurations")
    search = adaptive({}, {"toy/a": space}, sampler=sampler, n=12, cohort_size=2)
    index = 0
    while (config := search.suggest(str(index))) != FINISHED:
        assert isinstance(config, dict)
        reports = [
            {"key": each["key"], "status": "completed", "loss": 1 + abs(math.log10(each["lr"]) + 2)}
            for each in config["members"]
        ]
        search.on_trial_complete(str(index), {"reports": reports})
        index += 1
    finished = trials(search, "toy/a", COMPLETE)
    assert len(finished) == 12
    assert all(space.check(configuration_from_optuna(space, trial.params)) for trial in finished)
    assert capfd.readouterr().err == ""


CONDITIONAL = SearchSpace(
    Categorical("rule", ("sgd", "adam", "sum")),
    Float("lr", 1e-4, 1, "log"),
    Float("mu", 0.5, 0.99, "log1m"),
    Ordinal("p", (1, 2, math.inf), when={"rule": ("adam", "sum")}),
    Float("nu", 0.9, 0.999, "log1m", when={"rule": "adam", "p": (1, 2)}),
)
FINITE = SearchSpace(
    Categorical("rule", ("sgd", "adam")),
    Integer("n", 1, 3, when={"rule": "adam"}),
    Float("x", 0, 0.2, step=0.1, when={"n": (2, 3)}),
)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_asks_for_configurations_of_a_conditional_space(
    sampler: str, capfd: pytest.CaptureFixture[str]
) -> None:
    space = FINITE if sampler == "brute" else CONDITIONAL
    search = adaptive({}, {"toy/a": space}, sampler=sampler, n=16, cohort_size=2)
    run(search)
    finished = trials(search, "toy/a", COMPLETE)
    assert len(finished) == (8 if sampler == "brute" else 16)
    for trial in finished:
        configuration = configuration_from_optuna(space, trial.params)
        assert space.check(configuration) == configuration
        assert {
            name: float(each) if isinstance(each, float) else each for name, each in configuration.items()
        } == space.check(trial.user_attrs["configuration"])
    assert len({tuple(sorted(trial.params)) for trial in finished}) > 1
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "space",
    [FINITE, SearchSpace(Categorical("c", ("a", "b")), Integer("n", 1, 4, "log"))],
    ids=["nested", "plain"],
)
@pytest.mark.parametrize("cohort_size", [1, 3])
def test_brute_force_asks_for_every_configuration_once_and_ends(space: SearchSpace, cohort_size: int) -> None:
    search = adaptive({}, {"toy/a": space}, sampler="brute", n=1000, cohort_size=cohort_size)
    run(search)
    asked = [configuration_from_optuna(space, trial.params) for trial in trials(search, "toy/a", COMPLETE)]
    assert len(asked) == space.size
    assert sorted(map(repr, asked)) == sorted({repr(each) for each in asked})


def test_brute_force_over_a_continuous_space_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="finitely many values, but lr is continuous; give it a step"):
        adaptive({}, sampler="brute")


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "brute"])
def test_a_continued_conditional_study_asks_again_what_was_open(tmp_path: Path, sampler: str) -> None:
    storage = f"sqlite:///{tmp_path / 'study.sqlite'}"
    spaces = {"toy/a": FINITE if sampler == "brute" else CONDITIONAL}
    first = adaptive({}, spaces, storage=storage, sampler=sampler, n=8)
    done, opened = first.suggest("0"), first.suggest("1")
    assert isinstance(done, dict)
    assert isinstance(opened, dict)
    first.on_trial_complete("0", report(done))
    first.close()
    second = adaptive({}, spaces, storage=storage, sampler=sampler, n=8)
    configs = run(second)
    again = [member["key"] for config in configs for member in config["members"]]
    assert again[: len(opened["members"])] == [member["key"] for member in opened["members"]]
    assert len(trials(second, "toy/a", COMPLETE)) == 8
    assert trials(second, "toy/a", RUNNING) == []


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_same_seed_asks_the_same(sampler: str) -> None:
    spaces = (
        {"toy/a": SearchSpace(Float("lr", 0, 1, step=0.01), Float("nu", 0, 1, step=0.01))}
        if sampler == "brute"
        else None
    )
    drawn = [
        [config["members"] for config in run(adaptive({}, spaces, sampler=sampler, seed=seed))]
        for seed in (0, 0, 1)
    ]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_a_value_that_is_not_finite_is_told_as_the_largest_so_far() -> None:
    study = optuna.create_study()
    study.add_trials(optuna.create_trial(value=value) for value in (0.3, math.inf, 0.7, 0.5))
    assert [finite_value(study, value) for value in (math.inf, math.nan, 0.9)] == [0.7, 0.7, 0.9]


def test_an_unknown_sampler_is_named() -> None:
    with pytest.raises(InputError, match="unknown sampler 'tep'; did you mean 'tpe'"):
        adaptive({}, sampler="tep")
