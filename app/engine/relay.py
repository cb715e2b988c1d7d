"""THE ONE request handler: candidates by attempts, the commit point, failover before it, usage out."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import datetime

from app.dialects.dialect import Dialect
from app.domain.chat import Answer, Operation
from app.domain.events import RequestStarted
from app.domain.faults import Fault, FaultError, FaultKind
from app.domain.names import nearest
from app.engine import hops
from app.engine.attempt import Attempt, Call
from app.engine.bus import Bus
from app.engine.choice import Chooser
from app.engine.items import Items
from app.engine.journal import CLIENT_GONE, Journal
from app.engine.provider import wall_clock
from app.engine.pursuit import Means, Pursuit
from app.engine.router import Routing
from app.engine.tokens import Sent
from app.engine.unexpected import Unexpected
from app.net.faults import RATE_LIMITS

KEEPALIVE_S = 15.0
"""A stream that is silent for so long gets a comment, and its headers if they were still held."""

_JSON = (b"content-type", b"application/json")
_STREAM = (
    (b"cache-control", b"no-cache, no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
)


_OWN_STATUSES = {("anthropic", FaultKind.OVERLOADED): 529}
"""Where a dialect's clients know a fault by another status."""


class Relay:
    """Hands a request to one provider after the other until one answers; every operation goes through here."""

    def __init__(
        self,
        bus: Bus,
        routing: Callable[[], Routing],
        means: Means,
        *,
        clock: Callable[[], datetime] = wall_clock,
    ) -> None:
        """`routing` gives what is in force now, `clock` the time of day."""
        self._bus = bus
        self._routing = routing
        self.chooser = Chooser(routing)
        self._means = means
        self._clock = clock
        self._items = Items()

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
            with Unexpected(call.request_id, call.request.operation):
                if call.hops:
                    hops.check(call.hops)
                call = self._items.resolve(call)
                limits, clock = self._routing().limits, self._means.retries.clock
                began_s = clock()
                journal.turn = await limits.enter(call.request, call.client)
                journal.limits = limits.headers(call.client)
                journal.queued_s = clock() - began_s
                return await (self._stream if call.request.stream else self._plain)(call, journal)
        except FaultError as error:
            return self._refuse(self._with_names(error.fault, call), call.dialect, journal)
        except asyncio.CancelledError:
            journal.finish(CLIENT_GONE, "cancelled")
            raise

    async def _first_answer(self, call: Call, journal: Journal) -> Attempt:
        """Pursue an answer through the candidates.

        Raises:
            FaultError: nobody answered, or the fault is one that no other provider can mend.
        """
        choice = self.chooser.choose(call.request, call.client)
        attempt = await Pursuit(call, journal, self._means, choice).run()
        self.chooser.kept.keep(attempt.kept, attempt.candidate.provider.id)
        return attempt

    # -- plain answers

    async def _plain(self, call: Call, journal: Journal) -> Answer:
        """Answer at once with the whole body."""
        attempt = await self._first_answer(call, journal)
        headers = (_answer_type(attempt), *_trace(journal, attempt))
        self._means.running.discard(attempt)
        await attempt.close()
        attempt.candidate.provider.count(attempt.usage, failed=False)
        journal.finish(200)
        assert attempt.reply is not None  # noqa: S101 - a plain attempt that returned has its reply
        if self._items.wants(call, attempt):
            self._items.keep_reply(call.client, attempt.reply.body)
        return Answer(200, headers, attempt.reply.body)

    # -- streams

    async def _stream(self, call: Call, journal: Journal) -> Answer:
        """Hold the status until the commit point, but no longer than `KEEPALIVE_S`."""
        pending = asyncio.get_running_loop().create_task(self._first_answer(call, journal))
        try:
            done, _ = await asyncio.wait({pending}, timeout=KEEPALIVE_S)
        except asyncio.CancelledError:
            await self._cancel(pending)
            raise
        if done:
            attempt = pending.result()
            headers = (*_stream_head(call), *_trace(journal, attempt))
            return Answer(200, headers, stream=self._body(call, journal, attempt))
        headers = (*_stream_head(call), (b"x-request-id", call.request_id.encode()))
        return Answer(200, headers, stream=self._late_body(call, journal, pending))

    async def _late_body(self, call: Call, journal: Journal, pending: asyncio.Task[Attempt]) -> AsyncIterator[bytes]:
        """A stream whose headers had to go out before anybody answered: comments, then content or an error event."""
        try:
            with Unexpected(call.request_id, call.request.operation):
                while not pending.done():
                    yield call.dialect.KEEPALIVE
                    await asyncio.wait({pending}, timeout=KEEPALIVE_S)
                attempt = pending.result()
        except FaultError as error:
            journal.finish(error.fault.status, "failed", error.fault)
            for part in _farewell(call, error.fault):
                yield part
            return
        except (GeneratorExit, asyncio.CancelledError):
            await self._cancel(pending)
            journal.finish(CLIENT_GONE, "cancelled")
            raise
        async for chunk in self._body(call, journal, attempt):
            yield chunk

    async def _body(self, call: Call, journal: Journal, attempt: Attempt) -> AsyncIterator[bytes]:
        """Forward a committed stream; whatever breaks it now becomes an error event, never another provider."""
        provider = attempt.candidate.provider
        fault: Fault | None = None
        outcome = "cancelled"
        journal.sent = sent = Sent()
        items = self._items if self._items.wants(call, attempt) else None
        try:
            sent.add(attempt.head)
            if items is not None:
                items.keep_events(call.client, attempt.head)
            yield attempt.head
            try:
                with Unexpected(call.request_id, call.request.operation):
                    while (data := await attempt.more(KEEPALIVE_S)) != b"":
                        if data:
                            sent.add(data)
                        if data and items is not None:
                            items.keep_events(call.client, data)
                        yield data or call.dialect.KEEPALIVE
                outcome = "ok"
            except FaultError as error:
                fault, outcome = provider.failed(error.fault), "incomplete"
                for part in _farewell(call, fault):
                    yield part
        finally:
            self._ended(attempt, fault)
            journal.finish(CLIENT_GONE if outcome == "cancelled" else 200, outcome, fault)
            await attempt.close()

    def _ended(self, attempt: Attempt, fault: Fault | None) -> None:
        """Note the end of a stream that had begun: whole, broken by `fault`, or left by the client."""
        provider = attempt.candidate.provider
        self._means.running.discard(attempt)
        provider.guard.ended(attempt.ticket, fault)
        provider.count(attempt.usage, failed=fault is not None)

    async def _cancel(self, pending: asyncio.Task[Attempt]) -> None:
        """Cancel a pursuit and wait for it; a stream that had just begun is over, too."""
        pending.cancel()
        await asyncio.wait({pending})
        if not pending.cancelled() and pending.exception() is None:
            attempt = pending.result()
            self._ended(attempt, None)
            await attempt.close()

    async def interrupt(self, fault: Fault) -> None:
        """Break off every attempt under way: streams end with `fault` as their error event, others are refused."""
        for attempt in tuple(self._means.running):
            await attempt.interrupt(fault)

    # -- refusals

    def _with_names(self, fault: Fault, call: Call) -> Fault:
        """A provider's own 404 tells nothing about the names there are: add the nearest."""
        if fault.kind is not FaultKind.MODEL_NOT_FOUND or not fault.provider:
            return fault
        asked = call.request.model.rpartition("/")[2]
        known = {model.id for p in self._routing().providers if p.usable for model in p.catalogue.models}
        near = nearest(asked, known - {asked, call.request.model})
        return replace(fault, remedy=f"Nearest names: {', '.join(near)}.") if near else fault

    def _refuse(self, fault: Fault, dialect: Dialect, journal: Journal) -> Answer:
        """Answer with the error envelope of the dialect and account for the request."""
        status = _OWN_STATUSES.get((dialect.NAME, fault.kind), fault.status)
        journal.finish(status, "failed", fault)
        headers = [_JSON, *_trace(journal, journal.last)]
        present = {name for name, _ in headers}
        headers += [(n, value.encode()) for name, value in fault.headers if (n := name.encode()) not in present]
        if not fault.policy.should_retry:
            headers.append((b"x-should-retry", b"false"))
        if fault.retry_after_s is not None:
            headers.append((b"retry-after", b"%d" % max(1, math.ceil(fault.retry_after_s))))
        return Answer(status, tuple(headers), dialect.render_fault(fault, journal.request_id))


