"""Studies in a store without training: the loss is a bowl in lr, and what is at lr 1 diverges."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Sequence
from typing import Any

from search_spaces.designs import Grid
from search_spaces.spaces import SearchSpace
from sensitivity.store.store import Store
from sensitivity.study.trial import Trial, trial_key
from tests.sensitivity.tables import SPACE, bowl

EPOCHS = 3
INITIAL = 1.0
HOSTILE = (
    "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script> & 'x' <a "
    "href='https://example.com'>a</a> ![](https://example.com/x.png) %{x}"
)


def plan(
    place: pathlib.Path,
    name: str = "watched",
    variants: Sequence[str] = ("adam", "cm"),
    task: str = "autoencoder/digits",
    space: SearchSpace = SPACE,
    seeds: Sequence[int] = (0, 1),
    points: dict[str, int] | None = None,
) -> tuple[Store, list[Trial]]:
    """A store with a study whose trials have yet to be trained."""
    points = points or {"lr": 4, "mu": 3}
    spec: dict[str, Any] = {
        "name": name,
        "tasks": [task],
        "variants": list(variants),
        "seeds": list(seeds),
        "epochs": EPOCHS,
    }
    spec |= {"design": {"kind": "grid", "points": points}, "spaces": dict.fromkeys(variants, space.to_dict())}
    trials = [
        Trial(
            trial_key(task, variant, chosen, seed, EPOCHS, 64, "float32"),
            task,
            variant,
            chosen,
            seed,
            EPOCHS,
            64,
            "float32",
            task,
        )
        for chosen in Grid(points).configurations(space)
        for variant in variants
        for seed in seeds
    ]
    store = Store(place)
    store.add_study(name, json.dumps(spec), trials)
    return store, trials


def finish(store: Store, trials: Sequence[Trial], *, fail: Sequence[str] = ()) -> None:
    """The trials end, those named with an error."""
    for trial in trials:
        if trial.key in fail:
            store.fail(trial.key, f"RuntimeError: out of memory {HOSTILE}")
            continue
        last = (
            bowl(trial.configuration, trial.seed)
            + 0.01 * trial.seed
            + (0.05 if trial.variant == "cm" else 0.0)
        )
        last += 0.1 * float(trial.configuration.get("mu", 0.0))
        diverged = float(trial.configuration["lr"]) >= 1.0
        reports = []
        for epoch in range(1, EPOCHS + 1):
            loss = INITIAL + (last - INITIAL) * epoch / EPOCHS
            ended = epoch == EPOCHS
            value = float("nan") if diverged and ended else loss
            losses = {"train_loss_end": value, "train_loss": value * 1.1, "test_loss": value * 1.2}
            status = ("diverged" if diverged else "completed") if ended else "running"
            reports.append({"epoch": epoch, **losses, "seconds": 0.5, "status": status})
        store.record(trial.key, initial_loss=INITIAL, reports=reports)


def trial_keys(place: pathlib.Path, name: str) -> list[str]:
    """The keys of the trials of a study, in their order."""
    store = Store(place)
    found = [str(key) for key in store.trials(name)["key"]]
    store.close()
    return found
