import json
from datetime import UTC, datetime

import pytest

from app.dialects import openai_chat
from app.domain.chat import ApiRequest
from app.domain.faults import FaultError
from app.engine.quotas import Limits, duration_s, take
from app.store.settings import Settings


def request(**more: object) -> ApiRequest:
    return openai_chat.parse_request(json.dumps({"model": "m", "messages": [{"role": "user"}]} | more).encode())


def settings(limits: dict[str, float], **providers: dict[str, int]) -> Settings:
    rows = [{"id": name, "kind": "x", "limits": values} for name, values in providers.items()]
    return Settings.model_validate({"limits": {"queue_s": 0.01, **limits}, "providers": rows})


async def test_the_limits_of_all_are_taken_and_settled() -> None:
    limits = Limits(lambda: 0.0)
    limits.apply(settings({"concurrent": 1, "tokens_per_minute": 10_000}))
    turn = await limits.enter(request(max_tokens=9000))
    assert turn.tokens == pytest.approx(9000, abs=30)
    with pytest.raises(FaultError, match="all providers together"):
        await limits.enter(request())
    turn.settle(10)
    assert dict(limits.headers())["x-ratelimit-remaining-tokens"] == "9990"


async def test_only_providers_with_limits_have_a_limiter() -> None:
    limits = Limits()
    limits.apply(settings({"concurrent": 0}, a={"requests_per_minute": 1}, b={}))
    assert limits.of("b") is None
    assert not limits.is_short("b", request())
    limiter = limits.of("a")
    assert limiter is not None
    assert not limits.is_short("a", request())
    (await take(limiter, request(), 0)).settle(None)
    assert limits.is_short("a", request())


async def test_a_provider_is_short_when_its_tokens_do_not_suffice_for_that_request() -> None:
    limits = Limits(lambda: 0.0)
    limits.apply(settings({}, a={"tokens_per_minute": 60_000}))
    limiter = limits.of("a")
    assert limiter is not None
    (await take(limiter, request(max_tokens=57_000), 0)).settle(57_000)
    assert limits.is_short("a", request(max_tokens=6000))
    assert not limits.is_short("a", request(max_tokens=2000))


async def test_new_settings_keep_what_was_used() -> None:
    limits = Limits()
    limits.apply(settings({}, a={"requests_per_minute": 1}))
    limiter = limits.of("a")
    assert limiter is not None
    turn = await take(limiter, request(), 0)
    limits.apply(settings({}, a={"requests_per_minute": 1}, b={"concurrent": 1}))
    assert limits.of("a") is limiter
    assert limits.is_short("a", request())
    limits.apply(settings({}))
    assert limits.of("a") is None
    turn.settle(5)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("6m0s", 360), ("20ms", 0.02), ("1.5s", 1.5), ("3", 3), ("1h2m", 3720), ("", 0), ("soon", 0), ("-3s", 0)],
)
def test_durations_are_read_as_providers_write_them(text: str, seconds: float) -> None:
    assert duration_s(text) == pytest.approx(seconds)


def test_a_provider_that_says_nothing_is_left_is_asked_last_until_it_is_refilled() -> None:
    now_s = [100.0]
    limits = Limits(lambda: now_s[0])
    limits.note("a", {"x-ratelimit-remaining-requests": "5", "x-ratelimit-remaining-tokens": "10"})
    assert not limits.is_short("a", request())
    limits.note("a", {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "20s"})
    assert limits.is_short("a", request())
    assert not limits.is_short("b", request())
    now_s[0] += 21
    assert not limits.is_short("a", request())
    limits.note("a", {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "9h"})
    now_s[0] += 61
    assert not limits.is_short("a", request()), "no more than a minute is believed"
    limits.note("a", {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "9h"})
    limits.note("a", {"x-ratelimit-remaining-tokens": "1"})
    assert not limits.is_short("a", request())


def with_client(**limits: int) -> dict[str, object]:
    return {"clients": [{"name": "cursor", "limits": limits}]}


