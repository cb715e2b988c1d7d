"""One call to one provider, up to the point where its answer is whole or a stream's first content has come."""

import asyncio
import time
from dataclasses import dataclass

from app.dialects.aws_events import CONTENT_TYPE, UnpackedReader
from app.dialects.dialect import Dialect, StreamReader
from app.dialects.translation import Translation
from app.domain.chat import ApiRequest, Reply
from app.domain.faults import Fault, FaultError, FaultKind, InBandError
from app.domain.usage import NO_USAGE, Usage
from app.engine import logins, wire
from app.engine.continuity import Continuity
from app.engine.guard import Ticket
from app.engine.limits import Turn, total
from app.engine.router import Candidate
from app.net.client import UpstreamReply
from app.net.faults import fault_from_error, fault_from_status, not_offered

_OK = 200
_ERROR_BODY_BYTES = 1024 * 1024
_FAREWELL_S = 0.05
"""How long the end of the connection's answer is waited for after the stream's own end mark, to use it again."""

_STREAM_TYPES = ("text/event-stream", "application/x-ndjson", CONTENT_TYPE)
_CONTENT_STARTS = (b"data:", b"{", b"[", b",")  # of an event, a line of JSON, an item of a JSON array


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a client: what it asks, in which dialect, and who asks."""

    request: ApiRequest
    dialect: Dialect
    request_id: str
    client: str
    hops: str = ""
    """The marks of the proxies this request has come through."""
    repeated: bool = False
    """The client's SDK has sent it before, and repeats it by itself."""


