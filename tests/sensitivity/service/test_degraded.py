"""The parts of a service that do not work: each said once in the log, and gone when it works again."""

from __future__ import annotations

import logging

import pytest

from sensitivity.service.degraded import Degraded
from trainables.names import InputError


def test_a_fault_that_comes_back_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    degraded = Degraded()
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            with degraded.isolated("study 'a'"):
                raise FileNotFoundError(2, "No such file or directory", "a/run.json")
    assert [record.getMessage() for record in caplog.records] == [
        "study 'a': No such file or directory: a/run.json"
    ]
    assert degraded.faults() == {"study 'a'": "No such file or directory: a/run.json"}


def test_a_loop_goes_on_after_an_item_that_fails() -> None:
    degraded, worked = Degraded(), []
    for item in ("a", "b", "c"):
        with degraded.isolated(item):
            if item == "b":
                raise InputError("damaged")
            worked.append(item)
    assert worked == ["a", "c"]
    assert degraded.faults() == {"b": "damaged"}
    with degraded.isolated("b"):
        pass
    assert degraded.faults() == {}


def test_a_fault_that_passes_is_forgotten() -> None:
    now = [0.0]
    degraded = Degraded(lambda: now[0])
    degraded.note("answers", "Too many open files", seconds=60)
    degraded.note("store", "is away")
    now[0] = 61.0
    assert degraded.faults() == {"store": "is away"}


def test_a_defect_has_its_place_in_the_log_once(caplog: pytest.LogCaptureFixture) -> None:
    degraded = Degraded()
    for _ in range(3):
        with degraded.isolated("events"):
            raise ZeroDivisionError("division by zero")
    assert sum(record.exc_info is not None for record in caplog.records) == 1
