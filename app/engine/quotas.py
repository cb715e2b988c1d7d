"""The limits in force: of all providers together and of each one that has some, and the tokens a request reserves."""

import re
import time
from collections.abc import Callable, Mapping

from app.domain.chat import ApiRequest, Operation
from app.engine.bucket import Quota
from app.engine.demands import input_tokens, output_tokens
from app.engine.limits import Limiter, Turn
from app.store.settings import Limits as LimitSettings
from app.store.settings import ProviderLimits, Settings

_EVERYBODY = "all providers together"
_LEFT = "x-ratelimit-remaining-"
_RESET = "x-ratelimit-reset-"
_COUNTED = ("requests", "tokens")
_LONGEST_S = 60.0
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|)")
_UNIT_S = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


class Limits:
    """One `Limiter` for all, and one for each provider with limits of its own; they outlive a change of settings."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Limit nothing yet; `clock` gives monotonic seconds."""
        self._clock = clock
        self._all = Limiter(_EVERYBODY, Quota(), clock)
        self._by_provider: dict[str, Limiter] = {}
        self._empty_until_s: dict[str, float] = {}
        self.queue_s = 0.0

    def apply(self, settings: Settings) -> None:
        """Put the limits of `settings` in force; what is under way stays counted."""
        self.queue_s = settings.limits.queue_s
        self._all.change(_quota(settings.limits))
        wanted = {p.id: quota for p in settings.providers if not (quota := _quota(p.limits)).limits_nothing}
        for provider_id, limiter in self._by_provider.items():
            limiter.change(wanted.get(provider_id, Quota()))
        for provider_id, quota in wanted.items():
            if provider_id not in self._by_provider:
                self._by_provider[provider_id] = Limiter(provider_id, quota, self._clock)
        self._by_provider = {provider_id: self._by_provider[provider_id] for provider_id in wanted}

    def of(self, provider_id: str) -> Limiter | None:
        """The limits of that provider, None when it has none of its own."""
        return self._by_provider.get(provider_id) if self._by_provider else None

    def is_short(self, provider_id: str) -> bool:
        """Whether a request would have to wait for the limits the settings give that provider, or for its own."""
        if self._empty_until_s and self._empty_until_s.get(provider_id, 0.0) > self._clock():
            return True
        limiter = self.of(provider_id)
        return limiter is not None and (limiter.waiting > 0 or limiter.wait_s() > 0)

    def note(self, provider_id: str, headers: Mapping[str, str]) -> None:
        """Read what a provider says is left of its own limits: at nothing it is asked last until they are refilled.

        It is never refused for that: only the provider itself knows. At most a minute is believed.
        """
        for counted in _COUNTED:
            if headers.get(_LEFT + counted) == "0":
                wait_s = min(_LONGEST_S, duration_s(headers.get(_RESET + counted, "")))
                self._empty_until_s[provider_id] = self._clock() + wait_s
                return
        if self._empty_until_s:
            self._empty_until_s.pop(provider_id, None)

    async def enter(self, request: ApiRequest) -> Turn:
        """Take a turn among all requests, waiting for it up to `queue_s`.

        Raises:
            FaultError: RATE_LIMITED.
        """
        turn = self._all.try_take() if not self._all.counts_tokens else None
        return turn or await take(self._all, request, self.queue_s)

    def headers(self) -> tuple[tuple[str, str], ...]:
        """The `x-ratelimit-*` headers of the limits of all, none when there are none."""
        return self._all.headers()


async def take(limiter: Limiter, request: ApiRequest, wait_s: float) -> Turn:
    """Take a turn with the tokens that the request may cost.

    Raises:
        FaultError: RATE_LIMITED.
    """
    if not limiter.counts_tokens:
        return await limiter.take(0, wait_s)
    written = 0 if request.operation is Operation.EMBEDDINGS else output_tokens(request)
    return await limiter.take(input_tokens(request) + written, wait_s)


def duration_s(text: str) -> float:
    """Seconds from a duration as providers write it (`6m0s`, `20ms`, `1.5s`, `3`), 0 when it is none."""
    parts = _PART.findall(text)
    if "".join(number + unit for number, unit in parts) != text:
        return 0.0
    return sum(float(number) * _UNIT_S[unit] for number, unit in parts)


def _quota(limits: LimitSettings | ProviderLimits) -> Quota:
    return Quota(limits.requests_per_minute, limits.tokens_per_minute, limits.concurrent)
