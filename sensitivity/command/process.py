"""The process of one study: ``sensitivity run`` in the study's folder, and at its end a note of how it ended.

``python -m sensitivity.command.process LOCK FOLDER MODULES ARGUMENT ...`` is started by
:mod:`sensitivity.service.study_process` with an open, locked file LOCK; MODULES are looked for in FOLDER too.
The lock is held as long as the process lives, so no reuse of process ids can make a dead one look alive.
"""

from __future__ import annotations

import importlib
import json
import os
import pathlib
import signal
import sys
import traceback
from typing import Any

from sensitivity.service.exit_codes import ENDED, FAILED, KILLED


def main() -> None:
    """Run the command; ``ended.json`` then holds its exit code."""
    lock, folder, modules, *arguments = sys.argv[1:]
    os.set_inheritable(int(lock), False)  # what this process starts may outlive it
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a service in the background of a shell hands down that it is ignored
    signal.signal(signal.SIGTERM, _killed)
    code = FAILED
    try:
        from sensitivity.text.import_path import search_last

        if modules:
            search_last(folder)
        for name in filter(None, modules.split(",")):
            importlib.import_module(name)
        from sensitivity.command import main as cli

        sys.argv = ["sensitivity", *arguments]
        cli.main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else FAILED
    except KeyboardInterrupt:
        code = 130
    except BaseException:
        traceback.print_exc()
    finally:
        written = pathlib.Path(f"{ENDED}.new")
        written.write_text(json.dumps({"code": code}))
        written.replace(ENDED)
    raise SystemExit(code)


def _killed(*received: Any) -> None:
    raise SystemExit(KILLED)


if __name__ == "__main__":
    main()
