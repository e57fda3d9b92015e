"""How busy is the server? /metrics in the text form of Prometheus, under the names of the real API server.

Counting one request costs two look-ups in dicts; what Prometheus wants is made of them when somebody asks.

https://kubernetes.io/docs/reference/instrumentation/metrics/
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fakekube.server.health import CHECKS, Health
from fakekube.server.responses import Response

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

BUCKETS_S = (0.005, 0.025, 0.1, 0.5, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 60.0)

_TEXT_FORMAT = b"text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
_RESOURCE = ("group", "version", "resource", "subresource")


class Metrics:
    """The counters of one server.

    `objects` gives the stored objects by resource (`pods`, `deployments.apps`), `watchers` the open watches by (group, version, kind).
    """

    def __init__(
        self,
        objects: Callable[[], Mapping[str, int]] = dict,
        watchers: Callable[[], Mapping[tuple[str, str, str], int]] = dict,
    ) -> None:
        self._objects = objects
        self._watchers = watchers
        self._requests: dict[tuple[str, str, str, str, str, int], int] = {}
        self._durations: dict[tuple[str, str, str, str, str], list[float]] = {}
        """For each (verb, group, version, resource, subresource): requests in each bucket, those beyond, and the sum of seconds."""
        self._registry: CollectorRegistry | None = None
        self.in_flight = {"mutating": 0, "readOnly": 0}
        """Requests that are being answered now, watches not counted; whoever answers counts up and down."""

    def observe(
        self, method_verb: str, resource: str, group: str, version: str, subresource: str, code: int, seconds: float
    ) -> None:
        """Counts one answered request. `method_verb` is upper case, as `GET LIST WATCH POST PUT PATCH APPLY DELETE CONNECT`.

        Group, version, resource and subresource must be served ones (or empty): what a client may make up would fill the memory.
        """
        request = (method_verb, group, version, resource, subresource, code)
        self._requests[request] = self._requests.get(request, 0) + 1
        durations = self._durations.get(request[:5])
        if durations is None:
            durations = self._durations[request[:5]] = [0.0] * (len(BUCKETS_S) + 2)
        durations[bisect_left(BUCKETS_S, seconds)] += 1
        durations[-1] += seconds

    def render(self) -> Response:
        """The answer to /metrics."""
        from prometheus_client import generate_latest

        return Response(generate_latest(self._collectors()), content_type=_TEXT_FORMAT)

    def render_service_level_indicators(self, health: Health) -> Response:
        """The answer to /metrics/slis: 1 for each health check that passes, 0 for each that does not."""
        from prometheus_client import CollectorRegistry, Gauge, generate_latest

        registry = CollectorRegistry(auto_describe=False)
        gauge = Gauge("kubernetes_healthcheck", "Whether a health check passes.", ("name", "type"), registry=registry)
        for root, checks in CHECKS.items():
            for check in checks:
                gauge.labels(check, root).set(check not in health.failed)
        return Response(generate_latest(registry), content_type=_TEXT_FORMAT)

    def collect(self) -> Iterator[Any]:
        """The metrics as prometheus_client takes them from a collector."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        requests = CounterMetricFamily(
            "apiserver_request", "Requests that were answered.", labels=("verb", *_RESOURCE, "code")
        )
        for (*labels, code), count in self._requests.items():
            requests.add_metric([*labels, str(code)], count)
        yield requests

        durations = HistogramMetricFamily(
            "apiserver_request_duration_seconds", "How long answers took.", labels=("verb", *_RESOURCE)
        )
        for of, counts in self._durations.items():
            durations.add_metric(of, _cumulative(counts), counts[-1])
        yield durations

        in_flight = GaugeMetricFamily(
            "apiserver_current_inflight_requests", "Requests being answered.", labels=("request_kind",)
        )
        for request_kind, number in self.in_flight.items():
            in_flight.add_metric([request_kind], number)
        yield in_flight

        objects = GaugeMetricFamily("apiserver_storage_objects", "Stored objects.", labels=("resource",))
        for resource, number in sorted(self._objects().items()):
            objects.add_metric([resource], number)
        yield objects

        watchers = GaugeMetricFamily(
            "apiserver_registered_watchers", "Open watches.", labels=("group", "version", "kind")
        )
        for of_kind, number in sorted(self._watchers().items()):
            watchers.add_metric(of_kind, number)
        yield watchers

    def _collectors(self) -> CollectorRegistry:
        if self._registry is None:
            from prometheus_client import CollectorRegistry, ProcessCollector

            # a registry of its own for each server: several may live in one process
            registry = CollectorRegistry(auto_describe=False)
            registry.register(self)
            ProcessCollector(registry=registry)
            self._registry = registry
        return self._registry


def _cumulative(counts: list[float]) -> list[tuple[str, float]]:
    """Prometheus counts in each bucket all that took at most so long."""
    buckets = []
    total = 0.0
    for limit, count in zip((*map(str, BUCKETS_S), "+Inf"), counts[:-1], strict=True):
        total += count
        buckets.append((limit, total))
    return buckets
