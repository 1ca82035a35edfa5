"""Tables from files of several formats."""

from __future__ import annotations

import gzip
import json
import math
import pathlib
import sys
from typing import Any

import openpyxl
import pandas as pd
import pytest

from sensitivity import from_table
from sensitivity.exchange.table_files import is_table, read_frame
from trainables.names import InputError

FRAME = pd.DataFrame({"lr": [0.1, 0.2], "opt": ["adam", "sgd"], "loss": [0.5, 2.0]})
ROWS = FRAME.to_dict("records")


def same(frame: pd.DataFrame) -> bool:
    return {name: list(column) for name, column in frame.items()} == {
        name: list(column) for name, column in FRAME.items()
    }


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(json.dumps(ROWS), id="records"),
        pytest.param(FRAME.to_json(), id="pandas, by column"),
        pytest.param(FRAME.to_json(orient="index"), id="pandas, by row"),
        pytest.param(FRAME.to_json(orient="split"), id="pandas, split"),
        pytest.param(FRAME.to_json(orient="table", index=False), id="pandas, with a schema"),
        pytest.param(json.dumps(FRAME.to_dict("list")), id="columns of lists"),
        pytest.param(json.dumps({"name": "a sweep", "trials": ROWS}), id="within an object"),
    ],
)
def test_json(tmp_path: pathlib.Path, document: str) -> None:
    (tmp_path / "t.json").write_text(document)
    assert same(read_frame(tmp_path / "t.json"))


@pytest.mark.parametrize("name", ["t.jsonl", "t.ndjson", "t.jsonl.gz"])
def test_a_row_of_json_a_line(tmp_path: pathlib.Path, name: str) -> None:
    content = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert same(read_frame(tmp_path / name))


def test_null_and_nan_of_json_differ(tmp_path: pathlib.Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"a": null}\n{"a": NaN}\n{"a": 1, "b": {"c": [1]}}\n')
    frame = read_frame(tmp_path / "t.jsonl")
    assert frame["a"][0] is None
    assert math.isnan(frame["a"][1])
    assert frame["b.c"][2] == [1]


def workbook(place: pathlib.Path, *sheets: list[list[Any]]) -> pathlib.Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets):
        sheet = book.create_sheet(f"sheet {number}")
        for row in rows:
            sheet.append(row)
    book.save(place)
    return place


def test_a_spreadsheet(tmp_path: pathlib.Path) -> None:
    rows = [list(FRAME.columns), *FRAME.to_numpy().tolist()]
    assert same(read_frame(workbook(tmp_path / "t.xlsx", [], [[], *rows, []])))


def test_a_title_and_blank_rows_of_a_spreadsheet_are_passed_over(tmp_path: pathlib.Path) -> None:
    rows = [[None, *row, None] for row in ([*FRAME.columns], *FRAME.to_numpy().tolist())]
    assert same(read_frame(workbook(tmp_path / "t.xlsx", [[None, "My sweep"], [], *rows, [None, "  "]])))


def test_rows_without_a_cell_are_no_trials() -> None:
    frame = pd.concat([FRAME, pd.DataFrame([{}, {}])])
    assert len(from_table(frame).trials) == len(FRAME)


def test_a_spreadsheet_by_hand_is_read_without_an_option(tmp_path: pathlib.Path) -> None:
    """A title is missing, statuses are written as a person does, a result is missing and another is an error
    of the sheet."""
    rows: list[list[Any]] = [["Optimizer", "Learning Rate", "Seed", "State", "Val Accuracy", "Comment"]]
    for optimizer in ("SGD", "Adam"):
        for lr in (0.001, 0.01, 0.1):
            for seed in (1, 2):
                rows.append([optimizer, lr, seed, "done", 0.9 - lr, None])
    rows[1][3:5] = ["crashed", None]
    rows[2][4:6] = ["#NUM!", "exploded?"]
    results = from_table(workbook(tmp_path / "sheet.xlsx", rows))
    assert {variant: space.names for variant, space in results.spaces.items()} == {
        "SGD": ("lr",),
        "Adam": ("lr",),
    }
    assert (results.metric, results.direction) == ("Val Accuracy", "max")
    assert list(results.trials["status"]) == ["failed", "diverged"] + ["completed"] * 10
    assert list(results.trials["seed"]) == [1, 2] * 6


def test_a_spreadsheet_saved_as_text_with_decimal_commas(tmp_path: pathlib.Path) -> None:
    (tmp_path / "t.csv").write_bytes(
        "Lernrate;lr;Fehler;val_loss\n1;0,001;;0,5\n1;0,01;;0,25\n1;0,1;;nan\n".encode("utf-16")
    )
    results = from_table(tmp_path / "t.csv")
    assert list(results.trials["config/lr"]) == [0.001, 0.01, 0.1]
    assert list(results.trials["status"]) == ["completed", "completed", "diverged"]
    assert any("empty columns (Fehler)" in note and "constants (Lernrate)" in note for note in results.notes)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.json", b"{", "cannot read the table"),
        ("t.json", b"3", "it holds no rows"),
        ("t.json", b'{"a": 1}', "it holds no rows"),
        ("t.json", b'{"a": [1], "b": [1, 2]}', "its columns differ in length"),
        ("t.json", b"[1, 2]", "a row of the table is no JSON object"),
        ("t.jsonl", b'{"a": 1}\n{"a"', "cannot read the table"),
        ("t.xlsx", b"no archive", "it is no workbook"),
        ("t.parquet", b"PAR1", "cannot read the table"),
        ("t.ods", b"", "a table ends with .csv, .tsv, .json"),
        ("t.parquet.gz", b"", "a table ends with .csv, .tsv, .json"),
    ],
)
def test_a_file_that_is_no_table(tmp_path: pathlib.Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as refused:
        read_frame(tmp_path / name)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_sheets_without_a_table(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match="its sheets are empty"):
        read_frame(workbook(tmp_path / "t.xlsx", [], []))
    with pytest.raises(InputError, match="has the column 'a' twice"):
        read_frame(workbook(tmp_path / "t.xlsx", [["a", "a"], [1, 2]]))


def test_without_the_reader_of_spreadsheets_one_line_says_what_to_install(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = workbook(tmp_path / "t.xlsx", [["a"], [1]])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(InputError, match=r"takes openpyxl: pip install openpyxl$"):
        read_frame(place)


def test_names_of_tables() -> None:
    assert all(
        is_table(name) for name in ("a.csv", "a.CSV.GZ", "a.tsv", "a.json", "a.jsonl", "a.xlsx", "a.pq")
    )
    assert not any(is_table(name) for name in ("a.db", "a.log", "a.gz", "a.parquet.gz", "a"))
