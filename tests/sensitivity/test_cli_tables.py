"""The commands that read what is there already: import and measure."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import optuna
import pytest

from sensitivity.store.store import Store
from sensitivity.study.planning import trials
from sensitivity.study.study import Study
from tests.contracts import report
from tests.sensitivity.command import SPEC, run
from tests.sensitivity.test_from_ray import experiment
from tests.sensitivity.test_from_ray import report as ray_report

TABLE = "opt,lr,fold,acc\n" + "".join(
    f"{opt},{lr},{seed},{'nan' if lr == 1 else lr + seed / 100}\n"
    for opt in ("sgd", "[red]adam")
    for lr in (0.01, 0.1, 1)
    for seed in (0, 1)
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with a table, an Optuna storage, a Ray Tune experiment, and a store with a study."""
    folder = tmp_path_factory.mktemp("tables")
    (folder / "sweep.csv").write_text(TABLE)
    (folder / "bad.csv").write_text(TABLE.replace("0.11", "oops", 1))
    (folder / "empty.csv").write_text("lr,loss\n")
    (folder / "twice.csv").write_text(TABLE + TABLE.splitlines()[1] + "\n")
    (folder / "two.csv").write_text("lr,val_acc,test_acc\n0.1,0.5,0.6\n0.2,0.6,0.5\n")
    (folder / "odd.csv").write_text("lr,loss,status\n0.1,0.5,completed\n0.2,0.6,3\n")
    (folder / "equals.csv").write_text("a=b,lr,loss\n1,0.1,0.5\n2,0.2,0.6\n")
    (folder / "blank.csv").write_text("lr,loss\n0.1,0.5\n0.2,\n")
    (folder / "notes.txt").write_text("nothing")
    (folder / "space.yaml").write_text("- {name: lr, low: 0.001, high: 1, scale: log}\n")
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(storage=f"sqlite:///{folder / 'study.db'}", study_name="s")
    study.add_trials(
        [
            optuna.trial.create_trial(
                value=x**2,
                params={"x": x},
                distributions={"x": optuna.distributions.FloatDistribution(0.01, 1, log=True)},
            )
            for x in (0.1, 0.2, 0.5)
        ]
    )
    optuna.logging.set_verbosity(before)
    experiment(folder / "exp", [[ray_report(1, 5), ray_report(2, i)] for i in range(4)])
    planned, store = trials(Study.from_yaml(SPEC)), Store(folder / "sensitivity.sqlite")
    store.add_study("small", Study.from_yaml(SPEC).to_stored(), planned)
    for place, each in enumerate(planned):
        store.record(each.key, initial_loss=1.0, reports=[report(1, "completed", 0.2 + 0.01 * place)])
    store.close()
    return folder


@pytest.fixture
def here(filled: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.chdir(filled)
    return filled


NAMED = ["--variant", "opt", "--seed", "fold", "--metric", "acc"]


@pytest.mark.slow
def test_a_table_is_reported_with_one_command(
    here: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    command = [
        "import",
        "sweep.csv",
        *NAMED,
        "--direction",
        "max",
        "--scale",
        "lr=log",
        "--hyperparameter",
        "lr",
    ]
    assert run(command, monkeypatch) == 0
    said = capfd.readouterr().out
    assert "report: runs/sweep/report.html" in said
    assert "Diverged, having no finite acc: 4 of 12 trials" in said
    assert "[red]adam" in said
    assert (here / "runs" / "sweep" / "trials.parquet").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "variants"),
    [
        (["sweep.csv"], ["sgd", "[red]adam"]),
        (["odd.csv", "--status-word", "3=failed"], ["odd"]),
        (["odd.csv", "--status", "none", "--rename", "lr=rate"], ["odd"]),
        (["blank.csv", "--empty", "diverged"], ["blank"]),
        (["two.csv", "--metric", "val_acc", "--leave-out", "test_acc"], ["two"]),
        (
            ["sweep.csv", *NAMED, "--initial-loss", "0.5", "--space", "space.yaml", "--design", "random"],
            ["sgd", "[red]adam"],
        ),
        (["study.db", "--name", "mine"], ["s"]),
        (["sqlite:///study.db", "--study", "s", "--failed", "diverged"], ["s"]),
        (["exp", "--metric", "loss", "--hyperparameter", "lr"], ["exp"]),
        (["exp", "--kind", "ray"], ["exp"]),
    ],
    ids=lambda each: " ".join(each),
)
def test_a_program_can_read_what_is_imported(
    here: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    variants: list[str],
) -> None:
    assert run(["import", *arguments, "--out", "out", "--json"], monkeypatch) == 0
    said = json.loads(capfd.readouterr().out)
    assert sorted(row["variant"] for row in said["overview"]) == sorted(variants)
    assert said["report"] == "out/report.html"


