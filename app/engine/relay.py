"""THE ONE request handler: candidates by attempts, the commit point, failover before it, usage out."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime

from app.dialects.dialect import Dialect
from app.domain.chat import Answer, Operation
from app.domain.events import RequestStarted
from app.domain.faults import Fault, FaultError, FaultKind
from app.engine.attempt import Attempt, Call
from app.engine.bus import Bus
from app.engine.choice import Chooser
from app.engine.journal import CLIENT_GONE, Journal
from app.engine.provider import Provider, wall_clock
from app.engine.router import Candidate, Routing
from app.store.settings import Routing as RoutingSettings

_log = logging.getLogger(__name__)

KEEPALIVE_S = 15.0
"""A stream that is silent for so long gets a comment, and its headers if they were still held."""

_JSON = (b"content-type", b"application/json")
_EVENT_STREAM = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
)
_TELLING = (FaultKind.RATE_LIMITED, FaultKind.QUOTA, FaultKind.AUTH)
"""When all candidates failed, the first of these that came up says more than that the others were down."""


class Relay:
    """Hands a request to one provider after the other until one answers; every operation goes through here."""

    def __init__(
        self,
        bus: Bus,
        routing: Callable[[], Routing],
        settings: Callable[[], RoutingSettings],
        *,
        clock: Callable[[], datetime] = wall_clock,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`routing` and `settings` give what is in force now; `chance` gives a number from 0 to 1."""
        self._bus = bus
        self.chooser = Chooser(routing)
        self._settings = settings
        self._clock = clock
        self._chance = chance
        self._streams: set[Attempt] = set()

    def reject(
        self, fault: Fault, dialect: Dialect, *, request_id: str, client: str, operation: Operation = Operation.CHAT
    ) -> Answer:
        """Refuse a request that the gate let in but that cannot be read; it is accounted for like any other."""
        journal = Journal(self._bus, request_id, client, self._clock)
        journal.operation = operation
        return self._refuse(fault, dialect, journal)

    async def handle(self, call: Call) -> Answer:
        """Answer `call` in its own dialect, with an error envelope when nobody could; never raises a fault."""
        journal = Journal(self._bus, call.request_id, call.client, self._clock)
        journal.operation, journal.model = call.request.operation, call.request.model
        journal.stream = call.request.stream
        self._bus.publish(RequestStarted(call.request_id))
        try:
            if call.request.stream:
                return await self._stream(call, journal)
            return await self._plain(call, journal)
        except FaultError as error:
            return self._refuse(error.fault, call.dialect, journal)
        except asyncio.CancelledError:
            journal.finish(CLIENT_GONE, "cancelled")
            raise
        except Exception:  # noqa: BLE001 - the named guard "relay"
            return self._refuse(_internal(call), call.dialect, journal)

    # -- the loop over candidates and attempts

    async def _first_answer(self, call: Call, journal: Journal) -> Attempt:
        """Ask one candidate after the other.

        Raises:
            FaultError: nobody answered, or the fault is one that no other provider can mend.
        """
        settings = self._settings()
        faults: list[Fault] = []
        choice = self.chooser.choose(call.request, call.client)
        for candidate in choice.candidates:
            for tries in range(candidate.provider.settings.retry.attempts):
                if len(faults) >= settings.max_attempts:
                    raise FaultError(_worst(faults))
                try:
                    attempt = await self._attempt(candidate, call, journal)
                except FaultError as error:
                    fault = error.fault
                else:
                    choice.answered(candidate, attempt.first_byte_ms or attempt.elapsed_ms())
                    return attempt
                faults.append(fault)
                if not fault.policy.next:
                    raise FaultError(fault)
                choice.failed(candidate)
                if tries >= fault.policy.retries:
                    break
                await self._pause(candidate.provider, fault, tries)
        raise FaultError(_worst(faults))

    async def _attempt(self, candidate: Candidate, call: Call, journal: Journal) -> Attempt:
        """One attempt; what came of it is noted with the provider and in the journal."""
        provider = candidate.provider
        attempt = Attempt(candidate, call)
        try:
            await attempt.run()
        except FaultError as error:
            await attempt.close()
            fault = provider.failed(error.fault)
            journal.tried(attempt, fault)
            provider.count(attempt.usage, failed=fault.policy.breaker or fault.policy.next)
            raise FaultError(fault) from error
        except BaseException:
            await attempt.close()
            journal.tried(attempt, None)
            raise
        journal.tried(attempt, None)
        provider.answered(attempt.first_byte_ms or attempt.elapsed_ms())
        return attempt

    async def _pause(self, provider: Provider, fault: Fault, tries: int) -> None:
        """Back off before the same provider is asked again: at once, or with full jitter."""
        if not fault.policy.retry_at_once:
            retry = provider.settings.retry
            await asyncio.sleep(self._chance() * min(retry.cap_s, retry.base_s * 2**tries))

    # -- plain answers

    async def _plain(self, call: Call, journal: Journal) -> Answer:
        """Answer at once with the whole body."""
        attempt = await self._first_answer(call, journal)
        headers = (_JSON, *_trace(journal, attempt))
        await attempt.close()
        attempt.candidate.provider.count(attempt.usage, failed=False)
        journal.finish(200)
        assert attempt.reply is not None  # noqa: S101 - a plain attempt that returned has its reply
        return Answer(200, headers, attempt.reply.body)

    # -- streams

    async def _stream(self, call: Call, journal: Journal) -> Answer:
        """Hold the status until the commit point, but no longer than `KEEPALIVE_S`."""
        pending = asyncio.get_running_loop().create_task(self._first_answer(call, journal))
        try:
            done, _ = await asyncio.wait({pending}, timeout=KEEPALIVE_S)
        except asyncio.CancelledError:
            await _cancel(pending)
            raise
        if done:
            attempt = pending.result()
            headers = (*_EVENT_STREAM, *_trace(journal, attempt))
            return Answer(200, headers, stream=self._body(call, journal, attempt))
        headers = (*_EVENT_STREAM, (b"x-request-id", call.request_id.encode()))
        return Answer(200, headers, stream=self._late_body(call, journal, pending))

    async def _late_body(self, call: Call, journal: Journal, pending: asyncio.Task[Attempt]) -> AsyncIterator[bytes]:
        """A stream whose headers had to go out before anybody answered: comments, then content or an error event."""
        try:
            while not pending.done():
                yield call.dialect.KEEPALIVE
                await asyncio.wait({pending}, timeout=KEEPALIVE_S)
            attempt = pending.result()
        except FaultError as error:
            journal.finish(error.fault.status, "failed", error.fault)
            yield call.dialect.render_stream_fault(error.fault, call.request_id)
            return
        except BaseException:
            await _cancel(pending)
            journal.finish(CLIENT_GONE, "cancelled")
            raise
        async for chunk in self._body(call, journal, attempt):
            yield chunk

    async def _body(self, call: Call, journal: Journal, attempt: Attempt) -> AsyncIterator[bytes]:
        """Forward a committed stream; whatever breaks it now becomes an error event, never another provider."""
        self._streams.add(attempt)
        fault: Fault | None = None
        outcome = "cancelled"
        try:
            yield attempt.head
            try:
                while (data := await attempt.more(KEEPALIVE_S)) != b"":
                    yield call.dialect.KEEPALIVE if data is None else data
                outcome = "ok"
            except FaultError as error:
                fault, outcome = attempt.candidate.provider.failed(error.fault), "incomplete"
                yield call.dialect.render_stream_fault(fault, call.request_id)
        finally:
            self._streams.discard(attempt)
            attempt.candidate.provider.count(attempt.usage, failed=fault is not None)
            journal.finish(CLIENT_GONE if outcome == "cancelled" else 200, outcome, fault)
            await attempt.close()

    async def interrupt(self, fault: Fault) -> None:
        """End every running stream with `fault` as its error event."""
        for attempt in tuple(self._streams):
            await attempt.interrupt(fault)

    # -- refusals

    def _refuse(self, fault: Fault, dialect: Dialect, journal: Journal) -> Answer:
        """Answer with the error envelope of the dialect and account for the request."""
        journal.finish(fault.status, "failed", fault)
        headers = [_JSON, *_trace(journal, journal.last)]
        if not fault.policy.should_retry:
            headers.append((b"x-should-retry", b"false"))
        if fault.retry_after_s is not None:
            headers.append((b"retry-after", b"%d" % max(1, round(fault.retry_after_s))))
        return Answer(fault.status, tuple(headers), dialect.render_fault(fault, journal.request_id))


