"""Nested entries of a table as columns: mappings, and the text that Python or JSON makes of them."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from sensitivity.exchange.column_names import bare_name

DEEPEST = 6
VALUE_KEYS = {"value", "desc"}
"""Entries of a setting as Weights & Biases writes it in ``config.yaml``."""


def flattened(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with a column ``outer.inner`` for each entry of a column of mappings.

    Args:
        frame: with mappings as cells, or as their text (``{'lr': 0.1}``, ``{"lr": 0.1}``).

    >>> frame = pd.DataFrame({"config": ["{'lr': 0.1, 'opt': {'mu': 0.9}}"], "loss": [1.0]})
    >>> list(flattened(frame).columns)
    ['config.lr', 'config.opt.mu', 'loss']
    """
    nested = {
        name: cells for name, column in frame.items() for cells in [_mappings(column)] if cells is not None
    }
    if not nested:
        return frame
    single = {bare_name(str(name)) for name in frame.columns if name not in nested}
    columns: dict[str, Any] = {}
    for name, column in frame.items():
        if name not in nested:
            columns[str(name)] = column
            continue
        rows = [_leaves(cell, str(name), 1) if cell is not None else {} for cell in nested[name]]
        for entry in dict.fromkeys(entry for row in rows for entry in row):
            values = [row.get(entry) for row in rows]
            inferred = pd.Series(values, index=frame.index, dtype=object)
            if bare_name(entry) in single:  # scikit-learn's params repeats the columns param_NAME
                continue
            columns.setdefault(
                entry, inferred if any(value is None for value in values) else inferred.infer_objects()
            )
    return pd.DataFrame(columns, index=frame.index)


def parsed_mapping(text: str) -> Mapping[str, Any] | None:
    """Return the mapping that a text is the JSON or the Python literal of, None for any other text.

    >>> parsed_mapping("{'loss': nan, 'layers': [64, 64]}"), parsed_mapping("{1}"), parsed_mapping("{oops")
    ({'loss': nan, 'layers': [64, 64]}, None, None)
    """
    stripped = text.strip()
    if not (stripped.startswith("{") and stripped.endswith("}")):
        return None
    try:
        content = json.loads(stripped)
    except ValueError:
        try:
            content = ast.literal_eval(_Constants().visit(ast.parse(stripped, mode="eval")))
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return None
    return {str(name): value for name, value in content.items()} if isinstance(content, Mapping) else None


class _Constants(ast.NodeTransformer):
    """The names that ``repr`` writes for numbers which Python has no literal of."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        numbers = {
            "nan": math.nan,
            "inf": math.inf,
            "null": None,
            "true": True,
            "false": False,
            "NaN": math.nan,
            "Infinity": math.inf,
        }
        return ast.Constant(numbers[node.id]) if node.id in numbers else node


def _mappings(column: pd.Series[Any]) -> list[Mapping[str, Any] | None] | None:
    """Return the cells of a column of mappings, None for any other column."""
    if column.dtype.kind != "O":
        return None
    mappings: list[Mapping[str, Any] | None] = []
    for cell in column.astype(object):
        if isinstance(cell, Mapping):
            mappings.append({str(name): value for name, value in cell.items()})
        elif isinstance(cell, str) and (mapping := parsed_mapping(cell)) is not None:
            mappings.append(mapping)
        elif cell is None or cell is pd.NA or (isinstance(cell, float) and math.isnan(cell)):
            mappings.append(None)
        else:
            return None
    return mappings if any(cell for cell in mappings) else None


def _leaves(nested: Mapping[str, Any], outer: str, depth: int) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in nested.items():
        inner = (
            value["value"]
            if isinstance(value, Mapping) and "value" in value and set(value) <= VALUE_KEYS
            else value
        )
        if isinstance(inner, Mapping) and inner and depth < DEEPEST:
            flat |= _leaves({str(key): entry for key, entry in inner.items()}, f"{outer}.{name}", depth + 1)
        else:
            flat[f"{outer}.{name}"] = inner
    return flat
