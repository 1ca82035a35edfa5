"""Several processes at one store: none is refused, and each epoch is there once."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

from sensitivity.store.store import Store

ROOT = pathlib.Path(__file__).parents[2]
TRIALS, EPOCHS, STUDIES = 20, 10, 8
WRITER = f"""
import sys
from sensitivity.store.store import Store
from tests.contracts import report, trial

place, study = sys.argv[1:]
store = Store(place)  # the first of them makes the tables
shared = [trial(lr) for lr in range({TRIALS})]
with store.optuna_storage():  # which has tables of its own
    pass
store.add_study(study, "{{}}", [*shared, trial(0.5, seed=int(study))])
for number in range(1, {EPOCHS} + 1):
    for one in shared[::1 if int(study) % 2 else -1]:  # two orders, which could wait for each other
        store.record(one.key, initial_loss=1.0, reports=[report(number, "completed" if number == {EPOCHS} else "running")])
    store.keep([{{**report(number), "key": one.key, "initial_loss": 1.0}} for one in reversed(shared)])
store.close()
"""
READER = f"""
import sys
from sensitivity.store.store import Store

store = Store(sys.argv[1], create=False)
before, rounds = -1, 0
while before < {TRIALS * EPOCHS}:
    now = len(store.epochs())
    assert now >= before
    before, rounds = now, rounds + 1
    for each in store.studies():
        assert len(store.trials(each["name"])) == each["trials"] == {TRIALS + 1}, each
store.close()
"""


@pytest.mark.slow
def test_eight_studies_write_the_same_trials_while_others_read(place: str, tmp_path: pathlib.Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    (tmp_path / "writer.py").write_text(WRITER)
    (tmp_path / "reader.py").write_text(READER)

    def start(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *arguments], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
        )

    writers = [start("writer.py", place, str(study)) for study in range(STUDIES)]
    store = Store(place)
    readers = [start("reader.py", place) for _ in range(2)]
    for each in [*writers, *readers]:
        _, errors = each.communicate(timeout=240)
        assert each.returncode == 0, errors
    epochs = store.epochs()
    assert len(epochs) == TRIALS * EPOCHS
    assert not epochs.duplicated(["key", "epoch"]).any()
    assert [each["trials"] for each in store.studies()] == [TRIALS + 1] * STUDIES
    assert list(store.statuses("3").values()) == ["completed"] * TRIALS + ["pending"]
    store.close()
