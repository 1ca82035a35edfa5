"""Neptune's export in the layout of its exporter's documentation, read as what was logged.

The exporter is on no package registry, so its files are written here, by its schema.
"""

from __future__ import annotations

import datetime
import decimal
import pathlib
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from sensitivity import from_table
from sensitivity.exchange.tool_folders import tool_of
from tests.sensitivity.sweeps import check, check_refused, sweep

SCHEMA = pa.schema(
    [
        ("project_id", pa.string()),
        ("run_id", pa.string()),
        ("attribute_path", pa.string()),
        ("attribute_type", pa.string()),
        ("step", pa.decimal128(18, 6)),
        ("timestamp", pa.timestamp("ms", "UTC")),
        ("int_value", pa.int64()),
        ("float_value", pa.float64()),
        ("string_value", pa.string()),
        ("bool_value", pa.bool_()),
        ("datetime_value", pa.timestamp("ms", "UTC")),
        ("string_set_value", pa.list_(pa.string())),
        ("file_value", pa.struct([("path", pa.string())])),
        ("histogram_value", pa.struct([("type", pa.string()), ("edges", pa.list_(pa.float64()))])),
    ]
)
NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)


def export(place: pathlib.Path, projects: tuple[str, ...] = ("team/sweep",)) -> pathlib.Path:
    """Write the sweep, a file a run, once for each project."""
    for project in projects:
        folder = place / project.replace("/", "_")
        folder.mkdir(parents=True)
        for number, member in enumerate(sweep()):
            attributes: list[dict[str, Any]] = [
                {"attribute_path": "parameters/lr", "attribute_type": "float", "float_value": member.lr},
                {"attribute_path": "parameters/optimizer", "attribute_type": "string",
                 "string_value": member.optimizer},
                {"attribute_path": "parameters/seed", "attribute_type": "int", "int_value": member.seed},
                {"attribute_path": "parameters/api_token", "attribute_type": "string",
                 "string_value": "hf_0123456789abcdefXYZ"},
                {"attribute_path": "sys/owner", "attribute_type": "string", "string_value": "ada"},
                {"attribute_path": "sys/hostname", "attribute_type": "string", "string_value": "ada-laptop"},
                {"attribute_path": "sys/failed", "attribute_type": "bool",
                 "bool_value": member.status == "failed"},
                {"attribute_path": "sys/state", "attribute_type": "string",
                 "string_value": "Active" if member.status == "running" else "Inactive"},
                {"attribute_path": "sys/creation_time", "attribute_type": "datetime", "datetime_value": NOW},
                {"attribute_path": "sys/tags", "attribute_type": "string_set", "string_set_value": ["x"]},
            ]  # fmt: skip
            losses = [2.5] if member.loss is None else [2.5, 2.0, member.loss]
            attributes += [
                {"attribute_path": "metrics/val_loss", "attribute_type": "float_series", "timestamp": NOW,
                 "step": decimal.Decimal(step), "float_value": loss}
                for step, loss in reversed(list(enumerate(losses)))
            ]  # fmt: skip
            run = f"RUN-{number}"
            rows = [{"project_id": project, "run_id": run} | entry for entry in attributes]
            table = pa.Table.from_pylist(rows, SCHEMA)
            pyarrow.parquet.write_table(table, folder / f"{run}_part_0.parquet", compression="snappy")
    return place


def test_an_export_is_what_was_logged(tmp_path: pathlib.Path) -> None:
    place = export(tmp_path / "data")
    assert tool_of(place) == "neptune"
    results = from_table(place)
    check(results, sweep())
    assert any("Neptune's export: 16 runs" in note for note in results.notes)
    assert "ada" not in " ".join(results.notes)


def test_several_projects_are_tasks(tmp_path: pathlib.Path) -> None:
    results = from_table(export(tmp_path / "data", ("team/digits", "team/mnist")))
    assert set(results.trials["task"]) == {"digits", "mnist"}


def test_a_single_file_is_read_too(tmp_path: pathlib.Path) -> None:
    files = sorted(export(tmp_path / "data").rglob("*.parquet"))
    whole = pa.concat_tables([pyarrow.parquet.read_table(path) for path in files])
    pyarrow.parquet.write_table(whole, tmp_path / "all.parquet")
    assert tool_of(tmp_path / "all.parquet") == "neptune"
    check(from_table(tmp_path / "all.parquet"), sweep())


def test_a_broken_file_is_one_clear_error(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    place = export(tmp_path / "data")
    sorted(place.rglob("*.parquet"))[3].write_bytes(b"PAR1 no")
    check_refused(place, "cannot read", monkeypatch, capfd)