async def test_a_client_s_limit_is_its_own_and_refilled_by_the_clock() -> None:
    now_s = [0.0]
    limits = Limits(lambda: now_s[0])
    limits.apply(Settings.model_validate({"limits": {"queue_s": 0.01}} | with_client(requests_per_minute=2)))
    for _ in range(2):
        (await limits.enter(request(), "cursor")).settle(5)
    with pytest.raises(FaultError, match="for the client cursor is reached: 2 requests a minute") as refused:
        await limits.enter(request(), "cursor")
    assert refused.value.fault.retry_after_s == pytest.approx(30)
    assert dict(refused.value.fault.headers)["x-ratelimit-remaining-requests"] == "0"
    (await limits.enter(request(), "default")).settle(5)
    assert limits.headers("default") == ()
    now_s[0] = 30.0
    (await limits.enter(request(), "cursor")).settle(5)


async def test_a_client_s_tokens_are_settled_by_what_it_used() -> None:
    limits = Limits(lambda: 0.0)
    limits.apply(Settings.model_validate(with_client(tokens_per_minute=10_000)))
    turn = await limits.enter(request(max_tokens=9000), "cursor")
    assert int(dict(limits.headers("cursor"))["x-ratelimit-remaining-tokens"]) < 1000
    turn.settle(10)
    assert dict(limits.headers("cursor"))["x-ratelimit-remaining-tokens"] == "9990"


async def test_whoever_gets_no_turn_among_all_keeps_none_of_the_client_s() -> None:
    limits = Limits(lambda: 0.0)
    values = {"limits": {"queue_s": 0.01, "concurrent": 1}} | with_client(requests_per_minute=2, concurrent=1)
    limits.apply(Settings.model_validate(values))
    other = await limits.enter(request(), "default")
    with pytest.raises(FaultError, match="all providers together"):
        await limits.enter(request(), "cursor")
    assert dict(limits.headers("cursor"))["x-ratelimit-remaining-requests"] == "2"
    other.settle(5)
    turn = await limits.enter(request(), "cursor")
    with pytest.raises(FaultError, match="client cursor is reached: 1 requests at the same time"):
        await limits.enter(request(), "cursor")
    turn.cancel()
    assert dict(limits.headers("cursor"))["x-ratelimit-remaining-requests"] == "2"


async def test_new_settings_lift_a_client_s_limits_at_once() -> None:
    limits = Limits(lambda: 0.0)
    limits.apply(Settings.model_validate({"limits": {"queue_s": 0.01}} | with_client(concurrent=1)))
    turn = await limits.enter(request(), "cursor")
    limits.apply(Settings.model_validate(with_client(concurrent=2)))
    second = await limits.enter(request(), "cursor")
    limits.apply(Settings())
    third = await limits.enter(request(), "cursor")
    for one in (turn, second, third):
        one.settle(5)


@pytest.mark.parametrize(
    ("what", "reset", "empty_s"),
    [
        ("requests", "2026-11-24T10:00:20Z", 20),
        ("input-tokens", "2026-11-24T10:00:20Z", 20),
        ("output-tokens", "2026-11-24T11:00:00Z", 60),
        ("tokens", "2026-11-24T09:00:00Z", 0),
        ("tokens", "The day after", 0),
    ],
)
def test_anthropic_says_it_in_other_words(what: str, reset: str, empty_s: float) -> None:
    now_s = [100.0]
    limits = Limits(lambda: now_s[0], lambda: datetime(2026, 11, 24, 10, tzinfo=UTC).timestamp())
    left = {"anthropic-ratelimit-requests-remaining": "7", f"anthropic-ratelimit-{what}-remaining": "0"}
    limits.note("a", left | {f"anthropic-ratelimit-{what}-reset": reset})
    assert limits.is_short("a", request()) is (empty_s > 0)
    now_s[0] += empty_s + 0.1
    assert not limits.is_short("a", request())
