"""The searcher of an adaptive study: Optuna proposes configurations, the store has the outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_spaces.adaptive import Adaptive
from search_spaces.designs import AdaptiveDesign
from sensitivity.store.delivery import Delivery, optuna_storage

if TYPE_CHECKING:
    from sensitivity.running.assignments import Assignments
    from sensitivity.store.store import Store
    from sensitivity.study.study import Study


def adaptive_searcher(study: Study, store: Store, assignments: Assignments, delivery: Delivery) -> Adaptive:
    """Return the searcher of an adaptive study, which continues from the state of Optuna's storage.

    Args:
        study: the specification.
        store: has Optuna's storage too.
        assignments: the trials of configurations, and their outcomes.
        delivery: retries calls while the store is unreachable.
    """
    design = study.resolved.design(study.variants[0])
    assert isinstance(design, AdaptiveDesign)
    return Adaptive(
        {label: study.space(variant) for label, (_, variant) in assignments.labels().items()},
        n=design.n,
        sampler=design.sampler,
        seed=design.seed,
        cohort_size=1 if assignments.stops_early else assignments.largest or 1,
        cohort=delivery.with_retry(assignments.chosen),
        members=lambda label, configuration: [
            trial.key for trial in assignments.members(label, configuration)
        ],
        known=delivery.with_retry(assignments.known),
        outcome=assignments.outcome,
        storage=optuna_storage(store, delivery),
    )
