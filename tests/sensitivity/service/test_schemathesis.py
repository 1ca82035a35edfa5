"""A few of the requests of :mod:`tests.benchmarks.schemathesis_cases`: the service does what its OpenAPI
document says."""

from __future__ import annotations

import pytest

from tests.benchmarks.schemathesis_cases import ask


@pytest.mark.slow
def test_the_service_is_as_its_document_says() -> None:
    answers = ask(300)
    assert answers.total() >= 100
    assert {status for _, status in answers} >= {200, 201, 404, 422}
