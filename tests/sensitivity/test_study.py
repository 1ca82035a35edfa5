"""The specification: round trips, defaults, and errors that show the way."""

from __future__ import annotations

import math
import pathlib
from typing import Any

import pytest

from search_spaces.hyperparameters import Float, Ordinal
from search_spaces.spaces import SearchSpace
from sensitivity.study.presets import PRESETS
from sensitivity.study.study import Study
from trainables.names import InputError

SPEC: dict[str, Any] = {
    "name": "s",
    "tasks": ["autoencoder/digits"],
    "variants": ["sgd", "adam"],
    "design": {"kind": "grid", "points": {"lr": 2, "mu": 2}},
    "epochs": 1,
}
LR = {"name": "lr", "low": 0.001, "high": 1, "scale": "log"}


def space_of_adam(*hyperparameters: dict[str, Any]) -> dict[str, Any]:
    return {**SPEC, "spaces": {"adam": list(hyperparameters)}}


BAD = [
    pytest.param(
        {**SPEC, "variants": ["adm"]}, "unknown variant 'adm'; did you mean 'adam'?", id="unknown variant"
    ),
    pytest.param(
        {**SPEC, "tasks": ["autoencoder/digit"]}, "did you mean 'autoencoder/digits'?", id="unknown task"
    ),
    pytest.param(
        {**SPEC, "epoch": 3}, "unknown field of a study 'epoch'; did you mean 'epochs'?", id="misspelt field"
    ),
    pytest.param(
        {**{name: value for name, value in SPEC.items() if name != "variants"}, "optimizers": ["adam"]},
        r"^unknown field of a study 'optimizers'; did you mean 'variants'\? \(known: [^;]*\)$",
        id="a field of other tools",
    ),
    pytest.param(
        {**SPEC, "seedz": 2, "epoch": 3, "epochs": "many"},
        r"^unknown field of a study 'seedz'; did you mean 'seeds'\?; unknown field of a study 'epoch'; did you "
        r"mean 'epochs'\? \(known: [^;]*\); epochs: .* got 'many'$",
        id="three errors at once",
    ),
    pytest.param(
        {
            **SPEC,
            "tasks": ["autoencoder/digit"],
            "variants": ["adm"],
            "design": {"kind": "gird"},
            "epochs": 0,
        },
        r"^unknown kind of design 'gird'.*; epochs: .* got 0; unknown task 'autoencoder/digit'.*; unknown "
        r"variant 'adm'",
        id="names and values at once",
    ),
    pytest.param(
        {**SPEC, "tasks": ["autoencoder/digit"], "variants": ["adm", "sdg"]},
        r"^unknown task 'autoencoder/digit'.*; unknown variant 'adm'.*; unknown variant 'sdg'",
        id="names at once",
    ),
    pytest.param(
        {**SPEC, "epochs": 0}, "epochs: input should be greater than or equal to 1, got 0", id="no epochs"
    ),
    pytest.param({**SPEC, "epochs": "many"}, "epochs: .* got 'many'", id="epochs in words"),
    pytest.param({**SPEC, "seeds": 0}, "seeds must be .* from 1 to 100,000; got 0", id="no seeds"),
    pytest.param({**SPEC, "seeds": [1, 1]}, "seeds names 1 twice", id="a seed twice"),
    pytest.param({**SPEC, "variants": []}, "a study needs variants", id="no variants"),
    pytest.param(
        {**SPEC, "metric": "loss"},
        "unknown metric of autoencoder/digits 'loss'; did you mean 'test_loss'",
        id="unknown metric",
    ),
    pytest.param({**SPEC, "design": {"kind": "gird"}}, "did you mean 'grid'", id="unknown design"),
    pytest.param({**SPEC, "design": {"kind": "grid", "points": 0}}, "points", id="empty grid"),
    pytest.param(
        {**SPEC, "design": {"kind": "random", "n": 0}}, "n must be .* got 0", id="empty random design"
    ),
    pytest.param(
        {**SPEC, "design": {"kind": "grid", "points": {"lrr": 3}}},
        "did you mean 'lr'",
        id="unknown hyperparameter in the design",
    ),
    pytest.param(
        space_of_adam({**LR, "name": "lrr"}),
        "unknown hyperparameter of adam on autoencoder/digits 'lrr'; did you mean 'lr'",
        id="unknown hyperparameter",
    ),
    pytest.param(space_of_adam({**LR, "low": 2}), "low", id="low above high"),
    pytest.param(space_of_adam({**LR, "low": 0}), "low .*0", id="log scale from zero"),
    pytest.param(
        space_of_adam({**LR, "low": -1, "scale": "linear"}),
        "lr must be above 0 and finite, got -1",
        id="negative lr",
    ),
    pytest.param(
        space_of_adam(LR, {"name": "mu", "low": 0.5, "high": 1}),
        r"mu must be in \[0, 1\), got 1",
        id="mu of one",
    ),
    pytest.param(
        space_of_adam(LR, {"name": "p", "levels": [0.5, 1]}),
        "unknown hyperparameter of adam on autoencoder/digits 'p'",
        id="a setting that adam fixes",
    ),
    pytest.param(
        {**SPEC, "variants": None, "space": [LR]}, "a study needs variants", id="an empty line of variants"
    ),
    pytest.param(
        {**SPEC, "variants": 3},
        "a variant is a name, an optimizer class or a factory, got 3",
        id="a number as variants",
    ),
    pytest.param({**SPEC, "tasks": 3}, "tasks", id="a number as tasks"),
    pytest.param(
        {
            **SPEC,
            "tasks": ["mlp/digits"],
            "spaces": {"adam": [LR, {"name": "activation", "choices": ["foo", "relu"]}]},
        },
        "activation",
        id="a model that cannot be made",
    ),
    pytest.param(
        {**SPEC, "tasks": ["mlp/digits"], "spaces": {"adam": [LR, {"name": "width", "low": 1, "high": 10}]}},
        r"width of mlp/digits is a whole number \(128 by default\); use an Integer",
        id="a share of a neuron",
    ),
    pytest.param(
        {**SPEC, "design": {"kind": "adaptive", "n": 2, "scheduler": "nowhere:Rule"}, "seeds": 1},
        "scheduler",
        id="scheduler",
    ),
    pytest.param(
        {**SPEC, "variants": ["sgd"], "spaces": {"adam": [LR]}},
        "unknown variant in spaces 'adam'",
        id="space of no variant",
    ),
    pytest.param(
        {key: each for key, each in SPEC.items() if key != "design"}, "a study needs design", id="no design"
    ),
]


