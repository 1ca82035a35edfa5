"""Count the numbers of trials that depend on their cohort: on a CPU none, for each task and each kind of
update, in cohorts of 1 to 32.

    python -m tests.benchmarks.cohort_bits

A member's reports of all epochs and its parameters in the end are compared bit by bit with those of a cohort
of the member alone.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import torch

from tests.trainables.bit_trials import EPOCHS, STACKED, VARIANTS, Trials, differing, of_variant, parts

MEMBERS = 32
PRECISIONS = ("float32", "tf32", "bf16")


def cases() -> Iterator[tuple[str, Trials]]:
    """Yield titles and trials."""
    for name in STACKED:
        for precision in PRECISIONS:
            yield (
                f"{name}, {precision}",
                Trials(name, "adam", {"mu": [0.9, 0.5], "nu": [0.999]}, precision=precision),
            )
    for width in (1, 2, 7, 24):
        yield (
            f"mlp/digits, {width} units",
            Trials("mlp/digits", "nadam", {"width": [width], "lr_schedule": ["cosine", "step"]}),
        )
    for kind in VARIANTS:
        yield kind, of_variant(kind)
    yield "autoencoder/digits", Trials("autoencoder/digits", "nadam", {"width": [0.1]})
    yield "resnet/digits", Trials("resnet/digits", "nadam", {"width": [0.1], "depth": [1]})
    small = {"width": [8], "depth": [1], "heads": [2]}
    yield "gpt/text", Trials("gpt/text", "nadam", {**small, "context": [16]})
    yield "vit/digits", Trials("vit/digits", "nadam", {**small, "patch": [7]})


def compare(trials: Trials, members: int) -> tuple[int, int, int]:
    """Train members in cohorts of every size, and from checkpoints in others. Returns: cohorts, rows
    compared, rows that differ."""
    reference = trials.alone(range(members))
    cohorts = rows = different = 0
    for size in range(2, members + 1):
        for part in parts(size, members):
            together = trials.together(part)
            cohorts, rows = cohorts + 1, rows + sum(len(texts) + 1 for texts, _ in together.values())
            different += differing(together, reference)
    lasting = [k for k, (texts, _) in reference.items() if len(texts) == 1 + EPOCHS]
    for size in (1, 2, 3, 5, len(lasting)):
        split = [lasting[start : start + size][::-1] for start in range(0, len(lasting), size)]
        continued = trials.continued(lasting, split)
        cohorts, rows = cohorts + len(split), rows + sum(len(texts) + 1 for texts, _ in continued.values())
        different += differing(continued, reference)
    return cohorts, rows, different


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--members", type=int, default=MEMBERS)
    members = parser.parse_args().members
    torch.set_num_threads(1)
    print(
        "| trials | cohorts | rows compared | rows that differ | seconds |\n| --- | --- | --- | --- | --- |"
    )
    total = 0
    for title, trials in cases():
        began = time.perf_counter()
        cohorts, rows, different = compare(trials, members)
        total += different
        print(
            f"| {title} | {cohorts} | {rows} | {different} | {time.perf_counter() - began:.0f} |", flush=True
        )
    if total:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
