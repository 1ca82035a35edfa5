"""The reasons for which a column is no hyperparameter, and the columns of roles."""

from __future__ import annotations

from typing import Any

import pytest

from sensitivity.exchange.column_reasons import REASONS, ROLE_FINDERS
from sensitivity.exchange.columns import Column


def reason(name: str, cells: list[Any]) -> str | None:
    return next((reason for reason, applies in REASONS.items() if applies(Column(name, cells))), None)


@pytest.mark.parametrize(
    ("name", "cells", "expected"),
    [
        ("config_id", [1, 1, 2], "identifiers"),
        ("runName", ["a", "b", "c"], "identifiers"),
        ("wall_time", [1.5, 2.5, 3.5], "times"),
        ("time_limit", [60, 60, 120], None),
        ("Notes", ["x", "x", "y"], "tags"),
        ("output_dir", ["a", "a", "b"], "paths"),
        ("state", ["CA", "NY", "CA"], "statuses"),
        ("params.state", ["CA", "NY", "CA"], None),
        ("lora_rank", [4, 8, 4], None),
        ("group_norm", [4, 8, 4], None),
        ("index", [0, 1, 2], "row numbers"),
        ("layers", [1, 2, 2], None),
        ("wall_clock_min", [1.5, 2.5, 3.5], "times"),
        ("GPU mem (GB)", [1.5, 2.5, 3.5], "measurements of the run"),
        ("memory", [8, 8, 16], "measurements of the run"),
        ("memory_size", [1e3, 1e4, 1e5], None),
        ("mem_slots", [8, 8, 16], None),
        ("completed", [True, True, False], "measurements of the run"),
        ("outcome", ["ok", "ok", "OOM"], "statuses"),
        ("ended as", ["ok", "ok", "OOM"], "statuses"),
        ("diverged", [False, False, True], "statuses"),
        ("exit_code", [0, 0, 1], "statuses"),
        ("nesterov", [False, False, True], None),
        ("schedule", ["stop", "cosine", "stop"], None),
        ("hidden", [[64], [64, 64], [64]], None),
        ("hidden", [[64], [64, 64], [32], [16]], "lists"),
        ("hidden", [[[64]], [[32]], [[64]]], "lists"),
    ],
)
def test_reasons(name: str, cells: list[Any], expected: str | None) -> None:
    assert reason(name, cells) == expected


@pytest.mark.parametrize(
    ("role", "columns", "expected"),
    [
        (
            "variant",
            [Column("method", ["a", "b", "a", "b"]), Column("Optimizer", ["a", "b", "a", "b"])],
            "Optimizer",
        ),
        ("variant", [Column("optimizer", [1, 2, 1, 2])], None),
        ("variant", [Column("optimizer", ["a", "b", "c", "d"])], None),
        ("task", [Column("dataset", ["x", "x", "y", "y"])], "dataset"),
        ("task", [Column("dataset", ["w", "x", "y", "z"])], None),
        ("seed", [Column("params.random_seed", [1, 2, 3, 4])], "params.random_seed"),
        ("seed", [Column("random_state", [0.5, 1.5])], None),
        ("status", [Column("tags.status", ["ok"])], None),
        ("status", [Column("result", ["ok", "diverged"])], "result"),
        ("status", [Column("diverged", [True, False]), Column("State", ["ok", "ok"])], "State"),
        ("status", [Column("params.end", ["ok", "diverged"])], None),
        ("status", [Column("mode", ["stop", "stop"])], None),
        ("seconds", [Column("Runtime", [1, 2]), Column("seconds", [1, 2])], "seconds"),
    ],
)
def test_columns_of_roles(role: str, columns: list[Column], expected: str | None) -> None:
    assert ROLE_FINDERS[role](columns) == expected
