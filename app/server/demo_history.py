"""Two weeks of invented requests, so that the usage window of `switchtower demo` has something to show."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from app.domain.chat import Operation
from app.domain.events import Attempted, RequestFinished
from app.domain.faults import POLICY, FaultKind
from app.domain.usage import NO_USAGE, Cost, PriceSource, Usage, UsageSource
from app.server.demo import FAILOVER_MODEL, NAMES

DAYS = 14
_SATURDAY = 5
_REQUESTS_PER_DAY = (25, 60)
_REQUESTS_PER_WEEKEND_DAY = (2, 12)
_FIRST_HOUR, _LAST_HOUR = 8, 20
_MODELS = ("demo-small", "demo-large", "demo-embed", FAILOVER_MODEL)
_MODEL_WEIGHTS = (60, 25, 10, 5)
_CLIENTS = ("default", "editor", "agent")
_CLIENT_WEIGHTS = (5, 3, 2)
_FAILED, _CANCELLED = 0.02, 0.03
_FIRST_PROVIDER = 0.8
_USD_PER_INPUT_TOKEN, _USD_PER_OUTPUT_TOKEN = 1e-6, 5e-6


def history(now: datetime, chance: random.Random) -> Iterator[RequestFinished]:
    """Requests of the last two weeks up to `now` (with a time zone), oldest first, decided by `chance`."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for days_ago in range(DAYS, -1, -1):
        for started_at in _times(midnight - timedelta(days=days_ago), chance):
            if now - timedelta(days=DAYS) <= started_at < now:
                yield _request(started_at, chance)


def cost(event: RequestFinished) -> Cost:
    """What an invented request would have cost, at invented prices."""
    usage = event.usage
    usd = (usage.input or 0) * _USD_PER_INPUT_TOKEN + (usage.output or 0) * _USD_PER_OUTPUT_TOKEN
    return Cost(usd, PriceSource.OWN)


def _times(day: datetime, chance: random.Random) -> list[datetime]:
    """When requests started on `day`: office hours, few at the weekend."""
    low, high = _REQUESTS_PER_WEEKEND_DAY if day.weekday() >= _SATURDAY else _REQUESTS_PER_DAY
    hours = (chance.triangular(_FIRST_HOUR, _LAST_HOUR) for _ in range(chance.randint(low, high)))
    return sorted(day + timedelta(hours=hour) for hour in hours)


def _request(started_at: datetime, chance: random.Random) -> RequestFinished:
    model = chance.choices(_MODELS, _MODEL_WEIGHTS)[0]
    embeds = model == "demo-embed"
    stream = not embeds and chance.random() < 0.7  # noqa: PLR2004  # most chats stream
    first_byte_ms = chance.lognormvariate(5.6, 0.4)
    output = 0 if embeds else int(chance.lognormvariate(5, 0.8)) + 1
    ended = _ending(chance)
    attempts = _attempts(model, first_byte_ms, ended, chance)
    status, outcome, fault = ended
    answered = outcome != "failed"
    return RequestFinished(
        request_id=f"demo-{chance.getrandbits(48):012x}",
        started_at=started_at,
        operation=Operation.EMBEDDINGS if embeds else Operation.CHAT,
        model=model,
        client=chance.choices(_CLIENTS, _CLIENT_WEIGHTS)[0],
        stream=stream,
        provider=attempts[-1].provider,
        provider_model=model,
        status=status,
        outcome=outcome,
        fault=fault,
        detail="The provider had an error (demo)." if not answered else "",
        ms=first_byte_ms + output * 12.0,
        first_byte_ms=first_byte_ms if answered else None,
        usage=_usage(output, chance) if answered else NO_USAGE,
        attempts=attempts,
    )


def _ending(chance: random.Random) -> tuple[int, str, str]:
    """Status, outcome and fault: most requests end well."""
    roll = chance.random()
    if roll < _FAILED:
        return POLICY[FaultKind.SERVER_ERROR].status, "failed", FaultKind.SERVER_ERROR.value
    if roll < _FAILED + _CANCELLED:
        return POLICY[FaultKind.CLIENT_GONE].status, "cancelled", FaultKind.CLIENT_GONE.value
    return 200, "ok", ""


def _attempts(model: str, ms: float, ended: tuple[int, str, str], chance: random.Random) -> tuple[Attempted, ...]:
    """Who was asked: the first provider, then the second when the first refused."""
    first, second = NAMES
    if model != FAILOVER_MODEL and ended[1] != "failed":
        return (Attempted(first if chance.random() < _FIRST_PROVIDER else second, model, "", ms),)
    refused = Attempted(first, model, FaultKind.UNAVAILABLE.value, ms / 10)
    return (refused, Attempted(second, model, ended[2] if ended[1] == "failed" else "", ms))


def _usage(output: int, chance: random.Random) -> Usage:
    fresh = int(chance.lognormvariate(6.5, 0.9)) + 1
    cached = chance.choice((0, 0, fresh // 2))
    return Usage(fresh_input=fresh, cache_read=cached, output=output, source=UsageSource.PROVIDER)
