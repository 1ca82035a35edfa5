"""Task modules: a user's Python file, imported by path, that registers tasks and variants."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pathlib
import sys
from types import ModuleType

from trainables import tasks
from trainables.names import InputError


def load_task_module(path: str | pathlib.Path) -> ModuleType:
    """Run a Python file, whose :func:`trainables.register_task` calls make its tasks known, and return it as
    a module.

    The same file is run once in a process. Its folder can be imported from while it runs. A file that fails
    registers nothing.

    Args:
        path: of a ``.py`` file.

    Raises:
        InputError: for a file that is not there, and for one that raises, naming the exception and its line.
    """
    file = pathlib.Path(path).expanduser().resolve()
    if file.suffix != ".py":
        raise InputError(f"a task module is a .py file, got {str(path)!r}")
    if not file.is_file():
        raise InputError(
            f"no task module {str(path)!r}; give the path of a .py file that calls register_task"
        )
    name = f"task_module_{file.stem}_{hashlib.sha256(os.fsencode(file)).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise InputError(f"the task module {str(path)!r} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    known, search = dict(tasks._REGISTERED), list(sys.path)
    sys.modules[name] = module
    sys.path.append(str(file.parent))  # last: a neighbour of the file replaces no module that is installed
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        tasks._REGISTERED.clear()
        tasks._REGISTERED.update(known)
        raise InputError(
            f"the task module {str(path)!r} fails{_line_of(error, file)}: {_one_line(error)}"
        ) from error
    finally:
        sys.path[:] = search
    return module


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _line_of(error: BaseException, file: pathlib.Path) -> str:
    """Return the line of the file that raised, in words; empty if the exception came from elsewhere."""
    lines, trace = [], error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(file):
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.lineno is not None:
        lines.append(error.lineno)
    return f" at line {lines[-1]}" if lines else ""
