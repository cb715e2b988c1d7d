"""Count what became of the requests since the start: a provider's, and by provider, model and client for `/metrics`."""

from bisect import bisect_left
from dataclasses import dataclass, field

from app.domain.events import RequestFinished

MOST_SERIES = 1000
"""So many combinations of provider, model and client are told apart; what comes later is counted as `OTHER`."""

OTHER = "other"

LATENCY_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
FIRST_BYTE_S = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

Labels = tuple[str, str, str]


@dataclass(slots=True)
class Counters:
    """What became of one provider's requests, for its status."""

    requests: int = 0
    failures: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    unknown_usage: int = 0
    cost_usd: float | None = None
    unknown_cost: int = 0


@dataclass(slots=True)
class Series:
    """The counters of one combination; failures are counted by the fault's code."""

    requests: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float = 0.0
    unknown_cost: int = 0


class Histogram:
    """How many seconds things took: counts per bucket, the last one without a limit."""

    __slots__ = ("bounds", "counts", "total_s")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        """`bounds` are the upper ends of the buckets, in seconds."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total_s = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total_s += seconds


class Tally:
    """What `/metrics` shows of requests; adding one takes 2 µs, everything else is left to the scrape."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.series: dict[Labels, Series] = {}
        self.latency: dict[str, Histogram] = {}
        self.first_byte: dict[str, Histogram] = {}

    def add(self, event: RequestFinished, cost_usd: float | None) -> None:
        """Count one finished request; a cost of None is unknown."""
        series = self._series((event.provider, event.provider_model or event.model, event.client))
        series.requests[event.outcome] = series.requests.get(event.outcome, 0) + 1
        if event.fault:
            series.faults[event.fault] = series.faults.get(event.fault, 0) + 1
        usage = event.usage
        series.input_tokens += usage.input or 0
        series.output_tokens += usage.output or 0
        series.cached_tokens += usage.cache_read or 0
        if cost_usd is None:
            series.unknown_cost += 1
        else:
            series.cost_usd += cost_usd
        _histogram(self.latency, event.provider, LATENCY_S).add(event.ms / 1000)
        if event.first_byte_ms is not None:
            _histogram(self.first_byte, event.provider, FIRST_BYTE_S).add(event.first_byte_ms / 1000)

    def _series(self, labels: Labels) -> Series:
        found = self.series.get(labels)
        if found is None:
            if len(self.series) >= MOST_SERIES:
                labels = (labels[0], OTHER, OTHER)
            found = self.series.setdefault(labels, Series())
        return found


def _histogram(histograms: dict[str, Histogram], provider: str, bounds: tuple[float, ...]) -> Histogram:
    found = histograms.get(provider)
    if found is None:
        found = histograms[provider] = Histogram(bounds)
    return found
