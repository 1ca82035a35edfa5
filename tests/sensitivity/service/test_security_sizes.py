"""Studies from the network that would take the machine: designs, seeds, lists and models are counted before
they are made."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from tests.sensitivity.service.asked import AT_ONCE, LR, asked
from trainables.names import InputError

TOO_MANY = "trials, at most 10,000 are allowed"
WIDE = [LR, *({"name": f"x{k}", "type": "float", "low": 0, "high": 1} for k in range(11))]
WIDTH, DEPTH = (
    {"name": name, "type": "integer", "low": 1, "high": high}
    for name, high in (("width", 9_999), ("depth", 9))
)
SWITCHES = [{"name": f"s{k}", "type": "categorical", "choices": ["a", "b"]} for k in range(50)]
CHAIN = [
    {**each, "when": {f"s{k - back}": "a" for back in (1, 2)}} if k > 1 else each
    for k, each in enumerate(SWITCHES)
]  # as many ways up as Fibonacci's number 50


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param(
            {"design": {"kind": "grid", "points": 10}, "space": WIDE}, TOO_MANY, id="10^12 points of a grid"
        ),
        pytest.param(
            {"design": {"kind": "grid", "points": 10**12}},
            "points of a grid must be at most 1,000,000",
            id="10^12 levels",
        ),
        pytest.param({"design": {"kind": "grid", "points": 10**6}}, TOO_MANY, id="10^6 levels"),
        pytest.param(
            {"design": {"kind": "grid", "points": {"lr": 10**4, "mu": 2}}}, TOO_MANY, id="levels by name"
        ),
        pytest.param(
            {"design": {"kind": "sobol", "n": 10**12}}, "n of a design must be at most 1,000,000", id="sobol"
        ),
        pytest.param(
            {"design": {"kind": "random", "n": "1000000000000"}},
            "n of a design must be at most 1,000,000",
            id="as a string",
        ),
        pytest.param({"design": {"kind": "latin_hypercube", "n": 10**6}}, TOO_MANY, id="latin hypercube"),
        pytest.param({"design": {"kind": "saltelli", "n": 2**19}}, TOO_MANY, id="saltelli"),
        pytest.param({"design": {"kind": "morris", "n": 10**5}}, TOO_MANY, id="morris"),
        pytest.param({"design": {"kind": "adaptive", "n": 10**5}}, TOO_MANY, id="adaptive"),
        pytest.param(
            {"design": {"kind": "composed", "parts": [{"kind": "sobol", "n": 4000}] * 3}},
            TOO_MANY,
            id="parts",
        ),
        pytest.param(
            {"design": {"kind": "grid", "points": 2}, "space": [LR, *SWITCHES]}, TOO_MANY, id="2^50 switches"
        ),
        pytest.param(
            {"space": [LR, *CHAIN]}, "unknown hyperparameter of adam", id="conditions that meet again"
        ),
        pytest.param({"seeds": 10**9}, "seeds must be at most 1,000, got 1,000,000,000", id="seeds"),
        pytest.param(
            {"seeds": list(range(2000))}, "seeds must be at most 1,000, got 2,000", id="a list of seeds"
        ),
        pytest.param(
            {"seeds": 1000, "design": {"kind": "sobol", "n": 11}}, f"11,000 {TOO_MANY}", id="seeds x design"
        ),
        pytest.param({"epochs": 10**6}, "epochs must be at most 10,000, got 1,000,000", id="epochs"),
        pytest.param({"batch_size": 10**9}, "batch_size must be at most 65,536", id="a batch"),
        pytest.param({"cohort_size": 10**9}, "cohort_size must be at most 1,024", id="a cohort"),
        pytest.param(
            {"tasks": [f"mlp/{k}" for k in range(101)]}, "tasks must be at most 100, got 101", id="tasks"
        ),
        pytest.param(
            {"variants": ["adam"] * 1001}, "variants must be at most 1,000, got 1,001", id="variants"
        ),
        pytest.param(
            {"space": [LR] * 65}, "must be a list of at most 64 hyperparameters, got 65", id="hyperparameters"
        ),
        pytest.param(
            {"space": [{**LR, "when": {"lr": list(range(101))}}]},
            "at most 100 values, got 101",
            id="values of a condition",
        ),
        pytest.param(
            {"space": [LR, {"name": "batch_size", "type": "integer", "low": 1, "high": 2**40}]},
            "batch_size in the space of adam must be at most 65,536",
            id="a batch in the space",
        ),
        pytest.param(
            {"space": [LR, {**WIDTH, "high": 2**40}]},
            "width in the space of adam must be at most 10,000",
            id="a width",
        ),
        pytest.param(
            {"space": [LR, WIDTH, DEPTH]},
            "a model of mlp/digits must have at most 20,000,000 parameters, got",
            id="a model",
        ),
        pytest.param(
            {"space": [{**LR, "name": "width", "low": 10**400}]},
            "within +-2**63, got a number of 401 digits",
            id="a number",
        ),
    ],
)
def test_what_is_too_large_is_refused_at_once(fields: dict[str, Any], message: str) -> None:
    assert asked().name == "small"
    begun = time.thread_time()
    with pytest.raises(InputError, match=re.escape(message)):
        asked(**fields)
    assert time.thread_time() - begun < AT_ONCE
