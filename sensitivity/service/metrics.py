"""The metrics of the service for Prometheus."""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from sensitivity.service.degraded import Degraded

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from sensitivity.service.models import StudySummary

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OTHER = "dashboard"
"""The route of what is not of the API."""


class _Studies(Collector):
    def __init__(self, look: Callable[[], dict[str, StudySummary]], degraded: Degraded) -> None:
        self._look, self._degraded = look, degraded

    def collect(self) -> Iterator[Any]:
        """Studies by state and trials by status, read when Prometheus asks."""
        studies: list[StudySummary] = []
        with self._degraded.isolated("metrics of studies"):
            studies = list(self._look().values())
        faults = GaugeMetricFamily(
            "sensitivity_degraded_parts", "Parts of the service that do not work; /readyz names them."
        )
        faults.add_metric([], len(self._degraded.faults()))
        yield faults
        yield _family(
            "sensitivity_studies", "Studies by state.", "state", Tally(study.state for study in studies)
        )
        trials: Tally[str] = Tally()
        for study in studies:
            trials.update(study.counts.model_dump())
        yield _family("sensitivity_trials", "Trials by status, in each of their studies.", "status", trials)


class Metrics:
    """The metrics of one service.

    Args:
        look: the studies by name.
        degraded: the parts that do not work.
    """

    def __init__(self, look: Callable[[], dict[str, StudySummary]], degraded: Degraded) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.registry.register(_Studies(look, degraded))
        self._requests = Counter(
            "sensitivity_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "sensitivity_request_seconds",
            "Until an answer begins.",
            ("route",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._open = Gauge(
            "sensitivity_requests_open", "Requests that are being answered.", registry=self.registry
        )

    def text(self) -> bytes:
        """Return all metrics, as Prometheus reads them."""
        return generate_latest(self.registry)

    def counting(self, app: ASGIApp) -> ASGIApp:
        """Return an application whose requests are counted and timed by route."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            began, status = time.perf_counter(), 500

            async def noting(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                    self._seconds.labels(_route(scope)).observe(time.perf_counter() - began)
                await send(message)

            with self._open.track_inprogress():
                try:
                    await app(scope, receive, noting)
                finally:
                    method = scope["method"] if scope["method"] in METHODS else "OTHER"
                    self._requests.labels(method, _route(scope), str(status)).inc()

        return counted


def _route(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", OTHER))


def _family(name: str, words: str, label: str, counts: Tally[str]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=[label])
    for value, number in sorted(counts.items()):
        family.add_metric([value], number)
    return family