class Attempt:
    """An exchange with one provider; `close` must be called whatever happens."""

    __slots__ = (
        "_began_s",
        "_call",
        "_content_s",
        "_ended",
        "_interruption",
        "_open",
        "_task",
        "_thoughts",
        "body",
        "candidate",
        "dialect",
        "dropped",
        "first_byte_ms",
        "head",
        "hops",
        "reader",
        "reason",
        "reply",
        "request",
        "ticket",
        "turn",
        "upstream",
    )

    def __init__(
        self, candidate: Candidate, call: Call, ticket: Ticket | None = None, thoughts: Continuity | None = None
    ) -> None:
        """Send nothing yet; `ticket` is what the provider's guard gave, `thoughts` are kept for clients."""
        self.candidate = candidate
        self.request = call.request
        self._call = call
        self._thoughts = thoughts
        self.dialect = self._joined()
        self.hops = call.hops
        self.ticket = ticket
        self.turn: Turn | None = None
        self.reason = candidate.reason
        self.dropped: tuple[str, ...] = ()
        self.body = b""
        """What was sent, when it was refused."""
        self.upstream: UpstreamReply | None = None
        self.reader: StreamReader | None = None
        self.reply: Reply | None = None
        self.head = b""
        self.first_byte_ms: float | None = None
        self._began_s = time.perf_counter()
        self._open = True
        self._ended = False
        self._interruption: Fault | None = None
        self._content_s = 0.0
        self._task: asyncio.Task[object] | None = None
        candidate.provider.begin()

    def _joined(self) -> Dialect | wire.Joined:
        """What is between the client and the provider: nothing, when both speak the same."""
        provider, model, call = self.candidate.provider, self.candidate.model, self._call
        joined = wire.between(call.dialect, provider.spec, call.request, model, provider.spoken)
        if self._thoughts is not None and isinstance(joined, Translation):
            joined.memory = self._thoughts.at(provider, model, call.client, joined.spoken)
        return joined

    @property
    def usage(self) -> Usage:
        """The tokens the provider has reported so far."""
        counted = self.reply or self.reader or (self.dialect if isinstance(self.dialect, Translation) else None)
        return NO_USAGE if counted is None else counted.usage

    @property
    def kept(self) -> tuple[str, ...]:
        """The ids under which the provider itself keeps the answer."""
        return self.reply.kept if self.reply is not None else getattr(self.reader, "kept", ())

    def elapsed_ms(self) -> float:
        """Milliseconds since the attempt began."""
        return (time.perf_counter() - self._began_s) * 1000

    async def run(self) -> None:
        """Send the request; return when a plain answer is whole, or a stream is committed (or over).

        Raises:
            FaultError: the provider did not answer; nothing has reached the client.
        """
        provider = self.candidate.provider
        self._task = asyncio.current_task()
        try:
            upstream = await self._send()
            if self.request.stream:
                await self._read_until_content(upstream)
            else:
                self.reply = self.dialect.parse_reply(self.request, await upstream.read())
        except InBandError as error:
            raise FaultError(fault_from_error(provider.name, error.error)) from error
        except asyncio.CancelledError:
            if self._interruption is None or self._task is None or self._task.uncancel():
                raise
            raise FaultError(self._interruption) from None
        finally:
            self._task = None

    async def _send(self) -> UpstreamReply:
        """Send the request, once more when its dialect turns out to be the wrong one; judge status and headers."""
        provider, stream, model = self.candidate.provider, self.request.stream, self.candidate.model
        upstream, sent, refusal = await self._post()
        if upstream.status != _OK and provider.spoken.learn(
            self.dialect, self.request, model, (upstream.status, refusal)
        ):
            self.dialect = self._joined()
            upstream, sent, refusal = await self._post()
        if upstream.status == _OK:
            if stream and not upstream.headers.get("content-type", "").startswith(_STREAM_TYPES):
                await self._no_stream(upstream)
            return upstream
        self.body = sent.body
        error = self.dialect.parse_fault(refusal)
        fault = fault_from_status(provider.name, upstream.status, upstream.headers, error, time.time())
        raise FaultError(logins.refused(fault) if provider.logged_in else not_offered(fault, self.request.operation))

    async def _post(self) -> tuple[UpstreamReply, wire.Sent, bytes]:
        """What came, what was sent for it, and the body of a refusal."""
        provider = self.candidate.provider
        sent = wire.write(self.dialect, self.request, provider, self.candidate.model, self.hops)
        self.dropped = sent.dropped
        stream = self.request.stream
        self.upstream = upstream = await provider.client.post(sent.path, sent.body, stream=stream, headers=sent.headers)
        self.first_byte_ms = self.elapsed_ms()
        refusal = b"" if upstream.status == _OK else await upstream.read(_ERROR_BODY_BYTES)
        return upstream, sent, refusal

    async def _no_stream(self, upstream: UpstreamReply) -> None:
        """A stream was asked for and something else came: an error in a body with status 200, or nonsense."""
        self.dialect.parse_reply(self.request, await upstream.read())
        name = self.candidate.provider.name
        raise FaultError(
            Fault(FaultKind.BAD_REPLY, f"{name} answered a request for a stream with a plain answer.", provider=name)
        )

    async def _read_until_content(self, upstream: UpstreamReply) -> None:
        """Read along until the stream's first content event: the commit point."""
        reader = self.dialect.open_stream(self.request)
        if upstream.headers.get("content-type", "").startswith(CONTENT_TYPE):
            reader = UnpackedReader(reader)
        self.reader = reader
        limit_s = self.candidate.provider.settings.timeouts.first_byte_s
        parts: list[bytes] = []
        while not (reader.committed or reader.complete):
            left_s = limit_s - self.elapsed_ms() / 1000
            data = await upstream.chunk(left_s) if left_s > 0 else None
            if data is None:
                raise FaultError(self._silent(limit_s))
            if not data:
                parts.append(self._end(reader))
                break
            parts.append(reader.feed(data))
            if reader.error is not None and not reader.committed:
                raise InBandError(reader.error)
        self.head = b"".join(parts)
        self._content_s = time.perf_counter()

    async def more(self, wait_s: float) -> bytes | None:
        """Return the next whole events of a committed stream, None after `wait_s` of silence, empty at its end.

        Raises:
            FaultError: the stream broke; everything that came before has been returned.
        """
        upstream, reader = self.upstream, self.reader
        assert upstream is not None and reader is not None  # noqa: S101, PT018 - a committed stream has both
        began_s = now_s = time.perf_counter()
        try:
            while not self._ended:
                self._raise_error(reader)
                if reader.ended:
                    await upstream.chunk(_FAREWELL_S)
                    return self._end(reader)
                data = await upstream.chunk(wait_s - (now_s - began_s))
                if data == b"":
                    return self._end(reader)
                now_s = time.perf_counter()
                out = reader.feed(data) if data else b""
                if out.startswith(_CONTENT_STARTS) or b"\ndata:" in out:
                    self._content_s = now_s
                    return out
                self._check_gap(now_s)
                if out or data is None or now_s - began_s >= wait_s:
                    return out or None
        except FaultError as error:
            if not self._ended and reader.error is None and reader.complete:
                return self._end(reader)
            raise FaultError(self._interruption or error.fault) from error
        return b""

    def _check_gap(self, now_s: float) -> None:
        """Comments and half events are no content: they do not keep a stream alive for ever.

        Raises:
            FaultError: STALLED.
        """
        idle_s = self.candidate.provider.settings.timeouts.idle_s
        if now_s - self._content_s > idle_s:
            name = self.candidate.provider.name
            message = f"{name} sent nothing that counts for {idle_s:g} s in the middle of its answer."
            raise FaultError(Fault(FaultKind.STALLED, message, "Try again, or raise timeouts.idle_s.", name))

    def _end(self, reader: StreamReader) -> bytes:
        """Take the end of the stream; return what it still owes the client.

        Raises:
            FaultError: the end came too early, or its last bytes were an error.
        """
        self._ended = True
        tail = reader.finish()
        self._raise_error(reader)
        if not reader.complete:
            raise FaultError(self.truncated())
        return tail

    def _raise_error(self, reader: StreamReader) -> None:
        if reader.error is not None:
            raise FaultError(fault_from_error(self.candidate.provider.name, reader.error))

    async def interrupt(self, fault: Fault) -> None:
        """Break it off: whoever waits for the answer or reads the stream gets `fault`."""
        self._interruption = fault
        if self._task is not None:
            self._task.cancel()
        elif self.upstream is not None:
            await self.upstream.aclose()

    def truncated(self) -> Fault:
        """The fault of a stream that ended without its end mark."""
        provider = self.candidate.provider
        message = f"{provider.name} broke the stream off before its end."
        return Fault(FaultKind.TRUNCATED, message, remedy="Send the request again.", provider=provider.id)

    def _silent(self, limit_s: float) -> Fault:
        """The fault of a stream whose headers came, but nothing that counts."""
        name = self.candidate.provider.name
        return Fault(
            FaultKind.NO_CONTENT,
            f"{name} sent nothing that counts within {limit_s:g} s.",
            remedy="Try again, or raise the provider's timeouts in the settings.",
            provider=self.candidate.provider.id,
        )

    async def close(self) -> None:
        """Give the connection back (or close it, when the answer was not read to its end)."""
        if self._open:
            self._open = False
            self.candidate.provider.end()
            if self.turn is not None:
                self.turn.settle(total(self.usage))
            if self.upstream is not None:
                await self.upstream.aclose()
