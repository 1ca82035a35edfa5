"""A trial that prints without end is cut off, and the next begins afresh."""

from __future__ import annotations

import sys

import pytest

from trainables.capped_output import CappedOutput


def test_output_is_passed_on_up_to_the_limit_of_each_trial(capsys: pytest.CaptureFixture[str]) -> None:
    output = CappedOutput(11)
    with output.of("a"):
        sys.stdout.write("12345\n")
    with output.of("a"):  # the same trial's next epoch
        sys.stderr.write("6789\n")
        sys.stdout.write("dropped\n")
        sys.stdout.write("dropped too\n")
    with output.of("b"):
        sys.stdout.write("again\n")
    sys.stdout.write("x" * 20)  # outside of a trial
    printed, errors = capsys.readouterr()
    assert errors == "6789\n"
    assert printed == "12345\n\n... trial a printed more than 11 characters; the rest is dropped\nagain\n" + "x" * 20
