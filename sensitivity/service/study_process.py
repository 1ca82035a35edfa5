"""The process in which the service trains one study."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from sensitivity.service.run_folders import LOG, SPEC
from sensitivity.text.import_path import ROOT, is_installed

if TYPE_CHECKING:
    from sensitivity.service.settings import Settings

Launch = Callable[[pathlib.Path, "Settings", int], "subprocess.Popen[bytes] | None"]
"""Type of :func:`start_process`."""


def start_process(folder: pathlib.Path, settings: Settings, lock: int) -> subprocess.Popen[bytes]:
    """Start ``sensitivity run`` for the study of a folder.

    The process has a session of its own, so the end of the service does not end it. It writes no report: the
    service answers measures, figures and reports from the store.

    Args:
        folder: Folder of the study; holds the specification and gets the log.
        settings: Settings of the service.
        lock: Descriptor of the locked file that the process inherits.
    Returns: The process.
    """
    store = settings.store if "://" in settings.store else str(pathlib.Path(settings.store).absolute())
    workers = max(1, (os.cpu_count() or 1) // settings.max_studies)
    arguments = ["run", SPEC, "--no-report", "--gpus-per-worker", str(settings.gpus_per_worker)]
    arguments += (
        ["--address", settings.address] if settings.address is not None else ["--workers", str(workers)]
    )
    arguments += ["--data-root", str(pathlib.Path(settings.data_root or "data").absolute())]
    path = os.pathsep.join(
        filter(None, [os.environ.get("PYTHONPATH", ""), *([] if is_installed() else [ROOT])])
    )
    # The store is named in the environment, so that lists of processes do not show its password.
    environment = {**os.environ, "PYTHONPATH": path, "SENSITIVITY_STORE": store}
    command = [sys.executable, "-P", "-m", "sensitivity.command.process"]
    command += [str(lock), str(pathlib.Path.cwd()), ",".join(settings.modules), *arguments]
    with (folder / LOG).open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[lock],
        )
