import asyncio
import math
from collections.abc import Iterator

import pytest

from app.domain.faults import Fault, FaultError, FaultKind
from app.engine.limits import Limiter, Quota, Turn
from engine.limits_model import FakeTime, Loop


@pytest.fixture
def clock() -> FakeTime:
    return FakeTime()


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def limiter(clock: FakeTime, **quota: int) -> Limiter:
    return Limiter("all providers", Quota(**quota), clock, clock.later)


def take(of: Limiter, tokens: int = 0) -> Turn:
    turn = of.try_take(tokens)
    assert turn is not None
    return turn


def fault_of(task: "asyncio.Task[Turn]") -> Fault:
    error = task.exception()
    assert isinstance(error, FaultError)
    return error.fault


def test_without_limits_everybody_has_a_turn(clock: FakeTime) -> None:
    free = limiter(clock)
    for _ in range(1000):
        take(free, 10**9)
    assert free.wait_s(10**9) == 0


def test_requests_a_minute(clock: FakeTime) -> None:
    limited = limiter(clock, requests_per_minute=2)
    take(limited).settle(None)
    take(limited).settle(None)
    assert limited.try_take() is None
    assert limited.wait_s() == pytest.approx(30.0)
    clock.advance(30)
    take(limited)
    assert limited.try_take() is None


def test_tokens_are_reserved_and_settled_with_what_was_used(clock: FakeTime) -> None:
    limited = limiter(clock, tokens_per_minute=1000)
    first = take(limited, 800)
    assert limited.try_take(300) is None
    first.settle(100)
    second = take(limited, 900)
    second.settle(1500)
    assert limited.wait_s(1) == pytest.approx((600 + 1) * 60 / 1000)
    second.settle(0)
    assert limited.wait_s(1) > 36, "a turn is given back once"


def test_unknown_usage_counts_as_reserved(clock: FakeTime) -> None:
    limited = limiter(clock, tokens_per_minute=1000)
    take(limited, 1000).settle(None)
    assert limited.wait_s(1000) == pytest.approx(60)


def test_a_request_that_was_never_sent_costs_nothing(clock: FakeTime) -> None:
    limited = limiter(clock, requests_per_minute=1, tokens_per_minute=10, concurrent=1)
    turn = take(limited, 10)
    turn.cancel()
    turn.cancel()
    take(limited, 10)
    assert limited.active == 1


def test_so_many_at_the_same_time_and_the_next_is_let_in_when_one_ends(clock: FakeTime, loop: Loop) -> None:
    limited = limiter(clock, concurrent=1)
    first = take(limited)
    assert limited.wait_s() == math.inf
    waiting = loop.start(limited.take(0, 5))
    assert not waiting.done()
    first.settle(None)
    loop.settle()
    assert isinstance(waiting.result(), Turn)
    assert limited.active == 1


def test_first_come_first_served_even_when_a_later_one_would_fit(clock: FakeTime, loop: Loop) -> None:
    limited = limiter(clock, tokens_per_minute=60)
    take(limited, 60)
    big, small = loop.start(limited.take(30, 60)), loop.start(limited.take(1, 60))
    clock.advance(2)
    loop.settle()
    assert (big.done(), small.done()) == (False, False)
    assert limited.try_take(1) is None
    clock.advance(28)
    loop.settle()
    assert (big.done(), small.done()) == (True, False)
    clock.advance(1)
    loop.settle()
    assert small.done()


def test_who_had_no_turn_in_time_is_told_when_there_will_be_one(clock: FakeTime, loop: Loop) -> None:
    limited = limiter(clock, concurrent=1)
    turn = take(limited)
    waiting = loop.start(limited.take(0, 5))
    clock.advance(4.9)
    loop.settle()
    assert not waiting.done()
    clock.advance(0.2)
    loop.settle()
    fault = fault_of(waiting)
    assert (fault.kind, fault.retry_after_s) == (FaultKind.RATE_LIMITED, 1.0)
    assert "1 requests at the same time" in fault.message
    assert limited.waiting == 0
    turn.settle(None)
    take(limited)


def test_who_cannot_have_one_in_time_is_refused_at_once(clock: FakeTime, loop: Loop) -> None:
    limited = limiter(clock, requests_per_minute=6, tokens_per_minute=100)
    for _ in range(6):
        take(limited)
    fault = fault_of(loop.start(limited.take(0, 5)))
    assert fault.retry_after_s == pytest.approx(10.0)
    assert fault.text == (
        "The limit that the settings set for all providers is reached: 6 requests a minute and 100 tokens a minute. "
        "Send the request again in 10 s, or raise the limit in the settings."
    )
    assert dict(fault.headers) == {
        "x-ratelimit-limit-requests": "6",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "60s",
        "x-ratelimit-limit-tokens": "100",
        "x-ratelimit-remaining-tokens": "100",
        "x-ratelimit-reset-tokens": "0s",
    }


def test_without_patience_nobody_waits(clock: FakeTime, loop: Loop) -> None:
    limited = limiter(clock, concurrent=1)
    take(limited)
    assert fault_of(loop.start(limited.take(0, 0))).kind is FaultKind.RATE_LIMITED


def test_a_cancelled_request_leaves_nothing_behind(clock: FakeTime, loop: Loop) -> None:
    limited = limiter(clock, concurrent=1)
    turn = take(limited)
    gone, patient = loop.start(limited.take(0, 5)), loop.start(limited.take(0, 5))
    gone.cancel()
    loop.settle()
    turn.settle(None)
    loop.settle()
    assert patient.done()
    patient.result().settle(None)
    assert (limited.active, limited.waiting) == (0, 0)


def test_a_turn_that_comes_together_with_the_cancellation_is_given_to_the_next(clock: FakeTime, loop: Loop) -> None:
    limited = limiter(clock, concurrent=1, requests_per_minute=2)
    turn = take(limited)
    gone, patient = loop.start(limited.take(0, 5)), loop.start(limited.take(0, 5))
    turn.settle(None)
    gone.cancel()
    loop.settle()
    assert gone.cancelled()
    assert isinstance(patient.result(), Turn)


def test_new_limits_hold_at_once_and_what_is_under_way_stays_counted(clock: FakeTime, loop: Loop) -> None:
    limited = limiter(clock, concurrent=1)
    first = take(limited)
    waiting = loop.start(limited.take(0, 5))
    limited.change(Quota(concurrent=2))
    loop.settle()
    assert waiting.done()
    limited.change(Quota(concurrent=1))
    assert limited.try_take() is None
    first.settle(None)
    assert limited.try_take() is None
    waiting.result().settle(None)
    take(limited)


async def test_it_works_with_the_loop_s_own_timers() -> None:
    limited = Limiter("x", Quota(requests_per_minute=6000))
    for _ in range(6000):
        take(limited)
    turns = await asyncio.gather(*(limited.take(0, 5) for _ in range(5)))
    assert len(turns) == 5
