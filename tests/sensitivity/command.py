"""The command as a user gives it, and a small study file to give it."""

from __future__ import annotations

import sys

import pytest

from sensitivity.command import main as cli

SPEC = """
name: small
tasks: [autoencoder/digits]
variants: [sgd, adam]
design: {kind: grid, points: {lr: 3}}
seeds: 2
epochs: 1
default_setting: false
"""


def run(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """Give the command; its exit code."""
    monkeypatch.setattr(sys, "argv", ["sensitivity", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)
