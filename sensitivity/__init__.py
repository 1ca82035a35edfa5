"""How sensitive is each optimizer variant to its hyperparameters, which of them matter, and how sure are we?"""

from __future__ import annotations

from sensitivity.import_path import check_packages, leave_working_directory

leave_working_directory()  # before anything is imported that a file there may have the name of
check_packages()

from typing import TYPE_CHECKING, Any  # noqa: E402

if TYPE_CHECKING:
    from sensitivity.client import Client
    from sensitivity.measures import Measured
    from sensitivity.report import write_report
    from sensitivity.results import Results
    from sensitivity.running import Interrupted, run
    from sensitivity.store import Store
    from sensitivity.study import Study
    from trainables.names import InputError

__all__ = ["Client", "InputError", "Interrupted", "Measured", "Results", "Store", "Study", "run", "write_report"]
_HOMES = {
    "Client": "sensitivity.client",
    "InputError": "trainables.names",
    "Interrupted": "sensitivity.running",
    "Measured": "sensitivity.measures",
    "Results": "sensitivity.results",
    "Store": "sensitivity.store",
    "Study": "sensitivity.study",
    "run": "sensitivity.running",
    "write_report": "sensitivity.report",
}


def __getattr__(name: str) -> Any:  # ray, pandas and plotly are imported when something of them is first used
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
