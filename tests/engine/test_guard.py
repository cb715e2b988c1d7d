import math

import pytest

from app.domain.faults import Fault, FaultKind
from app.domain.status import BreakerState
from app.engine.cooldowns import Cooldowns
from app.engine.guard import PROBE_S, Guard
from app.store.settings import Breaker as BreakerSettings


class Clock:
    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guard(clock: Clock) -> Guard:
    made = Guard("a", "Alpha", BreakerSettings(), clock, lambda: 0.5)
    made.cooldowns = Cooldowns((), clock)
    made.key = "key"
    return made


def fail(guard: Guard, kind: FaultKind, model: str = "m", times: int = 1, after_s: float | None = None) -> None:
    for _ in range(times):
        guard.failed(guard.enter(model), Fault(kind, "Alpha broke.", provider="a", retry_after_s=after_s))


def test_it_lets_everything_through_at_first(guard: Guard) -> None:
    assert guard.block("m") is None


@pytest.mark.parametrize("kind", [FaultKind.BAD_REQUEST, FaultKind.TRANSIENT, FaultKind.TLS_ERROR, FaultKind.BUSY])
def test_what_does_not_count_never_opens_the_breaker(guard: Guard, kind: FaultKind) -> None:
    fail(guard, kind, times=50)
    assert guard.block("m") is None
    assert guard.breaker.state is BreakerState.CLOSED


def test_cancelled_calls_never_open_the_breaker(guard: Guard) -> None:
    for _ in range(100):
        guard.abandoned(guard.enter("m"))
    assert guard.breaker.state is BreakerState.CLOSED


def test_an_open_breaker_blocks_every_model_and_says_why(guard: Guard) -> None:
    fail(guard, FaultKind.SERVER_ERROR, times=5)
    block = guard.block("other")
    assert block is not None
    assert block.fault.kind is FaultKind.UNAVAILABLE
    assert "Alpha broke." in block.fault.message
    assert block.wait_s == pytest.approx(30)
    assert block.fault.retry_after_s == PROBE_S
    assert "left alone for another 30 s" in block.why
    assert guard.block("other", lone=True) is not None


def test_an_overloaded_model_leaves_the_others_alone(guard: Guard) -> None:
    fail(guard, FaultKind.OVERLOADED, times=5)
    block = guard.block("m")
    assert block is not None
    assert block.scope == "m"
    assert guard.block("other") is None
    assert guard.breaker.state is BreakerState.CLOSED


def test_a_rate_limit_cools_its_model_and_a_quota_the_whole_key(guard: Guard, clock: Clock) -> None:
    fail(guard, FaultKind.RATE_LIMITED, after_s=3.0)
    block = guard.block("m")
    assert block is not None
    assert (block.told, block.wait_s, block.fault.retry_after_s) == (True, 3.0, 3.0)
    assert guard.block("other") is None
    clock.now_s += 3.1
    assert guard.block("m") is None
    fail(guard, FaultKind.QUOTA)
    assert guard.block("other") is not None
    assert guard.cooling_until_s == pytest.approx(clock.now_s + 1800)


def test_a_lone_provider_cools_its_model_only_for_the_time_it_named(guard: Guard) -> None:
    fail(guard, FaultKind.RATE_LIMITED)
    assert guard.block("m") is not None
    assert guard.block("m", lone=True) is None
    fail(guard, FaultKind.MODEL_NOT_FOUND)
    assert guard.block("m", lone=True) is None
    fail(guard, FaultKind.RATE_LIMITED, after_s=5.0)
    assert guard.block("m", lone=True) is not None


def test_a_refused_key_is_left_alone_until_it_is_changed_but_may_be_tried_each_15_s(guard: Guard, clock: Clock) -> None:
    fail(guard, FaultKind.AUTH)
    block = guard.block("m", lone=True)
    assert block is not None
    assert math.isinf(block.wait_s)
    assert "until the key is changed" in block.why
    assert guard.key_fault is not None
    assert guard.probe_wait_s(block) == PROBE_S
    clock.now_s += PROBE_S
    assert guard.probe_wait_s(block) == 0
    guard.succeeded(guard.enter("m", forced=True))
    assert guard.block("m") is None
    assert guard.key_fault is None


