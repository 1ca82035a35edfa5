"""The service held to its own OpenAPI document by Schemathesis, with requests that nobody would write.

``python -m tests.benchmarks.schemathesis_cases [CASES]`` starts a service whose studies end at once (nothing
is trained), sends it about so many requests, valid and invalid, and prints how many were answered with what.
No answer may be a 5xx, and each must be as the document says: its status, its media type, its schema.
"""

from __future__ import annotations

import itertools
import json
import pathlib
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from typing import Any

from sensitivity.service.exit_codes import ENDED
from sensitivity.service.settings import Settings
from tests.sensitivity.dashboard.stored import finish, plan
from tests.sensitivity.service.served import SPEC, served

CASES = 2_000
TOO_LONG = 60.0
"""Seconds, after which an answer is no answer."""


def ended(folder: pathlib.Path, settings: Settings, lock: int) -> None:
    """A study that ends when it begins."""
    (folder / ENDED).write_text(json.dumps({"code": 0}))


def ask(cases: int) -> Counter[tuple[str, int]]:
    """Send requests to every operation; how many were answered with what. Raises: what the checks of
    Schemathesis find."""
    import schemathesis
    from schemathesis.generation import GenerationMode

    answers: Counter[tuple[str, int]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder) / "results.sqlite"
        store, trials = plan(place)
        finish(store, trials)
        store.close()
        there = {"name": "watched", "key": trials[0].key, "measure": "excess_loss", "figure": "lr_curves"}
        with served(Settings(str(place), pathlib.Path(folder) / "service", max_trials=100), ended) as client:
            schema = schemathesis.openapi.from_url(str(client.base_url.join("/openapi.json")))
            operations = [each.ok() for each in schema.get_all_operations()]
            kinds = [
                (mode, known)
                for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
                for known in ({}, there)
            ]
            for operation in operations:
                for mode, known in kinds:
                    _try(operation, mode, known, max(1, cases // (len(kinds) * len(operations))), answers)
    return answers


def _try(
    operation: Any, mode: Any, known: dict[str, str], cases: int, answers: Counter[tuple[str, int]]
) -> None:
    """Send requests to one operation.

    Args: mode: whether they keep to the document. known: parts of the path that are there; a study is then
            given with what it needs, in turns with and without values of its own for that.
    """
    from hypothesis import HealthCheck, Phase, given, seed, settings
    from hypothesis.errors import Unsatisfiable
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    checks = [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_schema_conformance,
    ]
    turns = itertools.count()
    phases, healthy = [Phase.explicit, Phase.generate], list(HealthCheck)

    @seed(0)
    @settings(max_examples=cases, database=None, deadline=None, phases=phases, suppress_health_check=healthy)
    @given(case=operation.as_strategy(generation_mode=mode))
    def sent(case: Any) -> None:
        case.path_parameters.update({name: known[name] for name in case.path_parameters if name in known})
        if known and isinstance(case.body, dict):
            case.body = {**case.body, **SPEC} if next(turns) % 2 == 0 else {**SPEC, **case.body}
        answer = case.call(timeout=TOO_LONG)
        answers[case.operation.label, answer.status_code] += 1
        case.validate_response(answer, checks=checks)

    with suppress(Unsatisfiable):  # what takes no argument cannot be asked wrongly
        sent()


def main() -> None:
    answers = ask(int(sys.argv[1]) if len(sys.argv) > 1 else CASES)
    for (operation, status), count in sorted(answers.items()):
        print(f"{operation:<58} {status} {count:>6}")
    print(
        f"{answers.total():,} requests, {sum(n for (_, status), n in answers.items() if status >= 500)} "
        "answered with 5xx"
    )


if __name__ == "__main__":
    main()
