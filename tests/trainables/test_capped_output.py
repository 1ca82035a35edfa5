"""A trial that prints without end is cut off, and the next begins afresh."""

from __future__ import annotations

import os
import pathlib
import sys
from contextlib import closing

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
    assert (
        printed
        == "12345\n\n... trial a printed more than 11 characters; the rest is dropped\nagain\n" + "x" * 20
    )


@pytest.mark.parametrize("redirect", [False, True], ids=["closed", "redirected"])
def test_output_that_a_trial_closes_is_open_for_the_next(
    capfd: pytest.CaptureFixture[str], tmp_path: pathlib.Path, redirect: bool
) -> None:
    with closing(CappedOutput(100)) as output:
        with output.of("a"), (tmp_path / "a").open("w") as file:
            sys.stdout.close()
            for descriptor in (1, 2):
                os.dup2(file.fileno(), descriptor) if redirect else os.close(descriptor)
        with output.of("b"):
            sys.stdout.write("to be read\n")
            sys.stdout.flush()
            os.write(2, b"by a library\n")
    assert capfd.readouterr() == ("to be read\n", "by a library\n")
    assert (tmp_path / "a").read_text() == ""
