"""Programs as trials: how values arrive, how reports leave, and how a program's end is told."""

from __future__ import annotations

import os
import pathlib
import sys
import textwrap
from typing import Any

import pandas as pd
import pytest

from search_spaces.hyperparameters import Categorical, Float
from search_spaces.spaces import SearchSpace
from sensitivity.results.results import Results
from sensitivity.running.command_line import CommandLine
from sensitivity.running.programs import Program
from sensitivity.running.run import AllFailed, run
from sensitivity.study.study import Study

pytestmark = pytest.mark.slow
SPACE = SearchSpace(Float("lr", 0.1, 0.9), Categorical("kind", ("a", "b")))
LOSS = "(lr - 0.3) ** 2 + (0.5 if kind == 'b' else 0)"


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(pathlib.Path(__file__).parents[3]), *sys.path]))
    return tmp_path


def swept(
    folder: pathlib.Path, script: str, *words: str, csv_file: str | None = None, **fields: Any
) -> Results:
    """Return the results of a script, written to ``t.py``."""
    (folder / "t.py").write_text(textwrap.dedent(script))
    line = CommandLine(tuple(word.replace("PYTHON", sys.executable) for word in words))
    line.check_program()
    program = Program(line, "loss", csv_file, fields.get("epochs"), str(folder), str(folder / "trials"))
    study = Study(
        name="swept",
        trainable=program,
        metric="loss",
        **{"space": SPACE, "design": {"kind": "grid", "points": 2}, **fields},
    )
    return run(study, store=folder / "s.sqlite", workers=2)


def losses(results: Results) -> dict[tuple[float, str], float]:
    table = results.trials
    return dict(zip(zip(table["config/lr"], table["config/kind"], strict=True), table["loss"], strict=True))


EXPECTED = {(0.1, "a"): 0.04, (0.9, "a"): 0.36, (0.1, "b"): 0.54, (0.9, "b"): 0.86}
WAYS = {
    "suggested values": (
        f"""
        import sensitivity as s
        cfg = s.suggested(lr=1.0, kind="c")
        lr, kind = cfg.lr, cfg.kind
        s.report(loss={LOSS})
        """,
        ["PYTHON", "t.py"],
    ),
    "argparse, and a line of JSON": (
        f"""
        import argparse, json
        parser = argparse.ArgumentParser()
        parser.add_argument("--lr", type=float)
        parser.add_argument("--kind")
        lr, kind = vars(parser.parse_args()).values()
        print("{{not JSON}}")
        print(json.dumps({{"loss": {LOSS}, "step": 10, "text": "x"}}))
        """,
        ["PYTHON", "t.py", "{args}"],
    ),
    "environment variables": (
        f"""
        import os, sensitivity
        lr, kind = float(os.environ["LR"]), os.environ["KIND"]
        sensitivity.report(loss={LOSS})
        """,
        ["LR={lr}", "KIND={kind}", "PYTHON", "t.py"],
    ),
    "one process of two, as of torchrun": (
        f"""
        import os, subprocess, sys
        if "RANK" not in os.environ:
            ranks = [subprocess.Popen([sys.executable, *sys.argv], env={{**os.environ, "RANK": rank}}) for rank in "01"]
            sys.exit(max(one.wait() for one in ranks))
        import sensitivity as s
        cfg = s.suggested(lr=1.0, kind="c")
        lr, kind = cfg.lr, cfg.kind
        s.report(loss={LOSS} if os.environ["RANK"] == "0" else 100.0)
        """,
        ["PYTHON", "t.py"],
    ),
}


@pytest.mark.parametrize(("script", "words"), WAYS.values(), ids=WAYS)
def test_values_arrive_and_reports_leave(
    cluster: None, folder: pathlib.Path, script: str, words: list[str]
) -> None:
    results = swept(folder, script, *words)
    assert set(results.trials["status"]) == {"completed"}
    assert losses(results) == pytest.approx(EXPECTED)
    assert len(list((folder / "trials").glob("*/output.txt"))) == 4
    assert results.trials["task"].unique() == ["trainable/t"]


def test_rows_of_a_csv_file_are_reports(cluster: None, folder: pathlib.Path) -> None:
    script = """
    import csv, sys
    lr, folder = float(sys.argv[1]), sys.argv[2]
    with open(f"{folder}/m.csv", "w", buffering=1) as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", "step", "train", "loss"])
        for step in (0, 1):
            writer.writerow([step, 50 * step, 0.5, ""])
            writer.writerow([step, 50 * step + 49, "", lr - step * 0.01])
    """
    space = SearchSpace(Float("lr", 0.1, 0.9))
    words = ("PYTHON", "t.py", "{lr}", "{folder}")
    results = swept(folder, script, *words, csv_file="{folder}/m.csv", space=space)
    assert sorted(results.trials["loss"]) == pytest.approx([0.09, 0.89])
    assert results.epochs.groupby("key")["epoch"].apply(list).tolist() == [[49, 99]] * 2


