"""The search path of imports: a user's file is found, and replaces nothing that is installed."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

from sensitivity.clusters.packing import pack
from sensitivity.service import study_process
from sensitivity.service.settings import Settings
from sensitivity.study.study import Study
from sensitivity.text.import_path import ROOT, search_last, search_path
from trainables.dotted import imported
from trainables.names import InputError

HIDING = ("queue", "secrets", "json", "typing", "pandas", "typer", "trainables", "search_spaces")
COMMANDS = {
    "script": [
        "-c",
        "import sys; sys.path.pop(0); sys.argv[0] = '/usr/bin/sensitivity'; from sensitivity.command.main "
        "import main; main()",
    ],
    "module": ["-m", "sensitivity.command.main"],
}


def python(folder: pathlib.Path, *arguments: str, path: str = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def hiding(tmp_path: pathlib.Path) -> pathlib.Path:
    """A working directory with files that have the names of modules."""
    for name in HIDING:
        (tmp_path / f"{name}.py").write_text(
            f"raise SystemExit('{name}.py of the working directory was imported')"
        )
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("way", COMMANDS)
def test_the_command_imports_nothing_of_the_working_directory(hiding: pathlib.Path, way: str) -> None:
    ended = python(hiding, *COMMANDS[way], "tasks", "--json")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("way", COMMANDS)
def test_a_study_file_names_modules_of_the_working_directory(hiding: pathlib.Path, way: str) -> None:
    (hiding / "mine.py").write_text("import queue\nfrom torch.optim import SGD\nclass Mine(SGD): pass")
    spec = {
        "name": "m",
        "tasks": ["logistic/synthetic"],
        "variants": ["mine:Mine"],
        "default_setting": False,
        "design": {"kind": "grid", "points": {"lr": 2}},
        "epochs": 1,
    }
    (hiding / "m.json").write_text(json.dumps(spec))
    planned = python(hiding, *COMMANDS[way], "run", "m.json", "--plan")
    assert (planned.returncode, planned.stderr) == (0, "")
    assert "mine:Mine" in python(hiding, *COMMANDS[way], "spaces", "mine:Mine").stdout
    (hiding / "m.json").write_text(json.dumps({**spec, "variants": ["queue:Mine"]}))
    refused = python(hiding, *COMMANDS[way], "run", "m.json", "--plan")
    assert refused.returncode == 2
    assert (
        "'queue.py' here is not imported, as the installed 'queue' comes first: give it another name"
        in refused.stderr
    )
    assert "Traceback" not in refused.stderr


PLACES = {
    "file": ("trainables.py", "trainables"),
    "package": ("search_spaces/__init__.py", "search_spaces"),
    "folder": ("trainables/mine.txt", None),  # no package: the installed one is found
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("package", ["sensitivity", "search_spaces.spaces"])
def test_an_import_names_the_file_that_hides_a_package(
    tmp_path: pathlib.Path, place: str, package: str
) -> None:
    name, hidden = PLACES[place]
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("raise SystemExit('imported')")
    if package.startswith(hidden or "-"):
        pytest.skip("the package itself is hidden")
    ended = python(tmp_path, "-c", f"import {package}", path=f"{tmp_path}{os.pathsep}{ROOT}")
    last = ended.stderr.strip().rpartition("\n")[2]
    if hidden is None:
        assert (ended.returncode, last) == (0, "")
    else:
        assert last.startswith(
            f"ImportError: {tmp_path / name} hides the package {hidden!r} that {package.partition('.')[0]} "
            "needs; rename"
        )


@pytest.mark.parametrize("way", COMMANDS)
def test_the_command_says_in_one_line_which_file_hides_a_package(hiding: pathlib.Path, way: str) -> None:
    (hiding / "x").mkdir()
    (hiding / "x/trainables.py").touch()
    ended = python(hiding, *COMMANDS[way], "tasks", path=f"{hiding / 'x'}{os.pathsep}{ROOT}")
    assert ended.returncode == 2
    assert ended.stderr.startswith(
        f"Error: {hiding}/x/trainables.py hides the package 'trainables' that sensitivity needs; rename it"
    )
    assert ended.stderr.count("\n") == 1


def test_the_working_directory_is_searched_last(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", "/usr", "/nowhere", str(tmp_path / "caf\udce9")])
    (tmp_path / "caf\udce9").mkdir()
    search_last()
    search_last("/other")
    assert sys.path[3:] == [str(tmp_path / "caf\udce9"), ROOT, str(tmp_path), "/other"]
    assert search_path() == ["/usr", ROOT, str(tmp_path)]


def test_a_name_that_an_installed_module_has_is_explained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "queue.py").write_text("def train(config): ...")
    with pytest.raises(
        InputError, match=r"trainable 'queue:train' has no 'train'; 'queue.py' here is not imported"
    ):
        imported("queue:train", "trainable")
    (tmp_path / "queue.py").unlink()
    with pytest.raises(InputError, match="unknown name in queue for trainable 'queue:train'"):
        imported("queue:train", "trainable")


@pytest.mark.parametrize("with_module", [False, True])
@pytest.mark.parametrize("with_folder", [False, True])
def test_a_job_searches_the_files_of_the_user_last(
    hiding: pathlib.Path, with_module: bool, with_folder: bool
) -> None:
    study = Study(
        name="j",
        tasks=["logistic/synthetic"],
        variants=["sgd"],
        default_setting=False,
        design={"kind": "grid", "points": {"lr": 2}},
        epochs=1,
    )
    packed, module = hiding / "runs", hiding / "mine.py"
    packed.mkdir()
    module.touch()
    luggage = pack(
        study,
        packed,
        task_module=module if with_module else None,
        working_dir=hiding if with_folder else None,
    )
    files = ["files"] if with_module or with_folder else []
    assert sorted(path.name for path in packed.iterdir()) == [
        *files,
        "study.json",
    ]  # Ray searches this folder first
    assert (packed / "files/queue.py").exists() == with_folder
    assert (packed / "files/mine.py").exists() == bool(files)
    run, specification = ("cd files && ", "../study.json") if files else ("", "study.json")
    assert luggage.command.startswith(
        f"{run}python -P -m sensitivity.command.main run {specification} --store"
    )


@pytest.mark.slow
def test_a_study_of_the_service_searches_the_modules_of_its_user_last(
    hiding: pathlib.Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    study = tmp_path_factory.mktemp("study")
    (hiding / "mine.py").write_text("import queue, sys; print(sys.path[-1])")
    monkeypatch.chdir(hiding)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with (study / "lock").open("w") as lock:
        process = study_process.start_process(study, Settings("s.sqlite", modules=("mine",)), lock.fileno())
        assert process is not None
        assert process.wait(120) == 2
    said = (study / study_process.LOG).read_text().splitlines()
    assert said[0] == str(hiding)
    assert said[1].startswith("Error: cannot read the study file 'study.json'")
