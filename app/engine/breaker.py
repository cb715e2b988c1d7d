"""A circuit breaker: leaves a provider alone after too many failures, then lets exactly one probe through at a time."""

from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple

from app.domain.status import BreakerState
from app.store.settings import Breaker as BreakerSettings

SPREAD = 0.2
"""The open time is lengthened or shortened by up to this part of it, so that breakers do not move in step."""

_CALLS_KEPT = 1000
"""The most calls of the window that are looked at: the newest."""


class Outcome(Enum):
    """What came of a call: `NEUTRAL` says nothing about the provider (a cancellation, a 4xx, a 429)."""

    SUCCESS = auto()
    FAILURE = auto()
    NEUTRAL = auto()


class Memory(NamedTuple):
    """All that a breaker knows, for `Breaker.restore`."""

    state: BreakerState
    consecutive: int
    successes: int
    opened: int
    until_s: float
    calls: tuple[tuple[float, bool], ...]


class Breaker:
    """Closed: every call goes through. Open: none does. Half-open: one at a time, until enough of them succeeded.

    A call gets a ticket from `enter` and gives it back with what came of it to `leave`. Tickets from before the last
    change of state say nothing any more and are ignored.
    """

    __slots__ = (
        "_calls",
        "_chance",
        "_clock",
        "_consecutive",
        "_failures",
        "_opened",
        "_probe",
        "_settings",
        "_state",
        "_successes",
        "_ticket",
        "_until_s",
    )

    def __init__(self, settings: BreakerSettings, clock: Callable[[], float], chance: Callable[[], float]) -> None:
        """Begin closed; `clock` gives monotonic seconds, `chance` a number from 0 to 1."""
        self._settings = settings
        self._clock = clock
        self._chance = chance
        self._state = BreakerState.CLOSED
        self._consecutive = self._successes = self._opened = self._failures = 0
        self._until_s = 0.0
        self._calls: deque[tuple[float, bool]] = deque()
        self._ticket = 0
        self._probe = False

    @property
    def state(self) -> BreakerState:
        """The state at this moment: an open breaker whose time is up is half-open."""
        if self._state is BreakerState.OPEN and self._clock() >= self._until_s:
            self._become(BreakerState.HALF_OPEN)
        return self._state

    @property
    def ticket(self) -> int:
        """The ticket of the calls that say something now."""
        return self._ticket

    @property
    def wait_s(self) -> float | None:
        """Seconds until a call may go through: 0 at once, None as soon as the probe under way is over."""
        state = self.state
        if state is BreakerState.OPEN:
            return self._until_s - self._clock()
        return None if state is BreakerState.HALF_OPEN and self._probe else 0.0

    def enter(self, *, forced: bool = False) -> int | None:
        """Let a call through and return its ticket, or None.

        `forced` makes it the probe whatever the state: the one before it, if any, counts no more.
        """
        state = self.state
        if state is BreakerState.CLOSED:
            return self._ticket
        if forced:
            self._become(BreakerState.HALF_OPEN, keep=state is BreakerState.HALF_OPEN)
        elif state is BreakerState.OPEN or self._probe:
            return None
        self._probe = True
        return self._ticket

    def leave(self, ticket: int, outcome: Outcome) -> None:
        """Take back a ticket with what came of its call."""
        if ticket != self._ticket:
            return
        self._probe = False
        if outcome is Outcome.SUCCESS:
            self._succeeded()
        elif outcome is Outcome.FAILURE:
            self._failed()

    def try_now(self) -> None:
        """Let the next call through as a probe."""
        if self._state is BreakerState.OPEN:
            self._become(BreakerState.HALF_OPEN)

    def remember(self) -> Memory:
        """What is known now, to be restored should the failures that follow turn out to be nobody's fault."""
        return Memory(self.state, self._consecutive, self._successes, self._opened, self._until_s, tuple(self._calls))

    def restore(self, memory: Memory) -> None:
        """Go back to what was known."""
        self._become(memory.state)
        self._consecutive, self._successes, self._opened = memory.consecutive, memory.successes, memory.opened
        self._until_s = memory.until_s
        self._calls = deque(memory.calls)
        self._failures = sum(not good for _, good in self._calls)

    def _become(self, state: BreakerState, *, keep: bool = False) -> None:
        self._state = state
        self._ticket += 1
        self._probe = False
        if not keep:
            self._successes = 0

    def _succeeded(self) -> None:
        self._consecutive = 0
        if self._state is BreakerState.CLOSED:
            self._count(good=True)
            return
        self._successes += 1
        if self._successes >= self._settings.closes_after:
            self._become(BreakerState.CLOSED)
            self._opened = self._failures = 0
            self._calls.clear()

    def _failed(self) -> None:
        if self._state is BreakerState.CLOSED:
            self._consecutive += 1
            self._count(good=False)
            if not self._too_many():
                return
        self._open()

    def _count(self, *, good: bool) -> None:
        """Note a call of the window and forget those that have left it."""
        now_s, calls = self._clock(), self._calls
        calls.append((now_s, good))
        self._failures += not good
        oldest_s = now_s - self._settings.window_s
        while calls[0][0] <= oldest_s or len(calls) > _CALLS_KEPT:
            self._failures -= not calls.popleft()[1]

    def _too_many(self) -> bool:
        settings, calls = self._settings, len(self._calls)
        if self._consecutive >= settings.consecutive_failures:
            return True
        return calls >= settings.minimum_calls and self._failures >= settings.failure_ratio * calls

    def _open(self) -> None:
        """Leave the provider alone: twice as long each time it did not recover in between."""
        settings = self._settings
        wait_s = min(settings.max_open_s, settings.open_s * 2.0 ** min(self._opened, 20))
        self._opened += 1
        self._until_s = self._clock() + wait_s * (1 + SPREAD * (2 * self._chance() - 1))
        self._become(BreakerState.OPEN)
        self._consecutive = self._failures = 0
        self._calls.clear()
