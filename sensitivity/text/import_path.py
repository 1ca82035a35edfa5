"""The search path of imports: installed modules first, a user's working directory last.

Nothing is imported above but what every Python has loaded already: the working directory may hold any
module's name.
"""

from __future__ import annotations

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
"""The folder that holds this package and those that came with it."""
PACKAGES = ("search_spaces", "trainables")
BAD_INPUT = 2


def leave_working_directory() -> None:
    """Take the working directory from the front of the path, where ``python -m sensitivity...`` has put it
    before the standard library.

    It stays, as the last folder, where this package itself is found in it only.
    """
    if sys.argv[:1] != ["-m"] or sys.flags.safe_path:
        return
    module = sys.orig_argv[-len(sys.argv)].removeprefix("-m")
    if module.partition(".")[0] == "sensitivity":
        folder = sys.path.pop(0)
        if folder == ROOT and folder not in sys.path:
            sys.path.append(folder)


def check_packages() -> None:
    """Refuse a module of the user's that Python finds in place of a package of ours.

    Raises: ImportError, in one line, which file hides which package. SystemExit instead where this process is
    the command.
    """
    for name in PACKAGES:
        file = _hiding(name)
        if file is None:
            continue
        message = (
            f"{file} hides the package {name!r} that sensitivity needs; rename it, or take its folder "
            f"from the Python path"
        )
        if _is_command():
            sys.stderr.write(f"Error: {message}\n")
            raise SystemExit(BAD_INPUT)
        raise ImportError(message, name=name, path=file)


def search_last(path: str | None = None) -> None:
    """Let modules of a folder be imported, after all others: none of them replaces one that is installed.

    Args:
        path: of the folder; the working directory when not given.
    """
    for folder in (
        ROOT,
        path or os.getcwd(),
    ):  # an editable install is found by a hook that comes after every folder
        if folder not in sys.path:
            sys.path.append(folder)


def search_path() -> list[str]:
    """The folders of this process's path, with the packages of ours and the working directory at its end.

    It is what a worker of Ray shall have: Ray itself would put the working directory before the standard
    library there.
    """
    working_directory = os.getcwd()
    folders = [os.path.abspath(folder) for folder in sys.path if folder and os.path.exists(folder)]
    searched = [
        *dict.fromkeys(folder for folder in [*folders, ROOT] if folder != working_directory),
        working_directory,
    ]
    return [
        folder for folder in searched if os.fsencode(folder).decode(errors="replace") == folder
    ]  # Ray takes UTF-8 only


def is_installed() -> bool:
    """True where this package is in a folder that every Python of this environment searches, not in a
    checkout."""
    return os.path.basename(ROOT) in ("site-packages", "dist-packages")


def _hiding(name: str) -> str | None:
    """The file or folder that Python would import for a package of ours; None where that is the package."""
    from importlib.util import find_spec

    try:
        spec = find_spec(name)
    except ValueError:  # a module without a specification, which a program made itself
        return None
    if spec is None:
        return None  # Python's own words for a package that is not there are as good
    folders = list(spec.submodule_search_locations or ())
    if any(os.path.realpath(folder) == os.path.realpath(os.path.join(ROOT, name)) for folder in folders):
        return None
    return spec.origin or folders[0]


def _is_command() -> bool:
    return sys.argv[:1] == ["-m"] or os.path.splitext(os.path.basename(sys.argv[0]))[0] == "sensitivity"