def test_a_probe_takes_its_turn(guard: Guard, clock: Clock) -> None:
    fail(guard, FaultKind.SERVER_ERROR, times=5)
    clock.now_s += PROBE_S
    block = guard.block("m")
    assert block is not None
    assert guard.probe_wait_s(block) == 0
    ticket = guard.enter("m", forced=True)
    assert guard.probe_wait_s(block) == PROBE_S
    assert guard.block("m") is not None
    guard.succeeded(ticket)
    assert guard.block("m") is None
    assert guard.breaker.state is BreakerState.HALF_OPEN


def test_a_stream_counts_once_at_its_end_and_a_probe_at_its_beginning(guard: Guard, clock: Clock) -> None:
    for _ in range(5):
        ticket = guard.enter("m")
        guard.began(ticket)
        guard.ended(ticket, Fault(FaultKind.STALLED, "It stalled.", provider="a"))
    assert guard.breaker.state is BreakerState.OPEN
    clock.now_s += 31
    for _ in range(2):
        guard.began(guard.enter("m"))
    assert guard.breaker.state is BreakerState.CLOSED
    ticket = guard.enter("m")
    guard.began(ticket)
    guard.ended(ticket, None)
    guard.ended(None, None)


def test_failures_while_offline_count_against_nobody(guard: Guard) -> None:
    for _ in range(10):
        guard.failed(guard.enter("m"), Fault(FaultKind.UNREACHABLE, "x", provider="a"), counts=False)
    assert guard.breaker.state is BreakerState.CLOSED
    before = guard.remember()
    fail(guard, FaultKind.UNREACHABLE, times=5)
    assert guard.breaker.state is BreakerState.OPEN
    guard.forgive(before)
    assert guard.breaker.state is BreakerState.CLOSED


def test_trying_now_lifts_everything(guard: Guard) -> None:
    fail(guard, FaultKind.AUTH)
    fail(guard, FaultKind.SERVER_ERROR, times=5)
    fail(guard, FaultKind.OVERLOADED, times=5)
    guard.try_now()
    assert guard.block("m") is None
    assert guard.breaker.state is BreakerState.HALF_OPEN


def test_the_same_host_keeps_what_was_found_out_unless_the_rules_change(guard: Guard) -> None:
    fail(guard, FaultKind.SERVER_ERROR, times=5)
    same = Guard("a", "Alpha", BreakerSettings())
    same.inherit(guard)
    assert same.breaker.state is BreakerState.OPEN
    other = Guard("a", "Alpha", BreakerSettings(open_s=1))
    other.inherit(guard)
    assert other.breaker.state is BreakerState.CLOSED


def test_a_probe_that_began_and_broke_is_a_failure(guard: Guard, clock: Clock) -> None:
    fail(guard, FaultKind.SERVER_ERROR, times=5)
    for _ in range(3):
        clock.now_s += 400
        ticket = guard.enter("m")
        guard.began(ticket)
        assert guard.breaker.state is BreakerState.HALF_OPEN
        assert guard.block("m") is None, "the next probe need not wait for the end of the stream"
        guard.ended(ticket, Fault(FaultKind.TRUNCATED, "It broke off.", provider="a"))
        assert guard.breaker.state is BreakerState.OPEN


def test_a_probe_whose_stream_ends_well_counts_once_and_disturbs_no_other(guard: Guard, clock: Clock) -> None:
    fail(guard, FaultKind.SERVER_ERROR, times=5)
    clock.now_s += 400
    stream = guard.enter("m")
    guard.began(stream)
    other = guard.enter("m")
    guard.ended(stream, None)
    assert guard.breaker.state is BreakerState.HALF_OPEN
    assert guard.block("m") is not None, "the other probe is still under way"
    guard.succeeded(other)
    assert guard.breaker.state is BreakerState.CLOSED


def test_streams_that_closed_the_breaker_and_then_break_count_in_its_window(guard: Guard, clock: Clock) -> None:
    fail(guard, FaultKind.SERVER_ERROR, times=5)
    clock.now_s += 400
    guard.succeeded(guard.enter("m"))
    ticket = guard.enter("m")
    guard.began(ticket)
    assert guard.breaker.state is BreakerState.CLOSED
    guard.ended(ticket, Fault(FaultKind.STALLED, "It stalled.", provider="a"))
    fail(guard, FaultKind.SERVER_ERROR, times=4)
    assert guard.breaker.state is BreakerState.OPEN


def test_what_clients_call_a_model_is_not_kept_for_ever(guard: Guard, clock: Clock) -> None:
    for number in range(1000):
        fail(guard, FaultKind.RATE_LIMITED, model=f"m{number}", after_s=1)
        clock.now_s += PROBE_S / 10
    assert len(guard._asked_s) <= 202
