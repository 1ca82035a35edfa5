"""The awkward catalogue: spaces that every design, conversion and search has to meet."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st

from search_spaces import Categorical, Float, Integer, Ordinal, SearchSpace

INF = math.inf
RULE = Categorical("rule", ("sgd", "cm", "adam"), "cm")

SPACES: dict[str, SearchSpace] = {
    "nothing": SearchSpace(),
    "single value": SearchSpace(Float("lr", 0.1, 0.1, "log")),
    "two single values": SearchSpace(Float("mu", 0.9, 0.9, "log1m"), Float("x", -1, -1)),
    "one of each": SearchSpace(
        Integer("n", 3, 3), Integer("m", 3, 3, "log"), Ordinal("p", (2,)), Categorical("c", ("a",))
    ),
    "one integer": SearchSpace(Integer("n", 1, 4, "log")),
    "log across 12 decades": SearchSpace(Float("lr", 1e-9, 1e3, "log")),
    "log1m to many nines": SearchSpace(
        Float("nu", 0, 1 - 1e-6, "log1m"), Float("mu", 0.99, 1 - 1e-12, "log1m")
    ),
    "unicode names": SearchSpace(
        Float("größe", -1, 1), Ordinal("α", ("klein", "groß")), Float("ε", 1e-10, 1e-2, "log")
    ),
    "inf among levels": SearchSpace(Ordinal("p", (-INF, 1, 2, INF), 2), Float("lr", 1e-4, 1, "log")),
    "True beside 1": SearchSpace(Categorical("c", (True, 1, 0, False, 0.5, "one"))),
    "steps": SearchSpace(
        Float("dropout", 0, 0.5, step=0.1), Integer("width", 16, 64, step=16), Float("x", -0.3, 0.3, step=0.3)
    ),
    "a step that is a single value": SearchSpace(Float("x", 0.1, 0.1, step=0.1), Integer("n", 2, 2, step=5)),
    "every scale": SearchSpace(
        Float("lr", 1e-4, 1, "log"),
        Float("mu", 0.5, 0.99, "log1m", 0.9),
        Float("x", -1, 1),
        Integer("batch", 16, 512, "log", 64),
        Integer("depth", 1, 4),
        Ordinal("p", (1, 2, INF)),
        Categorical("rule", ("cm", "nag", True)),
    ),
    "0 beside a log scale": SearchSpace(
        Float("lr", 1e-4, 1, "log"),
        Float("weight_decay", 1e-5, 0.1, "log", 0, zero=0.25),
        Float("l1", 1e-5, 0.1, "log", zero=0.5),
    ),
    "one condition": SearchSpace(RULE, Float("mu", 0.5, 0.99, "log1m", 0.9, when={"rule": ("cm", "adam")})),
    "nested conditions": SearchSpace(
        RULE,
        Float("lr", 1e-4, 1, "log"),
        Float("mu", 0.5, 0.99, "log1m", 0.9, when={"rule": ("cm", "adam")}),
        Ordinal("p", (1, 2, INF), 2, when={"rule": "adam"}),
        Float("nu", 0.9, 0.999, "log1m", when={"p": (1, 2)}),
        Float("epsilon", 1e-8, 1e-2, "log", when={"p": INF, "rule": "adam"}),
    ),
    "ten conditions deep": SearchSpace(
        Categorical("c0", (False, True)),
        *(Categorical(f"c{i}", (False, True), when={f"c{i - 1}": True}) for i in range(1, 11)),
    ),
    "conditions on everything discrete": SearchSpace(
        Integer("depth", 1, 3),
        Ordinal("p", (1, 2, INF)),
        Float("dropout", 0, 0.2, step=0.1),
        Integer("second", 8, 32, "log", when={"depth": (2, 3)}),
        Integer("third", 8, 32, step=8, when={"depth": 3, "p": INF}),
        Float("scale", 0.5, 2, when={"dropout": (0.1, 0.2), "second": tuple(range(8, 33))}),
    ),
    "a condition that always holds": SearchSpace(
        RULE, Float("x", 0, 1, when={"rule": ("sgd", "cm", "adam")})
    ),
    "a condition on a single value": SearchSpace(Categorical("c", ("a",)), Float("x", 0, 1, when={"c": "a"})),
}
"""By what makes them awkward."""

PARAMS = [pytest.param(space, id=name) for name, space in SPACES.items()]
"""For ``pytest.mark.parametrize``."""


@st.composite
def hyperparameters(draw: Callable[..., Any], name: str = "x") -> Any:
    """A hyperparameter of any type and scale, without conditions."""
    kind = draw(
        st.sampled_from(
            [
                "linear",
                "log",
                "0 or log",
                "log1m",
                "steps",
                "integer",
                "log integer",
                "integer steps",
                "ordinal",
                "categorical",
            ]
        )
    )
    if kind in ("linear", "log", "log1m"):
        bound = {
            "linear": st.floats(-1e6, 1e6),
            "log": st.floats(1e-6, 1e6),
            "log1m": st.floats(-10, 1 - 1e-6),
        }[kind]
        low, high = sorted([draw(bound), draw(bound)])
        return Float(name, low, high, kind)
    if kind == "0 or log":
        low, ratio = draw(st.floats(1e-6, 1e3)), draw(st.floats(1.1, 1e6))
        return Float(name, low, low * ratio, "log", zero=draw(st.floats(0.01, 0.9)))
    if kind == "steps":
        step, low, count = draw(st.integers(1, 50)), draw(st.integers(-100, 100)), draw(st.integers(0, 20))
        return Float(name, low / 10, (low + step * count) / 10, step=step / 10)
    if kind == "integer steps":
        step, low, count = draw(st.integers(1, 50)), draw(st.integers(-100, 100)), draw(st.integers(0, 20))
        return Integer(name, low, low + step * count, step=step)
    if kind in ("integer", "log integer"):
        low = draw(st.integers(1 if kind == "log integer" else -50, 50))
        return Integer(
            name, low, low + draw(st.integers(0, 100)), "log" if kind == "log integer" else "linear"
        )
    if kind == "ordinal":
        return Ordinal(
            name,
            tuple(draw(st.lists(st.sampled_from([-INF, -1.5, 0, 1, 2, 64, INF]), min_size=1, unique=True))),
        )
    return Categorical(
        name,
        tuple(draw(st.lists(st.sampled_from(["a", "b", "ü", True, False, 2, 0.5]), min_size=1, unique=True))),
    )


@st.composite
def spaces(draw: Callable[..., Any], most: int = 5, conditional: bool = True) -> SearchSpace:
    """A space of up to ``most`` hyperparameters, each on conditions that can hold, nested as they come."""
    from search_spaces.activity import requirements
    from trainables.names import InputError

    made: list[Any] = []
    for i in range(draw(st.integers(0, most))):
        each = draw(hyperparameters(f"h{i}"))
        parents = [parent for parent in made if parent.cardinality is not None and parent.cardinality <= 200]
        if conditional and parents and draw(st.booleans()):
            when = {}
            for parent in draw(
                st.lists(
                    st.sampled_from(parents), min_size=1, max_size=2, unique_by=lambda parent: parent.name
                )
            ):
                values = parent.grid(max(2, parent.cardinality))
                when[parent.name] = tuple(draw(st.lists(st.sampled_from(values), min_size=1, unique=True)))
            held = type(each)(**{**_fields(each), "when": when})
            try:
                requirements(held.name, {known.name: known for known in (*made, held)})
                each = held
            except InputError:
                pass  # conditions that exclude each other
        made.append(each)
    return SearchSpace(*made)


def _fields(each: Any) -> dict[str, Any]:
    import dataclasses

    return {field.name: getattr(each, field.name) for field in dataclasses.fields(each)}
