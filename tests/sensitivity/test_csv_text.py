"""CSV that a spreadsheet shows and does not run, and that is read as it was."""

from __future__ import annotations

import csv
import io
import pathlib

import pandas as pd
import pytest

from sensitivity.exchange.table_files import read_frame
from sensitivity.text.csv_text import csv_text
from tests.sensitivity.tables import bowl, results

NAMES = ["=1+1", "+x", "-x", "@SUM(A1)", "\tx", "\nx", "'=1", "''-", "adam", "a=b", "'adam'", "1 - mu"]


def test_no_text_begins_as_a_formula_and_reading_gives_every_text_back(tmp_path: pathlib.Path) -> None:
    table = pd.DataFrame(
        {"@variant": NAMES, "value": -1.5, "=mixed": [True, "-a", -2, *[None] * (len(NAMES) - 3)]}
    )
    text = csv_text(table)
    for row in csv.reader(io.StringIO(text, newline="")):
        assert all(
            cell.startswith("-1.5") or cell == "-2" or not cell.startswith(("=", "+", "-", "@", "\t", "\n"))
            for cell in row
        )
    (tmp_path / "t.csv").write_text(text, newline="")
    read = read_frame(tmp_path / "t.csv")
    assert list(read.columns) == list(table.columns)
    assert list(read["@variant"]) == NAMES
    assert set(read["value"]) == {-1.5}


def test_saved_results_are_read_back_by_their_names(tmp_path: pathlib.Path) -> None:
    table = results(bowl, variants=("=cmd()", "adam"))
    table.save(tmp_path)
    assert "'=cmd()" in (tmp_path / "trials.csv").read_text()
    assert list(read_frame(tmp_path / "trials.csv")["variant"]) == list(table.trials["variant"])
    assert list(pd.read_parquet(tmp_path / "trials.parquet")["variant"]) == list(table.trials["variant"])


def test_a_return_does_not_begin_a_row() -> None:
    rows = list(
        csv.reader(io.StringIO(csv_text(pd.DataFrame({"error": ["failed\r=1+1"], "n": [1]})), newline=""))
    )
    assert rows == [["error", "n"], ["failed\n=1+1", "1"]]


@pytest.mark.parametrize("name", ["adam", "l1_adam", "nag-scaled-mean-constant+l1-mean-true_mean"])
def test_ordinary_names_are_as_they_are(name: str) -> None:
    assert csv_text(pd.DataFrame({"variant": [name]})) == f"variant\n{name}\n"
