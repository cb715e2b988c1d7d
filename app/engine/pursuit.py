"""One request's way through the candidates: who is asked, asked again, waited for or passed over until one answers."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from app.domain.faults import Fault, FaultError, FaultKind
from app.engine.attempt import Attempt, Call
from app.engine.choice import Choice, longer
from app.engine.continuity import Continuity
from app.engine.deadline import Deadline
from app.engine.hopes import Hope, Hopes
from app.engine.journal import Journal
from app.engine.limits import Turn
from app.engine.mending import Mending
from app.engine.outage import UNCONNECTED, Outage
from app.engine.provider import Provider
from app.engine.retries import Retries
from app.engine.router import Candidate
from app.engine.shared_deadline import SharedDeadline
from app.engine.telling import missed, outlived, worst
from app.store.settings import Routing as RoutingSettings

TRY_LATER_S = 2.0
"""What a client is told to wait when trying again can help and nobody named a time."""

_NOT_NEEDED = "not needed"
_OVER = "the request was over"
_SPENT = "the attempts were used up"
_LATE = "the time was used up"
_TOO_SHORT = "its list does not say that it takes longer conversations"


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
    deadlines: SharedDeadline = field(default_factory=SharedDeadline)


@dataclass(slots=True)
class Pursuit:
    """The pursuit of one answer; `run` it once."""

    call: Call
    journal: Journal
    means: Means
    choice: Choice
    faults: list[Fault] = field(default_factory=list)
    _unasked: list[Fault] = field(default_factory=list)
    """Why some were not asked although they might have been."""
    _mending: Mending = field(default_factory=Mending)
    _waited_s: float = 0.0
    _deadline: Deadline = field(init=False)
    _hopes: Hopes = field(init=False)

    def __post_init__(self) -> None:
        """The time runs since the request came."""
        candidates, clock = self.choice.candidates, self.means.retries.clock
        timeouts = [candidate.provider.settings.timeouts for candidate in candidates]
        self._deadline = Deadline(timeouts, clock, self.journal.queued_s, self.means.deadlines)
        self._hopes = Hopes(candidates, clock)

    async def run(self) -> Attempt:
        """Ask one candidate after the other.

        Raises:
            FaultError: nobody answered, or the fault is one that no other provider can mend.
        """
        self.means.retries.request()
        for skipped in self.choice.skipped:
            self.journal.passed_over(skipped.candidate, skipped.why)
        waiting, ended = iter(self.choice.candidates), _OVER
        try:
            for candidate in waiting:
                why = self._keeps_away(candidate)
                if why:
                    self.journal.passed_over(candidate, why)
                elif (attempt := await self._ask(candidate)) is not None:
                    ended = _NOT_NEEDED
                    return attempt
        finally:
            for candidate in waiting:
                self.journal.passed_over(candidate, ended)
        return await self._last_resort()

    # -- one candidate

    def _keeps_away(self, candidate: Candidate) -> str:
        """Why the candidate is not asked in its turn; empty when it is."""
        if self._spent:
            return _SPENT if self._deadline.left_s else _LATE
        if not self._hopes.may_help(candidate):
            return _TOO_SHORT
        block = self._hopes.block(candidate)
        return "" if block is None else block.why

    @property
    def _spent(self) -> bool:
        return len(self.faults) >= self.means.settings().max_attempts or not self._deadline.left_s

    def _others(self, candidate: Candidate) -> bool:
        """Whether somebody else could answer if this candidate does not."""
        if len(self.choice.candidates) == 1 or len(self.faults) + 1 >= self.means.settings().max_attempts:
            return False
        return self._hopes.others(candidate)

    async def _ask(self, candidate: Candidate, *, forced: bool = False) -> Attempt | None:
        """Ask one candidate, once more if that may help; None when another one is to be asked.

        Unless the time is over there is one more fault then, of which there may be `max_attempts`, or the candidate is
        refused: so every loop around this ends.

        Raises:
            FaultError: the fault is one that no other provider can mend.
        """
        while not self._spent:
            try:
                turn = await self._turn(candidate)
            except FaultError as error:
                self._unasked.append(error.fault)
                self._hopes.refuse(candidate)
                self.journal.passed_over(candidate, error.fault.message)
                return None
            tries = self._hopes.ask(candidate)
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

    async def _turn(self, candidate: Candidate) -> Turn | None:
        """Take a turn by the candidate's own limits, None when it has none.

        Raises:
            FaultError: there is none in time, or the provider is none any more after all the waiting.
        """
        turn = await self.choice.turn(candidate, self._deadline.left_s)
        if candidate.provider.usable:
            return turn
        if turn is not None:
            turn.cancel()
        raise FaultError(outlived(candidate.provider.id, candidate.provider.name))

    async def _attempt(self, candidate: Candidate, turn: Turn | None, *, forced: bool) -> Attempt:
        """One attempt; what came of it is noted with the provider, its guard and in the journal."""
        provider = candidate.provider
        ticket = provider.guard.enter(candidate.model, forced=forced)
        attempt = Attempt(candidate, self.call, ticket, self.means.thoughts)
        attempt.turn = turn
        self._mending.prepare(attempt)
        self.means.running.add(attempt)
        fault: Fault | None = None
        answered = False
        try:
            await self._deadline.run(attempt, others=self._others(candidate))
            answered = True
        except FaultError as error:
            fault = self._failed(attempt, error.fault)
            raise FaultError(fault) from error
        finally:
            self.journal.tried(attempt, fault)
            if not answered:
                self.means.running.discard(attempt)
                provider.guard.abandoned(ticket)
                await attempt.close()
        self._answered(attempt)
        return attempt

    def _answered(self, attempt: Attempt) -> None:
        """Note an answer, or that its stream has begun, wherever it matters."""
        candidate, provider = attempt.candidate, attempt.candidate.provider
        assert attempt.ticket is not None  # noqa: S101 - every attempt of a pursuit has one
        first_byte_ms = attempt.first_byte_ms or attempt.elapsed_ms()
        provider.answered(first_byte_ms)
        (provider.guard.began if self.call.request.stream else provider.guard.succeeded)(attempt.ticket)
        self.choice.answered(candidate, first_byte_ms)
        if attempt.upstream is not None:
            self.choice.limits.note(provider.id, attempt.upstream.headers)

    def _failed(self, attempt: Attempt, fault: Fault) -> Fault:
        """Note a failure wherever it matters; return the fault as it may be shown."""
        candidate, provider = attempt.candidate, attempt.candidate.provider
        fault = provider.failed(fault)
        assert attempt.ticket is not None  # noqa: S101 - every attempt of a pursuit has one
        provider.guard.failed(attempt.ticket, fault, counts=not self._nobodys(fault))
        provider.count(attempt.usage, failed=fault.policy.breaker or fault.policy.next)
        if attempt.turn is not None:
            attempt.turn.settle(0)
        self.choice.failed(candidate, fault)
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
                self._hopes.postpone(candidate, fault.retry_after_s)
            return False
        if tries > fault.policy.retries or tries >= retry.attempts or self._spent or self._nobodys(fault):
            return False
        if self.call.repeated and not fault.policy.retry_at_once:
            return False  # the client's own tries are not to multiply ours
        return self._hopes.block(candidate) is None and self.means.retries.take()

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
        self._hopes.only = larger

    # -- when nobody answered

    async def _last_resort(self) -> Attempt:
        """Ask who is free by now, wait for the first who named a time, or ask the first to recover all the same.

        Raises:
            FaultError: none of it is possible, or helped.
        """
        while not self._spent and (hope := self._hope()) is not None:
            if hope.wait_s or hope.again:
                self._waited_s += await self.means.retries.wait(hope.wait_s, hope.candidate.provider.settings.retry)
            attempt = await self._ask(hope.candidate, forced=hope.forced)
            if attempt is not None:
                return attempt
        raise FaultError(self._verdict())

    def _hope(self) -> Hope | None:
        """The best hope there is, if the retry budget allows it."""
        if self.means.outage.offline and self.faults:
            return None
        hope = self._hopes.best(min(self.means.settings().max_wait_s - self._waited_s, self._deadline.left_s))
        if hope is not None and hope.again and not self.means.retries.take():
            return None
        return hope

    # -- what the client is told

    def _verdict(self) -> Fault:
        """The fault that tells the client most, and when it is worth trying again."""
        blocked = self._hopes.blocked()
        untried = [block.fault for candidate, block in blocked if not self._hopes.tries(candidate)]
        faults = [*self.faults, *self._unasked, *untried]
        if self.means.outage.offline and all(fault.kind in UNCONNECTED for fault in faults):
            return self.means.outage.fault
        told = worst(faults) if faults else missed(self._deadline.total_s, self.journal.queued_s)
        if not told.policy.should_retry:
            return told if told.kind is FaultKind.QUOTA else replace(told, retry_after_s=None)
        waits_s = [min(block.wait_s, candidate.provider.guard.probe_wait_s(block)) for candidate, block in blocked]
        soonest_s = max(1.0, min(waits_s, default=math.inf))
        named_s = told.retry_after_s if told.retry_after_s is not None else math.inf
        later_s = named_s if told.kind is FaultKind.RATE_LIMITED else min(named_s, soonest_s)
        return replace(told, retry_after_s=TRY_LATER_S if math.isinf(later_s) else later_s)
