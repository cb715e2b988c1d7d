"""The breaker against a model of its own: 1,000 steps here, 10,000 with SWITCHTOWER_LONG_TESTS=1."""

import os

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from app.domain.status import BreakerState
from app.engine.breaker import SPREAD, Breaker, Outcome
from app.store.settings import Breaker as BreakerSettings

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN
EXAMPLES = 200 if os.environ.get("SWITCHTOWER_LONG_TESTS") else 20


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make(clock: Clock, chance: float = 0.5, **values: object) -> Breaker:
    return Breaker(BreakerSettings.model_validate(values), clock, lambda: chance)


def call(breaker: Breaker, outcome: Outcome) -> bool:
    ticket = breaker.enter()
    if ticket is not None:
        breaker.leave(ticket, outcome)
    return ticket is not None


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        call(breaker, Outcome.FAILURE)


def test_it_opens_at_exactly_five_failures_in_a_row(clock: Clock) -> None:
    breaker = make(clock)
    fail(breaker, 4)
    assert breaker.state is CLOSED
    fail(breaker)
    assert breaker.state is OPEN
    assert breaker.enter() is None


def test_a_success_in_between_begins_the_row_anew(clock: Clock) -> None:
    breaker = make(clock, minimum_calls=100)
    fail(breaker, 4)
    call(breaker, Outcome.SUCCESS)
    fail(breaker, 4)
    assert breaker.state is CLOSED


def test_it_opens_at_half_of_ten_calls_within_the_window(clock: Clock) -> None:
    breaker = make(clock)
    for _ in range(4):
        call(breaker, Outcome.SUCCESS)
        call(breaker, Outcome.FAILURE)
    call(breaker, Outcome.SUCCESS)
    assert breaker.state is CLOSED
    fail(breaker)
    assert breaker.state is OPEN


def test_calls_older_than_the_window_count_no_more(clock: Clock) -> None:
    breaker = make(clock)
    for _ in range(4):
        call(breaker, Outcome.SUCCESS)
        call(breaker, Outcome.FAILURE)
    clock.now_s += 60
    call(breaker, Outcome.SUCCESS)
    fail(breaker)
    assert breaker.state is CLOSED


@pytest.mark.parametrize("outcome", [Outcome.NEUTRAL, Outcome.SUCCESS])
def test_what_says_nothing_never_opens_it(clock: Clock, outcome: Outcome) -> None:
    breaker = make(clock)
    for _ in range(100):
        call(breaker, outcome)
    assert breaker.state is CLOSED


@pytest.mark.parametrize(("chance", "part"), [(0.0, 1 - SPREAD), (0.5, 1.0), (1.0, 1 + SPREAD)])
def test_the_open_time_is_spread(clock: Clock, chance: float, part: float) -> None:
    breaker = make(clock, chance)
    fail(breaker, 5)
    assert breaker.wait_s == pytest.approx(30 * part)
    clock.now_s += 30 * part - 0.001
    assert breaker.state is OPEN
    clock.now_s += 0.002
    assert breaker.state is HALF_OPEN


def test_the_open_time_doubles_up_to_its_limit_and_begins_anew_after_a_recovery(clock: Clock) -> None:
    breaker = make(clock)
    fail(breaker, 5)
    waits = []
    for _ in range(6):
        waits.append(breaker.wait_s)
        clock.now_s += breaker.wait_s or 0
        fail(breaker)
    assert waits == pytest.approx([30, 60, 120, 240, 300, 300])
    clock.now_s += 300
    for _ in range(2):
        call(breaker, Outcome.SUCCESS)
    assert breaker.state is CLOSED
    fail(breaker, 5)
    assert breaker.wait_s == pytest.approx(30)


def test_half_open_lets_exactly_one_probe_through(clock: Clock) -> None:
    breaker = make(clock)
    fail(breaker, 5)
    clock.now_s += 31
    probe = breaker.enter()
    assert probe is not None
    assert [breaker.enter() for _ in range(50)] == [None] * 50
    assert breaker.wait_s is None
    breaker.leave(probe, Outcome.SUCCESS)
    assert breaker.state is HALF_OPEN
    assert call(breaker, Outcome.SUCCESS)
    assert breaker.state is CLOSED


def test_a_cancelled_probe_makes_room_for_the_next_and_proves_nothing(clock: Clock) -> None:
    breaker = make(clock)
    fail(breaker, 5)
    clock.now_s += 31
    for _ in range(5):
        assert call(breaker, Outcome.NEUTRAL)
    assert breaker.state is HALF_OPEN


def test_calls_from_before_the_change_say_nothing_any_more(clock: Clock) -> None:
    breaker = make(clock)
    late = [breaker.enter() for _ in range(3)]
    fail(breaker, 5)
    clock.now_s += 31
    assert breaker.state is HALF_OPEN
    for ticket, outcome in zip(late, (Outcome.SUCCESS, Outcome.SUCCESS, Outcome.FAILURE), strict=True):
        assert ticket is not None
        breaker.leave(ticket, outcome)
    assert breaker.state is HALF_OPEN
    assert breaker.enter() is not None


