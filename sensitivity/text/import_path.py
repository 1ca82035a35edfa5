"""The search path of imports: installed modules first, a user's working directory last.

Only modules that every Python process has loaded already may be imported at the top of this file: the working
directory may hold a file of any module's name.
"""

from __future__ import annotations

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
"""The folder of this package and of :data:`PACKAGES`."""
PACKAGES = ("search_spaces", "trainables")
BAD_INPUT = 2


def leave_working_directory() -> None:
    """Remove the working directory from the front of ``sys.path``, where ``python -m sensitivity`` puts it.

    The directory stays as the last entry if this package itself is imported from it.
    """
    if sys.argv[:1] != ["-m"] or sys.flags.safe_path:
        return
    module = sys.orig_argv[-len(sys.argv)].removeprefix("-m")
    if module.partition(".")[0] == "sensitivity":
        folder = sys.path.pop(0)
        if folder == ROOT and folder not in sys.path:
            sys.path.append(folder)


def check_packages() -> None:
    """Raise an error if a user's module hides a package of this project.

    Raises: ImportError, in one line that names the file and the package. SystemExit instead if this process
    is the ``sensitivity`` command.
    """
    for name in PACKAGES:
        file = _hiding(name)
        if file is None:
            continue
        message = (
            f"{file} hides the package {name!r} that sensitivity needs; rename it, or take its folder from "
            "the Python path"
        )
        if _is_command():
            sys.stderr.write(f"Error: {message}\n")
            raise SystemExit(BAD_INPUT)
        raise ImportError(message, name=name, path=file)


def search_last(path: str | None = None) -> None:
    """Append a folder to the import path, so that its modules never replace installed ones.

    Args:
        path: the folder; the working directory if None.
    """
    # The import hook of an editable install comes after every folder.
    for folder in (
        ROOT,
        path or os.getcwd(),
    ):
        if folder not in sys.path:
            sys.path.append(folder)


def search_path() -> list[str]:
    """Return the import path for Ray workers: this process's folders, then the working directory.

    Ray itself would put the working directory before the standard library.
    """
    working_directory = os.getcwd()
    folders = [os.path.abspath(folder) for folder in sys.path if folder and os.path.exists(folder)]
    searched = [
        *dict.fromkeys(folder for folder in [*folders, ROOT] if folder != working_directory),
        working_directory,
    ]
    # Ray takes UTF-8 only.
    return [folder for folder in searched if os.fsencode(folder).decode(errors="replace") == folder]


def is_installed() -> bool:
    """Return True if this package is in a site-packages folder, and False for a checkout."""
    return os.path.basename(ROOT) in ("site-packages", "dist-packages")


def _hiding(name: str) -> str | None:
    """Return the file or folder that hides a package of this project; None if nothing does."""
    from importlib.util import find_spec

    try:
        spec = find_spec(name)
    except ValueError:  # a module object without a specification
        return None
    if spec is None:
        return None  # a missing package: Python's own message is good
    folders = list(spec.submodule_search_locations or ())
    if any(os.path.realpath(folder) == os.path.realpath(os.path.join(ROOT, name)) for folder in folders):
        return None
    return spec.origin or folders[0]


def _is_command() -> bool:
    return sys.argv[:1] == ["-m"] or os.path.splitext(os.path.basename(sys.argv[0]))[0] == "sensitivity"
