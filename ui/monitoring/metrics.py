"""Metrics in Prometheus' text format: requests, the steps of questions, the queue, caches, the index, the process."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from rag import __version__
from ui.engine_holder import EngineHolder
from ui.monitoring.requests import RequestRecord

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)  # seconds


class Metrics:
    """The metrics of one server."""

    def __init__(self, holder: EngineHolder) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "citedesk_requests", "Requests by route and status.", ("route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "citedesk_request_seconds",
            "Time from a request to the end of its response.",
            ("route",),
            registry=self._registry,
            buckets=_BUCKETS,
        )
        self._steps = Histogram(
            "citedesk_stage_seconds",
            "Time that a question spent in a stage, waiting for a place in the queue included.",
            ("stage",),
            registry=self._registry,
            buckets=_BUCKETS,
        )
        ProcessCollector(registry=self._registry)
        self._registry.register(_State(holder))

    def observe(self, record: RequestRecord, seconds: float) -> None:
        """Count a request that has ended."""
        self._requests.labels(record.route, str(record.status)).inc()
        self._seconds.labels(record.route).observe(seconds)
        for stage, milliseconds in record.timings_ms.items():
            if stage != "total":  # it would count every stage twice in a sum
                self._steps.labels(stage).observe(milliseconds / 1000)

    def exposition(self, accept: str | None) -> tuple[bytes, str]:
        """Return all metrics and their media type, in the format that an Accept header prefers."""
        encode, media_type = choose_encoder(accept or "")
        return encode(self._registry), media_type


class _State(Collector):
    """What a scrape reads off the engine."""

    def __init__(self, holder: EngineHolder) -> None:
        self._holder = holder

    def collect(self) -> Iterator[Metric]:
        """Yield the state of the queue, of the caches and of the index."""
        status, queue = self._holder.status, self._holder.search_queue
        yield InfoMetricFamily("citedesk_build", "The version that runs.", {"version": __version__})
        yield GaugeMetricFamily("citedesk_searches_running", "Searches that run.", queue.running)
        yield GaugeMetricFamily("citedesk_searches_waiting", "Searches that wait for a place.", queue.waiting)
        cached = CounterMetricFamily("citedesk_cache_lookups", "Lookups in a cache.", labels=("cache", "result"))
        for name, (hits, misses) in (self._holder.engine(0).caches() if status.ready else {}).items():
            cached.add_metric((name, "hit"), hits)
            cached.add_metric((name, "miss"), misses)
        yield cached
        yield GaugeMetricFamily("citedesk_ready", "Whether questions can be answered.", int(status.ready))
        yield GaugeMetricFamily("citedesk_index_papers", "Papers of the index in use.", status.papers)
        yield InfoMetricFamily("citedesk_index", "The index in use.", {"generation": status.generation or ""})
