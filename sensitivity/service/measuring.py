"""Measures by name: those of the command, and the tables that a report reads."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from sensitivity.measures.guard import ComputationFailed, refused_table
from sensitivity.service.models import Argument, MeasureName
from sensitivity.service.problems import Missing
from sensitivity.text.json_text import to_json
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    import pandas as pd

    from sensitivity.measures import Measured


MOST = {"draws": 10_000, "resamples": 10_000, "configurations": 10_000, "trees": 1_000, "slices": 1_000}
"""Largest values of the arguments on which the memory of a measure depends; readers share one process."""


@functools.lru_cache(maxsize=1)
def _tables() -> dict[str, str]:
    """Return the descriptions of the tables of ``Measured``, by name."""
    from sensitivity.measures import Measured

    properties = {
        name: attribute
        for name, attribute in vars(Measured).items()
        if isinstance(attribute, cached_property) and name != "compared_over"
    }
    return {
        name: (inspect.getdoc(attribute.func) or "").split("\n")[0] for name, attribute in properties.items()
    }


def listed() -> list[MeasureName]:
    """Return every measure with its description and arguments."""
    from sensitivity.measures.named import measures

    functions = measures()
    names = [
        MeasureName(
            name=name, what=(inspect.getdoc(function) or "").split("\n")[0], arguments=_arguments(function)
        )
        for name, function in functions.items()
    ]
    return names + [
        MeasureName(name=name, what=what, arguments=[])
        for name, what in _tables().items()
        if name not in functions
    ]


def _arguments(function: Callable[..., Any]) -> list[Argument]:
    parameters = list(inspect.signature(function).parameters.values())[1:]
    return [
        Argument(
            name=parameter.name,
            required=parameter.default is parameter.empty,
            default=None if parameter.default is parameter.empty else repr(parameter.default),
        )
        for parameter in parameters
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]


def measure_function(name: str, having: Sequence[str]) -> Callable[[Measured], pd.DataFrame]:
    """Return a function that measures; a measure without arguments is taken from the cached tables.

    Args:
        name: Name of the measure.
        having: Arguments as NAME=VALUE.
    Raises: Missing for an unknown measure; InputError for arguments that the measure does not take.
    """
    from sensitivity.measures.named import arguments, measures

    functions = measures()
    if name not in functions and name not in _tables():
        raise Missing(str(unknown("measure", name, [*functions, *_tables()])))
    if name in _tables() and not having:
        return lambda measured: measured.table_named(name)
    if name not in functions:
        raise InputError(f"{name} takes no arguments, got {having[0]!r}")
    function, values, label = (
        functions[name],
        arguments(name, functions[name], having),
        " ".join([name, *having]),
    )
    for argument, most in MOST.items():
        if isinstance(values.get(argument), (int, float)) and values[argument] > most:
            raise InputError(f"{argument} of {name} must be at most {most:,}, got {values[argument]:,}")

    def measure(measured: Measured) -> pd.DataFrame:
        try:
            table: pd.DataFrame = measured.required(label, partial(function, measured.results, **values))
        except ComputationFailed as failure:
            return refused_table(str(failure))
        return table

    return measure


def table_of(table: pd.DataFrame, name: str, form: str) -> str:
    """Return a table as CSV, or as JSON of the shape of :class:`sensitivity.service.models.Measure`."""
    from sensitivity.measures.guard import REFUSED
    from sensitivity.results.results import records
    from sensitivity.text.csv_text import csv_text

    if form == "csv":
        return csv_text(table)
    return to_json({"name": name, "refused": table.attrs.get(REFUSED), "rows": records(table)})
