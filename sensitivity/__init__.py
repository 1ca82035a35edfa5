"""Measure how sensitive each optimizer variant is to its hyperparameters, which of them matter, and how sure
the answer is."""

from __future__ import annotations

from sensitivity.text.import_path import check_packages, leave_working_directory

leave_working_directory()  # before anything is imported that a file there may have the name of
check_packages()

from typing import TYPE_CHECKING, Any  # noqa: E402

from sensitivity.text.notebook_views import VIEWS  # noqa: E402

if TYPE_CHECKING:
    from sensitivity.deciding.planner import plan
    from sensitivity.exchange.from_optuna import from_optuna
    from sensitivity.exchange.from_ray import from_ray
    from sensitivity.exchange.from_tables import from_table
    from sensitivity.exchange.to_configspace import to_configspace
    from sensitivity.exchange.to_deepcave import to_deepcave
    from sensitivity.exchange.to_mlflow import to_mlflow
    from sensitivity.exchange.to_optuna import to_optuna
    from sensitivity.exchange.to_tensorboard import to_tensorboard
    from sensitivity.integrations.analysis import Analysis, analyze
    from sensitivity.integrations.lightning_report import LightningReport as LightningReport
    from sensitivity.integrations.record import Record
    from sensitivity.integrations.script import report, suggested
    from sensitivity.integrations.transformers_report import TransformersReport as TransformersReport
    from sensitivity.measures import Measured
    from sensitivity.reporting import write_report
    from sensitivity.results.demo import demo
    from sensitivity.results.loading import load
    from sensitivity.results.results import Results
    from sensitivity.running.run import AllFailed, Interrupted, run
    from sensitivity.service.client import Client
    from sensitivity.store.store import Store
    from sensitivity.study.study import Study
    from trainables.names import InputError

_NEED_A_LIBRARY = {
    "LightningReport": "sensitivity.integrations.lightning_report",
    "TransformersReport": "sensitivity.integrations.transformers_report",
}
"""The module of every public name that needs a library which this project does not install."""
_HOMES = {
    "Analysis": "sensitivity.integrations.analysis",
    "Client": "sensitivity.service.client",
    "InputError": "trainables.names",
    "AllFailed": "sensitivity.running.run",
    "Interrupted": "sensitivity.running.run",
    "Measured": "sensitivity.measures",
    "Record": "sensitivity.integrations.record",
    "Results": "sensitivity.results.results",
    "Store": "sensitivity.store.store",
    "Study": "sensitivity.study.study",
    "analyze": "sensitivity.integrations.analysis",
    "demo": "sensitivity.results.demo",
    "from_optuna": "sensitivity.exchange.from_optuna",
    "from_ray": "sensitivity.exchange.from_ray",
    "from_table": "sensitivity.exchange.from_tables",
    "load": "sensitivity.results.loading",
    "plan": "sensitivity.deciding.planner",
    "report": "sensitivity.integrations.script",
    "run": "sensitivity.running.run",
    "suggested": "sensitivity.integrations.script",
    "to_configspace": "sensitivity.exchange.to_configspace",
    "to_deepcave": "sensitivity.exchange.to_deepcave",
    "to_mlflow": "sensitivity.exchange.to_mlflow",
    "to_optuna": "sensitivity.exchange.to_optuna",
    "to_tensorboard": "sensitivity.exchange.to_tensorboard",
    "write_report": "sensitivity.reporting",
}
"""The module of every public name; it is imported when the name is first used, as ray, pandas and plotly
are."""

__all__ = [
    "AllFailed",
    "Analysis",
    "Client",
    "InputError",
    "Interrupted",
    "Measured",
    "Record",
    "Results",
    "Store",
    "Study",
    "analyze",
    "demo",
    "from_optuna",
    "from_ray",
    "from_table",
    "load",
    "plan",
    "report",
    "run",
    "suggested",
    "to_configspace",
    "to_deepcave",
    "to_mlflow",
    "to_optuna",
    "to_tensorboard",
    "write_report",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name) or _NEED_A_LIBRARY.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)


def _results_html(results: Results) -> str:
    from sensitivity.reporting.notebook import results_html

    return results_html(results)


def _study_html(study: Study) -> str:
    from sensitivity.reporting.notebook import study_html

    return study_html(study)


VIEWS.update({"Results": _results_html, "Study": _study_html})
