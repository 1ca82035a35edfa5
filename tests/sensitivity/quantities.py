"""Quantities that a text or a page prints, held against the tables whose cells their ids name."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

from sensitivity.measures import Measured
from sensitivity.questions import QUESTIONS
from sensitivity.questions.quantities import KEYS, KINDS, PLACE
from sensitivity.results.results import records
from sensitivity.text.quantities import names_of, parts_of
from sensitivity.text.wording import DASH, number

NUMBER = re.compile(r"(?<![\w.])-?(?:\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?|inf)%?")
BY_NAME = ("regret", "valley", "tuned_ranks", "conclusion_changes", "caveats")
"""Tables that sentences print and no question lists."""
EMPTY = {"br", "hr", "img", "input", "link", "meta"}
"""Elements without an end tag."""


class Printed(HTMLParser):
    """Texts of a page with the ids of their quantities and their elements; scripts and styles are no text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[tuple[str, str, tuple[str, ...]]] = []
        self._open: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in EMPTY:
            self._open.append((tag, dict(attributes).get("data-quantity") or ""))

    def handle_endtag(self, tag: str) -> None:
        while self._open.pop()[0] != tag:
            pass

    def handle_data(self, text: str) -> None:
        tags = tuple(tag for tag, _ in self._open)
        if not {"script", "style"} & {*tags}:
            name = next((name for _, name in reversed(self._open) if name), "")
            self.texts.append((text, name, tags))


def without_ids(page: str) -> str:
    """Return a page as it was written before its quantities had ids."""
    page = re.sub(r'<span data-quantity="[^"]*">(.*?)</span>', r"\1", page, flags=re.DOTALL)
    return re.sub(r' data-quantity="[^"]*"', "", page)


def unnamed(text: str) -> list[str]:
    """Return the numbers of a text that belong to no quantity."""
    return [match[0] for part, name in parts_of(text) if not name for match in NUMBER.finditer(part)]


class Tables:
    """Every table of measured results, by the ids of its cells."""

    def __init__(self, measured: Measured) -> None:
        self.measured = measured
        self.sign = -1 if measured.results.direction == "max" else 1
        self._rows: dict[str, dict[tuple[str, ...], dict[str, Any]]] = {}

    def rows(self, table: str) -> dict[tuple[str, ...], dict[str, Any]]:
        """Return the rows of a table by their keys, which tell them apart."""
        if table not in self._rows:
            named = {}
            for place, row in _rows_of(self.measured, table):
                key = tuple(_key({**row, "place": place}, name) for name in KEYS.get(table, PLACE))
                assert key not in named, f"two rows of {table} have the key {key}"
                named[key] = row
            self._rows[table] = named
        return self._rows[table]

    def complaint(self, text: str, name: str) -> str:
        """Return why a printed text is not the cell that its id names; an empty text where it is."""
        names = names_of(name)
        if names[0] in KINDS:
            return ""
        keys = KEYS.get(names[0], PLACE)
        row = self.rows(names[0]).get(tuple(names[1 : 1 + len(keys)]))
        if row is None:
            return f"{name}: there is no such row"
        column, *rest = names[1 + len(keys) :]
        if column not in row:
            return f"{name}: there is no such column"
        return "" if self._agrees(text, row, column, rest) else f"{name}: {text!r} is not {row[column]!r}"

    def _agrees(self, text: str, row: Mapping[str, Any], column: str, rest: list[str]) -> bool:
        value = row[column]
        if isinstance(value, Mapping) and rest:
            value, rest = value[rest[0]], []
        if isinstance(value, Mapping):
            return text == ", ".join(f"{name} {number(item)}" for name, item in value.items())
        if isinstance(value, str):
            return value.startswith(text) if column == "error" else text == value
        if text == DASH:
            return value is None or not math.isfinite(value)
        if text in ("yes", "no"):
            return bool(value) == (text == "yes")
        if not isinstance(value, int | float) and not hasattr(value, "dtype"):
            return text == str(value)
        low, high = ("low", "high") if column == "value" else (f"{column}_low", f"{column}_high")
        ends = [row[end] for end in (low, high) if end in row]
        return fits(text, _as_printed([value, *ends], rest, self.sign))


def _as_printed(numbers: list[Any], how: list[str], sign: int) -> list[float]:
    """Return a value and its ends as they are printed: low before high, without a sign or with another one."""
    values = [float(value) for value in numbers]
    if how == ["size"]:
        values = [abs(value) for value in values]
    elif how == ["negative"] or (how == ["metric"] and sign < 0):
        values = [-value for value in values]
    else:
        assert how in ([], ["metric"]), how
    return [values[0], *sorted(values[1:])]


def fits(text: str, values: list[float]) -> bool:
    """Return True if the printed numbers of a text are these values, within half of the last digit."""
    printed = NUMBER.findall(text)
    if not printed or len(printed) not in (1, len(values)):
        return False
    largest = max(map(abs, values))
    return all(_is(one, value, largest) for one, value in zip(printed, values, strict=False))


def _is(text: str, value: float, largest: float) -> bool:
    plain = text.rstrip("%").replace(",", "")
    if plain.endswith("inf"):
        return value == float(plain)
    digits, _, exponent = plain.partition("e")
    half = 0.5 * 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2]))
    scale = 100.0 if text.endswith("%") else 1.0
    return abs(float(plain) - value * scale) <= half * (1 + 1e-9) + 1e-13 * largest * scale


def _key(row: Mapping[str, Any], name: str) -> str:
    value = row[name]
    return str(value) if value == value else ""


def _rows_of(measured: Measured, table: str) -> Iterator[tuple[int, dict[str, Any]]]:
    if table in BY_NAME:
        yield from enumerate(records(measured.table_named(table)))
        return
    question = next(question for question in QUESTIONS if table in dict(question.tables))
    tasks = dict.fromkeys(task for task, _ in measured.results.groups)
    for task in list(tasks)[:1] if question.once else tasks:
        yield from enumerate(records(question.table(table, measured, task)))
