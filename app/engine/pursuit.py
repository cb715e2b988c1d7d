"""One request's way through the candidates: who is asked, asked again, waited for or passed over until one answers."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from app.domain.faults import Fault, FaultError, FaultKind
from app.engine.attempt import Attempt, Call
from app.engine.choice import Choice, longer
from app.engine.continuity import Continuity
from app.engine.deadline import Deadline
from app.engine.guard import Block
from app.engine.journal import Journal
from app.engine.limits import Turn
from app.engine.mending import Mending
from app.engine.outage import UNCONNECTED, Outage
from app.engine.provider import Provider
from app.engine.retries import Retries
from app.engine.router import Candidate
from app.engine.telling import worst
from app.store.settings import Routing as RoutingSettings

TRY_LATER_S = 2.0
"""What a client is told to wait when trying again can help and nobody named a time."""


@dataclass(frozen=True, slots=True)
class Means:
    """What every pursuit needs: the settings in force, the retry budget, the state of the network.

    `refresh` is told of a provider that does not have a model it was asked for, `thoughts` are kept for clients.
    """

    settings: Callable[[], RoutingSettings]
    retries: Retries
    outage: Outage
    refresh: Callable[[Provider], None]
    running: set[Attempt] = field(default_factory=set)
    """The attempts under way, so that they can be broken off."""
    thoughts: Continuity = field(default_factory=Continuity)


@dataclass(frozen=True, slots=True)
class _Hope:
    """A candidate that may still answer: in `wait_s` seconds, or now when it is `forced`."""

    candidate: Candidate
    wait_s: float
    forced: bool


@dataclass(slots=True)
class Pursuit:
    """The pursuit of one answer; `run` it once."""

    call: Call
    journal: Journal
    means: Means
    choice: Choice
    faults: list[Fault] = field(default_factory=list)
    _tries: dict[int, int] = field(default_factory=dict)
    _again_s: dict[int, float] = field(default_factory=dict)
    _only: list[Candidate] | None = None
    _mending: Mending = field(default_factory=Mending)
    _waited_s: float = 0.0
    _limited: list[Fault] = field(default_factory=list)
    _deadline: Deadline = field(init=False)

    def __post_init__(self) -> None:
        """The time runs since the request came."""
        timeouts = [candidate.provider.settings.timeouts for candidate in self.choice.candidates]
        self._deadline = Deadline(timeouts, self.means.retries.clock, self.journal.queued_s)

    async def run(self) -> Attempt:
        """Ask one candidate after the other.

        Raises:
            FaultError: nobody answered, or the fault is one that no other provider can mend.
        """
        self.means.retries.request()
        candidates = self.choice.candidates
        for skipped in self.choice.skipped:
            self.journal.passed_over(skipped.candidate, skipped.why)
        for candidate in candidates:
            if self._spent or not self._may_help(candidate):
                continue
            block = self._block(candidate)
            if block is not None:
                self.journal.passed_over(candidate, block.why)
            elif (attempt := await self._ask(candidate)) is not None:
                return attempt
        return await self._last_resort()

    # -- one candidate

    @property
    def _spent(self) -> bool:
        return len(self.faults) >= self.means.settings().max_attempts or not self._deadline.left_s

    def _others(self, candidate: Candidate) -> bool:
        """Whether somebody else could answer if this candidate does not."""
        candidates = self.choice.candidates
        if len(candidates) == 1 or len(self.faults) + 1 >= self.means.settings().max_attempts:
            return False
        new = (c for c in candidates if c is not candidate and not self._tries.get(id(c)) and self._may_help(c))
        return any(self._block(c) is None for c in new)

    def _block(self, candidate: Candidate) -> Block | None:
        """Why the candidate is to be left alone; the only one there is, only for what it said itself."""
        return candidate.provider.guard.block(candidate.model, lone=len(self.choice.candidates) == 1)

    def _may_help(self, candidate: Candidate) -> bool:
        """Whether the candidate is one of those a conversation that was too long may still go to."""
        return self._only is None or candidate in self._only

    async def _ask(self, candidate: Candidate, *, forced: bool = False) -> Attempt | None:
        """Ask one candidate, once more if that may help; None when another one is to be asked.

        Raises:
            FaultError: the fault is one that no other provider can mend.
        """
        while not self._spent:
            try:
                turn = await self.choice.turn(candidate, self._deadline.left_s)
            except FaultError as error:
                self._limited.append(error.fault)
                self.journal.passed_over(candidate, error.fault.message)
                return None
            self._tries[id(candidate)] = tries = self._tries.get(id(candidate), 0) + 1
            try:
                return await self._attempt(candidate, turn, forced=forced)
            except FaultError as error:
                fault = error.fault
            self.faults.append(fault)
            if self._mended(fault):
                continue
            if not fault.policy.next:
                self._narrow(candidate, fault)
                return None
            if not self._again(candidate, fault, tries):
                return None
            if not fault.policy.retry_at_once:
                await self.means.retries.back_off(candidate.provider.settings.retry, tries, self._deadline.left_s)
        return None

    async def _attempt(self, candidate: Candidate, turn: Turn | None, *, forced: bool) -> Attempt:
        """One attempt; what came of it is noted with the provider, its guard and in the journal."""
        provider = candidate.provider
        ticket = provider.guard.enter(candidate.model, forced=forced)
        attempt = Attempt(candidate, self.call, ticket, self.means.thoughts)
        attempt.turn = turn
        self._mending.prepare(attempt)
        self.means.running.add(attempt)
        try:
            await self._deadline.run(attempt, others=self._others(candidate))
        except FaultError as error:
            self.means.running.discard(attempt)
            if turn is not None:
                turn.settle(0)
            await attempt.close()
            raise FaultError(self._failed(attempt, error.fault)) from error
        except BaseException:
            self.means.running.discard(attempt)
            provider.guard.abandoned(ticket)
            await attempt.close()
            self.journal.tried(attempt, None)
            raise
        first_byte_ms = attempt.first_byte_ms or attempt.elapsed_ms()
        self.journal.tried(attempt, None)
        provider.answered(first_byte_ms)
        (provider.guard.began if self.call.request.stream else provider.guard.succeeded)(ticket)
        self.choice.answered(candidate, first_byte_ms)
        if attempt.upstream is not None:
            self.choice.limits.note(provider.id, attempt.upstream.headers)
        return attempt

    def _failed(self, attempt: Attempt, fault: Fault) -> Fault:
        """Note a failure wherever it matters; return the fault as it may be shown."""
        candidate, provider = attempt.candidate, attempt.candidate.provider
        fault = provider.failed(fault)
        assert attempt.ticket is not None  # noqa: S101 - every attempt of a pursuit has one
        provider.guard.failed(attempt.ticket, fault, counts=not self._nobodys(fault))
        self.journal.tried(attempt, fault)
        provider.count(attempt.usage, failed=fault.policy.breaker or fault.policy.next)
        self.choice.failed(candidate)
        if fault.kind is FaultKind.MODEL_NOT_FOUND:
            self.means.refresh(provider)
        return fault

    def _nobodys(self, fault: Fault) -> bool:
        """Whether the failure is the network's here, not the provider's."""
        return self.means.outage.offline and fault.kind in UNCONNECTED

    def _again(self, candidate: Candidate, fault: Fault, tries: int) -> bool:
        """Whether to ask the same candidate once more at once; a later time is noted."""
        retry = candidate.provider.settings.retry
        if fault.kind is FaultKind.RATE_LIMITED or fault.retry_after_s is not None:
            if fault.retry_after_s is not None and fault.policy.should_retry and tries < retry.attempts:
                self._again_s[id(candidate)] = self.means.retries.clock() + fault.retry_after_s
            return False
        if tries > fault.policy.retries or tries >= retry.attempts or self._spent or self._nobodys(fault):
            return False
        if self.call.repeated and not fault.policy.retry_at_once:
            return False  # the client's own tries are not to multiply ours
        return self._block(candidate) is None and self.means.retries.take()

    def _mended(self, fault: Fault) -> bool:
        """Whether to ask once more with the request repaired."""
        last = self.journal.last
        return last is not None and self._mending.find(last, fault) and not self._spent

    def _narrow(self, candidate: Candidate, fault: Fault) -> None:
        """A conversation that was too long may go on to models that take longer ones, and to nobody else.

        What our own rules for the candidate's dialect refused may go on to anybody: another's may have the words. What
        a provider's filter refused does so only if the user wants it.

        Raises:
            FaultError: nobody else can mend that fault.
        """
        goes_on = fault.kind is FaultKind.INVALID_REQUEST or (
            fault.kind is FaultKind.CONTENT_FILTER and self.means.settings().content_filter_next
        )
        if goes_on and self._others(candidate):
            return
        larger = longer(self.choice.candidates, candidate) if fault.kind is FaultKind.CONTEXT_LENGTH else []
        if not larger:
            raise FaultError(fault)
        self._only = larger

    # -- when nobody answered

    async def _last_resort(self) -> Attempt:
        """Wait for the first who named a time, or ask the first to recover all the same.

        Raises:
            FaultError: neither is possible, or helped.
        """
        while not self._spent and (hope := self._hope()) is not None:
            if not hope.forced:
                self._waited_s += await self.means.retries.wait(hope.wait_s, hope.candidate.provider.settings.retry)
            attempt = await self._ask(hope.candidate, forced=hope.forced)
            if attempt is not None:
                return attempt
        raise FaultError(self._verdict())

    def _hope(self) -> _Hope | None:
        """The candidate to wait for, or to ask although it is to be left alone; the first to recover."""
        if self.means.outage.offline and self.faults:
            return None
        hopes = [hope for c in self.choice.candidates if (hope := self._hope_of(c)) is not None]
        best = min(hopes, key=lambda hope: hope.wait_s, default=None)
        if best is not None and self._tries.get(id(best.candidate)) and not self.means.retries.take():
            return None
        if best is not None and best.forced:
            return replace(best, wait_s=0.0)
        return best

    def _hope_of(self, candidate: Candidate) -> _Hope | None:
        guard, tries = candidate.provider.guard, self._tries.get(id(candidate), 0)
        if not self._may_help(candidate) or tries >= candidate.provider.settings.retry.attempts:
            return None
        block = self._block(candidate)
        wait_s = self._due_s(candidate, block)
        longest_s = min(self.means.settings().max_wait_s - self._waited_s, self._deadline.left_s)
        if wait_s is not None and wait_s <= longest_s:
            return _Hope(candidate, wait_s, forced=False)
        if block is not None and not tries and not guard.probe_wait_s(block):
            return _Hope(candidate, block.wait_s, forced=True)
        return None

    def _due_s(self, candidate: Candidate, block: Block | None) -> float | None:
        """Seconds until the time that the provider itself has named; None when it has named none."""
        if block is not None:
            return block.wait_s if block.told and block.fault.policy.should_retry else None
        again_s = self._again_s.get(id(candidate))
        return None if again_s is None else max(0.0, again_s - self.means.retries.clock())

    # -- what the client is told

    def _verdict(self) -> Fault:
        """The fault that tells the client most, and when it is worth trying again."""
        blocked = [
            (candidate, block)
            for candidate in self.choice.candidates
            if self._may_help(candidate) and (block := self._block(candidate)) is not None
        ]
        untried = [block.fault for candidate, block in blocked if not self._tries.get(id(candidate))]
        faults = [*self.faults, *self._limited, *untried]
        if self.means.outage.offline and all(fault.kind in UNCONNECTED for fault in faults):
            return self.means.outage.fault
        told = worst(faults)
        if not told.policy.should_retry:
            return told if told.kind is FaultKind.QUOTA else replace(told, retry_after_s=None)
        waits_s = [min(block.wait_s, candidate.provider.guard.probe_wait_s(block)) for candidate, block in blocked]
        soonest_s = max(1.0, min(waits_s, default=math.inf))
        named_s = told.retry_after_s if told.retry_after_s is not None else math.inf
        later_s = named_s if told.kind is FaultKind.RATE_LIMITED else min(named_s, soonest_s)
        return replace(told, retry_after_s=TRY_LATER_S if math.isinf(later_s) else later_s)
