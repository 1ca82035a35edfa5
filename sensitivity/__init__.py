"""How sensitive is each optimizer variant to its hyperparameters, which of them matter, and how sure are we?"""

from __future__ import annotations

from sensitivity.text.import_path import check_packages, leave_working_directory

leave_working_directory()  # before anything is imported that a file there may have the name of
check_packages()

from typing import TYPE_CHECKING, Any  # noqa: E402

if TYPE_CHECKING:
    from sensitivity.measures import Measured
    from sensitivity.reporting import write_report
    from sensitivity.results.results import Results
    from sensitivity.running.run import Interrupted, run
    from sensitivity.service.client import Client
    from sensitivity.store.store import Store
    from sensitivity.study.study import Study
    from trainables.names import InputError

__all__ = ["Client", "InputError", "Interrupted", "Measured", "Results", "Store", "Study", "run", "write_report"]
_HOMES = {
    "Client": "sensitivity.service.client",
    "InputError": "trainables.names",
    "Interrupted": "sensitivity.running.run",
    "Measured": "sensitivity.measures",
    "Results": "sensitivity.results.results",
    "Store": "sensitivity.store.store",
    "Study": "sensitivity.study.study",
    "run": "sensitivity.running.run",
    "write_report": "sensitivity.reporting",
}


def __getattr__(name: str) -> Any:  # ray, pandas and plotly are imported when something of them is first used
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
