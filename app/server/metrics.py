"""`/metrics`: the counters of requests and the state of the providers as Prometheus text, made when it is asked for.

Importing this takes 90 ms, so the first scrape does it, in its thread.
"""

from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from app.domain.status import BreakerState, Snapshot
from app.engine.tally import Histogram, Tally

_LABELS = ("provider", "model", "client")
_PREFIX = "switchtower_"


def render(tally: Tally, snapshot: Snapshot) -> tuple[str, bytes]:
    """The content type and the text of one scrape."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Scrape(tally, snapshot))
    return CONTENT_TYPE_LATEST, generate_latest(registry)


class _Scrape(Collector):
    """A collector over what is counted elsewhere."""

    def __init__(self, tally: Tally, snapshot: Snapshot) -> None:
        self._tally = tally
        self._snapshot = snapshot

    def collect(self) -> Iterable[Metric]:
        """Every metric, as the library wants it."""
        yield from _requests(self._tally)
        yield from _amounts(self._tally)
        yield _histogram("request_duration_seconds", "Time until a request was over.", self._tally.latency)
        yield _histogram("first_byte_seconds", "Time until a provider's answer began.", self._tally.first_byte)
        yield from _providers(self._snapshot)
        yield from _program(self._snapshot)


def _requests(tally: Tally) -> Iterator[Metric]:
    """Requests by their outcome, failures by their code."""
    requests = CounterMetricFamily(f"{_PREFIX}requests", "Finished requests.", labels=(*_LABELS, "outcome"))
    failures = CounterMetricFamily(f"{_PREFIX}failures", "Requests that ended with a fault.", labels=(*_LABELS, "code"))
    for labels, series in list(tally.series.items()):
        for outcome, count in list(series.requests.items()):
            requests.add_metric((*labels, outcome), count)
        for code, count in list(series.faults.items()):
            failures.add_metric((*labels, code), count)
    yield requests
    yield failures


def _amounts(tally: Tally) -> Iterator[Metric]:
    """Tokens and dollars."""
    for name, field, text in (
        ("input_tokens", "input_tokens", "Input tokens, cached ones included."),
        ("cached_tokens", "cached_tokens", "Input tokens read from a provider's prompt cache."),
        ("output_tokens", "output_tokens", "Output tokens, reasoning included."),
        ("cost_usd", "cost_usd", "US dollars, of the requests whose cost is known."),
        ("unknown_cost", "unknown_cost", "Requests whose cost is not known."),
    ):
        family = CounterMetricFamily(f"{_PREFIX}{name}", text, labels=_LABELS)
        for labels, series in list(tally.series.items()):
            family.add_metric(labels, getattr(series, field))
        yield family


def _histogram(name: str, text: str, histograms: dict[str, Histogram]) -> Metric:
    family = HistogramMetricFamily(f"{_PREFIX}{name}", text, labels=("provider",))
    for provider, histogram in list(histograms.items()):
        ends = [*(str(bound) for bound in histogram.bounds), "+Inf"]
        buckets = list(zip(ends, accumulate(tuple(histogram.counts)), strict=True))
        family.add_metric((provider,), buckets, histogram.total_s)
    return family


def _providers(snapshot: Snapshot) -> Iterator[Metric]:
    """How each provider is."""
    up = GaugeMetricFamily(f"{_PREFIX}provider_up", "1 while the provider answers.", labels=("provider", "kind"))
    flight = GaugeMetricFamily(f"{_PREFIX}in_flight", "Requests under way at the provider.", labels=("provider",))
    breaker = GaugeMetricFamily(
        f"{_PREFIX}breaker_state", "1 for the state the circuit breaker is in.", labels=("provider", "state")
    )
    for provider in snapshot.providers:
        up.add_metric((provider.id, provider.kind), float(provider.state.up))
        flight.add_metric((provider.id,), provider.in_flight)
        for state in BreakerState:
            breaker.add_metric((provider.id, state.value), float(provider.breaker is state))
    yield up
    yield flight
    yield breaker


def _program(snapshot: Snapshot) -> Iterator[Metric]:
    """The program itself."""
    yield InfoMetricFamily(f"{_PREFIX}build", "The running program.", value={"version": snapshot.version})
    yield GaugeMetricFamily(f"{_PREFIX}uptime_seconds", "Seconds since the start.", value=snapshot.uptime_s)
    yield GaugeMetricFamily(f"{_PREFIX}offline", "1 while nobody can be reached.", value=float(snapshot.offline))