def test_a_name_may_have_an_equals_sign(
    here: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The last one of the option parts the name from the value."""
    arguments = ["import", "equals.csv", "--scale", "a=b=ordinal", "--rename", "a=b=size", "--out", "out"]
    assert run([*arguments, "--json"], monkeypatch) == 0
    (row,) = json.loads(capfd.readouterr().out)["overview"]
    assert row["configuration"] == {"size": 1, "lr": 0.1}


BAD = [
    (["import", "absent.csv"], "cannot read the table 'absent.csv': No such file"),
    (["import", "absent"], "no file or directory 'absent'"),
    (
        ["import", "notes.txt"],
        "looks like no table, Optuna storage or folder of a tool; say which with --kind",
    ),
    (["import", "notes.txt", "--kind", "tables"], "unknown kind 'tables'; did you mean 'table'?"),
    (["import", "bad.csv", *NAMED], "column 'acc' must hold numbers, got 'oops'"),
    (["import", "empty.csv"], "is empty"),
    (["import", "twice.csv", *NAMED], "are the same trial"),
    (
        ["import", "two.csv"],
        "name the column of the metric (metric=, --metric): 'two.csv' has the results val_acc, test_acc",
    ),
    (["import", "odd.csv"], "what does '3' in column 'status' mean? Give statuses= (--status-word 3=STATUS"),
    (
        ["import", "odd.csv", "--status-word", "3"],
        "--status-word must be WORD=STATUS, such as 3=failed; got '3'",
    ),
    (
        ["import", "odd.csv", "--status-word", "3=fail"],
        "unknown status for the word '3' (statuses=, --status-word) 'fail'",
    ),
    (["import", "odd.csv", "--rename", "lr"], "--rename must be OLD=NEW"),
    (
        ["import", "odd.csv", "--status", "none", "--leave-out", "lrr"],
        "unknown column 'lrr'; did you mean 'lr'?",
    ),
    (
        ["import", "blank.csv"],
        "column 'loss' is empty in 1 of 2 trials, and no status says why; give empty='diverged' or",
    ),
    (["import", "blank.csv", "--empty", "NaN"], "unknown meaning of an empty metric (empty=, --empty) 'NaN'"),
    (["import", "sweep.csv", "--metric", "ac"], "unknown column 'ac'; did you mean 'acc'?"),
    (["import", "sweep.csv", *NAMED, "--scale", "lr"], "--scale must be NAME=SCALE"),
    (["import", "sweep.csv", *NAMED, "--scale", "lr=lag"], "unknown scale of lr 'lag'; did you mean 'log'?"),
    (["import", "sweep.csv", *NAMED, "--direction", "up"], "unknown direction 'up'"),
    (["import", "sweep.csv", *NAMED, "--space", "absent.yaml"], "cannot read the search space"),
    (
        ["import", "sweep.csv", *NAMED, "--study", "s"],
        "--study is for optuna, and 'sweep.csv' is read as table",
    ),
    (
        ["import", "study.db", "--direction", "max"],
        "--direction is for table, deepcave, keras_tuner, smac, syne_tune, wandb, neptune, mlflow, hydra, deepobs, tensorboard and ray",
    ),
    (["import", "study.db", "--study", "t"], "unknown Optuna study 't'"),
    (["import", "study.db", "--initial-loss", "x"], "--initial-loss must be a number, got 'x'"),
    (["import", "exp", "--initial-loss", "x"], "--initial-loss must be a number, got 'x'"),
    (["import", "sensitivity.sqlite"], "has no tables of Optuna's"),
    (["import", "."], "is no experiment of Ray Tune; it holds some: exp"),
    (["import", "sweep.csv", *NAMED, "--out", "notes.txt"], "is not a writable folder"),
    (["measure", "exces_loss"], "unknown measure 'exces_loss'; did you mean 'excess_loss'?"),
    (["measure", "excess_loss", "smal"], "unknown study 'smal'; did you mean 'small'?"),
    (
        ["measure", "excess_loss", "--with", "ovr=lr"],
        "unknown argument of excess_loss 'ovr'; did you mean 'over'?",
    ),
    (["measure", "excess_loss", "--with", "over"], "--with must be NAME=VALUE"),
    (["measure", "excess_loss", "--with", "over=nux"], "unknown hyperparameter 'nux'"),
    (["measure", "excess_loss", "--with", "draws=x"], "excess_loss cannot take draws=x: "),
    (["measure", "excess_loss", "--store", "absent.sqlite"], "no store at"),
    (["measure", "excess_loss", "--metric", "x"], "unknown metric 'x'"),
    (["compare", "adm"], "unknown variant 'adm'; did you mean 'adam'?"),
    (["compare", "adam", "adam"], "compare needs two variants, got 'adam' twice"),
    (
        ["compare", "adam", "sgd", "--of", "best"],
        "unknown value to compare 'best'; did you mean 'best_loss'?",
    ),
    (["compare", "adam", "sgd", "--over", "nux"], "unknown hyperparameter 'nux'"),
    (["compare", "adam", "sgd", "--study", "smal"], "unknown study 'smal'; did you mean 'small'?"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=[" ".join(each) for each, _ in BAD])
def test_bad_input_is_one_line_and_exit_code_2(
    here: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    assert run(arguments, monkeypatch) == 2
    said = capfd.readouterr()
    assert message in said.err
    assert said.err.startswith("Error: ")
    assert said.err.count("\n") == 1


def read(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    assert run([*arguments, "--json"], monkeypatch) == 0
    return json.loads(capfd.readouterr().out)


def test_every_measure_is_printed_by_name(
    here: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    listed = read(["measure", "list"], monkeypatch, capfd)
    names = [each["measure"] for each in listed]
    assert {"excess_loss", "main_effects", "divergence_rate"} <= set(names)
    assert "Measured" not in names
    assert all(each["what"] for each in listed)
    rows = read(
        ["measure", "excess-loss", "small", "--with", "over=lr", "--with", "draws=50"], monkeypatch, capfd
    )
    assert {row["variant"] for row in rows} == {"sgd", "adam"}
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows)
    assert run(["measure", "best_loss"], monkeypatch) == 0
    assert "lr 0.01" in capfd.readouterr().out


def test_variants_are_compared_in_a_sentence_and_a_table(
    here: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (row,) = read(["compare", "adam", "sgd", "--over", "lr"], monkeypatch, capfd)
    assert (row["a"], row["b"]) == ("adam", "sgd")
    assert row["low"] <= row["value"] <= row["high"]
    assert read(["compare", "sgd"], monkeypatch, capfd)[0]["b"] == "adam"
    assert run(["compare", "adam", "sgd", "--of", "best_loss"], monkeypatch) == 0
    said = capfd.readouterr().out
    assert "adam" in said.splitlines()[0]
    assert "detectable" in said


@pytest.fixture
def uneven(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with the store of a study whose variants have other hyperparameters: cm has mu, sgd has not."""
    study = Study(
        name="uneven",
        tasks=["mlp/digits"],
        variants=["sgd", "cm"],
        design={"kind": "grid", "points": {"lr": 3, "mu": 2}},
        seeds=2,
        epochs=1,
    )
    planned, store = trials(study), Store(tmp_path / "sensitivity.sqlite")
    store.add_study(study.name, study.to_json(), planned)
    for place, each in enumerate(planned):
        loss = 0.2 + 0.01 * place + 0.3 * (each.variant == "cm")
        store.record(each.key, initial_loss=1.0, reports=[report(1, "completed", loss)])
    store.close()
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("uneven")
def test_best_losses_are_compared_over_the_whole_space_whatever_the_hyperparameter(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    best = ["compare", "cm", "sgd", "--of", "best_loss"]
    (row,) = read(best, monkeypatch, capfd)
    assert row["value"] > 0.2
    for over in ("mu", "lr", "space"):
        assert read([*best, "--over", over], monkeypatch, capfd) == [row]
        assert run([*best, "--over", over], monkeypatch) == 0
        said = capfd.readouterr().out.splitlines()[0]
        assert said.startswith("On mlp/digits, cm is worse than sgd: by ")


@pytest.mark.usefixtures("uneven")
def test_a_sensitivity_to_what_one_variant_lacks_is_not_compared(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for of in ("sensitivity", "mean_loss"):
        assert run(["compare", "cm", "sgd", "--of", of, "--over", "mu"], monkeypatch) == 2
        assert (
            capfd.readouterr().err
            == "Error: no task has results of both cm and sgd with different values of mu\n"
        )
    (usual,) = read(["compare", "cm", "sgd"], monkeypatch, capfd)  # over lr, which both have
    assert read(["compare", "cm", "sgd", "--over", "lr"], monkeypatch, capfd) == [usual]