def _trace(journal: Journal, attempt: Attempt | None) -> list[tuple[bytes, bytes]]:
    """The headers that say who answered, and the provider's own rate-limit headers."""
    headers = [(b"x-request-id", journal.request_id.encode())]
    if attempt is None:
        return headers
    candidate = attempt.candidate
    headers += [
        (b"x-switchtower-provider", candidate.provider.id.encode()),
        (b"x-switchtower-model", candidate.model.encode("ascii", "replace")),
        (b"x-switchtower-attempts", b"%d" % len(journal.attempts)),
    ]
    if attempt.upstream is not None:
        for name, value in attempt.upstream.headers.items():
            if name.startswith("x-ratelimit-"):
                headers.append((name.encode("latin-1"), value.encode("latin-1")))
    return headers


def _worst(faults: list[Fault]) -> Fault:
    """The fault to show when all candidates failed: the one that tells the client most, with the others named."""
    chosen = next((f for kind in _TELLING for f in faults if f.kind is kind), faults[-1])
    others = {f.provider: f for f in faults if f.provider != chosen.provider}
    if not others:
        return chosen
    told = "; ".join(f"{provider}: {fault.kind.value}" for provider, fault in others.items())
    return replace(chosen, message=f"{chosen.message} Also tried: {told}.")


def _internal(call: Call) -> Fault:
    """Log an unexpected exception and make the fault that the client sees."""
    _log.exception("request failed unexpectedly id=%s route=%s", call.request_id, call.request.operation)
    return Fault(
        FaultKind.INTERNAL,
        "Switchtower failed unexpectedly.",
        remedy=f"The log has the details under {call.request_id}.",
    )


async def _cancel(task: asyncio.Task[Attempt]) -> None:
    """Cancel `task`, wait for it, and close the attempt if it had just succeeded."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled() and task.exception() is None:
        await task.result().close()
