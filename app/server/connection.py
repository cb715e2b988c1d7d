"""One client connection: uvicorn's HTTP protocol with the deadlines, caps and cancellation that it lacks."""

import asyncio
import logging
from typing import TYPE_CHECKING, Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.server.asgi import SAFE_HEADERS, Receive, Scope, Send

if TYPE_CHECKING:
    from uvicorn import Config
    from uvicorn.server import ServerState

_log = logging.getLogger(__name__)

MAX_CONNECTIONS = 256
MAX_HEADER_BYTES = 64 * 1024
HEADERS_S = 9.5
"""For the request line with its headers, and for the rest of a body that was refused: gone before 10 s are over."""
WRITE_STALL_S = 120.0
"""A client that takes nothing for so long is cut off."""

_CONTINUE = b"HTTP/1.1 100 "


class _HeadWithBody:
    """The transport as one answer sees it: the head waits for the first of the body, so that one write takes both."""

    __slots__ = ("_head", "_transport", "is_closing")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head: bytes | None = b""
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Hold the head, send everything else; whether there is a body or not, uvicorn writes one."""
        if self._head is None:
            self._transport.write(data)
        elif self._head:
            self._transport.write(self._head + data)
            self._head = None
        elif data.startswith(_CONTINUE):
            self._transport.write(data)
        else:
            self._head = data

    def close(self) -> None:
        """Close, but not before a head without a body has gone out."""
        if self._head:
            self._transport.write(self._head)
            self._head = None
        self._transport.close()


class Connection(HttpToolsProtocol):
    """The protocol of one connection.

    A single lazy timer serves all its deadlines, so that an ordinary request arms none.
    """

    headers_s = HEADERS_S
    write_stall_s = WRITE_STALL_S
    max_connections = MAX_CONNECTIONS

    def __init__(self, config: "Config", server_state: "ServerState", app_state: dict[str, Any]) -> None:
        """Wait for a connection; the arguments are uvicorn's."""
        super().__init__(config, server_state, app_state)
        self._application = self.app
        self.app = self._run
        self._task: asyncio.Task[Any] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._in_headers = True
        self._header_bytes = 0
        self._request_line = b""
        self._read_due: float | None = None
        self._write_due: float | None = None
        self._unsent_bytes = 0

    # -- the life of the connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Take the connection, unless there are too many and none of them is idle."""
        super().connection_made(transport)
        if len(self.connections) > self.max_connections and not self._make_room():
            _log.warning("connection refused: %d are open already", self.max_connections)
            self._refuse(b"503 Service Unavailable", b"retry-after: 1\r\n")
        self._read_due = self.loop.time() + self.headers_s
        self._arm(self._read_due)

    def _make_room(self) -> bool:
        """Close a connection that waits for its next request."""
        for other in self.connections:
            if other is not self and isinstance(other, Connection) and other.timeout_keep_alive_task is not None:
                self.connections.discard(other)
                other.transport.close()
                return True
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the request that runs: nobody is there to take its answer."""
        busy = self.cycle is not None and not self.cycle.response_complete
        super().connection_lost(exc)
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if busy and self._task is not None:
            self._task.cancel()

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application so that a request whose client has gone ends without noise."""
        self._task = asyncio.current_task()
        try:
            await self._application(scope, receive, send)
        except asyncio.CancelledError:
            _log.debug("request cancelled")
        finally:
            self._task = None

    # -- reading

    def data_received(self, data: bytes) -> None:
        """Parse, then watch a request line and headers that are not whole yet."""
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._decline_upgrades(memoryview(data)[offer.args[0] :])
        except httptools.HttpParserError as error:
            self.send_400_response(str(error))
        if self._in_headers or self.cycle.response_complete:
            self._watch_reading(len(data))

    def _decline_upgrades(self, rest: memoryview) -> None:
        """Parse a request again without its offer to change the protocol, then `rest`, which may hold more of them.

        The parser skips the body of such a request, and Java's HTTP client offers HTTP/2 with each of its first ones.
        """
        while True:
            lines = [b"%b: %b" % field for field in self.headers if field[0] != b"upgrade"]
            try:
                self.parser.feed_data(b"\r\n".join((self._request_line, *lines, b"", b"")))
                self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as offer:
                rest = rest[offer.args[0] :]
            except httptools.HttpParserError as error:
                self.send_400_response(str(error))
                return
            else:
                return

    def _watch_reading(self, size_bytes: int) -> None:
        if self.transport.is_closing():
            return
        if self._in_headers:
            self._header_bytes += size_bytes
            if self._header_bytes > MAX_HEADER_BYTES:
                self._refuse(b"431 Request Header Fields Too Large")
                return
        if self._read_due is None:
            self._read_due = self.loop.time() + self.headers_s
            self._arm(self._read_due)

    def on_message_begin(self) -> None:
        """Note that headers are being read."""
        self._in_headers = True
        self._header_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Start the request.

        Raises:
            HttpParserInvalidURLError: the target is not a path, or the method CONNECT: we are no forward proxy.
        """
        if self.url[:1] != b"/":
            raise httptools.HttpParserInvalidURLError("the target must be a path")
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise httptools.HttpParserInvalidURLError("CONNECT is for proxies")
            version = self.parser.get_http_version().encode()
            self._request_line = b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)
            return
        self._in_headers = False
        self._read_due = None
        super().on_headers_complete()
        if self.scope["method"] != "HEAD":
            self.cycle.transport = cast("asyncio.Transport", _HeadWithBody(self.transport))

    def on_message_complete(self) -> None:
        """Read on after a whole request, for only so is a client's leaving seen."""
        if self._in_headers:
            return
        super().on_message_complete()
        if not self.pipeline:
            self.flow.resume_reading()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        _log.debug("not HTTP: %s", msg)
        self._refuse(b"400 Bad Request")

    def _refuse(self, status: bytes, more: bytes = b"") -> None:
        """Answer below ASGI, without a body, and close."""
        safe = b"".join(b"%b: %b\r\n" % header for header in SAFE_HEADERS)
        self.transport.write(
            b"HTTP/1.1 %b\r\n%b%bcontent-length: 0\r\nconnection: close\r\n\r\n" % (status, safe, more)
        )
        self.transport.close()

    # -- writing

    def pause_writing(self) -> None:
        """Watch whether the client takes what waits for it."""
        super().pause_writing()
        self._watch_writing()

    def on_response_complete(self) -> None:
        """Go on after an answer; before the connection is closed, the client has to take what is left."""
        super().on_response_complete()
        if self._write_due is not None or self.transport.is_closing():
            self._watch_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, but not before its client has taken its last answer or stopped taking it."""
        if not self.transport.get_write_buffer_size():
            super().timeout_keep_alive_handler()
            return
        if self._write_due is None:
            self._watch_writing()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _watch_writing(self) -> None:
        """Look after a while whether the client has taken anything."""
        self._unsent_bytes = self.transport.get_write_buffer_size()
        self._write_due = self.loop.time() + self.write_stall_s
        self._arm(self._write_due)

    def _check_writing(self) -> None:
        """Cut the connection when its client has taken nothing since the last look; while it does, look again."""
        unsent_bytes = self.transport.get_write_buffer_size()
        grows = not (self.flow.write_paused or self.cycle.response_complete)
        if grows or not unsent_bytes:
            self._write_due = None
        elif unsent_bytes < self._unsent_bytes:
            self._watch_writing()
        else:
            _log.info("connection cut: the client took nothing for %.0f s", self.write_stall_s)
            self.transport.abort()

    # -- the timer

    def _arm(self, due_s: float) -> None:
        """Let the timer go off at `due_s` at the latest."""
        if self._alarm is not None:
            if self._alarm.when() <= due_s:
                return
            self._alarm.cancel()
        self._alarm = self.loop.call_at(due_s, self._ring)

    def _ring(self) -> None:
        """Act on the deadlines that have passed, and wait for the next one."""
        self._alarm = None
        now = self.loop.time()
        if self._write_due is not None and self._write_due <= now:
            self._check_writing()
        if self._read_due is not None and self._read_due <= now:
            self._stop_reading()
        due = [at for at in (self._write_due, self._read_due) if at is not None and at > now]
        if due:
            self._arm(min(due))

    def _stop_reading(self) -> None:
        """End a request whose headers never got whole; one that runs on this connection is not disturbed."""
        self._read_due = None
        if self.transport.is_closing() or (self.cycle is not None and not self.cycle.response_complete):
            return
        if self._header_bytes and self._in_headers:
            self._refuse(b"408 Request Timeout")
        else:
            self.transport.close()
