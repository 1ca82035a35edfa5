"""The wheel, tried as a user meets it: every file of the packages is in it, and it runs a study in an empty environment.

``python -m tests.wheel dist/NAME.whl`` makes the environment and a working directory in a temporary folder, outside the checkout. The
working directory has a file ``trainables.py``, the likeliest file name of a Ray Tune user, which must not hide the package of that name.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import venv
import zipfile

from sensitivity.measures.stored_tables import is_current
from sensitivity.results.demo import MEASURES

ROOT = pathlib.Path(__file__).parents[1]
PACKAGES = ("sensitivity", "search_spaces", "trainables")
TRAINABLES = '''"""A user's own trainable."""


def train(config):
    return {"loss": (config["lr"] - 0.1) ** 2}
'''
LISTS = (["--version"], ["variants"], ["demo"])
STUDY = ["run", "--preset", "quickstart"]
REPORT = pathlib.Path("runs/quickstart/report.html")


def missing_files(wheel: pathlib.Path) -> list[str]:
    """Return the files of the packages, as the repository has them, that are not in the wheel."""
    tracked = subprocess.run(
        ["git", "ls-files", *PACKAGES], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\n")
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    return sorted({name for name in tracked if name and (ROOT / name).exists()} - packed)


def stray_files(wheel: pathlib.Path) -> list[str]:
    """Return the files in the wheel that are of neither a package nor the wheel's metadata."""
    with zipfile.ZipFile(wheel) as archive:
        tops = {name: name.split("/")[0] for name in archive.namelist()}
    return sorted(
        name for name, top in tops.items() if top not in PACKAGES and not top.endswith(".dist-info")
    )


def empty_environment(folder: pathlib.Path, wheel: pathlib.Path) -> pathlib.Path:
    """Make an environment that holds the wheel and what it needs, and return the path of its ``sensitivity`` command."""
    venv.create(folder, with_pip=True)
    install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--constraint",
        str(ROOT / "constraints.txt"),
        str(wheel.resolve()),
    ]
    subprocess.run([str(folder / "bin" / "python"), *install], check=True, env=_environment())
    return folder / "bin" / "sensitivity"


def _environment() -> dict[str, str]:
    """The environment of this process without what leads to the checkout."""
    return {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}


def main() -> None:
    """Check the contents of a wheel, then run it. Raises: SystemExit that says what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=pathlib.Path)
    parser.add_argument(
        "--no-study", action="store_true", help="only --version and variants, which start no Ray"
    )
    options = parser.parse_args()
    if missing := missing_files(options.wheel):
        raise SystemExit(f"not in {options.wheel}: {', '.join(missing)}")
    if stray := stray_files(options.wheel):
        raise SystemExit(f"in {options.wheel}, but of no package: {', '.join(stray)}")
    if not is_current(MEASURES):
        raise SystemExit("the demo study was measured by earlier code: python -m tests.demo_study")
    with tempfile.TemporaryDirectory(prefix="wheel-") as name:
        folder = pathlib.Path(name)
        command = empty_environment(folder / "environment", options.wheel)
        directory = folder / "study"
        directory.mkdir()
        (directory / "trainables.py").write_text(TRAINABLES)
        for arguments in (*LISTS, *(() if options.no_study else (STUDY,))):
            output = None if arguments == STUDY else subprocess.DEVNULL
            ended = subprocess.run(
                [str(command), *arguments], cwd=directory, env=_environment(), stdout=output, check=False
            )
            if ended.returncode != 0:
                raise SystemExit(f"sensitivity {' '.join(arguments)}: exit code {ended.returncode}")
        if not options.no_study and not (directory / REPORT).exists():
            raise SystemExit(f"the study wrote no {REPORT}")
    sys.stdout.write(
        f"{options.wheel}: {'installs' if options.no_study else 'installs and runs'} in an empty environment\n"
    )


if __name__ == "__main__":
    main()