def _answer_type(attempt: Attempt) -> tuple[bytes, bytes]:
    """JSON, or what the provider says of an answer that is passed through."""
    if not attempt.request.body_type or attempt.upstream is None:
        return _JSON
    told = attempt.upstream.headers.get("content-type", "application/octet-stream")
    return _JSON[0], told.encode("latin-1")


def _stream_head(call: Call) -> tuple[tuple[bytes, bytes], ...]:
    """The headers of every stream, with the content type of its dialect."""
    return ((b"content-type", call.request.stream_type), *_STREAM)


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
    if attempt.dropped:
        headers.append((b"x-switchtower-dropped-params", ", ".join(attempt.dropped).encode("ascii")))
    upstream = attempt.upstream.headers.items() if attempt.upstream is not None else ()
    passed_on = [(name, value) for name, value in upstream if name.startswith(RATE_LIMITS)]
    headers += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in passed_on or journal.limits]
    return headers


def _farewell(call: Call, fault: Fault) -> Iterator[bytes]:
    """The error event that ends a broken stream, and what some clients of the dialect read in its place, by itself."""
    yield call.dialect.render_stream_fault(fault, call.request_id)
    tail = getattr(call.dialect, "render_stream_tail", None)
    if tail is not None:
        yield tail(fault, call.request_id)
