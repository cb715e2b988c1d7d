"""One outward HTTP/1.1 connection: sends a request, waits for the reply's head, hands its body out as it comes."""

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import httpx

from app.net.reply import NO_RESPONSE, ReplyReader

if TYPE_CHECKING:
    from collections.abc import Callable

READ_BYTES = 64 * 1024
"""The most that one read event brings in."""

PAUSE_ABOVE_BYTES = 192 * 1024
"""Reading pauses above this; with one read on top no more than 256 kB of a reply is ever held."""

_JOIN_UP_TO_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Waits:
    """How long to wait, in seconds: for upload progress, for the reply's head, and for a free connection."""

    write_s: float = 30
    head_s: float = 60
    pool_s: float = 5


DEFAULT_WAITS = Waits()


class Connection(asyncio.BufferedProtocol):
    """A connection that carries one exchange after the other, never two at once.

    `scratch` is the buffer that reads go to; all connections of a loop may share it, because every read is parsed
    before the next one starts. `on_lost` is called once, when the socket is gone. `reply` is that of the exchange.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, scratch: memoryview, on_lost: "Callable[[Connection], None]"
    ) -> None:
        """Make a connection that is not connected yet."""
        self._loop = loop
        self._scratch = scratch
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._waits = DEFAULT_WAITS
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = self._deadline = math.inf
        self._error: Exception | None = None
        self._writing = self._paused = self._idle = self._patient = False
        self._unsent_bytes = 0
        self.reply = ReplyReader()
        self.closed = False
        self.idle_since = 0.0

    # ---- what the pool and the client call

    async def exchange(self, head: bytes, body: bytes, waits: Waits, *, bodyless: bool = False) -> None:
        """Send a request and wait for the head of its reply; `bodyless` is for HEAD.

        Raises:
            httpx.RemoteProtocolError: the peer closed the connection or does not speak HTTP/1.1.
            httpx.ReadError: the connection was reset. httpx.ReadTimeout, httpx.WriteTimeout: nothing moved in time.
            httpx.DecodingError: the body comes in a transfer coding other than chunked.
        """
        self.reply = reply = ReplyReader(bodyless=bodyless)
        self._waits = waits
        self._idle = False
        transport = self._transport
        if transport is None or self.closed:
            raise httpx.RemoteProtocolError(NO_RESPONSE)
        begun = False
        try:
            if len(body) <= _JOIN_UP_TO_BYTES:
                transport.write(head + body)
            else:
                transport.write(head)
                transport.write(body)
            while not reply.head_done:
                self._raise_error()
                await self._wait(waits.write_s if self._writing else waits.head_s)
            begun = True
        finally:
            if not begun:
                self.abort()

    async def chunk(self, idle_s: float) -> bytes:
        """Return the next bytes of the body, b"" at its end. A cancelled call loses nothing and may be repeated.

        Raises:
            httpx.RemoteProtocolError: the body is cut short or malformed.
            httpx.ReadError: the connection was reset. httpx.ReadTimeout: no byte came for `idle_s` seconds.
        """
        reply = self.reply
        while not reply.buffered:
            self._raise_error()
            if reply.complete:
                return b""
            await self._wait(idle_s)
        return self._take()

    async def poll(self, wait_s: float) -> bytes | None:
        """Return as `chunk`, or None when nothing came within `wait_s` seconds, which is no fault then."""
        reply = self.reply
        end = self._loop.time() + wait_s
        while not reply.buffered:
            self._raise_error()
            if reply.complete:
                return b""
            remaining_s = end - self._loop.time()
            if remaining_s <= 0:
                return None
            self._patient = True
            try:
                await self._wait(remaining_s)
            finally:
                self._patient = False
        return self._take()

    def _take(self) -> bytes:
        data = self.reply.take()
        if self._paused:
            self._resume_reading()
        return data

    @property
    def reusable(self) -> bool:
        """Whether another request may follow: the reply ended where it said, and all of ours was sent."""
        transport = self._transport
        return (
            self.reply.complete
            and self.reply.keep_alive
            and not self.closed
            and transport is not None
            and not transport.is_closing()
            and transport.get_write_buffer_size() == 0
        )

    def rest(self) -> None:
        """Make the connection idle; bytes that come from now on close it."""
        self._idle = True
        self.idle_since = self._loop.time()
        if self._paused:
            self._resume_reading()

    def abort(self, error: Exception | None = None) -> None:
        """Close the socket at once, without a TLS goodbye; a waiting call raises `error`."""
        self.reply.keep_alive = False
        if self._error is None and not self.reply.complete:
            self._error = error
        if self._transport is not None and not self.closed:
            self._transport.abort()
        self._wake()

    # ---- waiting: one future, and one timer per connection that is moved only when it fires

    async def _wait(self, timeout_s: float) -> None:
        self._waiter = waiter = self._loop.create_future()
        self._set_deadline(timeout_s)
        try:
            await waiter
        finally:
            self._waiter = None

    def _set_deadline(self, timeout_s: float) -> None:
        self._deadline = deadline = self._loop.time() + timeout_s
        if deadline < self._timer_at:
            self._arm(deadline)

    def _arm(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._timer_fired)

    def _timer_fired(self) -> None:
        self._timer = None
        self._timer_at = math.inf
        if self._waiter is None or self.closed:
            return
        if self._loop.time() < self._deadline:
            self._arm(self._deadline)
        elif self._patient:
            self._wake()
        elif self._writing and not self.reply.head_done:
            self._check_upload()
        else:
            self.abort(httpx.ReadTimeout("No byte came in time."))

    def _check_upload(self) -> None:
        """Give up when not one byte of the request went out since the last look."""
        unsent_bytes = self._unsent()
        if unsent_bytes >= self._unsent_bytes:
            self.abort(httpx.WriteTimeout("The request could not be sent in time."))
        else:
            self._unsent_bytes = unsent_bytes
            self._set_deadline(self._waits.write_s)

    def _unsent(self) -> int:
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _resume_reading(self) -> None:
        self._paused = False
        if self._transport is not None and not self.closed:
            self._transport.resume_reading()

    # ---- what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def pause_writing(self) -> None:
        """Watch the upload: the first thing to wait for is its progress."""
        self._writing = True
        self._unsent_bytes = self._unsent()

    def resume_writing(self) -> None:
        """Go on to wait for the head."""
        self._writing = False
        if self._waiter is not None and not self.reply.head_done:
            self._set_deadline(self._waits.head_s)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Give the shared buffer, whatever size asyncio would like."""
        del sizehint
        return self._scratch

    def buffer_updated(self, nbytes: int) -> None:
        """Parse what was read; bytes that nobody asked for spoil the connection."""
        reply = self.reply
        if self._idle or reply.complete:
            self.abort()
            return
        try:
            reply.feed(self._scratch[:nbytes])
        except (httpx.TransportError, httpx.DecodingError) as error:
            self.abort(error)
        if reply.head_done:
            self._wake()
        if reply.buffered > PAUSE_ABOVE_BYTES and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Take the peer's end of the stream; asyncio closes the socket."""
        self._ended(None)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end of the connection."""
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._ended(exc)
        self._on_lost(self)

    def _ended(self, exc: Exception | None) -> None:
        reply = self.reply
        reply.keep_alive = False
        if self._error is None and not (self._idle or reply.complete):
            self._error = reply.end() if exc is None else httpx.ReadError(str(exc) or type(exc).__name__)
        self._wake()
