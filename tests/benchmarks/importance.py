"""Time of importances: our functional ANOVA against Optuna's, on the same trials and the same forest.

Run: ``python -m tests.benchmarks.importance``. Both are timed in one run, in seconds of processor, since
neither uses more than one core and a busy machine then slows neither. It prints the times, how far main
effects differ (they are the same number), and exits with 1 when ours is not 100 times faster at 1,000 trials
of 4 hyperparameters, or all pairs of 6 hyperparameters at 2,000 trials take 5 seconds.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable

import optuna
import sklearn

from search_spaces.designs import Random
from sensitivity.measures import variance_shares
from sensitivity.measures.forest import fitted, forget
from sensitivity.measures.losses import losses
from sensitivity.results.results import Results
from tests.sensitivity.measures.known import known_results, study_of
from trainables.known_answers import SobolG

FASTER, SECONDS = 100, 5.0
TURNS = 3
SEED = 0


def seconds(call: Callable[[], object]) -> tuple[float, object]:
    forget()
    began = time.process_time()
    given = call()
    return time.process_time() - began, given


def ours(results: Results) -> dict[str, float]:
    table = variance_shares(results, pairs=False, totals=False, corrected=False, seed=SEED)
    return dict(table[table["order"] == "main"].set_index("effect")["value"])


def theirs(study: optuna.Study) -> dict[str, float]:
    return optuna.importance.FanovaImportanceEvaluator(seed=SEED).evaluate(study)


def main() -> int:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    versions = f"optuna {optuna.__version__}, scikit-learn {sklearn.__version__}"
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {versions}")
    results = known_results(SobolG((0.0, 1.0, 4.5, 9.0)), Random(1000, seed=0))
    study = study_of(results)
    their_time, their_shares = seconds(lambda: theirs(study))
    turns = [seconds(lambda: ours(results)) for _ in range(TURNS)]
    our_time, our_shares = statistics.median(turn for turn, _ in turns), turns[0][1]
    assert isinstance(their_shares, dict)
    assert isinstance(our_shares, dict)
    apart = max(abs(our_shares[name] - share) for name, share in their_shares.items())
    print(
        f"main effects, 1,000 trials x 4: optuna {their_time:.1f} s, ours {our_time:.3f} s, "
        f"{their_time / our_time:.0f} times faster"
    )
    group = losses(results, "function/known", "direct")
    print(
        f"  of ours the forest itself is {seconds(lambda: fitted(group.units, group.mean))[0]:.3f} s; shares "
        f"differ by at most {apart:.1e}"
    )
    more = known_results(SobolG((0.0, 0.5, 1.0, 2.0, 4.0, 9.0)), Random(2000, seed=0))
    pair_time, _ = seconds(lambda: variance_shares(more, totals=False))
    plain_time, _ = seconds(lambda: variance_shares(more, totals=False, corrected=False))
    all_time, _ = seconds(lambda: variance_shares(more))
    print(
        f"all pairs, 2,000 trials x 6: {pair_time:.2f} s (the forest's own {plain_time:.2f} s); with total "
        f"effects {all_time:.2f} s"
    )
    slow = []
    if their_time < FASTER * our_time:
        slow.append(f"main effects are not {FASTER} times faster")
    if max(pair_time, plain_time) >= SECONDS:
        slow.append(f"pairs take {SECONDS} s or more")
    if apart > 1e-6:
        slow.append("main effects differ from Optuna's")
    print("; ".join(slow) or "as it should be")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
