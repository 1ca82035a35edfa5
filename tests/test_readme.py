"""The README and the pages of docs/: their Python runs, prints what they show, their YAML is a study, their
links lead somewhere.

A block that calls ``run`` starts Ray, so it has a process of its own (one that calls ``tuner.fit`` is run
by ``tests/sensitivity/integrations/test_ray.py``); the others of a page run one after
another in one process, each with names of its own. These processes are forked from one that has imported the
libraries, and nothing of ours. A block that begins with ``# NAME.py`` is also a file of
that name, for the blocks after it to import. A ``text`` block directly after a Python block is what that
prints.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCES = re.compile(r"^```(\w+)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
FILE = re.compile(r"# (\w+\.py)\n")
MOST_RUNS = 5

RUNNER = """
import contextlib, io, pathlib, runpy, sys
from sensitivity import Study

for block in sorted(pathlib.Path("blocks").iterdir()):
    print(block.name, file=sys.stderr)  # the last one is the one that failed
    if block.suffix == ".yaml":
        Study.from_yaml(block.read_text())
    elif block.suffix == ".py":
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            runpy.run_path(str(block), run_name="__main__")
    else:
        assert printed.getvalue() == block.read_text(), f"printed:\\n{printed.getvalue()}"
"""


LIBRARIES = (
    "torch", "ray.tune", "pandas", "pyarrow.parquet", "scipy.stats", "sklearn.ensemble", "sqlalchemy", "optuna",
    "plotly.graph_objects", "pydantic", "typer", "rich.progress",
)  # fmt: skip
"""What most pages import, by which they take most of their time."""
FORKS = """
import importlib, json, os, runpy, sys

for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
print("ready", flush=True)
while line := sys.stdin.readline():
    if not (pid := os.fork()):
        break
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
if line:
    script, folder = json.loads(line)
    os.chdir(folder)
    said = os.open("said", os.O_WRONLY | os.O_CREAT)
    for stream, file in enumerate((os.open(os.devnull, os.O_RDONLY), said, said)):
        os.dup2(file, stream)
    sys.argv, sys.path[0] = [script], folder
    runpy.run_path(script, run_name="__main__")
"""


@pytest.fixture(scope="module")
def interpreter() -> Iterator[subprocess.Popen[str]]:
    """A process that forks one for each script whose name and folder it is told, and tells its exit code."""
    with subprocess.Popen(
        [sys.executable, "-c", FORKS, json.dumps(LIBRARIES)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def starts_ray(block: str) -> bool:
    return re.search(r"\brun\(study|\btuner\.fit\(", block) is not None


def blocks(page: pathlib.Path) -> list[tuple[str, str]]:
    """Language and text of a page's blocks, in order."""
    return FENCES.findall(page.read_text(encoding="utf-8"))


RUNS = [
    pytest.param(page, text, id=f"{page.name} {number}")
    for page in PAGES
    for number, (language, text) in enumerate(blocks(page))
    if language == "python" and starts_ray(text) and "tuner.fit(" not in text
]


def write_files(page: pathlib.Path, folder: pathlib.Path) -> None:
    for language, text in blocks(page):
        if language == "python" and (name := FILE.match(text)):
            (folder / name[1]).write_text(text)


def succeeds(interpreter: subprocess.Popen[str], script: str, folder: pathlib.Path) -> None:
    assert interpreter.stdin is not None
    assert interpreter.stdout is not None
    interpreter.stdin.write(json.dumps([script, str(folder)]) + "\n")
    interpreter.stdin.flush()
    assert interpreter.stdout.readline() == "0\n", (folder / "said").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_shows_is_so(
    interpreter: subprocess.Popen[str], page: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "blocks").mkdir()
    write_files(page, tmp_path)
    before = ""
    for number, (language, text) in enumerate(blocks(page)):
        if language in ("python", "yaml") and not starts_ray(text):
            (tmp_path / "blocks" / f"{number:02}.{'py' if language == 'python' else 'yaml'}").write_text(text)
        if language == "text" and before == "python":
            (tmp_path / "blocks" / f"{number:02}.txt").write_text(text)
        before = language
    (tmp_path / "page.py").write_text(RUNNER)
    succeeds(interpreter, "page.py", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("page", "block"), RUNS)
def test_studies_run(
    interpreter: subprocess.Popen[str], page: pathlib.Path, block: str, tmp_path: pathlib.Path
) -> None:
    write_files(page, tmp_path)
    (tmp_path / "block.py").write_text(block)
    succeeds(interpreter, "block.py", tmp_path)
    if "write_report" in block:
        assert list(tmp_path.glob("runs/*/report.html"))


def test_the_pages_cost_little_to_run() -> None:
    assert 0 < len(RUNS) <= MOST_RUNS


def anchors(page: pathlib.Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", FENCES.sub("", page.read_text(encoding="utf-8")), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: pathlib.Path) -> None:
    links = [
        each
        for each in re.findall(r"\]\(([^)\s]+)\)", FENCES.sub("", page.read_text(encoding="utf-8")))
        if "://" not in each
    ]
    assert links
    for link in links:
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_linked_from_the_readme() -> None:
    linked = re.findall(r"\]\((docs/[^)#]+\.md)", PAGES[0].read_text(encoding="utf-8"))
    assert {page.relative_to(ROOT).as_posix() for page in PAGES[1:]} <= set(linked)
