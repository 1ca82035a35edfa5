"""Tasks that misbehave: what a user's code may do to the worker that runs it. Given to ``sensitivity run`` with ``--task-module``.

Which configuration does what is written in a file, so that a run under injection and an undisturbed one are the same study. A fault that is
to happen once leaves a mark beside that file, and does not happen again.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys
import time

from trainables import FunctionTask, register_task
from trainables.known_answers import Ishigami

WAIT = 0.15
"""Seconds that an evaluation takes, so that there is a moment to kill something in."""


class Guest(Ishigami):
    """Ishigami's function, which first does what ``faults.json`` says of its seed."""

    def __call__(self, configuration, seed=0):
        folder = pathlib.Path(os.environ["SENSITIVITY_FAULTS"])
        file = folder / "faults.json"
        faults = json.loads(file.read_text()) if file.exists() else {}
        time.sleep(WAIT)
        name = f"{configuration['x1']:.6f}"
        kind = faults.get(name)
        if kind is not None and self._first_time(folder, name, kind):
            misbehave(kind.removesuffix(" once"))
        return super().__call__(configuration, seed)

    def _first_time(self, folder, name, kind):
        if not kind.endswith(" once"):
            return True
        try:
            (folder / f"done-{name}").touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


def misbehave(kind):
    if kind == "raise":
        raise RuntimeError("a bad guest " + "!" * 10_000)
    if kind == "exit":
        sys.exit(3)
    if kind == "die":
        os._exit(1)
    if kind == "hang":
        time.sleep(10_000)
    if kind == "print":
        for _ in range(30):
            print("x" * 100_000)


register_task(FunctionTask("function/guest", Guest()))
