"""Share the load among candidates of equal rank: in turn, by weight, by load, by latency or by price."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.domain.chat import ApiRequest
from app.domain.usage import Usage
from app.engine.demands import input_tokens, output_tokens
from app.engine.own_prices import OwnPrice, no_price
from app.engine.prices import Price, price_of
from app.engine.router import Candidate, Tier
from app.store.settings import Strategy

FORGET_S = 300.0
"""A latency that is older than this is measured anew, with one request."""

ALIKE = 1.1
"""Latencies up to this many times the best one count as equal and share the load."""

_EWMA_WEIGHT = 0.3
_MOST = 4096
_UNKNOWN_IDLE, _NEAR_BEST, _SLOWER, _UNKNOWN_BUSY = range(4)

Rank = tuple[float, float]


PriceOf = Callable[[str, str], Price | None]
"""The price of a model at providers of a kind, None when it is not known."""


class Turns:
    """Whose turn it is among equals, each getting its share by weight (stride scheduling).

    Whoever was passed over for a while does not get all the turns it missed.
    """

    __slots__ = ("_now", "_passes")

    def __init__(self, count: int) -> None:
        """All of them have the same claim."""
        self._now = 0.0
        self._passes = [0.0] * count

    def claim(self, index: int) -> tuple[float, float]:
        """The smallest has its turn."""
        passed = self._passes[index]
        return max(passed, self._now), passed

    def take(self, index: int, weight: float = 1.0) -> None:
        """That one was asked."""
        self._now = max(self._passes[index], self._now)
        self._passes[index] = self._now + 1 / weight


@dataclass(slots=True)
class Latency:
    """Smoothed time to the first byte in ms, None after a failure, and when it was last measured (monotonic s)."""

    ms: float | None
    at_s: float


@dataclass(slots=True)
class Balance:
    """What the strategies remember; it outlives a change of the settings. `clock` gives monotonic seconds."""

    price_of: PriceOf = price_of
    clock: Callable[[], float] = time.monotonic
    own_price: OwnPrice = no_price
    _turns: dict[str, Turns] = field(default_factory=dict)
    _latencies: dict[tuple[str, str, bool], Latency] = field(default_factory=dict)

    def order(self, tier: Tier, strategy: str, request: ApiRequest) -> list[Candidate]:
        """The candidates of the tier, best first by the strategy; those it cannot tell apart take turns."""
        turns = self._turns_of(tier)
        ranks = self._ranks(tier.candidates, strategy, request)
        indexes = sorted(range(len(tier.candidates)), key=lambda i: (ranks[i], turns.claim(i)))
        return [tier.candidates[i] for i in indexes]

    def take(self, tier: Tier, candidate: Candidate, strategy: str) -> None:
        """That candidate is asked: if it is one of the tier, its turn is used up."""
        weight = float(candidate.provider.settings.weight) if strategy == Strategy.WEIGHTED else 1.0
        for at, known in enumerate(tier.candidates):
            if known.provider is candidate.provider and known.model == candidate.model:
                self._turns_of(tier).take(at, weight or 1.0)

    def answered(self, candidate: Candidate, request: ApiRequest, first_byte_ms: float) -> None:
        """The candidate's answer began after so long."""
        key = (candidate.provider.id, candidate.model, request.stream)
        known = self._latencies.get(key)
        ms = first_byte_ms
        if known is not None and known.ms is not None:
            ms = known.ms + _EWMA_WEIGHT * (first_byte_ms - known.ms)
        self._remember(key, ms)

    def failed(self, candidate: Candidate, request: ApiRequest) -> None:
        """The candidate did not answer: there is nothing new to learn from it for a while."""
        self._remember((candidate.provider.id, candidate.model, request.stream), None)

    def latency_ms(self, candidate: Candidate, *, stream: bool) -> float | None:
        """The smoothed time to the first byte, None when it is unknown."""
        known = self._latencies.get((candidate.provider.id, candidate.model, stream))
        return None if known is None else known.ms

    def _remember(self, key: tuple[str, str, bool], ms: float | None) -> None:
        if len(self._latencies) >= _MOST:
            self._latencies.clear()
        self._latencies[key] = Latency(ms, self.clock())

    def _turns_of(self, tier: Tier) -> Turns:
        turns = self._turns.get(tier.key)
        if turns is None:
            if len(self._turns) >= _MOST:
                self._turns.clear()
            turns = self._turns[tier.key] = Turns(len(tier.candidates))
        return turns

    def _ranks(self, candidates: Sequence[Candidate], strategy: str, request: ApiRequest) -> list[Rank]:
        """One rank for each; equal ones share."""
        if strategy == Strategy.WEIGHTED:
            return [(0.0 if c.provider.settings.weight else 1.0, 0.0) for c in candidates]
        if strategy == Strategy.LEAST_BUSY:
            return [(float(c.provider.in_flight), 0.0) for c in candidates]
        if strategy == Strategy.LEAST_LATENCY:
            return self._by_latency(candidates, request)
        if strategy == Strategy.LOWEST_COST:
            return self._by_cost(candidates, request)
        return [(0.0, 0.0)] * len(candidates)

    def _by_latency(self, candidates: Sequence[Candidate], request: ApiRequest) -> list[Rank]:
        """Those near the best share; an unknown one gets a single request to become known by; failures come last."""
        known = [self._latencies.get((c.provider.id, c.model, request.stream)) for c in candidates]
        oldest_s = self.clock() - FORGET_S
        measured = [entry.ms for entry in known if entry and entry.ms is not None and entry.at_s > oldest_s]
        limit_ms = min(measured, default=0.0) * ALIKE
        ranks: list[Rank] = []
        for candidate, entry in zip(candidates, known, strict=True):
            if entry is None or entry.at_s <= oldest_s:
                ranks.append((_UNKNOWN_BUSY if candidate.provider.in_flight else _UNKNOWN_IDLE, 0.0))
            elif entry.ms is None:
                ranks.append((_UNKNOWN_BUSY, 0.0))
            else:
                ranks.append((_NEAR_BEST, 0.0) if entry.ms <= limit_ms else (_SLOWER, entry.ms))
        return ranks

    def _by_cost(self, candidates: Sequence[Candidate], request: ApiRequest) -> list[Rank]:
        """What this request would cost there, in US dollars; unknown prices come last."""
        expected = Usage(input_tokens(request), output=output_tokens(request))
        ranks: list[Rank] = []
        for candidate in candidates:
            price = self.own_price(candidate.provider.id, candidate.model)
            if price is None:
                model = (candidate.info.base if candidate.info else "") or candidate.model
                price = self.price_of(candidate.provider.settings.kind, model)
            usd = None if price is None else price.of(expected)
            ranks.append((1.0, 0.0) if usd is None else (0.0, usd))
        return ranks
