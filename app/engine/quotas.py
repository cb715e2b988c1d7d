"""The limits in force: of all together, of each provider or client with some, and the tokens a request reserves."""

import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime

from app.domain.chat import PASSED_THROUGH, ApiRequest, Operation
from app.engine.bucket import Quota
from app.engine.demands import input_tokens, output_tokens
from app.engine.limits import Limiter, Turn
from app.store.settings import Limits as LimitSettings
from app.store.settings import OwnLimits, Settings

_EVERYBODY = "all providers together"
_USUAL = tuple((f"x-ratelimit-remaining-{what}", f"x-ratelimit-reset-{what}") for what in ("requests", "tokens"))
_ANTHROPICS = tuple(
    (f"anthropic-ratelimit-{what}-remaining", f"anthropic-ratelimit-{what}-reset")
    for what in ("requests", "tokens", "input-tokens", "output-tokens")
)
"""What is left and when it is refilled, as OpenAI and most others call it, and as Anthropic does."""
_LONGEST_S = 60.0
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|)")
_UNIT_S = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


class Limits:
    """One `Limiter` for all, one for each provider and client with limits; they outlive a change of settings."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        """Limit nothing yet; `clock` gives monotonic seconds, `wall` seconds since 1970."""
        self._clock = clock
        self._wall = wall
        self._all = Limiter(_EVERYBODY, Quota(), clock)
        self._by_provider: dict[str, Limiter] = {}
        self._by_client: dict[str, Limiter] = {}
        self._empty_until_s: dict[str, float] = {}
        self.queue_s = 0.0

    def apply(self, settings: Settings) -> None:
        """Put the limits of `settings` in force; what is under way stays counted."""
        self.queue_s = settings.limits.queue_s
        self._all.change(_quota(settings.limits))
        self._by_provider = self._fit(self._by_provider, {p.id: _quota(p.limits) for p in settings.providers})
        of_clients = {client.name: _quota(client.limits) for client in settings.clients}
        self._by_client = self._fit(self._by_client, of_clients, "the client ")

    def _fit(self, known: dict[str, Limiter], quotas: dict[str, Quota], called: str = "") -> dict[str, Limiter]:
        """The limiters of one kind of scope, those known kept; messages say `called` and the name."""
        wanted = {name: quota for name, quota in quotas.items() if not quota.limits_nothing}
        for name, limiter in known.items():
            limiter.change(wanted.get(name, Quota()))
        return {n: known.get(n) or Limiter(f"{called}{n}", quota, self._clock) for n, quota in wanted.items()}

    def of(self, provider_id: str) -> Limiter | None:
        """The limits of that provider, None when it has none of its own."""
        return self._by_provider.get(provider_id) if self._by_provider else None

    def is_short(self, provider_id: str, request: ApiRequest) -> bool:
        """Whether `request` would have to wait for the limits the settings give that provider, or for its own."""
        if self._empty_until_s and self._empty_until_s.get(provider_id, 0.0) > self._clock():
            return True
        limiter = self.of(provider_id)
        return limiter is not None and (limiter.waiting > 0 or limiter.wait_s(_reserved(limiter, request)) > 0)

    def note(self, provider_id: str, headers: Mapping[str, str]) -> None:
        """Read what a provider says is left of its own limits: at nothing it is asked last until they are refilled.

        It is never refused for that: only the provider itself knows. At most a minute is believed.
        """
        for left, reset in _ANTHROPICS if _ANTHROPICS[0][0] in headers else _USUAL:
            if headers.get(left) == "0":
                wait_s = min(_LONGEST_S, self._until_s(headers.get(reset, "")))
                self._empty_until_s[provider_id] = self._clock() + wait_s
                return
        if self._empty_until_s:
            self._empty_until_s.pop(provider_id, None)

    def _until_s(self, text: str) -> float:
        """Seconds until what a provider calls its reset: a duration, or a time (RFC 3339); 0 when it is neither."""
        if "T" not in text:
            return duration_s(text)
        try:
            return max(0.0, datetime.fromisoformat(text).timestamp() - self._wall())
        except ValueError:
            return 0.0

    async def enter(self, request: ApiRequest, client: str = "") -> Turn:
        """Take a turn among the client's requests, then among all; both waits together take `queue_s` at most.

        Raises:
            FaultError: RATE_LIMITED.
        """
        own = self._by_client.get(client) if self._by_client else None
        if own is not None:
            return await self._enter_both(own, request)
        turn = self._all.try_take() if not self._all.counts_tokens else None
        return turn or await take(self._all, request, self.queue_s)

    async def _enter_both(self, own: Limiter, request: ApiRequest) -> Turn:
        """Take a turn by the client's own limits, then one by those of all; without the second the first is undone."""
        began_s = self._clock()
        of_client = await take(own, request, self.queue_s)
        turn: Turn | None = None
        try:
            turn = await take(self._all, request, self.queue_s - (self._clock() - began_s))
        finally:
            if turn is None:
                of_client.cancel()
        turn.outer = of_client
        return turn

    def headers(self, client: str = "") -> tuple[tuple[str, str], ...]:
        """The `x-ratelimit-*` headers of the client's limits, else of those of all, none when there are none."""
        own = self._by_client.get(client) if self._by_client else None
        return (own.headers() if own is not None else ()) or self._all.headers()


async def take(limiter: Limiter, request: ApiRequest, wait_s: float) -> Turn:
    """Take a turn with the tokens that the request may cost.

    Raises:
        FaultError: RATE_LIMITED.
    """
    return await limiter.take(_reserved(limiter, request), wait_s)


def _reserved(limiter: Limiter, request: ApiRequest) -> int:
    """The tokens that the request may cost, as far as `limiter` counts them."""
    if not limiter.counts_tokens or request.operation in PASSED_THROUGH:
        return 0
    written = 0 if request.operation is Operation.EMBEDDINGS else output_tokens(request)
    return input_tokens(request) + written


def duration_s(text: str) -> float:
    """Seconds from a duration as providers write it (`6m0s`, `20ms`, `1.5s`, `3`), 0 when it is none."""
    parts = _PART.findall(text)
    if "".join(number + unit for number, unit in parts) != text:
        return 0.0
    return sum(float(number) * _UNIT_S[unit] for number, unit in parts)


def _quota(limits: LimitSettings | OwnLimits) -> Quota:
    return Quota(limits.requests_per_minute, limits.tokens_per_minute, limits.concurrent)
