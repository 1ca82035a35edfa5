"""Pinned values: what a design picks, how a space is written and what a trial is called must not change between releases.

A change here makes every store train anew. Keys are also computed a second way, from their definition.
"""

import hashlib
import json
import math
import os
import pathlib
import subprocess
import sys
from typing import Any

import pytest

from search_spaces import Grid, LatinHypercube, Morris, Random, Saltelli, Sobol
from search_spaces.designs import Design
from sensitivity.study.trial import trial_key
from tests.search_spaces.awkward import SPACES

INF = math.inf
GOLDEN = [
    pytest.param(
        Sobol(3),
        "every scale",
        {
            "lr": 0.010780162011572088,
            "mu": 0.9346424851539903,
            "x": 0.1305533405393362,
            "batch": 316,
            "depth": 3,
            "p": 2,
            "rule": "nag",
        },
        "aad74e6397205faa45d3",
        id="sobol",
    ),
    pytest.param(
        Random(2),
        "every scale",
        {
            "lr": 0.08279159394670349,
            "mu": 0.9403833662150839,
            "x": 0.8701448475755365,
            "batch": 269,
            "depth": 1,
            "p": INF,
            "rule": "cm",
        },
        "6d7990930590799d1987",
        id="random",
    ),
    pytest.param(
        Grid(2),
        "every scale",
        {"lr": 1.0, "mu": 0.99, "x": 1.0, "batch": 512, "depth": 4, "p": INF, "rule": True},
        "ee0d8843177152a7f04c",
        id="grid",
    ),
    pytest.param(
        LatinHypercube(2),
        "nested conditions",
        {"rule": "cm", "lr": 0.0002302321277653435, "mu": 0.9830857075908366},
        "9c4cfd6fb11e7685d68e",
        id="latin hypercube of a conditional space",
    ),
    pytest.param(
        Sobol(3),
        "nested conditions",
        {"rule": "cm", "lr": 0.054581203661114006, "mu": 0.9553401263957091},
        "a21ea72ee7a712d140e8",
        id="sobol of a conditional space",
    ),
    pytest.param(
        Grid(2),
        "nested conditions",
        {"rule": "adam", "lr": 1.0, "mu": 0.99, "p": INF, "epsilon": 0.01},
        "dfd6fa47c9052f986e9c",
        id="grid of a conditional space",
    ),
    pytest.param(
        Saltelli(1, second_order=False),
        "steps",
        {"dropout": 0.2, "width": 16, "x": 0.0},
        "c5d13dc495df98b9ddcd",
        id="saltelli of steps",
    ),
    pytest.param(
        Morris(1),
        "steps",
        {"dropout": 0.0, "width": 16, "x": 0.0},
        "38b688ebe8583b2f7799",
        id="morris of steps",
    ),
]
REST: tuple[Any, ...] = (0, 1, 64, "float32")


@pytest.mark.parametrize(("design", "space", "last", "key"), GOLDEN)
def test_configurations_and_keys_are_pinned(
    design: Design, space: str, last: dict[str, Any], key: str
) -> None:
    configuration = design.configurations(SPACES[space])[-1]
    assert repr(configuration) == repr(last)
    assert trial_key("fingerprint", "adam", last, *REST) == key
    written = {name: _written(value) for name, value in last.items()}
    text = json.dumps(["fingerprint", "adam", written, *REST], sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest()[:20] == key


def _written(value: Any) -> Any:
    if isinstance(value, (bool, str)):
        return value
    return str(int(value)) if math.isfinite(value) and value == int(value) else repr(float(value))


YAML = """\
- name: rule
  type: categorical
  choices: [sgd, cm, adam]
  default: cm
- {name: lr, type: float, low: 0.0001, high: 1.0, scale: log}
- name: mu
  type: float
  low: 0.5
  high: 0.99
  scale: log1m
  default: 0.9
  when:
    rule: [cm, adam]
- name: p
  type: ordinal
  levels: [1, 2, inf]
  default: 2
  when: {rule: adam}
- name: nu
  type: float
  low: 0.9
  high: 0.999
  scale: log1m
  when:
    p: [1, 2]
- name: epsilon
  type: float
  low: 1.0e-08
  high: 0.01
  scale: log
  when: {p: inf, rule: adam}
"""
LISTING = """\
rule: sgd | cm | adam, categorical, default cm
lr: 0.0001 to 1.0, log
mu: 0.5 to 0.99, log1m, default 0.9, when rule is 'cm' or 'adam'
p: 1, 2, inf, ordinal, default 2, when rule is 'adam'
nu: 0.9 to 0.999, log1m, when p is 1 or 2
epsilon: 1e-08 to 0.01, log, when p is inf and rule is 'adam'"""


def test_how_a_space_is_written_is_pinned() -> None:
    assert SPACES["nested conditions"].to_yaml() == YAML
    assert str(SPACES["nested conditions"]) == LISTING


@pytest.mark.slow
def test_another_process_gives_the_same_to_the_last_digit() -> None:
    code = (
        "from search_spaces import Sobol, Random\nfrom sensitivity.study.trial import trial_key\nfrom "
        "tests.search_spaces.awkward import SPACES\nrows = [row for name in SPACES for design in (Sobol(5), "
        "Random(5)) for row in design.configurations(SPACES[name])]\nprint([trial_key('f', 'adam', row, 0, "
        "1, 64, 'float32') for row in rows], rows, [hash(str(SPACES[name])) * 0 for name in SPACES])"
    )
    root = str(pathlib.Path(__file__).parents[2])
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": root},
        ).stdout
        for seed in ("0", "1")
    }
    assert len(printed) == 1
