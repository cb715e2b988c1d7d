"""One connection to the faulty upstream: it reads requests and sends bytes, without any opinion on HTTP's rules."""

import asyncio
import json
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close() sends RST


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request as it came in; header names in lower case, `at_s` on the monotonic clock."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int
    at_s: float = field(default_factory=time.monotonic)

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def json(self) -> Any:
        """The body parsed."""
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """The value of header `name`, None when it was not sent."""
        return dict(self.headers).get(name.lower())


class Connection(asyncio.Protocol):
    """Hands every complete request to `answer`, a coroutine that is cancelled when the client goes away."""

    def __init__(self, number: int, tasks: asyncio.TaskGroup, answer: "Callable[..., Any]") -> None:
        self.number = number
        self.sent_bytes = 0
        self.opened_at_s = time.monotonic()
        self.closed_at_s: float | None = None
        self.on_lost: Callable[[Connection], None] = lambda _: None
        self._tasks = tasks
        self._answer = answer
        self._buffer = bytearray()
        self._writable = asyncio.Event()
        self._writable.set()
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._doomed = False

    @property
    def open(self) -> bool:
        """Whether the transport is still there."""
        return self.closed_at_s is None

    @property
    def paused(self) -> bool:
        """Whether sending waits because the client does not read."""
        return self.open and not self._writable.is_set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(high=65536)
        self._transport = transport
        if self._doomed:
            self.reset()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._next_request()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed_at_s = time.monotonic()
        self._writable.set()
        if self._task is not None:
            self._task.cancel()
        self.on_lost(self)

    def _next_request(self) -> None:
        if self._task is None and (request := self._take_request()) is not None:
            self._task = self._tasks.create_task(self._run(request))

    async def _run(self, request: Recorded) -> None:
        try:
            await self._answer(self, request)
        finally:
            self._task = None
        if self.open:
            self._next_request()

    def _take_request(self) -> Recorded | None:
        head, found, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        if not found:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = tuple((name.strip().lower(), value.strip()) for name, _, value in pairs)
        length = int(dict(headers).get("content-length", "0"))
        if len(rest) < length:
            return None
        method, target, _ = first.split(" ")
        self._buffer = bytearray(rest[length:])
        return Recorded(method, target, headers, rest[:length], self.number)

    async def send(self, data: bytes) -> None:
        """Write and wait until the client has read enough of it."""
        if self._transport is None or self._transport.is_closing():
            raise asyncio.CancelledError
        self._transport.write(data)
        self.sent_bytes += len(data)
        await self._writable.wait()
        await asyncio.sleep(0)

    def close(self) -> None:
        """FIN after what was written."""
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """RST, whatever was written."""
        self._doomed = True
        if self._transport is None or not self.open:
            return
        if not self._transport.is_closing():
            raw: socket.socket = self._transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()