@pytest.mark.parametrize(("fields", "message"), BAD)
def test_a_study_that_cannot_be_run_says_why_in_one_line(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        Study(**fields)
    assert "\n" not in str(raised.value)


def test_a_norm_below_one_is_refused() -> None:
    with pytest.raises(InputError, match=r"p must be at least 1 .*, got 0.5"):
        Study(**{**SPEC, "variants": ["sgd"], "spaces": {"sgd": [LR, {"name": "p", "levels": [0.5, 1]}]}})


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_valid_and_survives_yaml_and_json(name: str) -> None:
    study = Study.preset(name)
    assert Study.from_yaml(study.to_yaml()) == study
    assert Study.from_json(study.to_json()) == study


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'quickstart'"):
        Study.preset("quikstart")


def test_spaces_may_be_objects_and_survive_yaml_with_infinity() -> None:
    space = SearchSpace(Float("lr", 1e-5, 1, "log"), Ordinal("p", (1, 2, math.inf)))
    study = Study(
        **{**SPEC, "variants": ["sgd"], "spaces": {"sgd": space}, "design": {"kind": "random", "n": 3}}
    )
    assert study.space("sgd") == space
    assert Study.from_yaml(study.to_yaml()).space("sgd") == space


def test_yaml_reads_scientific_notation_as_a_number() -> None:
    text = (
        "{name: s, tasks: autoencoder/digits, variants: adam, epochs: 1, design: {kind: grid, levels: {lr: "
        "[1e-3, 1E-2, .5e-1]}}}"
    )
    assert Study.from_yaml(text).design["levels"] == {"lr": [0.001, 0.01, 0.05]}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("s.yaml", "name: s\n  tasks: [", r"s.yaml: not YAML: .*line 2"),
        ("s.yaml", "- a list", "a study is a mapping of fields"),
        ("s.json", "{", "s.json: not JSON"),
        ("s.toml", "", "ends with .yaml, .yml, .json"),
        ("deep.yaml", "[" * 10_000, "deep.yaml: the YAML cannot be read"),
        ("deep.json", "[" * 100_000, "deep.json: not JSON"),
        ("long.json", "9" * 5_000, "long.json: not JSON"),
        ("day.yaml", "name: 2026-99-99", "day.yaml: the YAML cannot be read: month"),
    ],
)
def test_a_broken_file_is_named(tmp_path: pathlib.Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        Study.load(tmp_path / name)


def test_a_missing_file_is_named(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match="cannot read the study file"):
        Study.load(tmp_path / "absent.yaml")


OWN: dict[str, Any] = {
    "name": "own",
    "trainable": "somewhere:train",
    "space": [LR],
    "design": {"kind": "random", "n": 2},
}


@pytest.mark.parametrize(
    ("metric", "direction"), [("val_acc", "max"), ("val_loss", "min"), ("top1_error", "min")]
)
def test_the_direction_is_what_the_name_of_the_metric_states(
    monkeypatch: pytest.MonkeyPatch, metric: str, direction: str
) -> None:
    monkeypatch.setattr("sensitivity.study.study.check", lambda study: None)
    study = Study(**OWN, metric=metric)
    assert study.direction == direction
    assert Study.from_yaml(study.to_yaml()) == study
    assert Study.from_stored(study.to_stored()).direction == direction
    turned = Study(**OWN, metric=metric, direction="min" if direction == "max" else "max")
    assert turned.direction != direction
    assert Study.from_yaml(turned.to_yaml()).direction == turned.direction


def test_a_name_that_states_no_direction_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensitivity.study.study.check", lambda study: None)
    with pytest.raises(
        InputError, match=r"is a lower or a higher 'score' better\? .* give direction: min or max"
    ):
        Study(**OWN, metric="score")
    study = Study(**OWN, metric="score", direction="min")
    assert Study.from_json(study.to_json()) == study