def test_seeds_and_metrics_of_any_name_arrive_at_the_steps_that_are_given(
    cluster: None, folder: pathlib.Path
) -> None:
    script = """
    import sensitivity as s
    cfg = s.suggested(lr=1.0, seed=None, epochs=0)
    for step in range(0, cfg.epochs + 1, 250):
        s.report(**{"train/loss": 2.0 * cfg.seed})
        s.report(loss=cfg.lr + cfg.seed, accuracy=0.5, step=step)
    s.report(loss=1e9, step=1250)
    """
    space = SearchSpace(Float("lr", 0.1, 0.9))
    results = swept(folder, script, "PYTHON", "t.py", space=space, seeds=2, epochs=1000)
    table = results.trials.set_index(["config/lr", "seed"])["loss"].to_dict()
    assert table == pytest.approx({(0.1, 0): 0.1, (0.1, 1): 1.1, (0.9, 0): 0.9, (0.9, 1): 1.9})
    assert results.epochs.groupby("key")["epoch"].apply(list).tolist() == [[0, 250, 500, 750, 1000]] * 4
    assert set(results.epochs["train/loss"]) == {0.0, 2.0}
    assert set(results.epochs["accuracy"]) == {0.5}


def test_a_scheduler_compares_programs_by_the_steps_that_they_report(
    cluster: None, folder: pathlib.Path
) -> None:
    script = """
    import sensitivity as s
    cfg = s.suggested(lr=1.0)
    for step in range(100, 500, 100):
        s.report(loss=cfg.lr + 1 / step, step=step)
    """
    space = SearchSpace(Float("lr", 0.1, 0.9))
    design = {"kind": "adaptive", "n": 6, "sampler": "random", "scheduler": "asha"}
    table = swept(folder, script, "PYTHON", "t.py", space=space, design=design, epochs=400).trials
    assert set(table["status"]) == {"completed", "stopped"}
    assert set(table.loc[table["status"] == "completed", "epochs_done"]) == {400}
    assert set(table.loc[table["status"] == "stopped", "epochs_done"]) <= {100, 200, 300}


ENDS = """
import os, sys, time
import sensitivity as s
cfg = s.suggested(lr=0.0)
number = round(10 * cfg.lr)
s.report(loss=float("nan") if number in (3, 5) else 0.5, step=1)
if number == 1:
    print("earlier words")
    raise ValueError("the learning rate is too low")
if number == 5:
    sys.exit(7)
if number == 7:
    s.report(loss=0.25, step=1)
if number == 9:
    os.kill(os.getpid(), 9)
"""


@pytest.fixture(scope="module")
def ended(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("ends")
    space = SearchSpace(Float("lr", 0.1, 0.9))
    results = swept(
        folder, ENDS, "PYTHON", str(folder / "t.py"), space=space, design={"kind": "grid", "points": 5}
    )
    table = results.trials
    return table.set_index((10 * table["config/lr"]).round().astype(int))


@pytest.mark.parametrize(
    ("number", "status", "error"),
    [
        pytest.param(1, "failed", "ValueError: the learning rate is too low", id="an exception"),
        pytest.param(3, "diverged", None, id="NaN"),
        pytest.param(5, "diverged", None, id="NaN, and an exit code"),
        pytest.param(7, "failed", "step 1 of a report comes after step 1", id="a step twice"),
        pytest.param(9, "failed", "ended by signal 9", id="a signal"),
    ],
)
def test_an_end_is_told(ended: pd.DataFrame, number: int, status: str, error: str | None) -> None:
    assert ended.loc[number, "status"] == status
    assert error is None or error in ended.loc[number, "error"]


@pytest.mark.parametrize(
    ("script", "words", "message"),
    [
        pytest.param(
            "import sensitivity as s; s.report(loss=1.0)",
            ["PYTHON", "t.py", "{kind}"],
            "lr did not reach the program",
            id="a value that nobody asks for",
        ),
        pytest.param("print(1)", ["PYTHON", "t.py", "{args}"], "no report of 'loss'", id="no report"),
        pytest.param(
            "import sensitivity as s; s.report(los=1.0)",
            ["PYTHON", "t.py", "{args}"],
            r"no report of 'loss' \(it reported: los\)",
            id="another metric",
        ),
        pytest.param(
            "import time, sensitivity as s; print('{\"loss\": 1.0}', flush=True); time.sleep(1); s.report(loss=1.0)",
            ["PYTHON", "t.py", "{args}"],
            "printed 'loss' in lines of JSON before it called sensitivity.report",
            id="two ways at once",
        ),
        pytest.param("", ["/no/such/{lr}/{kind}"], "cannot be started: No such file", id="no program"),
    ],
)
def test_a_program_that_cannot_be_measured_says_why(
    cluster: None, folder: pathlib.Path, script: str, words: list[str], message: str
) -> None:
    with pytest.raises(AllFailed, match=message):
        swept(folder, script, *words)


def test_reports_inside_an_epoch_are_numbered_and_what_is_no_hyperparameter_keeps_its_default(
    cluster: None, folder: pathlib.Path
) -> None:
    script = """
    import json
    import sensitivity as s
    cfg = s.suggested(lr=1.0, folder="data", variant="small")
    assert (cfg.folder, cfg.variant) == ("data", "small"), cfg
    for epoch in (0.5, 1.0, 1, 2):
        print(json.dumps({"epoch": epoch, "loss": cfg.lr - 0.01 * epoch}), flush=True)
    """
    results = swept(folder, script, "PYTHON", "t.py", space=SearchSpace(Float("lr", 0.1, 0.9)))
    assert set(results.trials["status"]) == {"completed"}, results.trials["error"].tolist()
    assert results.epochs.groupby("key")["epoch"].count().tolist() == [4, 4]
    assert sorted(results.trials["loss"]) == pytest.approx([0.08, 0.88])
