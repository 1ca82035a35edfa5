"""Sentences on a table that is read: each is there where it is so, and is not there where it is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from sensitivity import from_table
from sensitivity.measures import caveats

SIZE = 12
RATES = np.geomspace(1e-4, 1e-1, SIZE)


def frame(**columns: Any) -> pd.DataFrame:
    """Return a table of twelve trials with columns beside lr and loss; None takes one of them away."""
    every = {"lr": RATES, "loss": np.linspace(0.5, 0.2, SIZE) ** 2, **columns}
    return pd.DataFrame({name: values for name, values in every.items() if values is not None})


def cells(values: dict[int, Any], default: Any = "done") -> list[Any]:
    return [values.get(row, default) for row in range(SIZE)]


def said(table: pd.DataFrame, **named: Any) -> str:
    results = from_table(table, **named)
    return " ".join([*results.notes, *caveats(results)["text"]])


def losses(values: dict[int, Any]) -> list[Any]:
    return [values.get(row, 0.1 + row / 10) for row in range(SIZE)]


TAKEN = "Taken for hyperparameters, as none were named: lr (--hyperparameter, once for each, names others)."
UNSAID = frame(state=cells({}), loss=["" if row == 3 else 0.1 + row / 10 for row in range(SIZE)])
"""An empty cell of a file, for which no status accounts."""
FAILED = {"state": cells({3: "crashed"}), "loss": losses({3: None})}
CASES: list[tuple[str, str, tuple[pd.DataFrame, dict[str, Any]], tuple[pd.DataFrame, dict[str, Any]]]] = [
    ("hyperparameters", TAKEN, (frame(), {}), (frame(), {"hyperparameters": ["lr"]})),
    ("a prefix", "named: lr (params.lr) (--hyperparameter", (frame(lr=None, **{"params.lr": RATES}), {}), (frame(), {})),
    ("columns of roles", "Taken by the names of their columns: variant Optimizer (--variant names others).",
     (frame(Optimizer=["adam", "sgd"] * 6), {}), (frame(Optimizer=["adam", "sgd"] * 6), {"variant": "Optimizer"})),
    ("two columns of roles", "variant Optimizer and task Dataset (--variant and --task name others).",
     (frame(Optimizer=["a", "b"] * 6, Dataset=["x", "x", "y", "y"] * 3), {}), (frame(Optimizer=["a", "b"] * 6), {})),
    ("seconds, which no option names", "Taken by the names of their columns: seconds Runtime.", (frame(Runtime=range(SIZE)), {}),
     (frame(), {})),
    ("left out", "Left out of the hyperparameters: identifiers (run_id). --hyperparameter takes a column back",
     (frame(run_id=[f"r{row}" for row in range(SIZE)]), {}), (frame(width=[8, 16, 32] * 4), {})),
    ("remarks", "tags (Remarks)", (frame(Remarks=cells({3: "blew up"}, None)), {}), (frame(), {})),
    ("the direction", "Lower loss is better, by its name (--direction max if not).", (frame(), {}), (frame(), {"direction": "min"})),
    ("the other direction", "Higher acc is better, by its name (--direction min if not).",
     (frame(loss=None, acc=losses({})), {}), (frame(), {})),
    ("budgets", "Budgets, in column budget, count as epochs 1 to 3: 11.1, 33.3, 100. A trial is whole at "
"the largest.",
     (frame(lr=np.repeat(RATES[:4], 3), budget=[11.1, 33.3, 100.0] * 4), {}), (frame(lr=np.repeat(RATES[:4], 3), epoch=[1, 2, 3] * 4), {})),
    ("equal repetitions", "Repetitions of one configuration have the same loss to the last digit (2 rows); "
"they count as seeds.",
     (frame(lr=[*RATES[:11], RATES[10]], loss=losses({10: 0.3, 11: 0.3})), {}),
     (frame(lr=[*RATES[:11], RATES[10]]), {})),
    ("more equal repetitions", "Repetitions of 2 configurations have the same loss",
     (frame(lr=[*RATES[:10], *RATES[8:10]], loss=[*range(10), 8, 9]), {}), (frame(), {})),
    ("repetitions without a seed", "No seed was named: a configuration that comes again counts as another "
"seed.",
     (frame(lr=[*RATES[:11], RATES[10]]), {}), (frame(lr=[*RATES[:11], RATES[10]], seed=[0] * 11 + [1]), {})),
    ("ended without a result", "No loss in 1 of 12 trials that ended by their status: they count as failed "
"(--empty diverged if they",
     (UNSAID, {}), (frame(**FAILED), {})),
    ("diverged without a cap", "Diverged, having no finite loss: 1 of 12 trials, which count as the worst "
"finite result of their task",
     (frame(loss=losses({3: float("inf")})), {}), (frame(loss=losses({3: float("inf")})), {"initial_loss": 5.0})),
    ("all diverged", "Diverged, having no finite loss: 12 of 12 trials; no trial of table has a finite loss.",
     (frame(loss=[float("nan")] * SIZE), {}), (frame(loss=losses({3: float("inf")})), {})),
    ("one of two tasks diverged", "as no initial loss was given; no trial of b has a finite loss.",
     (frame(task=["a", "b"] * 6, loss=[0.1, float("nan"), float("nan"), float("nan")] * 3), {}),
     (frame(task=["a", "b"] * 6, loss=[0.1, 0.2, float("nan"), float("nan")] * 3), {})),
    ("a hole", "Left out, having no wd while no other hyperparameter tells why: 1 of 12 trials; if they had "
"one, give it (defaults=,",
     (frame(wd=[None, *RATES[:0:-1]]), {}), (frame(wd=[None, *RATES[:0:-1]]), {"defaults": {"wd": 0.0}})),
    ("a hole of what failed", "having no wd", (frame(wd=[None, *RATES[:0:-1]]), {}),
     (frame(wd=[None, *RATES[:0:-1]], state=cells({0: "failed"}), loss=losses({0: None})), {})),
    ("a condition", "Conditions were inferred from which values are there: mu when opt is 'sgd'.",
     (frame(opt=["sgd", "adam"] * 6, mu=[0.5, None, 0.9, None] * 3), {"variant": None, "hyperparameters": ["lr", "opt", "mu"]}),
     (frame(opt=["sgd", "adam"] * 6), {"hyperparameters": ["lr", "opt"]})),
    ("scales", "Scales and ranges were inferred from the values: lr log 0.0001 to 0.1.", (frame(), {}),
     (frame(), {"scales": {"lr": "log"}})),
    ("the learning rate", "eta0 is the learning rate, and is called lr from here on (--rename eta0=eta0 "
"keeps its name).",
     (frame(lr=None, eta0=RATES), {}), (frame(lr=None, eta0=RATES), {"rename": {"eta0": "eta0"}})),
    ("a variant without a result", "Left out: variant 'sgd', of whose 2 trials none ended with a result.",
     (frame(variant=["adam"] * 10 + ["sgd"] * 2, state=cells({10: "failed", 11: "failed"}), loss=losses({10: None, 11: None})).assign(
         lr=[*RATES[:10], None, None]), {}),
     (frame(variant=["adam"] * 10 + ["sgd"] * 2), {})),
    ("a running trial without a variant", "Left out, having no variant: 2 of 12 rows (running and pending).",
     (frame(variant=["adam"] * 10 + [None] * 2, state=cells({10: "running", 11: "waiting"}), loss=losses({10: None, 11: None})), {}),
     (frame(variant=["adam"] * 12, state=cells({10: "running", 11: "waiting"}), loss=losses({10: None, 11: None})), {})),
    ("one failed", "1 of 12 trials failed and is left out.", (frame(**FAILED), {}), (frame(), {})),
    ("one stopped", "1 of 12 trials was stopped early and is left out: it has no result at the full budget.",
     (frame(state=cells({3: "killed"}), loss=losses({3: None})), {}), (frame(**FAILED), {})),
    ("one unfinished", "1 of 12 trials has not finished.", (frame(state=cells({3: "running"}), loss=losses({3: None})), {}),
     (frame(**FAILED), {})),
    ("where reasons are", "; trials.csv says why", (UNSAID, {}), (frame(**FAILED), {})),
]  # fmt: skip


@pytest.mark.parametrize(("words", "true", "false"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_a_sentence_is_said_where_it_is_so_and_only_there(
    words: str, true: tuple[pd.DataFrame, dict[str, Any]], false: tuple[pd.DataFrame, dict[str, Any]]
) -> None:
    assert words in said(true[0], **true[1])
    assert words not in said(false[0], **false[1])


def test_a_hole_is_counted_among_all_trials() -> None:
    table = frame(wd=[None, None, *RATES[:1:-1]], state=cells({0: "failed"}), loss=losses({0: None}))
    assert "Left out, having no wd while no other hyperparameter tells why: 1 of 12 trials; " in said(table)


def test_many_columns_are_counted() -> None:
    results = from_table(
        frame(**{f"width_{column}": np.random.default_rng(column).permutation(SIZE) for column in range(20)})
    )
    assert "width_9 and 10 more (--hyperparameter, once for each" in results.notes[0]
    assert " more (" not in from_table(frame()).notes[0]


def test_reasons_of_some_are_counted() -> None:
    table = frame(
        state=cells({3: "crashed"}), loss=["" if row in (3, 5) else 0.1 + row / 10 for row in range(SIZE)]
    )
    assert "2 of 12 trials failed and are left out; trials.csv says why of 1." in said(table)
