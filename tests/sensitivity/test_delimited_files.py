"""Delimited text: separators, encodings, decimal commas, empty cells."""

from __future__ import annotations

import codecs
import gzip
import math
import pathlib

import pandas as pd
import pytest

from sensitivity.exchange.delimited_files import has_decimal_commas, read_delimited, separator_of, typed
from sensitivity.exchange.table_files import read_frame
from trainables.names import InputError

TEXT = "lr,opt,loss\n0.1,adam,0.5\n0.2,sgd,2\n"


def lists(frame: pd.DataFrame) -> dict[str, list[object]]:
    return {str(name): list(column) for name, column in frame.items()}


TRUTH = {"lr": [0.1, 0.2], "opt": ["adam", "sgd"], "loss": [0.5, 2.0]}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(TEXT.encode(), id="commas"),
        pytest.param(TEXT.replace(",", ";").encode(), id="semicolons"),
        pytest.param(TEXT.replace(",", "\t").encode(), id="tabs"),
        pytest.param(TEXT.replace(",", ";").replace(".", ",").encode(), id="decimal commas"),
        pytest.param(
            TEXT.replace("0.1", '"0,1"').replace("0.2", '"0,2"').replace("0.5", '"0,5"').encode(),
            id="quoted decimal commas",
        ),
        pytest.param(codecs.BOM_UTF8 + TEXT.encode(), id="UTF-8 with a mark"),
        pytest.param(TEXT.encode("utf-16"), id="UTF-16"),
        pytest.param(codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), id="UTF-16, big end first"),
        pytest.param(TEXT.encode("utf-16-le"), id="UTF-16 without a mark"),
        pytest.param(TEXT.replace("\n", "\r\n").encode(), id="lines of Windows"),
        pytest.param(("sep=;\n" + TEXT.replace(",", ";")).encode(), id="the separator in the first line"),
        pytest.param(gzip.compress(TEXT.encode()), id="gzip"),
        pytest.param(("My sweep\n" + TEXT).encode(), id="a title"),
        pytest.param(("# by a script\n\n" + TEXT).encode(), id="a comment"),
        pytest.param((TEXT + ",,\n , ,\n").encode(), id="blank rows"),
        pytest.param(TEXT.replace("\n", ",,\n").encode(), id="unnamed empty columns"),
        pytest.param(TEXT.replace(",", " , ").encode(), id="cells in line"),
        pytest.param(TEXT.replace("0.5", "0.5%").replace("2\n", "2 %\n").encode(), id="percents"),
        pytest.param(("\n" + TEXT + "\n\n").encode().removeprefix(b"\n"), id="blank lines"),
    ],
)
def test_one_table_in_many_forms(tmp_path: pathlib.Path, content: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    assert lists(read_frame(tmp_path / "t.csv")) == TRUTH


@pytest.mark.parametrize("name", ["t.csv.gz", "t.tsv.gz", "t.tsv"])
def test_a_name_says_little(tmp_path: pathlib.Path, name: str) -> None:
    (tmp_path / name).write_bytes(gzip.compress(TEXT.encode()) if name.endswith("gz") else TEXT.encode())
    assert lists(read_frame(tmp_path / name)) == TRUTH


def test_an_empty_cell_is_not_nan() -> None:
    found = list(typed(["", "NA", "nan", "NaN", "-inf", "Infinity", "1"]))
    assert found[:2] == [None, None]
    assert math.isnan(found[2])
    assert math.isnan(found[3])
    assert found[4:] == [-math.inf, math.inf, 1]


def test_types_of_columns() -> None:
    assert typed(["1", "2"]).dtype == int
    assert typed(["1", "2.5"]).dtype == float
    assert list(typed(["True", "", "false"])) == [True, None, False]
    assert list(typed(["None", "cosine"])) == ["None", "cosine"]
    assert list(typed(["1_000", "2"])) == ["1_000", "2"]
    assert list(typed(["'=1+1", "a"])) == ["=1+1", "a"]
    assert list(typed([str(2**70), "1"])) == [2**70, 1]


def test_a_list_in_a_cell_is_no_decimal(tmp_path: pathlib.Path) -> None:
    (tmp_path / "t.csv").write_text("layers;loss\n64,64;0.5\n128,64;0.25\n")
    assert lists(read_frame(tmp_path / "t.csv")) == {"layers": ["64,64", "128,64"], "loss": [0.5, 0.25]}
    assert not has_decimal_commas([["64,64"], ["1", "2"]], ",")


def test_the_separator_is_what_rows_agree_on() -> None:
    assert separator_of("a,b;c\n1,2;3\n", ",") == ","
    assert separator_of("a;b\n1,5;2,5\n", ",") == ";"
    assert separator_of("a\n1\n", "\t") == "\t"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"a,b\n1,2\n1,2,3\n", "row 2 has 3 cells, and there are 2 columns"),
        (b"a,a\n1,2\n", "has the column 'a' twice"),
        (b"a\n\xff\xfe\xff\n", "cannot read the table"),
        (b"\x00\x01\x02PNG", "it holds no text"),
        (b"\x1f\x8bnothing", "cannot read the table"),
        (b"a\n" + b"x" * 200_000 + b"\n", "field larger than field limit"),
    ],
)
def test_a_file_that_is_no_table(tmp_path: pathlib.Path, content: bytes, message: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputError) as refused:
        read_frame(tmp_path / "t.csv")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_short_rows_end_with_empty_cells(tmp_path: pathlib.Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1\n2,3\n")
    assert lists(read_delimited(tmp_path / "t.csv", ",")) == {"a": [1, 2], "b": [None, 3]}


def test_a_text_of_windows_has_its_letters(tmp_path: pathlib.Path) -> None:
    (tmp_path / "t.csv").write_bytes("Trägheit;loss\n0,9;0,5\n0,5;2\n".encode("cp1252"))
    assert lists(read_frame(tmp_path / "t.csv")) == {"Trägheit": [0.9, 0.5], "loss": [0.5, 2.0]}


def test_a_dash_among_numbers_is_an_empty_cell() -> None:
    assert list(typed(["0.9", "-", "\N{EN DASH}"])) == [0.9, None, None]
    assert list(typed(["+", "-"])) == ["+", "-"]
    assert list(typed(["0.9", "-", "cosine"])) == ["0.9", "-", "cosine"]


def test_a_sign_of_percent_is_taken_off_where_all_have_one(tmp_path: pathlib.Path) -> None:
    (tmp_path / "t.csv").write_text("acc;part;lr\n71,2%;50%;0,1\n;0,5;0,2\n80 %;1%;0,3\n")
    assert lists(read_frame(tmp_path / "t.csv")) == {
        "acc": [71.2, None, 80.0],
        "part": ["50%", "0.5", "1%"],
        "lr": [0.1, 0.2, 0.3],
    }


def test_a_header_without_a_name_is_no_title(tmp_path: pathlib.Path) -> None:
    (tmp_path / "t.csv").write_text(",loss\n0,0.5\n1,2\n")
    assert lists(read_frame(tmp_path / "t.csv")) == {"": [0, 1], "loss": [0.5, 2.0]}
    (tmp_path / "t.csv").write_text("a\n1,2\n3,4\n")
    with pytest.raises(InputError, match="row 1 has 2 cells, and there are 1 columns"):
        read_frame(tmp_path / "t.csv")
