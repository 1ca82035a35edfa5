"""What a user waits for first costs little: the import of the package, and the help of its command."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "ray", "optuna", "pandas", "plotly", "scipy", "sklearn", "sqlalchemy", "pyarrow", "numpy")
COMMAND = "import sys; from sensitivity.command.main import main; sys.argv = ['sensitivity', *{arguments!r}]; main()"
AT_END = "import atexit, sys, time; atexit.register(lambda: print(*sorted(set({heavy!r}) & set(sys.modules)), {clock}, sep='\\n'))"


def loaded(code: str) -> tuple[list[str], float]:
    """The heavy libraries that a program has loaded when it ends, and the seconds of a processor that it took."""
    program = f"{AT_END.format(heavy=HEAVY, clock='time.process_time()')}; {code}"
    ended = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    *libraries, seconds = ended.stdout.splitlines()[-len(HEAVY) - 1 :]
    return [name for name in libraries if name in HEAVY], float(seconds)


def test_the_packages_import_no_library() -> None:
    libraries, seconds = loaded("import sensitivity, search_spaces, trainables")
    assert not libraries
    assert seconds < 0.5


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("--version",), ("run", "--help"), ("demo", "--help"), ("dashboard", "--help")],
    ids=" ".join,
)
def test_the_help_imports_no_library(arguments: tuple[str, ...]) -> None:
    libraries, seconds = loaded(COMMAND.format(arguments=arguments))
    assert not libraries
    assert seconds < 2  # a third of a second where the core is idle


def test_this_test_sees_what_is_loaded() -> None:
    libraries, _ = loaded("import numpy")
    assert libraries == ["numpy"]