def test_a_forced_call_is_the_only_probe(clock: Clock) -> None:
    breaker = make(clock)
    fail(breaker, 5)
    first = breaker.enter(forced=True)
    assert breaker.state is HALF_OPEN
    assert breaker.enter() is None
    second = breaker.enter(forced=True)
    assert first is not None
    assert second is not None
    breaker.leave(first, Outcome.FAILURE)
    assert breaker.state is HALF_OPEN
    breaker.leave(second, Outcome.SUCCESS)
    assert call(breaker, Outcome.SUCCESS)
    assert breaker.state is CLOSED


def test_trying_now_and_going_back(clock: Clock) -> None:
    breaker = make(clock)
    before = breaker.remember()
    fail(breaker, 5)
    breaker.try_now()
    assert breaker.state is HALF_OPEN
    breaker.restore(before)
    assert breaker.state is CLOSED
    fail(breaker, 4)
    assert breaker.state is CLOSED


class Model(RuleBasedStateMachine):
    """Thresholds written down a second time, as plainly as can be."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.limits = BreakerSettings(
            consecutive_failures=3, failure_ratio=0.5, minimum_calls=4, window_s=10, open_s=5, max_open_s=18
        )
        self.breaker = Breaker(self.limits, self.clock, lambda: 0.5)
        self.state, self.row, self.good, self.times_open = CLOSED, 0, 0, 0
        self.until_s = 0.0
        self.calls: list[tuple[float, bool]] = []
        self.epoch, self.probe = 0, False
        self.tickets: list[tuple[int, int]] = []

    def turn(self, state: BreakerState) -> None:
        self.state, self.epoch, self.probe, self.good, self.row, self.calls = state, self.epoch + 1, False, 0, 0, []

    def pass_time(self) -> None:
        if self.state is OPEN and self.clock.now_s >= self.until_s:
            self.turn(HALF_OPEN)

    def open(self) -> None:
        self.until_s = self.clock.now_s + min(18, 5 * 2**self.times_open)
        self.times_open += 1
        self.turn(OPEN)

    @rule(s=st.sampled_from([0.5, 1.0, 4.0, 7.0, 20.0]))
    def wait(self, s: float) -> None:
        self.clock.now_s += s

    @rule(forced=st.sampled_from([False, False, False, True]))
    def enter(self, forced: bool) -> None:
        self.pass_time()
        ticket = self.breaker.enter(forced=forced)
        if self.state is not CLOSED and forced:
            good = self.good if self.state is HALF_OPEN else 0
            self.turn(HALF_OPEN)
            self.good = good
        allowed = self.state is CLOSED or forced or (self.state is HALF_OPEN and not self.probe)
        assert (ticket is not None) == allowed
        if ticket is not None:
            self.probe = self.state is HALF_OPEN
            self.tickets.append((ticket, self.epoch))

    @precondition(lambda self: self.tickets)
    @rule(which=st.integers(0, 1000), outcome=st.sampled_from(list(Outcome)))
    def leave(self, which: int, outcome: Outcome) -> None:
        self.pass_time_before_leaving()
        ticket, epoch = self.tickets.pop(which % len(self.tickets))
        self.breaker.leave(ticket, outcome)
        if epoch != self.epoch:
            return
        self.probe = False
        if outcome is Outcome.FAILURE:
            self.failed()
        elif outcome is Outcome.SUCCESS:
            self.succeeded()

    def pass_time_before_leaving(self) -> None:
        """The breaker looks at the time when it is asked; the model asks it first."""
        assert self.breaker.state is not None
        self.pass_time()

    def failed(self) -> None:
        if self.state is HALF_OPEN:
            self.open()
            return
        self.row += 1
        self.calls.append((self.clock.now_s, False))
        recent = [good for at_s, good in self.calls if at_s > self.clock.now_s - 10]
        if self.row >= 3 or (len(recent) >= 4 and recent.count(False) >= 0.5 * len(recent)):
            self.open()

    def succeeded(self) -> None:
        self.row = 0
        if self.state is CLOSED:
            self.calls.append((self.clock.now_s, True))
            return
        self.good += 1
        if self.good >= 2:
            self.turn(CLOSED)
            self.times_open = 0

    @invariant()
    def same_state(self) -> None:
        self.pass_time()
        assert self.breaker.state is self.state

    @invariant()
    def never_more_than_one_probe(self) -> None:
        if self.state is HALF_OPEN:
            assert sum(epoch == self.epoch for _, epoch in self.tickets) <= 1


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=EXAMPLES, stateful_step_count=50, deadline=None)
